"""What every card about an incident begins with: its sign, colour and title."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.model.event import Status
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import Span, Text, flat
from bot.show import Show, clean

if TYPE_CHECKING:
    from bot.prose import Prose

SIGNS = {Severity.P1: "🔴", Severity.P2: "🟠", Severity.P3: "🟡", Severity.P4: "🔵"}
COLOURS = {Severity.P1: "red", Severity.P2: "orange", Severity.P3: "yellow", Severity.P4: "blue"}
LATER = {Status.RECOVERED: ("✅", "green"), Status.REVIEWING: ("📝", "purple"), Status.CLOSED: ("⚪", "grey")}
# What people can ask for today; a button whose command is not offered is left out.
OFFERED = frozenset(
    {
        "report", "declare", "ack", "confirm", "dismiss", "severity", "commander", "role", "invite", "join", "impact", "note",
        "here", "pass", "recall", "escalate",
        "update", "mark", "title", "bridge", "link", "unlink", "merge", "gather", "recover", "observe", "reopen", "close",
        "undo", "status",
        "brief", "cadence", "decline", "list", "timeline", "why", "whoami", "menu", "help",
        "announce", "subscribe", "postmortem", "action", "meeting",
        "silence",
    }
)  # fmt: skip


def one_line(text: Text) -> str:
    """Flatten text to one harmless line."""
    return clean(flat(text))


def title_text(incident: Incident, lang: str) -> Text:
    """Give the title; where an English twin exists, English readers see `Payment failures (支付失败)`."""
    if lang == "en" and incident.title_en and incident.title_en != flat(incident.title):
        return (Span(incident.title_en), Span(" ("), *incident.title, Span(")"))
    return incident.title


def sign(incident: Incident) -> str:
    """Give the one emoji that says level or status."""
    return LATER[incident.status][0] if incident.status in LATER else SIGNS[incident.severity]


def colour(incident: Incident) -> str:
    """Give the card's colour; a drill has one of its own."""
    if incident.drill:
        return "turquoise"
    return LATER[incident.status][1] if incident.status in LATER else COLOURS[incident.severity]


def about(prose: Prose, show: Show, key: str, incident: Incident, **more: Any) -> Text:
    """Word a text about an incident with what every header needs."""
    params = {
        "incident": incident,
        "title": prose.say(say("card_title", title=title_text(incident, show.lang)), show),
        "sign": sign(incident),
        "drill": prose.label("drill", show.lang) if incident.drill else "",
        "provisional": prose.label("provisional", show.lang) if incident.provisional else "",
        **more,
    }
    return prose.say(say(key, **params), show)


def title_of(incident: Incident, prose: Prose, show: Show) -> Text:
    """Word the title as a card shows it."""
    return prose.say(say("card_title", title=title_text(incident, show.lang)), show)
