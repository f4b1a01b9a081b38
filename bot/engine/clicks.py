"""What a click on an old card meets: the truth of now, and a card that is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from bot.engine.house import House
from bot.engine.plans import key_of
from bot.errors import refuse
from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event, Mark, Payload, Status
from bot.model.ids import GroupId, IncidentId
from bot.model.incident import Incident, Outcome
from bot.model.press import Press
from bot.model.room import Room
from bot.ports import Inbound, Reads, UnitOfWork
from bot.rules.ladder import roll_wish
from bot.rules.telling import room_card
from bot.rules.world import card_wish

_LOOK_BACK = 200
TOO_LATE = frozenset({"click_already", "stale_click"})  # what a click is told whose assumption no longer holds
FORCE = "force"  # in a ShowCard's data: send it whatever is thought to be shown

_OVER = frozenset({Status.RECOVERED, Status.REVIEWING, Status.CLOSED})
# What a click wished, when that holds already, and the facts that made it so.
_HOLDS: Mapping[str, tuple[Callable[[Incident, Mapping[str, str]], bool], tuple[type[Payload], ...]]] = {
    "confirm": (lambda i, args: i.status is Status.HANDLING, (ev.IncidentConfirmed, ev.IncidentDeclared)),
    "dismiss": (lambda i, args: i.outcome is Outcome.DISMISSED, (ev.IncidentDismissed,)),
    "commander": (lambda i, args: i.commander is not None, (ev.CommanderChanged,)),
    "recover": (lambda i, args: i.status in _OVER and i.outcome in (None, Outcome.DONE), (ev.IncidentRecovered,)),
    "reopen": (lambda i, args: i.status is Status.HANDLING, (ev.IncidentReopened,)),
    "close": (lambda i, args: i.outcome is Outcome.DONE, (ev.IncidentClosed,)),
    "merge": (lambda i, args: i.outcome is Outcome.MERGED, (ev.IncidentMerged,)),
    "severity": (
        lambda i, args: i.severity == args.get("to") and not i.provisional,
        (ev.SeverityChanged, ev.IncidentConfirmed, ev.IncidentDeclared),
    ),
    "mark": (lambda i, args: args.get("mark", "") in set(i.marks), (ev.Marked,)),
}


def must_still_hold(press: Press, incident: Incident, reads: Reads) -> None:
    """Refuse a click whose assumption no longer holds: done already, by whom and when, or else how it stands now."""
    if all(str(getattr(incident, name, None) or "") == value for name, value in press.assumes.items()):
        return
    done = _already(press, incident, reads)
    if done is not None:
        raise refuse("click_already", incident=incident, by=done.actor, at=done.at, kind=done.kind)
    raise refuse("stale_click", incident=incident)


def _already(press: Press, incident: Incident, reads: Reads) -> Event | None:
    holds, kinds = _HOLDS.get(press.command, (None, ()))
    if holds is None or not holds(incident, press.args):
        return None
    for event in reversed(reads.timeline(incident.id, last=_LOOK_BACK)):
        if isinstance(event.payload, kinds):
            if isinstance(event.payload, ev.Marked) and event.payload.mark is not Mark(press.args["mark"]):
                continue
            return event
    return None


def redraw(uow: UnitOfWork, inbound: Inbound, room: Room | None, now: datetime) -> None:
    """Wish that the clicked card is sent again as it is now, even if it is thought to be shown so already."""
    wish = clicked(uow, inbound, room)
    if wish is not None:
        # A target of its own: a wish that waits already would not be forced.
        uow.want([replace(wish, target=f"{wish.target}!", data={**wish.data, FORCE: True})], now)


def clicked(reads: Reads, inbound: Inbound, room: Room | None) -> Intent | None:
    """Give the wish for the card that was clicked, where it is one of ours; a chat without ids is taken at its word."""
    for wish in _cards(reads, inbound, room):
        shown = reads.shown(wish.target)
        if shown is not None and inbound.message in ("", shown.ref.id):
            return wish
    return None


def outlived(reads: Reads, house: House, inbound: Inbound, room: Room | None) -> Intent | None:
    """Give the wish for the card that came after the clicked one, where the chat knows its cards by their keys."""
    for wish in _cards(reads, inbound, room):
        shown = reads.shown(wish.target)
        newest = shown.generation if shown is not None else 1
        before = range(max(newest - _LOOK_BACK, 1), newest)
        if inbound.message and any(inbound.message == key_of(house, wish.target, generation) for generation in before):
            return wish
    return None


def renew(uow: UnitOfWork, inbound: Inbound, room: Room | None) -> None:
    """Keep what the next change of the clicked card needs, as the click brought it."""
    wish = clicked(uow, inbound, room) if inbound.extra else None
    shown = uow.shown(wish.target) if wish is not None else None
    if wish is not None and shown is not None:
        uow.save_shown(wish.target, replace(shown, ref=replace(shown.ref, extra=inbound.extra)))


def _cards(reads: Reads, inbound: Inbound, room: Room | None) -> Iterator[Intent]:
    """List the cards of ours that the clicked one may be."""
    connection, chat = inbound.connection, inbound.chat
    args = inbound.press.args if inbound.press is not None else {}
    if room is not None:
        yield room_card(room)
        yield roll_wish(room)
    if ident := args.get("incident"):
        found = reads.incident(IncidentId(ident))
        if found is not None:
            yield card_wish(f"announce:{connection}:{chat}:{found.id}", connection, chat, found.id)
    number = args.get("groups", "").upper().removeprefix("A-")
    if number.isascii() and number.isdecimal() and len(number) < 10:
        group = GroupId(int(number))
        yield card_wish(f"group:{group}:{connection}:{chat}", connection, chat, None, group=group)
    yield card_wish(f"storm:{connection}:{chat}", connection, chat, None)
