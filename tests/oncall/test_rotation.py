"""Shifts at an instant: every hour that a rotation covers has exactly one person, whatever clocks and years do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ids import PersonId, RotationId
from bot.model.oncall import Cover, Days, Feed, Holidays, Reason, Rotation, Shift, Slot, Swap, Year
from bot.oncall.holidays import holidays, published
from bot.oncall.rotation import Plan, next_shift, shift_at, shifts, unknown_years

A, B, C = (PersonId(p) for p in ("a", "b", "c"))
R = RotationId("pay")
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEKLY = Rotation(R, "支付值班", people=(A, B, C), start=date(2026, 1, 5))


def local(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone).astimezone(UTC)  # type: ignore[misc,arg-type]


def who(plan: Plan, at: datetime) -> str | None:
    shift = shift_at(plan, at)
    return shift.person if shift is not None else None


# ---------------------------------------------------------------- plain turns
def test_turns_change_at_the_hand_over_and_not_a_second_before() -> None:
    plan = Plan(WEEKLY)
    change = local(SHANGHAI, 2026, 1, 12, 10)
    assert (who(plan, change - timedelta(seconds=1)), who(plan, change)) == (A, B)
    assert shift_at(plan, change) == Shift(R, B, change, change + 7 * DAY)
    assert next_shift(plan, change) == Shift(R, C, change + 7 * DAY, change + 14 * DAY)


def test_before_its_start_nobody_is_on_call() -> None:
    start = local(SHANGHAI, 2026, 1, 5, 10)
    assert (who(Plan(WEEKLY), start - HOUR), who(Plan(WEEKLY), start)) == (None, A)


def test_the_year_ends_in_the_middle_of_a_turn() -> None:
    shift = shift_at(Plan(WEEKLY), local(SHANGHAI, 2026, 12, 31, 23, 59))
    assert shift is not None
    assert shift == shift_at(Plan(WEEKLY), local(SHANGHAI, 2027, 1, 1, 0, 0))
    assert (shift.start, shift.end) == (local(SHANGHAI, 2026, 12, 28, 10), local(SHANGHAI, 2027, 1, 4, 10))


def test_somebody_who_is_alone_has_no_end() -> None:
    shift = shift_at(Plan(replace(WEEKLY, people=(A,))), local(SHANGHAI, 2026, 6, 1, 0))
    assert shift is not None
    assert (shift.person, shift.end) == (A, None)


def test_a_day_and_a_night_rotation_meet_without_a_gap() -> None:
    day = Plan(replace(WEEKLY, handover=time(9), until=time(21)))
    night = Plan(replace(WEEKLY, handover=time(21), until=time(9), people=(C, A)))
    at = local(SHANGHAI, 2026, 3, 3, 0)
    while at < local(SHANGHAI, 2026, 3, 6, 0):
        assert (who(day, at) is None) != (who(night, at) is None), at
        at += timedelta(minutes=30)


# ---------------------------------------------------------------- clocks that change
@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25)])
def test_the_day_of_a_clock_change_is_shorter_or_longer_for_whoever_has_it(day: date, hours: int) -> None:
    plan = Plan(replace(WEEKLY, tz="Europe/Berlin", every=1, handover=time(10)))
    shift = shift_at(plan, local(BERLIN, day.year, day.month, day.day, 12))
    assert shift is not None and shift.end is not None
    assert (shift.end - shift.start) == hours * HOUR
    assert shift.end.astimezone(BERLIN).hour == 10


@pytest.mark.parametrize(("day", "instant"), [
    (date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 02:30 does not exist: it is 03:30 then
    (date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30 comes twice: the first
])  # fmt: skip
def test_a_hand_over_in_the_hour_that_is_missing_or_doubled(day: date, instant: datetime) -> None:
    plan = Plan(replace(WEEKLY, tz="Europe/Berlin", every=1, handover=time(2, 30)))
    before, after = shift_at(plan, instant - timedelta(seconds=1)), shift_at(plan, instant)
    assert before is not None and after is not None
    assert before.end == after.start == instant
    assert before.person != after.person


ROTATIONS = st.builds(
    lambda zone, people, start, clock, every: replace(
        WEEKLY, tz=zone, people=tuple(people), start=start, handover=clock, every=every
    ),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
    st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=4),
    st.dates(date(2023, 1, 1), date(2024, 1, 1)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.integers(1, 30),
)
INSTANTS = st.datetimes(datetime(2024, 2, 1), datetime(2028, 12, 31), timezones=st.just(UTC))


@given(ROTATIONS, INSTANTS)
def test_a_rotation_round_the_clock_has_no_gap_and_no_two_at_once(rotation: Rotation, at: datetime) -> None:
    found = shifts(Plan(rotation), at, at + 100 * DAY)
    assert (found[0].start, found[-1].end) == (at, at + 100 * DAY)
    assert [one.end for one in found[:-1]] == [other.start for other in found[1:]]


@given(ROTATIONS, INSTANTS)
def test_a_shift_is_the_same_from_each_of_its_moments(rotation: Rotation, at: datetime) -> None:
    plan = Plan(rotation)
    shift = shift_at(plan, at)
    assert shift is not None and shift.start <= at
    if shift.end is None:
        assert len(set(rotation.people)) == 1
        return
    assert at < shift.end
    assert shift_at(plan, shift.start) == shift == shift_at(plan, shift.end - timedelta(microseconds=1))
    after = shift_at(plan, shift.end)
    assert after is not None and after.person != shift.person
    assert after == next_shift(plan, at)


def test_who_comes_next_is_found_behind_a_shift_that_is_longer_than_one_looks_ahead() -> None:
    rotation = replace(WEEKLY, people=tuple(map(PersonId, "abbb")), start=date(2023, 3, 1), every=23)
    coming = next_shift(Plan(rotation), datetime(2025, 1, 1, tzinfo=UTC))
    assert coming is not None and coming.person == "a"


@given(ROTATIONS, INSTANTS, st.booleans())
def test_workdays_and_rest_days_share_all_hours(rotation: Rotation, at: datetime, published_years: bool) -> None:
    known = Holidays(published()) if published_years else Holidays()
    worked, rested = (Plan(replace(rotation, days=days), known) for days in (Days.WORKDAYS, Days.RESTDAYS))
    both = sorted((*shifts(worked, at, at + 20 * DAY), *shifts(rested, at, at + 20 * DAY)), key=lambda s: s.start)
    assert (both[0].start, both[-1].end) == (at, at + 20 * DAY)
    assert [one.end for one in both[:-1]] == [other.start for other in both[1:]]


# ---------------------------------------------------------------- what is laid over turns
COVERS = st.lists(
    st.builds(lambda a, n, who: (a, n, who), st.integers(0, 400), st.integers(1, 200), st.sampled_from([A, B, C, PersonId("d")])),
    max_size=6,
)


@given(COVERS, COVERS, st.integers(0, 500))
def test_the_last_cover_of_an_hour_decides_and_a_swap_goes_over_an_override(
    overrides: list[tuple[int, int, PersonId]], agreed: list[tuple[int, int, PersonId]], hour: int
) -> None:
    begin = local(SHANGHAI, 2026, 2, 2, 10)
    covers = tuple(Cover(begin + a * HOUR, begin + (a + n) * HOUR, p) for a, n, p in overrides)
    swaps = [Swap(str(i), R, begin + a * HOUR, begin + (a + n) * HOUR, p, None, begin) for i, (a, n, p) in enumerate(agreed)]
    plan = Plan(replace(WEEKLY, overrides=covers), swaps=swaps)
    at = begin + hour * HOUR
    over = [c.person for c in (*covers, *swaps) if c.start <= at < c.end]
    turn = who(Plan(WEEKLY), at)
    shift = shift_at(plan, at)
    assert shift is not None
    assert shift.person == (over[-1] if over else turn)
    assert shift.instead == (turn if over and over[-1] != turn else None)
    found = shifts(plan, begin, begin + 600 * HOUR)
    assert [one.end for one in found[:-1]] == [other.start for other in found[1:]]


def test_a_cover_where_nobody_has_a_turn_is_a_shift_of_its_own() -> None:
    at = local(SHANGHAI, 2026, 1, 3, 20)
    plan = Plan(replace(WEEKLY, overrides=(Cover(at, at + 3 * DAY, B),)))
    assert [(s.person, s.why, s.instead) for s in shifts(plan, at - DAY, at + 4 * DAY)] == [
        (B, Reason.OVERRIDE, None), (B, Reason.OVERRIDE, A), (A, Reason.TURN, None),
    ]  # fmt: skip


def test_giving_back_what_was_swapped_is_ones_own_turn_again() -> None:
    start = local(SHANGHAI, 2026, 1, 5, 10)
    swaps = [Swap("1", R, start, start + DAY, B, A, start), Swap("2", R, start, start + DAY, A, B, start)]
    assert shift_at(Plan(WEEKLY, swaps=swaps), start) == shift_at(Plan(WEEKLY), start)


# ---------------------------------------------------------------- calendars of others
def test_a_feed_says_who_and_what_comes_later_takes_over() -> None:
    at = local(SHANGHAI, 2026, 1, 5, 10)
    slots = (Slot(at, at + 5 * HOUR, A), Slot(at + 2 * HOUR, at + 6 * HOUR, B), Slot(at + 8 * HOUR, at + 9 * HOUR, None, "谁"))
    plan = Plan(replace(WEEKLY, feed=True, people=()), feed=Feed(R, at, at, at + 60 * DAY, "", slots))
    assert [who(plan, at + n * HOUR) for n in (-1, 0, 2, 5, 6, 8)] == [None, A, B, B, None, None]
    assert who(replace(plan, feed=None), at) is None


# ---------------------------------------------------------------- holidays
def test_the_spring_festival_of_2026_is_as_announced() -> None:
    known = holidays({})
    assert [known.works(date(2026, 2, d)) for d in (13, 14, 15, 16, 23, 24, 28)] == [True, True, False, False, False, True, True]
    assert not known.works(date(2026, 1, 2)) and known.works(date(2026, 1, 4))  # a Friday off for a Sunday


@pytest.mark.parametrize("year", sorted(published()))
def test_a_published_year_is_in_order(year: int) -> None:
    known = published()[year]
    assert "国务院办公厅" in known.source and str(year) in known.source
    assert all(day.year == year for day in (*known.off, *known.on))
    assert all(day.weekday() >= 5 for day in known.on), "only a weekend day is worked for another"
    assert not known.off & known.on
    weekdays_off = [day for day in known.off if day.weekday() < 5]
    # 11 statutory days until 2024, 13 from 2025; those on a weekend, and days of leave beside them, are worked for.
    statutory = 11 if year < 2025 else 13
    assert len(known.off) >= statutory
    assert len(weekdays_off) - len(known.on) in range(statutory - 4, statutory + 1)


def test_an_unknown_year_goes_by_the_week_and_is_named() -> None:
    plan = Plan(replace(WEEKLY, days=Days.WORKDAYS), holidays({}))
    assert unknown_years(plan, local(SHANGHAI, 2026, 12, 1), local(SHANGHAI, 2035, 1, 2)) == list(range(2027, 2036))
    assert who(plan, local(SHANGHAI, 2035, 10, 1, 12)) is not None
    own = holidays({2035: Year(off=frozenset({date(2035, 10, 1)}))})
    assert who(replace(plan, holidays=own), local(SHANGHAI, 2035, 10, 1, 12)) is None
    assert unknown_years(replace(plan, rotation=WEEKLY), local(SHANGHAI, 2035, 1, 1), local(SHANGHAI, 2035, 2, 1)) == []
