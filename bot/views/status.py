"""The status card: which fields in which order, which buttons in which order, per status."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.model.alert import AlertGroup
from bot.model.card import Button, Card, Field
from bot.model.event import Mark, Status
from bot.model.incident import Incident, Outcome
from bot.model.pace import shown_due
from bot.model.policy import Policy
from bot.model.postmortem import ReviewState, lacks_to_publish
from bot.model.say import say
from bot.model.text import Text, plain
from bot.show import Show, joined
from bot.views.offers import Maker
from bot.views.titles import OFFERED, about, colour, one_line

if TYPE_CHECKING:
    from bot.prose import Prose

TARGETS = ((Mark.DETECTED, 1), (Mark.LOCATED, 5), (Mark.RECOVERED, 10))  # minutes after the start

FIELDS = {
    Status.PENDING: ("impact", "commander", "time", "alerts", "reporter"),
    Status.HANDLING: ("impact", "latest", "commander", "time", "targets", "alerts", "next", "links"),
    Status.RECOVERED: ("impact", "time", "targets", "alerts", "lasted"),
    Status.REVIEWING: ("impact", "time", "targets", "postmortem"),
    Status.CLOSED: ("time", "targets", "outcome", "waived", "improved"),
}
BUTTONS = {
    Status.PENDING: ("confirm", "dismiss", "merge", "severity", "more"),
    Status.HANDLING: ("command", "update", "note", "milestone", "escalate", "recover", "more"),
    Status.RECOVERED: ("withdraw", "note", "announce", "observed", "more"),
    Status.REVIEWING: ("fill", "action", "meeting", "close", "reopen", "more"),
    Status.CLOSED: ("reopen",),
}
COMMANDS = {
    "confirm": "confirm", "dismiss": "dismiss", "merge": "merge", "severity": "severity", "more": "menu",
    "command": "commander", "update": "update", "note": "note", "located": "mark", "mitigated": "mark",
    "escalate": "escalate", "recover": "recover", "withdraw": "reopen", "announce": "announce", "observed": "observe",
    "fill": "postmortem", "action": "action", "meeting": "meeting", "close": "close", "reopen": "reopen",
}  # fmt: skip


ASKS = frozenset({  # what needs words opens a form
    "dismiss", "update", "note", "recover", "merge", "reopen",
    "action",
    "fill",
    "escalate",
})  # fmt: skip
_ANY_STATUS = frozenset({"more", "update", "note"})  # what is of use however it stands by now


def status_card(
    incident: Incident,
    prose: Prose,
    show: Show,
    *,
    groups: Sequence[AlertGroup] = (),
    runbook: str | None = None,
    earlier: str | None = None,
    as_of: datetime | None = None,
    policy: Policy | None = None,
    offered: Collection[str] = OFFERED,
) -> Card:
    """Build an incident's card of one status.

    Ages are stated as of the last fact, or as of `as_of` where a person asks: an edited card must not go stale, and the
    same state gives the same card. `earlier` links to the room that this one goes on from.
    """
    moment = as_of or (incident.changed.at if incident.changed else incident.declared_at)
    fields = _Fields(
        incident, prose, show, groups, runbook, moment, earlier, policy or Policy(), shown_due(incident, policy or Policy())
    )
    return Card(
        lang=show.lang,
        headline=one_line(about(prose, show, f"card_head_{incident.status}", incident)),
        colour=colour(incident),
        about=incident.id,
        sub=one_line(about(prose, show, "card_sub", incident)),
        fields=tuple(
            Field(prose.label(f"field.{name}", show.lang), value)
            for name in FIELDS[incident.status]
            if (value := getattr(fields, name)())
        ),
        buttons=tuple(_buttons(incident, prose, show, policy or Policy(), offered)),
        footer=_footer(incident, prose, show),
    )


class _Fields:
    """Word the fields of a status card, one method each; an empty text leaves the field out."""

    def __init__(
        self, incident: Incident, prose: Prose, show: Show, groups: Sequence[AlertGroup], runbook: str | None, as_of: datetime,
        earlier: str | None, policy: Policy, due: datetime | None,
    ) -> None:  # fmt: skip
        self.policy = policy
        self.incident, self.prose, self.show = incident, prose, show
        self.groups, self.runbook, self.as_of, self.earlier, self.due = groups, runbook, as_of, earlier, due
        marks = incident.marks
        self.start = marks.get(Mark.OCCURRED) or marks.get(Mark.DETECTED) or incident.declared_at
        self.end = marks.get(Mark.RECOVERED) or (incident.closed_at if incident.status is Status.CLOSED else None)

    def say(self, key: str, **params: Any) -> Text:
        return self.prose.say(say(key, incident=self.incident, **params), self.show)

    def row(self, texts: Sequence[Text]) -> Text:
        bar = plain(" · " if self.show.lang == "en" else "｜")
        return tuple(joined(span for place, text in enumerate(texts) for span in ((*bar, *text) if place else text)))

    def impact(self) -> Text:
        return self.say("card_impact", services=self.incident.services)

    def latest(self) -> Text:
        return self.say("card_latest", latest=self.incident.latest)

    def commander(self) -> Text:
        roles = [(role, who) for role, who in self.incident.roles.items() if role != "commander"][:4]
        return self.say("card_commander", roles=roles)

    def reporter(self) -> Text:
        return self.say("card_reporter")

    def time(self) -> Text:
        shown = (Mark.OCCURRED, Mark.DETECTED) if self.incident.active else (Mark.OCCURRED, Mark.DETECTED, Mark.RECOVERED)
        marks = [(mark, self.incident.marks[mark]) for mark in shown if mark in self.incident.marks]
        going = max(self.as_of - self.start, timedelta(0)) if self.end is None and self.incident.active else None
        return self.say("card_time", marks=marks, going=going, as_of=self.as_of)

    def targets(self) -> Text:
        if not self.incident.severity.grave:
            return ()
        said: list[Text] = []
        for mark, minutes in TARGETS:
            at = self.incident.marks.get(mark)
            target = self.start + timedelta(minutes=minutes)
            took = max(at - self.start, timedelta(0)) if at is not None else None
            unknown = mark is Mark.DETECTED and Mark.OCCURRED not in self.incident.marks
            if took is None and not self.incident.active:
                continue  # never marked, and nobody is waiting for it any more
            kept = took is not None and took <= target - self.start
            said.append(self.say(
                "card_target", mark=mark, took=took, kept=kept, minutes=minutes, target=target, passed=self.as_of > target,
                unknown=unknown,
            ))  # fmt: skip
        return self.row(said)

    def alerts(self) -> Text:
        return self.say("card_alerts", groups=[group.id for group in self.groups] or self.incident.groups[:5])

    def next(self) -> Text:
        due = self.due
        late = self.as_of - due if due is not None and self.as_of > due else None
        return self.say("card_next", due=due, late=late, as_of=self.as_of) if due is not None else ()

    def lasted(self) -> Text:
        return self.say("card_lasted", length=(self.end or self.as_of) - self.start)

    def links(self) -> Text:
        known = (("card_bridge", self.incident.bridge), ("card_runbook", self.runbook), ("card_earlier", self.earlier))
        return self.row([self.say(key, url=url) for key, url in known if url])

    def improved(self) -> Text:
        return self.say("card_improved") if self.incident.actions.total else ()

    def postmortem(self) -> Text:
        lacks = lacks_to_publish(self.incident, self.policy) if _to_write(self.incident) else ()
        return self.say("card_postmortem", lacks=lacks)

    def outcome(self) -> Text:
        return self.say("card_merged") if self.incident.merged_into else ()

    def waived(self) -> Text:
        return self.say("card_waived") if self.incident.waiver else ()


def _to_write(incident: Incident) -> bool:
    """Say whether the postmortem is still being written."""
    return incident.review.state in (ReviewState.NONE, ReviewState.DRAFTING) and incident.waiver is None


def _footer(incident: Incident, prose: Prose, show: Show) -> str:
    parts: list[Text] = [plain(f"#{incident.n}")]
    if incident.changed is not None:
        parts.append(prose.say(say("card_changed", changed=incident.changed), show))
    if incident.held_back and incident.open:
        parts.append(prose.say(say("card_held_back", incident=incident), show))
    if incident.undelivered:
        parts.append(prose.say(say("card_undelivered", count=incident.undelivered), show))
    parts.append(prose.say(say("card_help"), show))
    return " · ".join(one_line(part) for part in parts)


def _buttons(incident: Incident, prose: Prose, show: Show, policy: Policy, offered: Collection[str]) -> Iterator[Button]:
    status, primary = incident.status, True
    for name in BUTTONS[status]:
        if (incident.commander and name == "command") or incident.outcome in (Outcome.MERGED, Outcome.CANCELLED):
            continue
        if name == "fill" and not _to_write(incident):
            continue
        if name == "milestone":
            left = [mark for mark in (Mark.LOCATED, Mark.MITIGATED) if mark not in incident.marks] if incident.commander else []
            if not left:
                continue
            name = left[0].value
        if name == "observed" and incident.observe_until is None:
            name = "close"  # nothing is watched any more: closing is what is left to do
        if COMMANDS[name] not in offered or (name == "announce" and not policy.audiences):
            continue
        args: tuple[tuple[str, str], ...] = (("incident", incident.id),)
        if name in (Mark.LOCATED, Mark.MITIGATED):
            args = (*args, ("mark", name))
        assumes: tuple[tuple[str, str], ...] = () if name in _ANY_STATUS else (("status", status.value),)
        if name == "command":
            assumes = (*assumes, ("commander", ""))
        published = incident.review.state is ReviewState.PUBLISHED
        waives = name == "close" and status is Status.REVIEWING and incident.waiver is None and not published
        typed = prose.label(f"typed.{'waive' if waives else name}", show.lang)
        asks = name in ASKS or waives
        yield Button(
            prose.label(f"button.{name}", show.lang), COMMANDS[name], show.hail + typed, args, assumes, primary,
            None if asks else _confirm(name, incident, prose, show, policy), asks,
            _levels(incident, prose, show) if name == "severity" else (),
        )  # fmt: skip
        primary = False


def _levels(incident: Incident, prose: Prose, show: Show) -> tuple[Button, ...]:
    assumes = {"status": incident.status.value, "severity": incident.severity.value}
    return tuple(Maker(prose, show).levels(incident, assumes, here=True))


def _confirm(name: str, incident: Incident, prose: Prose, show: Show, policy: Policy) -> str | None:
    if name != "close":
        return None
    watch = policy.observes(incident.severity)
    return one_line(prose.say(say(f"card_confirm_{name}", people=len(incident.involved), watch=watch), show))
