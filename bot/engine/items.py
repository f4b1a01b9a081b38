"""Action items are kept as facts say, in the transaction that records the facts."""

from __future__ import annotations

import dataclasses

from bot.model import event as ev
from bot.model.actions import OF_ITEMS, begun, changed
from bot.model.event import Event, Payload
from bot.model.ids import IncidentId
from bot.ports import UnitOfWork


def numbered(payload: Payload, uow: UnitOfWork) -> Payload:
    """Draw the number of a new item."""
    if isinstance(payload, ev.ActionAdded) and not payload.item:
        return dataclasses.replace(payload, item=uow.new_item_number())
    return payload


def keep_items(uow: UnitOfWork, event: Event, incident: IncidentId | None) -> None:
    """Make the row of an item say what a fact says."""
    match event.payload:
        case ev.PeopleMerged(person=person, other=other):
            uow.hand_items(other, person)
        case ev.ActionAdded() if incident is not None:
            uow.add_item(begun(event, event.payload, incident))
        case _ if isinstance(event.payload, OF_ITEMS):
            item = uow.lock_item(event.payload.item)
            if item is not None:
                uow.save_item(changed(item, event, event.payload))
