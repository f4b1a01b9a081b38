"""How rooms are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.model.event import Status
from bot.model.ids import IncidentId
from bot.model.incident import Incident
from bot.model.text import flat
from bot.show import Show, clean, cut
from bot.views.titles import about, one_line

if TYPE_CHECKING:
    from bot.prose import Prose


def _titleone_line(incident: Incident, lang: str) -> str:
    return clean(incident.title_en or "") if lang == "en" and incident.title_en else one_line(incident.title)


SLUG = 48
_MARKS = {"zh": ("【演练】", "[已关闭] "), "en": ("[Drill] ", "[Closed] ")}


def room_name(incident: Incident, lang: str, limit: int) -> str:
    """Name the room: `F-20240520-001 P1 支付失败`, and `P1 支付失败 0520-001` where fewer than 30 characters are allowed."""
    drill, closed = _MARKS["en" if lang == "en" else "zh"]
    front = (closed if incident.status is Status.CLOSED else "") + (drill if incident.drill else "")
    title, level = _titleone_line(incident, lang), incident.severity.value
    if limit >= 30:
        front = f"{front}{incident.id} {level} "
        return (front + cut(title, min(24, limit - len(front)))).strip()[:limit]
    back = f" {_short_id(incident.id)}"
    front = f"{front}{level} "
    return (front + cut(title, max(0, min(8, limit - len(front) - len(back)))) + back).strip()[:limit]


def _short_id(ident: IncidentId) -> str:
    _, day, number = ident.split("-")
    return f"{day[-4:]}-{number}"


def room_slug(incident: Incident, romanise: Callable[[str], str] | None = None) -> str:
    """Name the room for chats that allow only lower-case ASCII, in at most 48 characters: a list of channels is narrow.

    Made from the id and an English title; another title is spelled by `romanise`, or left out.
    """
    title = incident.title_en or flat(incident.title)
    if title.isascii():
        words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    else:
        words = romanise(title) if romanise is not None else ""
    start = f"{'drill-' if incident.drill else ''}{incident.id.lower()}"
    slug = f"{start}-{words}".strip("-")
    return slug if len(slug) <= SLUG else slug[: SLUG + 1].rpartition("-")[0].strip("-") if words else start


def topic(incident: Incident, prose: Prose, show: Show) -> str:
    """Give the line that says level, status, title and commander above the talk."""
    return one_line(about(prose, show, "card_topic", incident))
