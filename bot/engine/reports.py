"""Reports to a channel: the week's numbers, and the month's with what is overdue; each once, whoever runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.engine.agenda import Row, item_line
from bot.engine.house import House
from bot.model.actions import PENDING, ItemFilter
from bot.model.deadline import LATE, Deadline, Due
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.ids import ServiceId
from bot.model.policy import Report
from bot.model.say import Say, say
from bot.model.stats import numbers
from bot.oncall.reminding import worked, zone
from bot.ports import Reads, UnitOfWork

OWNER = "org:reports"
LISTED = 30  # overdue items in a report


def counted(reads: Reads, since: datetime, until: datetime, today: date, service: ServiceId | None) -> Say:
    """Put the numbers of a period together."""
    found = numbers(reads.samples(since, until, service), reads.overdue_items(today, service))
    return say("stats", since=since, until=until, service=service, s=found)


def next_report(kind: str, report: Report, house: House, now: datetime) -> datetime:
    """Give when a report is next due: a weekly one on its day, a monthly one on the first working day."""
    tz = zone(house.policy.timezone, "UTC")
    day = now.astimezone(tz).date()
    for _ in range(64):
        if _is_day(kind, report, house, day) and (due := datetime.combine(day, report.at, tz)) > now:
            return due
        day += timedelta(days=1)
    raise AssertionError("a report comes every month")


def _is_day(kind: str, report: Report, house: House, day: date) -> bool:
    if kind == "weekly":
        return day.weekday() == report.weekday
    return worked(day.replace(day=1), house.catalog.holidays) == day


def plan_reports(uow: UnitOfWork, house: House, now: datetime) -> None:
    """Let a timer stand for each report that is wanted; one that is due already and has not fired stays."""
    uow.alone(OWNER)
    standing = uow.deadlines_of(OWNER)
    due: Due = {}
    for kind, report in house.policy.reports.items():
        missed = standing.get((f"report_{kind}", ""))
        due[f"report_{kind}", ""] = missed if missed is not None and missed <= now else next_report(kind, report, house, now)
    uow.set_deadlines(OWNER, due)


def send_report(uow: UnitOfWork, house: House, deadline: Deadline, now: datetime) -> None:
    """Send a report that is due, and let the next stand."""
    kind = deadline.kind.removeprefix("report_")
    report = house.policy.reports.get(kind)
    if report is not None:
        tz = zone(house.policy.timezone, "UTC")
        until = datetime.combine(now.astimezone(tz).date(), time(), tz)
        since = until - timedelta(days=7) if kind == "weekly" else (until - timedelta(days=until.day)).replace(day=1)
        until = until if kind == "weekly" else until.replace(day=1)
        data: dict[str, Any] = {
            "chat": report.channel, "report": kind, "since": since.isoformat(), "until": until.isoformat(),
            "today": now.astimezone(tz).date().isoformat(), "service": report.service,
            "late": deadline.due.isoformat() if now - deadline.due > LATE else None,
        }  # fmt: skip
        key = f"report/{kind}/{until.date().isoformat()}"
        lane = f"chat:{report.connection}:{report.channel}"
        intent = Intent(EffectKind.SEND, lane, report.channel, report.connection, None, data, Urgency.BULK, key)
        uow.want([intent], now)
    plan_reports(uow, house, now)


def report_said(data: Mapping[str, Any], reads: Reads, house: House) -> Say:
    """Put a report together as it is sent."""
    today, service = date.fromisoformat(data["today"]), data["service"]
    since, until = datetime.fromisoformat(data["since"]), datetime.fromisoformat(data["until"])
    told = counted(reads, since, until - timedelta(microseconds=1), today, service)
    late = datetime.fromisoformat(data["late"]) if data["late"] else None
    if data["report"] == "weekly":
        return say("report_weekly", stats=told, late=late)
    services = (service,) if service is not None else ()
    found = reads.items(ItemFilter(services=services, states=PENDING, due_before=today, live=True, limit=LISTED * 10))
    public = [row for item in found if (row := item_line(item, reads, house, today)) is not None]
    rows: list[Row] = public[:LISTED]
    return say("report_monthly", stats=told, late=late, items=rows, more=len(public) - len(rows))
