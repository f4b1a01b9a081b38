"""Working days by the statutory calendar."""

from __future__ import annotations

from datetime import date

import pytest

from bot.oncall.holidays import holidays
from bot.oncall.workdays import add_working_days, is_working_day, working_days_between

CN = holidays({})


def test_statutory_days_off_and_the_weekend_days_worked_for_them() -> None:
    assert not is_working_day(date(2024, 10, 1), CN)  # a Tuesday, 国庆
    assert is_working_day(date(2024, 10, 12), CN)  # a Saturday, 调休
    assert not is_working_day(date(2024, 10, 13), CN)
    assert is_working_day(date(2024, 10, 8), CN)


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2024, 5, 20), 3, date(2024, 5, 23)),
        (date(2024, 5, 24), 1, date(2024, 5, 27)),  # over a weekend
        (date(2024, 4, 30), 1, date(2024, 5, 6)),  # over 劳动节
        (date(2024, 9, 30), 5, date(2024, 10, 12)),  # over 国庆, onto a worked Saturday
        (date(2024, 5, 27), -1, date(2024, 5, 24)),
        (date(2024, 10, 9), -3, date(2024, 9, 29)),  # back over 国庆 onto a worked Sunday
        (date(2024, 5, 25), 0, date(2024, 5, 25)),
        (date(2035, 10, 1), 1, date(2035, 10, 2)),  # a year that is not published
    ],
)
def test_the_nth_working_day(day: date, n: int, expected: date) -> None:
    assert add_working_days(day, n, CN) == expected


def test_counting_is_the_inverse_of_adding() -> None:
    start = date(2024, 9, 10)
    for n in range(1, 40):
        end = add_working_days(start, n, CN)
        assert working_days_between(start, end, CN) == n
        assert working_days_between(end, start, CN) == -n
    assert working_days_between(start, start, CN) == 0
    assert working_days_between(date(2024, 10, 1), date(2024, 10, 7), CN) == 0
    assert working_days_between(date(2023, 12, 31), date(2024, 12, 31), CN) == 251  # as the arrangement of 2024 is counted
