"""What several commands ask of an incident, its log and the person who asks."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from bot.command import Context
from bot.errors import refuse
from bot.model import event as ev
from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Event, Fact, Payload
from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.text import Span, Text
from bot.ports import Filter, Reads

SHOWN_OWNERS = 3  # how many people a refusal names
LOOK_BACK = 200  # facts that are searched for who did something last
CLOCKS_DIFFER = timedelta(minutes=1)
_PAGE = 500


def ref(ctx: Context, incident: Incident) -> str:
    """Give what a line to copy needs to name the incident: nothing in its own room, else ` F-…`."""
    here = ctx.room is not None and ctx.room.incident == incident.id
    return "" if here else f" {incident.id}"


def me(ctx: Context) -> PersonId:
    """Give the person who asks; only people give these commands."""
    person = ctx.actor.person
    assert person is not None, "a command of people was given by something else"
    return person


def owns(ctx: Context, services: tuple[ServiceId, ...]) -> bool:
    """Say whether the person who asks owns one of these services."""
    return me(ctx) in ctx.catalog.owners(services)


def as_commander(
    ctx: Context,
    incident: Incident,
    command: str,
    refusal: str,
    *,
    owner_may: bool = False,
    field: str | None = None,
    **params: object,
) -> tuple[Fact, ...]:
    """Let pass whoever may act as the commander here, and give what to record when they go over their standing.

    Without a commander every responder may (the standing says so). A responder with a reason may always. Refuses under
    the key `refusal`, with the people who can.
    """
    if ctx.standing >= Standing.COMMANDER or (owner_may and owns(ctx, incident.services)):
        return ()
    if ctx.forced and ctx.standing > Standing.MEMBER:
        return (ev.Forced(command=command, reason=ctx.forced),)
    owners = tuple(ctx.catalog.owners(incident.services))[:SHOWN_OWNERS] if owner_may else ()
    raise refuse(
        refusal, field=field, incident=incident, commander=incident.commander, owners=owners, ref=ref(ctx, incident), **params
    )


def must_be_open(ctx: Context, incident: Incident) -> None:
    """Refuse to change a closed incident, naming how it ended and the way back."""
    if not incident.open:
        into = visible(ctx, incident.merged_into) if incident.merged_into is not None else None
        raise refuse("is_closed", incident=incident, into=into, ref=ref(ctx, incident))


def visible(ctx: Context, ident: IncidentId) -> IncidentId | None:
    """Give an id only if the person who asks may see that incident."""
    return ident if ctx.reads.incident(ident) is not None else None


def must_be_free(ctx: Context, group: AlertGroup) -> None:
    """Refuse alerts that belong to an incident already, naming it to whoever may see it."""
    if group.state is GroupState.ATTACHED and group.incident is not None:
        raise refuse("group_taken", group=group.id, id=visible(ctx, group.incident))


def last_of(reads: Reads, incident: Incident, *kinds: type[Payload]) -> Event | None:
    """Find the newest fact of these kinds, to say who did it and when."""
    recent = reads.timeline(incident.id, last=LOOK_BACK)
    return next((event for event in reversed(recent) if isinstance(event.payload, kinds)), None)


def past(ctx: Context, at: datetime | None) -> datetime | None:
    """Check that a typed instant is not still to come; clocks may differ by a minute."""
    if at is not None and at > ctx.now + CLOCKS_DIFFER:
        raise refuse("not_yet", field="at", when=at)
    return min(at, ctx.now) if at is not None else None


def whole_log(reads: Reads, incident: IncidentId) -> list[Event]:
    """Read an incident's log from its first fact to its last."""
    log: list[Event] = []
    while page := reads.timeline(incident, after=log[-1].n if log else 0, limit=_PAGE):
        log += page
    return log


def about(ctx: Context, incident: Incident | None, services: tuple[ServiceId, ...]) -> list[Incident]:
    """List the incidents that a question means: of the named services, else the implied one, else every open one."""
    if services:
        found = {i.id: i for service in services for i in ctx.reads.incidents(Filter(service=service))}
        return list(found.values())
    return [incident] if incident is not None else ctx.reads.incidents(Filter())


_NAMED = re.compile(r"(?<![\w.@＠])[@＠]([^\s@＠,，。、;；:：!！?？()（）\[\]]{1,20})")
_NAMES = 20  # that are looked up in one text


def calling(ctx: Context, text: Text) -> Text:
    """Find the people whom a text names with an @, where the chat did not say who they are: by exact and unique name.

    Chinese goes on behind a name without a space, so that the longest beginning that names somebody counts.
    """
    called: list[Span] = []
    for span in text:
        if span.kind == "person" and span.person is None:
            called.append(_called(ctx, span.text.lstrip("@＠"), span))
        elif span.kind == "text":
            called += _calls(ctx, span.text)
        else:
            called.append(span)
    return tuple(called)


def _calls(ctx: Context, words: str) -> list[Span]:
    found: list[Span] = []
    last = 0
    for named in list(_NAMED.finditer(words))[:_NAMES]:
        ends = range(len(named[1]), 0 if named[1].isascii() else 1, -1)
        for end in (len(named[1]),) if named[1].isascii() else ends:
            span = _called(ctx, named[1][:end], None)
            if span.person is not None:
                found += [Span(words[last : named.start()]), span]
                last = named.start(1) + end
                break
    return [span for span in (*found, Span(words[last:])) if span.text]


def _called(ctx: Context, name: str, otherwise: Span | None) -> Span:
    known = ctx.reads.people_called(name)
    return Span(f"@{name}", "person", known[0].id) if len(known) == 1 else otherwise or Span(f"@{name}")


def shortened(text: Text, most: int) -> Text:
    """Cut typed text to at most so many characters, the last of them an ellipsis where something was cut."""
    if sum(len(span.text) for span in text) <= most:
        return text
    kept: list[Span] = []
    left = most - 1
    for span in text:
        if left <= 0:
            break
        kept.append(span if len(span.text) <= left else Span(span.text[:left]))
        left -= len(kept[-1].text)
    return (*kept, Span("…"))
