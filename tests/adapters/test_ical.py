"""iCalendar feeds over real sockets: what is read of them, and what is said of those that are broken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import structlog

from adapters.calendar.ical import Calendar, entries
from adapters.http import BODY_BYTES
from bot.model.oncall import Entry
from tests.adapters.test_http import Handler, answering, free_port, said

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)


def calendar(*events: str, more: str = "") -> bytes:
    body = "".join(f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n" for n, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{more}{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def read(*events: str, more: str = "") -> list[Entry]:
    found = entries(calendar(*events, more=more), BEGIN, END, BERLIN)
    assert isinstance(found, list), found
    return found


def starts(found: list[Entry]) -> list[str]:
    return [f"{entry.start.astimezone(BERLIN):%m-%d %H:%M}" for entry in found]


# ---------------------------------------------------------------- what is read
def test_a_weekly_shift_keeps_its_hour_when_clocks_change() -> None:
    found = read("SUMMARY:li\nDTSTART;TZID=Europe/Berlin:20260323T100000\nDURATION:P7D\nRRULE:FREQ=WEEKLY;COUNT=3")
    assert starts(found) == ["03-23 10:00", "03-30 10:00", "04-06 10:00"]
    assert [entry.start.hour for entry in found] == [9, 8, 8]  # in UTC: summer time begins on the 29th
    assert {entry.end - entry.start for entry in found[1:]} == {timedelta(days=7)}


def test_a_moved_and_a_left_out_repetition_count() -> None:
    found = entries(
        calendar(
            "SUMMARY:li\nDTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260303T090000Z",
        ).replace(
            b"END:VCALENDAR",
            b"BEGIN:VEVENT\r\nUID:0\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260304T090000Z\r\nSUMMARY:wang\r\n"
            b"DTSTART:20260304T120000Z\r\nDTEND:20260304T170000Z\r\nEND:VEVENT\r\nEND:VCALENDAR",
        ),
        BEGIN, END, BERLIN,
    )  # fmt: skip
    assert [(e.title, e.start.day, e.start.hour) for e in found if isinstance(e, Entry)] == [("li", 2, 9), ("wang", 4, 12)]


def test_whole_days_and_times_without_a_zone_are_those_of_the_rotation() -> None:
    found = read(
        "SUMMARY:a\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304", "SUMMARY:b\nDTSTART:20260305T100000\nDURATION:PT1H"
    )
    assert starts(found) == ["03-02 00:00", "03-05 10:00"]
    assert found[0].end - found[0].start == timedelta(days=2)


def test_attendees_who_come_are_read_and_cancelled_entries_are_not() -> None:
    (entry,) = read(
        "SUMMARY:On call\nDTSTART:20260302T090000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=ACCEPTED:mailto:Li@Example.com\n"
        "ATTENDEE;PARTSTAT=DECLINED:mailto:wang@example.com\nATTENDEE:urn:uuid:1",
        "SUMMARY:off\nSTATUS:CANCELLED\nDTSTART:20260302T090000Z\nDURATION:PT1H",
    )
    assert entry == Entry(entry.start, entry.end, "On call", ("li@example.com",))


def test_an_empty_calendar_is_a_calendar() -> None:
    assert read() == []


@pytest.mark.parametrize("body", [
    b"", b"<html><body>Sign in</body></html>", calendar("DTSTART:soon\nSUMMARY:x"), b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
    calendar("SUMMARY:x\nDTSTART:20260302T090000Z\nRRULE:FREQ=SECONDLY"), b"\xff\xfe\x00",
    calendar("SUMMARY:x\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;UNTIL=never"),
    calendar("SUMMARY:x\nDTSTART:20260302T090000Z")[:-30],
])  # fmt: skip
def test_what_is_no_calendar_is_said(body: bytes) -> None:
    assert entries(body, BEGIN, END, BERLIN) == "unreadable"


# ---------------------------------------------------------------- over the wire
@contextlib.asynccontextmanager
async def feed(handler: Handler, total: float = 2.0) -> AsyncIterator[Calendar]:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    source = Calendar(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret-path.ics", "Europe/Berlin", total)
    try:
        yield source
    finally:
        await source.close()
        server.close()


async def test_a_feed_is_read_over_http() -> None:
    async with feed(said("200 OK", calendar("SUMMARY:li\nDTSTART:20260302T090000Z\nDURATION:PT1H"))) as source:
        found = await source.read(BEGIN, END)
        assert isinstance(found, list)
        assert starts(found) == ["03-02 10:00"]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + calendar())
    await writer.drain()


@pytest.mark.parametrize(("handler", "reason"), [
    (said("404 Not Found"), "refused"), (said("302 Found", b"", "Location: https://elsewhere.example.com/"), "refused"),
    (said("500 Oops"), "no_answer"), (silent, "no_answer"), (cut_off, "no_answer"), (answering(b"garbage\r\n\r\n"), "no_answer"),
    (said("200 OK", b"BEGIN:VCALENDAR\r\n" + b"X-A:" + b"a" * BODY_BYTES), "too_large"),
    (said("200 OK", b"<html>"), "unreadable"),
])  # fmt: skip
async def test_what_cannot_be_read_has_its_reason(handler: Handler, reason: str) -> None:
    async with feed(handler, total=1.0) as source:
        assert await source.read(BEGIN, END) == reason


async def test_nobody_listening_is_unreachable_and_the_address_stays_out_of_the_log() -> None:
    source = Calendar(f"http://127.0.0.1:{free_port()}/s3cret-path.ics", "Europe/Berlin", 1.0)
    with structlog.testing.capture_logs() as logs:
        assert await source.read(BEGIN, END) == "unreachable"
    await source.close()
    assert logs
    assert "s3cret" not in str(logs)
