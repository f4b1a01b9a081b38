"""Cards for many readers: the announcement of one incident, and the one card of a storm."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.model.card import Button, Card, Field
from bot.model.event import Mark
from bot.model.incident import Incident
from bot.model.pace import shown_due
from bot.model.policy import Policy
from bot.model.say import say
from bot.model.severity import Severity
from bot.show import Show
from bot.views.offers import Maker
from bot.views.titles import COLOURS, OFFERED, about, colour, one_line, sign

if TYPE_CHECKING:
    from bot.prose import Prose

MOST_LINES = 10  # of a storm


def announcement_card(
    incident: Incident, prose: Prose, show: Show, *, link: str | None = None, policy: Policy | None = None,
    offered: Collection[str] = OFFERED,
) -> Card:  # fmt: skip
    """Build the one card that an announcement channel shows through an incident's life; never for a private incident.

    `link` leads into its newest room; without one people join by the command.
    """
    if incident.private:
        raise ValueError(f"{incident.id} is private and has no announcement")
    since = incident.marks.get(Mark.OCCURRED) or incident.marks.get(Mark.DETECTED) or incident.declared_at
    until = incident.marks.get(Mark.RECOVERED) if not incident.active else None
    fields = [("time", about(prose, show, "announce_since", incident, since=since, until=until))]
    if incident.services:
        services = prose.say(say("card_services", services=incident.services), show)
        fields.insert(0, ("services", services))
    if incident.active:
        fields.append(("commander", about(prose, show, "announce_commander", incident)))
    if incident.active and incident.latest is not None:
        fields.append(("latest", about(prose, show, "card_latest", incident, latest=incident.latest)))
    if (due := shown_due(incident, policy or Policy())) is not None:
        fields.append(("next", about(prose, show, "announce_next", incident, due=due)))
    if not incident.open and incident.actions.total:
        fields.append(("improved", about(prose, show, "card_improved", incident)))
    if link is not None:
        fields.append(("links", prose.say(say("card_join", url=link), show)))
    wanted = (("join", "join"), ("subscribe", "subscribe")) if incident.open else ()
    return Card(
        lang=show.lang,
        headline=one_line(about(prose, show, "announce_head", incident)),
        colour=colour(incident),
        about=incident.id,
        sub=incident.id,
        fields=tuple(Field(prose.label(f"field.{name}", show.lang), value) for name, value in fields),
        buttons=tuple(
            Button(
                prose.label(f"button.{name}", show.lang), command,
                show.hail + prose.label(f"typed.{name}", show.lang).replace("#", incident.id),
                (("incident", incident.id),), (), name == "join",
            )
            for name, command in wanted
            if command in offered and not (name == "join" and link is not None)
        ),
    )  # fmt: skip


def storm_card(incidents: Sequence[Incident], prose: Prose, show: Show, *, limit: int, within: timedelta) -> Card:
    """Build the one card for incidents that a storm keeps without a room; private ones are counted nowhere.

    Once there are none it says so, with nothing to click.
    """
    shown = [incident for incident in incidents if not incident.private]
    if not shown:
        return Card(one_line(prose.say(say("storm_over"), show)), "grey", "storm", lang=show.lang)
    services = len({service for incident in shown for service in incident.services})
    lines = [
        Field(f"{incident.id} {sign(incident)} {incident.severity}", about(prose, show, "storm_line", incident))
        for incident in shown[:MOST_LINES]
    ]
    if len(shown) > MOST_LINES:
        lines.append(Field("…", prose.say(say("storm_more", more=len(shown) - MOST_LINES), show)))
    worst = min((incident.severity for incident in shown), default=Severity.P4, key=lambda level: level.value)
    return Card(
        lang=show.lang,
        headline=one_line(prose.say(say("storm_head", services=services, count=len(shown)), show)),
        colour=COLOURS[worst],
        about="storm",
        sub=one_line(prose.say(say("storm_sub", limit=limit, within=within), show)),
        fields=tuple(lines),
        buttons=(
            *_together(shown, prose, show),
            *_apart(shown[:MOST_LINES], prose, show),
            Button(
                prose.label("button.list", show.lang), "list", show.hail + prose.label("typed.list", show.lang),
                (("only", "open"),),
            ),
        ),
        footer=one_line(prose.say(say("storm_foot"), show)),
    )  # fmt: skip


def _together(incidents: Sequence[Incident], prose: Prose, show: Show) -> tuple[Button, ...]:
    """Offer to make one incident of all of them, which then has its room."""
    if len(incidents) < 2:
        return ()
    asks = one_line(prose.say(say("storm_confirm", count=len(incidents)), show))
    return (replace(Maker(prose, show).named("offer.gather", "gather", {}, primary=True), confirm=asks),)


def _apart(incidents: Sequence[Incident], prose: Prose, show: Show) -> tuple[Button, ...]:
    """Offer to handle one of them apart: who joins opens its room."""
    make = Maker(prose, show)
    options = tuple(make.click(f"{i.id} {i.severity}", "join", {"incident": i.id}) for i in incidents)
    return (replace(make.named("offer.apart", "join", {}, "F-…"), options=options),) if options else ()
