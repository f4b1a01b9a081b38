"""Looking up what typed words name: incidents, people, services, alert groups; asks instead of guessing."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.command import Context
from bot.engine.fold import fold
from bot.errors import refuse
from bot.model.alert import AlertGroup
from bot.model.ids import GroupId, IncidentId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.say import Say, say
from bot.model.text import Span
from bot.ports import Filter

_ME = frozenset({"我", "me", "myself", "自己"})
_LISTED = 5
_LONGEST_NAME = 40


def zone_of(ctx: Context) -> ZoneInfo:
    """Give the speaker's zone; a name that nobody knows falls back to the house's, then to UTC."""
    for name in (ctx.tz, ctx.policy.timezone):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # chats report whatever a person's device says
            continue
    return ZoneInfo("UTC")


def incidents_called(ctx: Context, word: str) -> list[Incident]:
    """List what `001`, `0520-001` or a full id may mean: today's wins, else the only open one, else all that match."""
    if word.startswith("F-"):
        found = ctx.reads.incident(IncidentId(word))
        return [found] if found is not None else []
    day = ctx.now.astimezone(ZoneInfo(ctx.policy.timezone)).strftime("%Y%m%d")
    matches = ctx.reads.incidents_called(word, day)
    todays = [incident for incident in matches if incident.id.startswith(f"F-{day}-")]
    if len(todays) == 1:
        return todays
    still_open = [incident for incident in matches if incident.open]
    return still_open if len(still_open) == 1 else matches


def incident_called(ctx: Context, word: str, command: str, rest: str = "") -> Incident:
    """Find the one incident that a word names; refuses when there is none or several."""
    found = incidents_called(ctx, word)
    if not found:
        raise refuse("incident_unknown", word=word)
    if len(found) > 1:
        raise refuse("incident_which", incidents=tuple(found), command=command, rest=rest)
    return found[0]


def nowhere(ctx: Context, command: str, rest: str) -> Exception:
    """Build the refusal of a command that was given without saying for which incident."""
    mine = ctx.reads.incidents(Filter(involved=ctx.person.id, limit=_LISTED)) if ctx.person is not None else []
    found = mine or ctx.reads.incidents(Filter(limit=_LISTED))
    if not found:
        return refuse("incident_none")
    return refuse("incident_which", incidents=tuple(found), command=command, rest=rest)


def services_called(ctx: Context, phrase: str) -> tuple[ServiceId, ...]:
    """List the services whose id, name or alias is exactly these words."""
    return ctx.catalog.named(phrase)


def service_ahead(ctx: Context, words: str) -> tuple[str, tuple[ServiceId, ...]] | None:
    """Find the longest name of services that a sentence begins with, `支付` of `支付挂了`, to be asked about."""
    said = fold(words)
    for size in range(min(len(said), _LONGEST_NAME), 1, -1):
        known = said[:size]
        found = services_called(ctx, known)
        after = said[size : size + 1]
        if found and not (after.isascii() and after.isalnum() and known[-1].isascii()):  # not a part of a Latin word
            return words[:size] if fold(words[:size]) == known else known, found
    return None


def group_called(ctx: Context, number: int) -> AlertGroup | None:
    """Find an alert group by the number that people type."""
    return ctx.reads.group(GroupId(number)) if number < 2**31 else None


def person_meant(ctx: Context, span: Span | None, typed: str) -> Person | Say:
    """Find the one person that a mention or a name means, else say who it may have meant."""
    if span is not None and span.person is not None:
        found = ctx.reads.person(span.person)
        if found is not None:
            return found
    name = typed.strip().lstrip("@＠").strip()
    if fold(name) in _ME and ctx.person is not None:
        return ctx.person
    called = ctx.reads.people_called(name) if name else []
    if len(called) == 1:
        return called[0]
    if called:
        return say("person_which", word=name, people=tuple(person.id for person in called))
    like = ctx.reads.people_like(name) if name else []
    return say("person_unknown", word=name, people=tuple(person.id for person in like))
