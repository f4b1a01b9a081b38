"""The roll-call card: who was called and why, who is there, and what comes next for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.model.card import Button, Card
from bot.model.event import Rung
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.text import Span, Text
from bot.show import Show, joined
from bot.views.offers import Maker
from bot.views.titles import colour, one_line

if TYPE_CHECKING:
    from bot.prose import Prose

LISTED = 20  # people on one card; the rest is counted


def roll_card(
    incident: Incident,
    prose: Prose,
    show: Show,
    *,
    coming: Mapping[PersonId, tuple[Rung, datetime]],
    telephoned: Sequence[PersonId] = (),
    ping: bool = False,
) -> Card:
    """Build the roll-call of an incident; `ping` = those of whom nothing was heard are mentioned, as a first message may.

    The headline is the push preview, and changes only with what is worth a new message where a card cannot be edited.
    """
    roll = incident.roll
    waiting = roll.waiting if incident.active else ()
    answered = [one for one in roll.calls if one.answered is not None]
    expected = [one for one in roll.calls if one.passed is None]
    slowest = max((one.answered - one.at for one in answered if one.answered is not None), default=None)
    counts: dict[str, Any] = {
        "incident": incident, "here": len(answered), "all": len(expected), "slowest": slowest, "since": roll.calls[0].at,
        "missing": [one.person for one in expected if one.answered is None], "telephoned": telephoned,
    }  # fmt: skip
    if not waiting:
        done = prose.say(say("roll_over", **counts), show)
        return Card(one_line(done), "grey", incident.id, text=done, lang=show.lang)
    lines = [prose.say(say("roll_head", **counts), show)]
    lines += [
        prose.say(say("roll_line", call=one, next=coming.get(one.person), ping=ping and one.waiting), show)
        for one in roll.calls[:LISTED]
    ]
    if len(roll.calls) > LISTED:
        lines.append(prose.say(say("roll_more", more=len(roll.calls) - LISTED), show))
    if telephoned:
        lines.append(prose.say(say("roll_phone"), show))
    text: Text = tuple(joined(span for i, line in enumerate(lines) for span in ((Span("\n"), *line) if i else line)))
    head = one_line(prose.say(say("roll_preview", **counts), show))
    return Card(
        head, colour(incident), incident.id, buttons=tuple(_buttons(incident, Maker(prose, show))), text=text, lang=show.lang
    )


def _buttons(incident: Incident, make: Maker) -> Iterator[Button]:
    about = {"incident": incident.id}
    yield replace(make.named("button.here", "here", about, primary=True), typed=make.line("here"))
    yield replace(make.named("button.pass", "pass", about, asks=True), typed=make.line("pass", "…"))
    yield replace(make.named("button.recall", "recall", about), typed=make.line("recall"))
