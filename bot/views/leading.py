"""What may be clicked below texts about who commands and about updates that are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.model.incident import Incident
from bot.show import clean
from bot.views.titles import OFFERED

if TYPE_CHECKING:
    from bot.views.offers import Maker, Offer


def turned_down(make: Maker, incident: Incident) -> Iterator[Offer]:
    yield "decline", make.named("offer.decline", "decline", {"incident": incident.id}, asks=True)


def asked_for(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    if incident.handover.asked_by == params["asker"]:
        assumes = {"commander": incident.commander or ""}
        yield "hand_over", make.hand_over("offer.give", incident, params["asker"], assumes, primary=True)
        yield from turned_down(make, incident)


def stand_in(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer to take command over the head of a commander who does not answer, with the reason that is told."""
    incident: Incident = params["incident"]
    if incident.commander is None:
        yield "command", make.take(incident)
        return
    why = make.label("offer.silent", params["minutes"]) if "minutes" in params else make.label("offer.no_answer")
    args = {"incident": incident.id, "reason": why}
    tail = f'--{make.label("offer.force")} "{why}"'
    button = make.named("offer.take_over", "commander", args, tail, primary=True, assumes={"commander": incident.commander})
    yield "stand_in", button
    if "escalate" in OFFERED:
        name = clean(make.show.person(incident.commander))
        call = make.named("offer.contact", "escalate", {"incident": incident.id, "people": incident.commander})
        yield "contact", replace(call, typed=make.line("escalate", incident.id, f"@{name}"))


def duty(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    if params["next"] is not None and incident.commander is not None:
        assumes = {"commander": incident.commander}
        yield "hand_over", make.hand_over("offer.hand_to", incident, params["next"], assumes, primary=True)


def update_due(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    yield from give(make, incident)
    assumes = {"status": incident.status.value, "heard": incident.heard}
    words = make.label("offer.snooze")
    snooze = make.click(words, "cadence", {"incident": incident.id, "act": "snooze", "text": "10m"}, assumes=assumes)
    yield "snooze", replace(snooze, typed=make.spelled("offer.typed_snooze", incident))


def give(make: Maker, incident: Incident) -> Iterator[Offer]:
    """Offer to give an update, and to say that there is nothing new."""
    about: dict[str, str] = {"incident": incident.id}
    assumes = {"status": incident.status.value, "heard": incident.heard}
    yield "update", make.named("button.update", "update", about, asks=True, primary=True)
    same = make.named("offer.nothing_new", "update", {**about, "same": "yes"}, assumes=assumes)
    yield "nothing_new", replace(same, typed=make.spelled("offer.typed_nothing_new", incident))
