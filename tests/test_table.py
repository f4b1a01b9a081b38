"""Numbers as CSV: Excel reads the Chinese, and no cell of a stranger's is a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from bot.model.actions import Actions
from bot.model.event import Mark
from bot.model.ids import IncidentId, ServiceId
from bot.model.severity import Severity
from bot.model.stats import Sample, numbers
from bot.model.text import plain
from bot.table import cell, incident_rows, stats_rows, table

AT = datetime(2024, 5, 20, 6, tzinfo=UTC)


def sample(title: str, minutes: int | None) -> Sample:
    marks = {Mark.DETECTED: AT} | ({Mark.OCCURRED: AT, Mark.RECOVERED: AT + timedelta(minutes=minutes)} if minutes else {})
    services = (ServiceId("payments"),)
    return Sample(IncidentId("F-20240520-001"), Severity.P1, plain(title), AT, True, marks, services, Actions(), AT)


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0", "\n=1"])
def test_words_that_a_spreadsheet_would_run_are_words(words: str) -> None:
    assert cell(words).startswith("'")
    (row,) = list(csv.reader(io.StringIO(table([[words]]).removeprefix("\ufeff"), newline="")))
    assert row == [f"'{words}"]


def test_numbers_instants_and_what_is_missing() -> None:
    assert [cell(v) for v in (3, -3, None, AT, timedelta(minutes=2), "支付,失败")] == [
        "3", "-3", "", "2024-05-20T06:00:00+00:00", "120", "支付,失败",
    ]  # fmt: skip


def test_excel_knows_the_encoding_and_each_number_says_what_it_is_of() -> None:
    written = table(stats_rows(numbers([sample("支付失败", 8), sample("慢", 30), sample("未知", None)], 4)))
    assert written.encode().startswith(b"\xef\xbb\xbf")
    rows = {row[0]: row[1:5] for row in csv.reader(io.StringIO(written.removeprefix("\ufeff")))}
    assert rows["MTTR mean"] == ["1140", "seconds", "2", "1"]
    assert rows["1-5-10 recovered"] == ["1", "incidents", "2", "1"]
    assert rows["action items overdue"] == ["4", "items", "", ""]


def test_each_incident() -> None:
    head, row = csv.reader(io.StringIO(table(incident_rows([sample("=HYPERLINK(1)", 8)])).removeprefix("\ufeff")))
    told = dict(zip(head, row, strict=True))
    assert (told["title"], told["services"], told["to recovery (s)"]) == ("'=HYPERLINK(1)", "payments", "480")
