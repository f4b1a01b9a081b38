"""The reminder of an update that was due, once it is answered: one line, nothing to click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.card import Card
from bot.model.incident import Incident
from bot.model.say import say
from bot.show import Show
from bot.views.titles import one_line

if TYPE_CHECKING:
    from bot.prose import Prose


def nudge_card(incident: Incident, prose: Prose, show: Show) -> Card:
    """Say what became of the newest reminder of an incident."""
    text = prose.say(say("update_was_due", incident=incident, pace=incident.pace), show)
    return Card(one_line(text), "grey", incident.id, text=text, lang=show.lang)
