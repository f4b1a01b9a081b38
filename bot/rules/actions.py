"""Rules of action items: who is told directly, and when the loop is closed."""

from __future__ import annotations

from bot.model import event as ev
from bot.model.event import Event
from bot.model.incident import Incident, Outcome
from bot.model.say import say
from bot.rules.world import Wanted, World, fact, pages


def tell_assigned(event: Event, incident: Incident, world: World) -> Wanted:
    """Hand somebody their item, and tell whose it was that it is not any more."""
    p = event.payload
    assert isinstance(p, (ev.ActionAdded, ev.ActionReassigned))
    if p.who is not None:
        yield from pages(event, world, (p.who,), say("item_assigned", item=p.item), incident)
    if isinstance(p, ev.ActionReassigned) and p.before is not None:
        yield from pages(event, world, (p.before,), say("item_not_yours_now", item=p.item), incident)


def tell_assigner(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.ActionNotTaken)
    item = world.reads.item(p.item)
    if item is not None and item.by is not None:
        yield from pages(event, world, (item.by,), say("item_not_taken", item=p.item, days=p.days), incident)


def ask_verifier(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask whoever verifies an item to judge what was handed in, or the time that is asked for."""
    p = event.payload
    assert isinstance(p, (ev.ActionDone, ev.ExtensionAsked))
    key = "item_to_verify" if isinstance(p, ev.ActionDone) else "item_more_time"
    if p.verifier is not None:
        yield from pages(event, world, (p.verifier,), say(key, item=p.item), incident)


def tell_judged(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell whose item it is what was decided about it."""
    p = event.payload
    assert isinstance(p, (ev.ActionAccepted, ev.ActionReturned, ev.ExtensionRefused, ev.ActionExtended))
    item = world.reads.item(p.item)
    if item is None or item.who is None:
        return
    key = {
        ev.ActionAccepted: "item_was_accepted", ev.ActionReturned: "item_was_returned", ev.ExtensionRefused: "item_no_time",
        ev.ActionExtended: "item_got_time",
    }[type(p)]  # fmt: skip
    more = {"reason": p.reason} if isinstance(p, ev.ExtensionRefused) else {}
    yield from pages(event, world, (item.who,), say(key, item=p.item, **more), incident)


def close_loop(event: Event, incident: Incident, world: World) -> Wanted:
    """State 闭环 once an incident is closed and the last of its items is accepted."""
    actions = incident.actions
    done = incident.outcome is Outcome.DONE and actions.total and not actions.open
    if done and actions.closed_at is None:
        yield ev.LoopClosed(items=actions.total)
