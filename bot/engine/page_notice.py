"""What the ladder's SMS and call say of an incident: an approved text and its short variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.model.event import Mark, Status
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.text import flat
from bot.ports import Medium, Notice
from bot.rules.world import World
from bot.show import clean, clock, span

TEXTS: Mapping[str, tuple[str, ...]] = {
    "declared": ("level", "id", "title", "time", "status", "ic"),
    "recovered": ("id", "title", "mins"),
    "call": ("level", "title"),
}  # the texts that a vendor approves, and their variables in the order in which they stand there


def page_notice(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Say that an incident is on, by call that one must come, or that it has recovered; nothing of one that is over."""
    if incident is None or not incident.open:
        return None
    active = incident.status in (Status.PENDING, Status.HANDLING)
    name = "recovered" if not active else "call" if data["medium"] == Medium.VOICE else "declared"
    if not active and data["medium"] == Medium.VOICE:
        return None  # nobody is called for good news
    prose = world.house.prose
    show = world.house.show(world.reads, lang, world.now)
    start = incident.marks.get(Mark.OCCURRED) or incident.marks.get(Mark.DETECTED) or incident.declared_at
    end = incident.marks.get(Mark.RECOVERED) or world.now
    nobody = prose.label("page_nobody", lang)
    title = incident.title_en if lang == "en" and incident.title_en else flat(incident.title)
    known = {
        "level": incident.severity.value,
        "id": incident.id,
        "title": prose.label("page_private", lang) if incident.private else clean(title),  # a vendor is a third party
        "time": clock(start, show),
        "status": prose.label(f"status.{incident.status}", lang),
        "ic": (clean(show.person(incident.commander)) if incident.commander is not None else "") or nobody,
        "mins": span(end - start, lang),
    }
    variables = {variable: known[variable] for variable in TEXTS[name]}
    words = flat(prose.say(say(f"page_{name}", **variables), show))
    return Notice(f"{known['level']} {known['title']}", words, template=name, variables=variables)
