"""The matrix: worse never gets a lighter level, and every level says what it was reckoned from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.config import load, policy_of
from bot.model.ids import GroupId, ServiceId
from bot.model.matrix import STATED, TIERS, Matrix, Mode, Signs, assess, falls, rises_after
from bot.model.severity import Because, Extent, Reason, Severity
from bot.schema import Grading
from tests.test_config import CHATS, SECRET, problems, written

P1, P2, P3, P4 = Severity
LEVELS = st.sampled_from(Severity)
ALERTS = st.lists(st.tuples(st.integers(1, 9).map(GroupId), LEVELS), max_size=3).map(tuple)
MINUTES = st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes))
SIGNS = st.builds(
    Signs,
    service=st.just(ServiceId("pay")),
    tier=st.sampled_from(TIERS),
    extent=st.sampled_from(Extent),
    lasted=MINUTES,
    complaints=st.integers(0, 200),
    alerts=ALERTS,
)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Make a matrix that the configuration would accept."""
    rows: dict[int, dict[str, Any]] = {}
    for tier in draw(st.sets(st.sampled_from(TIERS), max_size=3)):
        row = rows.setdefault(tier, {})
        for extent in draw(st.sets(st.sampled_from(STATED), max_size=4)):
            levels = sorted(draw(st.sets(LEVELS, min_size=1, max_size=3)), reverse=True)
            after = sorted(draw(st.sets(st.integers(1, 300), min_size=len(levels) - 1, max_size=len(levels) - 1)))
            row[extent.value] = {level.value: f"{minutes}m" for level, minutes in zip(levels, [0, *after], strict=True)}
    grading = None
    try:
        grading = Grading(matrix=rows)  # type: ignore[arg-type]
    except ValueError:
        assume(False)
    assert grading is not None
    return grading.read


MATRICES = st.one_of(st.just(Matrix()), matrices())


def lighter(one: Severity, other: Severity) -> bool:
    return other.worse_than(one)


@given(SIGNS, MATRICES, LEVELS, MINUTES, st.integers(0, 200))
def test_longer_and_more_complaints_never_lower_it(
    signs: Signs, matrix: Matrix, default: Severity, longer: timedelta, more: int
) -> None:
    before = assess(signs, matrix, default).level
    assert not lighter(assess(replace(signs, lasted=signs.lasted + longer), matrix, default).level, before)
    assert not lighter(assess(replace(signs, complaints=signs.complaints + more), matrix, default).level, before)


@given(SIGNS, MATRICES, LEVELS, st.sampled_from(STATED), st.sampled_from(STATED))
def test_more_impact_never_lowers_it(signs: Signs, matrix: Matrix, default: Severity, one: Extent, other: Extent) -> None:
    less, more = sorted((one, other), key=lambda extent: extent.rank)
    assert not lighter(
        assess(replace(signs, extent=more), matrix, default).level, assess(replace(signs, extent=less), matrix, default).level
    )


@given(SIGNS, MATRICES, LEVELS, st.sampled_from(TIERS))
def test_a_more_vital_service_never_lowers_it(signs: Signs, matrix: Matrix, default: Severity, tier: int) -> None:
    assume(signs.extent in STATED)
    vital, other = sorted((signs.tier, tier))
    assert not lighter(
        assess(replace(signs, tier=vital), matrix, default).level, assess(replace(signs, tier=other), matrix, default).level
    )


@given(SIGNS, MATRICES, LEVELS, st.tuples(st.just(GroupId(10)), LEVELS))
def test_one_more_alert_never_lowers_what_alerts_or_an_impact_ask_for(
    signs: Signs, matrix: Matrix, default: Severity, alert: tuple[GroupId, Severity]
) -> None:
    assume(signs.alerts or signs.extent in STATED)  # before, something stood in for what nobody knew
    more = assess(replace(signs, alerts=(*signs.alerts, alert)), matrix, default).level
    assert not lighter(more, assess(signs, matrix, default).level)


@given(SIGNS, MATRICES, LEVELS)
def test_a_level_is_the_gravest_of_its_reasons_and_each_reached_its_limit(
    signs: Signs, matrix: Matrix, default: Severity
) -> None:
    found = assess(signs, matrix, default)
    assert found.level is min(reason.level for reason in found.reasons)
    assert all(reason.value >= reason.limit for reason in found.reasons if reason.fact is not Because.IMPACT)


@given(SIGNS, MATRICES, LEVELS)
def test_a_level_rises_exactly_when_the_timer_is_set(signs: Signs, matrix: Matrix, default: Severity) -> None:
    now = assess(replace(signs, lasted=timedelta(0)), matrix, default).level
    after = rises_after(matrix.cell(signs.tier, signs.extent), now)
    if after is None:
        assert assess(replace(signs, lasted=timedelta(days=30)), matrix, default).level is now
    else:
        assert assess(replace(signs, lasted=after - timedelta(seconds=1)), matrix, default).level is now
        assert assess(replace(signs, lasted=after), matrix, default).level.worse_than(now)


def test_the_documented_matrix_never_asks_for_less_of_something_worse() -> None:
    assert list(falls(Matrix())) == []


@pytest.mark.parametrize(
    ("signs", "level", "facts"),
    [
        (Signs(), P3, [Because.DEFAULT]),
        (Signs(tier=1), P2, [Because.TIER]),
        (Signs(tier=1, alerts=((GroupId(7), P3),)), P3, [Because.ALERTS]),
        (Signs(tier=1, extent=Extent.MINOR), P3, [Because.IMPACT]),
        (Signs(tier=1, extent=Extent.PARTIAL, lasted=timedelta(minutes=30)), P1, [Because.IMPACT, Because.DURATION]),
        (Signs(tier=2, extent=Extent.MAJOR, complaints=19), P2, [Because.IMPACT, Because.COMPLAINTS]),
        (Signs(complaints=100), P1, [Because.DEFAULT, Because.COMPLAINTS]),
    ],
)  # fmt: skip
def test_with_nothing_configured(signs: Signs, level: Severity, facts: list[Because]) -> None:
    found = assess(signs, Matrix(), P3)
    assert (found.level, [reason.fact for reason in found.reasons]) == (level, facts)


def test_percent_are_read_by_their_limits() -> None:
    assert [Matrix().extent_of(percent) for percent in (0, 4, 5, 19, 20, 89, 90, 100)] == [
        Extent.MINOR, Extent.MINOR, Extent.PARTIAL, Extent.PARTIAL, Extent.MAJOR, Extent.MAJOR, Extent.FULL, Extent.FULL,
    ]  # fmt: skip
    found = assess(Signs(ServiceId("pay"), 1, Extent.MAJOR, 35), Matrix(), P3)
    assert found.reasons == (Reason(Because.IMPACT, P1, 35, 20, ServiceId("pay"), 1, Extent.MAJOR),)


# ---------------------------------------------------------------- the configuration
def matrix_of(text: str, tmp_path: Any) -> Matrix:
    return policy_of(load(written(tmp_path, CHATS + text), {})).matrix


def test_what_is_left_out_of_the_matrix_stays_as_documented(tmp_path: Any) -> None:
    found = matrix_of(
        "severity: {mode: automatic, matrix: {1: {partial: P1}, 3: {partial: {P2: 90m, P3: 0m}}},"
        " extents: {major: 30}, complaints: {P2: 7}}\n",
        tmp_path,
    )
    real = Matrix()
    assert found.mode is Mode.AUTOMATIC
    assert found.cell(1, Extent.PARTIAL) == ((timedelta(0), P1),)
    assert found.cell(3, Extent.PARTIAL) == ((timedelta(0), P3), (timedelta(minutes=90), P2))
    assert found.cell(1, Extent.MINOR) == real.cell(1, Extent.MINOR)
    assert found.extents == {**real.extents, Extent.MAJOR: 30}
    assert found.complaints == ((7, P2),)
    assert matrix_of("severity: {complaints: {}}\n", tmp_path).complaints == ()


@pytest.mark.parametrize(
    ("written_so", "said"),
    [
        ("matrix: {1: {full: P3}}", "full of tier 1 in the matrix asks for less than major of tier 1"),
        ("matrix: {2: {minor: P4}, 1: {minor: P4, unknown: P2}, 4: {partial: P2}}",
         "partial of tier 3 in the matrix asks for less than partial of tier 4"),
        ("matrix: {1: {partial: {P1: 0m, P2: 30m}}}", "partial of tier 1 in the matrix asks for less than what it was before"),
        ("extents: {major: 95}", "extents must grow from partial over major to full"),
        ("complaints: {P1: 5, P2: 9}", "a graver level must need more complaints"),
    ],
)  # fmt: skip
def test_a_matrix_that_falls_is_refused(tmp_path: Any, written_so: str, said: str) -> None:
    assert problems(written(tmp_path, CHATS + f"severity: {{{written_so}}}\n")) == {"severity": said}


@pytest.mark.parametrize(
    "written_so",
    ["matrix: {6: {full: P1}}", "matrix: {1: {most: P1}}", "matrix: {1: {full: P7}}", "matrix: {1: {full: {P1: soon}}}",
     "matrix: {1: {full: []}}", "extents: {minor: 1}", "extents: {full: 101}", "complaints: {P1: 0}", "mode: maybe"],
)  # fmt: skip
def test_a_matrix_that_says_nothing_is_refused_by_place(tmp_path: Any, written_so: str) -> None:
    found = problems(written(tmp_path, CHATS + f"severity: {{{written_so}}}\n"))
    assert all(place.startswith("severity.") for place in found)
    assert SECRET not in str(found)
