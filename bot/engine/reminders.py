"""What a due timer of a person or an item does, and what a reminder says when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from bot.engine.agenda import DAY, person_zone, plan_person, reminder
from bot.engine.house import House
from bot.engine.reports import send_report
from bot.engine.run import record
from bot.model import event as ev
from bot.model.actions import PENDING, ActionItem, ItemState
from bot.model.deadline import LATE, Deadline
from bot.model.ids import PersonId
from bot.model.person import Actor, ActorKind
from bot.model.say import Say, say
from bot.oncall.leave import days_away
from bot.oncall.reminding import TAKEN_WITHIN, UNTIL, at_ten, worked
from bot.oncall.workdays import working_days_between
from bot.ports import Reads, UnitOfWork
from bot.rules.world import World, page

NOT_TAKEN = Actor(ActorKind.TIMER, "not_taken")
Fire = Callable[[UnitOfWork, House, Deadline, datetime], None]


def remind(uow: UnitOfWork, house: House, deadline: Deadline, now: datetime) -> None:
    """Send a person their one reminder of the day, or move it to a day that they work."""
    person = PersonId(deadline.incident.removeprefix("person:"))
    tz = person_zone(uow.person(person), house)
    here = now.astimezone(tz)
    today, calendar, leave = here.date(), house.catalog.holidays, days_away(house.catalog, uow, person, tz)
    if worked(today, calendar, leave) != today or here.time() >= UNTIL:
        uow.set_deadlines(deadline.incident, {("remind", ""): at_ten(worked(today + DAY, calendar, leave), tz)})
        return
    if reminder(person, uow, house, today) is not None:
        late = deadline.due if now - deadline.due > LATE else None
        text = say("items_due", today=today.isoformat(), late=late)
        key = f"items/{person}/{today.isoformat()}"  # however often it is planned: one a day
        uow.want(list(page(World(house, uow, now, ()), person, text, key, None)), now)
    plan_person(uow, house, person, now, after=today)


def not_taken(uow: UnitOfWork, house: House, deadline: Deadline, now: datetime) -> None:
    """State that an item was not taken on, while that is still so."""
    item = uow.item(int(deadline.incident.removeprefix("item:")))
    incident = uow.lock_incident(item.incident) if item is not None else None
    if item is None or incident is None or item.who is None or item.state is not ItemState.TODO or item.assigned_at is None:
        return
    tz = person_zone(uow.person(item.by) if item.by is not None else None, house)
    given, today = item.assigned_at.astimezone(tz).date(), now.astimezone(tz).date()
    days = max(TAKEN_WITHIN, working_days_between(given, today, house.catalog.holidays))  # more where nobody ran for days
    fact = ev.ActionNotTaken(item=item.number, who=item.who, days=days)
    cause = f"timer:not_taken:{item.number}:{deadline.due.isoformat()}"
    record(uow, house, NOT_TAKEN, [fact], incident, now=now, cause=cause)


FIRES: Mapping[str, Fire] = {
    "remind": remind, "not_taken": not_taken, "report_weekly": send_report, "report_monthly": send_report,
}  # fmt: skip


def fire_standing(uow: UnitOfWork, house: House, deadline: Deadline, now: datetime) -> None:
    """Do what a due timer of a person, an item or the organisation is for."""
    fire = FIRES.get(deadline.kind)
    if fire is not None:
        fire(uow, house, deadline, now)


# ---------------------------------------------------------------- what is said when it is sent
def about_items(told: Say, person: PersonId, reads: Reads, house: House) -> Say | None:
    """Put the items as they are now into a direct message; None = it has lost its point by now."""
    if told.key == "items_due":
        late = told.params.get("late")
        day = date.fromisoformat(str(told.params["today"]))
        return reminder(person, reads, house, day, datetime.fromisoformat(str(late)) if late else None)
    if not told.key.startswith("item_"):
        return told
    item = reads.item(int(told.params["item"]))
    if item is None or not _has_point(told.key, item, person):
        return None
    params: dict[str, Any] = {**told.params, "item": item}
    return Say(told.key, params)


def _has_point(key: str, item: ActionItem, person: PersonId) -> bool:
    match key:
        case "item_assigned":
            return item.who == person and item.state in PENDING
        case "item_to_verify":
            return item.state is ItemState.DONE
        case "item_more_time":
            return item.asked_due is not None
        case "item_not_taken":
            return item.state is ItemState.TODO
        case "item_was_returned":
            return item.who == person and item.state is ItemState.DOING
        case _:
            return True
