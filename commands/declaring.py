"""Declare an incident, or report what may be one. Nothing is asked before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.command import Answer, Ask, Context, Drill, FormText, FormWord, Moment, New, Private, Unsure, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.alert import AlertGroup
from bot.model.event import Fact, Happened, Invitee, Status
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.matrix import Proposal, Signs, assess
from bot.model.person import Person, Standing
from bot.model.proposing import most_vital
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import Text, plain
from bot.oncall.duty import on_call_for
from bot.ports import Filter
from commands.common import SHOWN_OWNERS, me, must_be_free, owns, past, shortened

TITLE_CHARS = 150
SAMPLES = 20
SHOWN_DEPENDANTS = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what somebody asked to be made."""

    title: Text
    severity: Severity | None
    services: tuple[ServiceId, ...]
    unsure: tuple[tuple[str, tuple[ServiceId, ...]], ...]
    groups: tuple[AlertGroup, ...]
    at: datetime | None
    commander: Person | None = None
    drill: bool = False
    private: bool = False
    new: bool = False
    report: bool = False
    impact: Text = ()
    led: bool = False  # nobody named: whoever is on call is to command


@command(
    en=("declare",),
    zh=("声明", "宣布", "建故障", "拉群"),
    glued=("声明",),
    does=Words("宣布一个故障：建群、叫人", "declare an incident: opens a room and calls people"),
    usage=Words(
        "声明 [P1] [服务] <一句现象> [@指挥官] [14:05] [A-1029] [--演练] [--保密] [--新建]",
        "declare [P1] [service] <what is wrong> [@commander] [14:05] [A-1029] [--drill] [--private] [--new]",
    ),
    example=Words("声明 P1 支付服务 支付失败", "declare P1 payments failing"),
    may=Standing.MEMBER,
    where=Where.ANYWHERE | Where.DIRECT,
    form=(
        Ask("title", required=True, line=True, longest=TITLE_CHARS),
        "severity",
        "services",
        "impact",
        Ask("at", now=True),
        Ask("commander", otherwise="oncall"),
        "private",
        "drill",
    ),
)
def declare(
    ctx: Context,
    severity: Severity | None = None,
    services: tuple[ServiceId, ...] = (),
    unsure: Unsure = (),
    commander: Person | None = None,
    at: Moment | None = None,
    groups: tuple[AlertGroup, ...] = (),
    drill: Drill = False,
    private: Private = False,
    new: New = False,
    title: Text = (),
    impact: FormText = (),
    commander_otherwise: FormWord = "",
) -> Answer:
    """Make an incident at once, or add to the one that its service already has."""
    led = commander_otherwise == "oncall"
    return _made(ctx, Wanted(title, severity, services, unsure, groups, at, commander, drill, private, new, False, impact, led))


@command(
    en=("report",),
    zh=("上报", "报障", "反馈"),
    glued=("上报",),
    does=Words("上报可能的故障，由负责人确认", "report what may be an incident; an owner confirms it"),
    usage=Words("上报 <一句现象> [服务]", "report <what is wrong> [service]"),
    example=Words("上报 支付有人付不了", "report users cannot pay"),
    may=Standing.MEMBER,
    where=Where.ANYWHERE | Where.DIRECT,
    form=(Ask("text", required=True, line=True, longest=TITLE_CHARS), "services", Ask("at", now=True)),
)
def report(
    ctx: Context,
    severity: Severity | None = None,
    services: tuple[ServiceId, ...] = (),
    unsure: Unsure = (),
    at: Moment | None = None,
    drill: Drill = False,
    new: New = False,
    text: Text = (),
) -> Answer:
    """Make a pending incident that an owner is asked to confirm."""
    return _made(ctx, Wanted(text, severity, services, unsure, (), at, drill=drill, new=new, report=True))


def _made(ctx: Context, wanted: Wanted) -> Answer:
    for group in wanted.groups:
        must_be_free(ctx, group)
    named = tuple(dict.fromkeys((*wanted.services, *(g.service for g in wanted.groups if g.service is not None))))
    title = wanted.title or plain(wanted.groups[0].title if wanted.groups else "")
    if not title:
        if wanted.report:
            raise refuse("report_text", field="text", services=wanted.services)
        raise refuse("declare_title", field="title", severity=wanted.severity, services=wanted.services)
    known = None if wanted.new or wanted.private else _already_open(ctx, named, wanted.drill)
    if known is not None:
        return _joined(ctx, known, wanted, title)
    return _new(ctx, wanted, title, named)


def _already_open(ctx: Context, services: tuple[ServiceId, ...], drill: bool) -> Incident | None:
    """Find the newest trouble of these services that is recent enough to be the same one; drills only meet drills."""
    live = (Status.PENDING, Status.HANDLING, Status.RECOVERED)
    since = ctx.now - ctx.policy.duplicate_within
    for service in services:
        for incident in ctx.reads.incidents(Filter(statuses=live, service=service, since=since)):
            if incident.drill is drill:
                return incident
    return None


def _joined(ctx: Context, known: Incident, wanted: Wanted, title: Text) -> Answer:
    """Put what was said into the incident that is open already, and offer what else may have been meant."""
    facts: list[Fact] = [
        Happened(ev.NoteAdded(text=words), at=None, incident=known.id) for words in (title, wanted.impact) if words
    ]
    groups = tuple(g.id for g in wanted.groups if g.id not in known.groups)
    if groups:
        firing, resolved = ctx.reads.counts_of((*known.groups, *groups))
        samples = tuple(g.title for g in wanted.groups)[:SAMPLES]
        linked = ev.AlertsLinked(groups=groups, firing=firing, resolved=resolved, samples=samples)
        facts.append(Happened(linked, incident=known.id))
    graver = wanted.severity if wanted.severity and wanted.severity.worse_than(known.severity) else None
    return Answer(
        facts,
        say(
            "duplicate", known=known, graver=graver, title=title, severity=wanted.severity, services=wanted.services,
            report=wanted.report,
        ),
    )  # fmt: skip


def _new(ctx: Context, wanted: Wanted, title: Text, named: tuple[ServiceId, ...]) -> Answer:
    at = past(ctx, wanted.at)
    confirmed = not wanted.report and _confirms(ctx, wanted, named)
    found = _proposed(ctx, wanted, named, at)
    severity = wanted.severity or found.level
    firing, resolved = ctx.reads.counts_of([g.id for g in wanted.groups]) if wanted.groups else (0, 0)
    short = shortened(title, TITLE_CHARS)
    facts: list[Fact] = [
        ev.IncidentDeclared(
            title=short, severity=severity, status=Status.HANDLING if confirmed else Status.PENDING,
            provisional=wanted.severity is None, services=named, drill=wanted.drill, private=wanted.private,
            groups=tuple(g.id for g in wanted.groups), firing=firing, resolved=resolved,
            home=ctx.via.connection if ctx.via is not None else None, lang=ctx.policy.lang, report=wanted.report,
            occurred=at, detected=min((g.first_at for g in wanted.groups), default=None),
            samples=tuple(g.title for g in wanted.groups)[:SAMPLES], why=() if wanted.severity else found.reasons,
        )
    ]  # fmt: skip
    if short != title:
        facts.append(ev.NoteAdded(text=title))
    if wanted.impact:
        facts.append(ev.ImpactStated(text=wanted.impact))
    duty = on_call_for(ctx.catalog, ctx.reads, named, ctx.now)
    led_by = wanted.commander.id if wanted.commander is not None else next(iter(duty), None) if wanted.led and confirmed else None
    if led_by == me(ctx):
        facts.append(ev.CommanderChanged(before=None, after=led_by))
    elif led_by is not None:
        facts.append(ev.PeopleInvited(people=(Invitee(led_by, "commander"),)))
        facts.append(ev.CommandOffered(to=led_by))
    owners = tuple(dict.fromkeys((*duty, *ctx.catalog.owners(named))))
    has_room = confirmed or severity in ctx.policy.room_while_pending
    return Answer(
        facts,
        say(
            "reported" if wanted.report else "declared", owners=owners[:SHOWN_OWNERS], has_room=has_room, at=at,
            dependants=ctx.catalog.dependants(named)[:SHOWN_DEPENDANTS], unsure=wanted.unsure,
            seconds=int(ctx.policy.undo_for.total_seconds()),
            why=() if wanted.severity else found.reasons,
        ),
    )  # fmt: skip


def _confirms(ctx: Context, wanted: Wanted, named: tuple[ServiceId, ...]) -> bool:
    """Say whether this person's word makes it an incident at once: an admin, an owner of what they named, or who is on call.

    An ambiguous word names all that it may mean. Naming no service at all, an owner of any service is believed.
    """
    meant = (*named, *(service for _, candidates in wanted.unsure for service in candidates))
    meant = meant or tuple(ctx.catalog.services)
    return ctx.standing is Standing.ADMIN or owns(ctx, meant) or me(ctx) in on_call_for(ctx.catalog, ctx.reads, meant, ctx.now)


def _proposed(ctx: Context, wanted: Wanted, named: tuple[ServiceId, ...], at: datetime | None) -> Proposal:
    """Propose a level: of the alerts, else of alerts that wait to be judged for the service, else by the service's tier."""
    alerts = [(g.id, g.severity) for g in wanted.groups if g.severity is not None]
    if not alerts:
        alerts = [(g.id, g.severity) for s in named for g in ctx.reads.groups_proposed(s) if g.severity is not None]
    service, tier = most_vital(named, ctx.catalog)
    lasted = ctx.now - at if at is not None else timedelta(0)
    return assess(Signs(service, tier, lasted=lasted, alerts=tuple(alerts)), ctx.policy.matrix, ctx.policy.default_severity)
