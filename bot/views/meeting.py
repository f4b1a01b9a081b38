"""What may be clicked below texts about a review meeting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bot.model.incident import Incident

if TYPE_CHECKING:
    from bot.views.offers import Maker, Offer


def invited(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer to answer, and once answered to answer the other way."""
    incident: Incident = params["incident"]
    reply = incident.meeting.replies.get(params["person"])
    about = {"incident": incident.id, "of": incident.meeting.mark}
    if reply is None or not reply.coming:
        yield "attend", make.named("offer.attend", "attend", about, primary=reply is None)
    if reply is None or reply.coming:
        yield "absent", make.named("offer.absent", "absent", about)


def soon(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer those to answer who have not."""
    incident: Incident = params["incident"]
    if params["person"] not in incident.meeting.replies:
        yield from invited(make, params)


def yours(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer the organizer to move it and to call it off."""
    incident: Incident = params["incident"]
    if incident.meeting.on:
        about: dict[str, str] = {"incident": incident.id}
        yield "move", make.named("offer.move_meeting", "meeting", about, asks=True)
        yield "call_off", make.named("offer.cancel_meeting", "cancel-meeting", about, asks=True)


def stands(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer what can be done about a meeting: call one, or change the one that is ahead."""
    if params["ahead"]:
        yield from yours(make, params)
    else:
        yield "meeting", call(make, params["incident"])[1]


def call(make: Maker, incident: Incident) -> Offer:
    """Offer to call a meeting, by a form."""
    return "meeting", make.named("offer.meeting", "meeting", {"incident": incident.id}, asks=True)
