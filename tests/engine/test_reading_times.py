"""Times as people type them at 14:20 in Shanghai."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.fold import fold
from bot.engine.times import WrongSide, length, read_next, read_past, read_when
from tests.engine.fakes import NOW, ZONE, local

YESTERDAY = "2024-05-19"

PAST = [
    ("14:05", local("14:05"), 1),
    ("１４：０５", local("14:05"), 1),
    ("14:05:30", local("14:05:30"), 1),
    ("14点05", local("14:05"), 1),
    ("14点05分", local("14:05"), 1),
    ("14点", local("14:00"), 1),
    ("下午1点半", local("13:30"), 1),
    ("2点一刻", local("02:15"), 1),
    ("早上 8:05", local("08:05"), 2),
    ("1pm", local("13:00"), 1),
    ("at 1:05 pm", local("13:05"), 3),
    ("12:10 am", local("00:10"), 2),
    ("14:05起", local("14:05"), 1),
    ("从14:05开始", local("14:05"), 1),
    ("since 14:05", local("14:05"), 2),
    ("5分钟前", local("14:15"), 1),
    ("5 分钟前", local("14:15"), 2),
    ("５分钟之前", local("14:15"), 1),
    ("半小时前", local("13:50"), 1),
    ("一个半小时前", local("12:50"), 1),
    ("两小时前", local("12:20"), 1),
    ("十五分钟前", local("14:05"), 1),
    ("1小时20分钟前", local("13:00"), 1),
    ("10m ago", local("14:10"), 2),
    ("10 minutes ago", local("14:10"), 3),
    ("2h ago", local("12:20"), 2),
    ("1h30m ago", local("12:50"), 2),
    ("half an hour ago", local("13:50"), 4),
    ("an hour ago", local("13:20"), 3),
    ("刚才", NOW, 1),
    ("昨晚23:10", local("23:10", YESTERDAY), 1),
    ("昨晚 11点10", local("23:10", YESTERDAY), 2),
    ("昨晚1点", local("01:00"), 1),
    ("昨天14:05", local("14:05", YESTERDAY), 1),
    ("昨天 晚上8点", local("20:00", YESTERDAY), 2),
    ("前天 9:00", local("09:00", "2024-05-18"), 2),
    ("yesterday 23:10", local("23:10", YESTERDAY), 2),
    ("今天 9:00", local("09:00"), 2),
    ("5月20日 14:05", local("14:05"), 2),
    ("5月20日14:05", local("14:05"), 1),
    ("20 May 14:05", local("14:05"), 3),
    ("May 20 14:05", local("14:05"), 3),
    ("2024-05-20 14:05", local("14:05"), 2),
    ("2024-05-20T14:05", local("14:05"), 1),
    ("2024年5月20日 14点05分", local("14:05"), 2),
    ("05-20 14:05", local("14:05"), 2),
    # a day that is not named is the latest one
    ("14:21", local("14:21"), 1),
    ("14:22", local("14:22", YESTERDAY), 1),
    ("23:10", local("23:10", YESTERDAY), 1),
    ("12月1日 14:05", local("14:05", "2023-12-01"), 2),
    # the longest reading wins, what follows is not taken
    ("14:05 网关 超时", local("14:05"), 1),
    ("5 分钟前 开始", local("14:15"), 2),
]


@pytest.mark.parametrize(("typed", "at", "words"), PAST)
def test_a_past_time(typed: str, at: datetime, words: int) -> None:
    assert read_past([fold(word) for word in typed.split()], NOW, ZONE) == (at, words)


@pytest.mark.parametrize(
    "typed", ["61:00", "14:61", "1405", "5", "前", "ago", "14:50前", "2024-13-40 10:00x", "3点建议", "一刻", "0分钟前",
              "0000-00-00 1:00", "5月20日", "昨天", "99999小时前", "١٤:٠٥x"],
)  # fmt: skip
def test_no_time(typed: str) -> None:
    assert read_past([fold(word) for word in typed.split()], NOW, ZONE) is None


@pytest.mark.parametrize("typed", ["明天 10:00", "今晚 20:00", "2024-06-01 10:00", "tomorrow 9:00"])
def test_a_day_to_come_is_no_past_time(typed: str) -> None:
    with pytest.raises(WrongSide):
        read_past(typed.split(), NOW, ZONE)


NEXT = [
    ("下次 14:50", local("14:50"), 2),
    ("下次14:50前", local("14:50"), 1),
    ("下次进展 14:35 前", local("14:35"), 3),
    ("下次 20分钟", local("14:40"), 2),
    ("下次 半小时后", local("14:50"), 2),
    ("下次 今晚8点", local("20:00"), 2),
    ("下次 0:10", local("00:10", "2024-05-21"), 2),
    ("next 14:50", local("14:50"), 2),
    ("next by 14:50", local("14:50"), 3),
    ("next 20m", local("14:40"), 2),
    ("next update in 20 minutes", local("14:40"), 5),
    ("下次 14:50 辛苦大家", local("14:50"), 2),
]


@pytest.mark.parametrize(("typed", "at", "words"), NEXT)
def test_a_coming_time(typed: str, at: datetime, words: int) -> None:
    assert read_next([fold(word) for word in typed.split()], NOW, ZONE) == (at, words)


@pytest.mark.parametrize("typed", ["下次 再看", "下次", "next", "next steps", "14:50"])
def test_no_coming_time(typed: str) -> None:
    assert read_next(typed.split(), NOW, ZONE) is None


def test_a_coming_time_that_has_just_gone_by_is_refused() -> None:
    with pytest.raises(WrongSide) as wrong:
        read_next(["下次", "14:10"], NOW, ZONE)
    assert wrong.value.at == local("14:10")


def test_the_speakers_zone_counts() -> None:
    assert read_past(["8:15"], NOW, ZoneInfo("Europe/Berlin")) == (datetime(2024, 5, 20, 6, 15, tzinfo=UTC), 1)


@pytest.mark.parametrize(
    ("typed", "span"),
    [("20m", timedelta(minutes=20)), ("1小时", timedelta(hours=1)), ("半天", timedelta(hours=12)), ("", None), ("x", None)],
)
def test_a_length_of_time(typed: str, span: timedelta | None) -> None:
    assert length(typed) == span


_BITS = st.sampled_from(
    [*"0123456789:：点时分秒前昨晚今天明早下午半个小月日年-/ tT", "ago", "am", "pm", "下次", "next", "in", "by", "min", "h"]
)
_INSTANTS = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))


@given(st.lists(_BITS, max_size=14).map("".join), _INSTANTS)
def test_whatever_looks_like_a_time_is_one_or_none(typed: str, now: datetime) -> None:
    words = [fold(word) for word in typed.split()]
    for zone in (ZONE, ZoneInfo("America/New_York")):
        for reads, early in ((read_past, None), (read_next, now)):
            try:
                found = reads(words, now, zone)
            except WrongSide:
                continue
            if found is not None:
                at, count = found
                assert 1 <= count <= len(words)
                assert at.tzinfo is UTC
                assert at >= early if early else at <= now + timedelta(minutes=1)


@pytest.mark.parametrize(("typed", "read"), [
    ("今晚", "05-20 21:00"), ("今晚20:00", "05-20 20:00"), ("今晚 8点", "05-20 20:00"), ("今晚 1点", "05-21 01:00"),
    ("明天", "05-21 12:00"), ("明早", "05-21 09:00"), ("明晚 21:30", "05-21 21:30"), ("后天", "05-22 12:00"),
    ("周一", "05-20 12:00"), ("周五", "05-24 12:00"), ("周五 18:00", "05-24 18:00"), ("下周一10点", "05-27 10:00"),
    ("14:00", "05-21 14:00"), ("14:30", "05-20 14:30"), ("9pm", "05-20 21:00"), ("2小时后", "05-20 16:20"),
    ("12-01", "12-01 12:00"), ("5-19", "2025-05-19 12:00"), ("12月1日 20:00", "12-01 20:00"), ("2026-10-01", "2026-10-01 12:00"),
    ("昨晚23:10", "05-19 23:10"), ("3小时前", "05-20 11:20"), ("现在", "05-20 14:20"), ("周末", "05-25 12:00"),
    ("tonight", "05-20 21:00"), ("tomorrow 9:00", "05-21 09:00"), ("fri 18:00", "05-24 18:00"), ("next mon", "05-27 12:00"),
    ("tuesday", "05-21 12:00"), ("in 2h", "05-20 16:20"), ("may 21 10:00", "05-21 10:00"),
])  # fmt: skip
def test_an_instant_of_any_day_is_read(typed: str, read: str) -> None:
    """On Monday, 20 May 2024, at 14:20 in Shanghai."""
    zone, now = ZoneInfo("Asia/Shanghai"), datetime(2024, 5, 20, 6, 20, tzinfo=UTC)
    words = typed.split()
    found = read_when([*words, "支付"], now, zone)
    assert found is not None
    assert (f"{found[0].astimezone(zone):%Y-%m-%d %H:%M}", found[1]) == (read if len(read) > 11 else f"2024-{read}", len(words))


@pytest.mark.parametrize(
    "typed", ["支付", "支付1", "5", "p1", "2月30日", "monkey", "25:00", "dba2", "13-01", "f-20240520-001", "今"]
)
def test_other_words_are_no_instant(typed: str) -> None:
    assert read_when([typed], datetime(2024, 5, 20, 6, 20, tzinfo=UTC), ZoneInfo("Asia/Shanghai")) is None


def test_a_clock_time_behind_an_instant_is_of_its_day() -> None:
    zone, now = ZoneInfo("Asia/Shanghai"), datetime(2024, 5, 20, 6, 20, tzinfo=UTC)
    for after, clock, day in (("周六 9:00", "12:00", 25), ("周六 21:00", "9:00", 26)):
        first = read_when(after.split(), now, zone)
        assert first is not None
        then = read_when([clock], now, zone, first[0])
        assert then is not None
        assert then[0].astimezone(zone).day == day
