"""Questions: they change nothing, and only the one who asks sees the answer."""

from __future__ import annotations

from datetime import timedelta

from bot.command import Context, Count, Declaration, ListFilter, Where, Word, Words, query
from bot.errors import refuse
from bot.model import event as ev
from bot.model.actions import PENDING, ActionItem, ItemFilter, ItemState
from bot.model.alert import AlertGroup
from bot.model.event import Event, Mark, Status
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.proposing import proposal
from bot.model.say import Say, say
from bot.ports import Filter
from bot.views.offers import MENU
from commands.common import LOOK_BACK, about, me, ref

BRIEF_CHANGES = 3
ENTRIES, MOST_ENTRIES = 20, 100
HELP_LINES = 8
HOME_INCIDENTS = 5
HOME_ITEMS = 3
_NOTABLE = (
    ev.Marked, ev.SeverityChanged, ev.CommanderChanged, ev.UpdatePosted, ev.IncidentConfirmed, ev.IncidentRecovered,
    ev.IncidentReopened, ev.ImpactStated,
)  # fmt: skip
_SEVERITY_WORDS = frozenset({"等级", "定级", "级别", "severity", "level"})
_ME_WORDS = frozenset({"我", "叫我", "me", "i"})
_ALL_WORDS = frozenset({"全部", "所有", "all"})


@query(
    en=("status",),
    zh=("状态", "卡片"),
    does=Words("看状态卡", "see the status card"),
    usage=Words("状态 [编号|服务]", "status [id|service]"),
    example=Words("状态 支付", "status payments"),
)
def status(ctx: Context, incident: Incident | None = None, services: tuple[ServiceId, ...] = ()) -> Say:
    """Show the status card of one incident, or list those that may be meant."""
    found = about(ctx, incident, services)
    return say("status_card", incident=found[0]) if len(found) == 1 else _listed(found, services)


@query(
    en=("brief", "catchup"),
    zh=("现状", "进展如何", "什么情况"),
    does=Words("几句话说现状，和你上次看以来的变化", "how it stands in a few lines, and what changed since you last acted"),
    usage=Words("现状 [编号|服务]", "brief [id|service]"),
    example=Words("现状", "brief"),
)
def brief(ctx: Context, incident: Incident | None = None, services: tuple[ServiceId, ...] = ()) -> Say:
    """Say in at most six lines how it stands."""
    found = about(ctx, incident, services)
    return brief_of(ctx, found[0]) if len(found) == 1 else _listed(found, services)


def brief_of(ctx: Context, incident: Incident) -> Say:
    """Build the brief of one incident for the person who asks."""
    events = ctx.reads.timeline(incident.id, last=LOOK_BACK)
    mine = next((event for event in reversed(events) if event.actor == ctx.actor), None)
    undone = {n for event in events if isinstance(event.payload, ev.Undone) for n in event.payload.of}
    changes = [e for e in events if _notable(e) and e.n not in undone and (mine is None or e.n > mine.n)]
    return say(
        "brief", incident=incident, running=_running(ctx, incident), since=mine.recorded_at if mine is not None else None,
        changes=changes[-BRIEF_CHANGES:],
    )  # fmt: skip


def _notable(event: Event) -> bool:
    sorted_note = isinstance(event.payload, ev.NoteAdded) and event.payload.sort is not None
    return sorted_note or isinstance(event.payload, _NOTABLE)


def _running(ctx: Context, incident: Incident) -> timedelta:
    """Measure from when it occurred, else was found, to its recovery or until now."""
    began = incident.marks.get(Mark.OCCURRED) or incident.marks.get(Mark.DETECTED) or incident.declared_at
    ended = incident.marks.get(Mark.RECOVERED) or incident.closed_at or ctx.now
    return max(ended - began, timedelta(0))


@query(
    en=("list",),
    zh=("列表", "有哪些故障"),
    does=Words("列出故障，默认进行中的", "list incidents, by default the open ones"),
    usage=Words("列表 [进行中|我的|P1|服务|7天|全部]", "list [open|mine|P1|service|7d|all]"),
    example=Words("列表 进行中", "list open"),
    where=Where.ANYWHERE | Where.DIRECT,
)
def listing(ctx: Context, only: ListFilter | None = None) -> Say:
    """List incidents, the gravest first and of one level the newest."""
    wanted = only if only is not None else Filter()
    found = sorted(ctx.reads.incidents(wanted), key=lambda incident: incident.severity)
    if not found:
        return say("none_listed", services=(wanted.service,) if wanted.service else ())
    return say("listed", incidents=found, total=max(ctx.reads.count(wanted), len(found)))


def _listed(found: list[Incident], services: tuple[ServiceId, ...]) -> Say:
    if not found:
        return say("none_listed", services=services)
    return say("listed", incidents=sorted(found, key=lambda incident: incident.severity), total=len(found))


@query(
    en=("timeline",),
    zh=("时间线",),
    does=Words("看最近的记录", "see the latest entries"),
    usage=Words("时间线 [编号] [条数]", "timeline [id] [how many]"),
    example=Words("时间线 20", "timeline 20"),
    may=Standing.RESPONDER,
)
def timeline(ctx: Context, incident: Incident, count: Count | None = None) -> Say:
    """Show the last entries, oldest first; what is internal stays with the admins."""
    wanted = min(max(count or ENTRIES, 1), MOST_ENTRIES)
    events = ctx.reads.timeline(incident.id, last=wanted)
    seen = [event for event in events if event.audience == "room" or ctx.standing is Standing.ADMIN]
    return say("timeline", incident=incident, events=seen)


@query(
    en=("why",),
    zh=("为什么",),
    does=Words("为什么是这个等级、这组告警怎么判的、为什么叫我", "why this level, why these alerts, why me"),
    usage=Words("为什么 [等级|A-1029|我]", "why [severity|A-1029|me]"),
    example=Words("为什么 等级", "why severity"),
    where=Where.ROOM | Where.ANYWHERE,
)
def why(ctx: Context, incident: Incident | None = None, groups: tuple[AlertGroup, ...] = (), what: Word | None = None) -> Say:
    """Tell the facts behind a decision."""
    if groups:
        return say("why_groups", groups=groups)
    if incident is None:
        raise refuse("why_which")
    word = what.casefold() if what is not None else None
    if word in _ME_WORDS:
        return _why_me(ctx, incident)
    if word is not None and word not in _SEVERITY_WORDS:
        raise refuse("why_what", word=word)
    kinds = (ev.IncidentDeclared, ev.IncidentConfirmed, ev.SeverityChanged, ev.SeverityProposed)
    first, last = ctx.reads.timeline(incident.id, limit=1), ctx.reads.timeline(incident.id, last=LOOK_BACK)
    steps = {event.n: event for event in (*first, *last) if isinstance(event.payload, kinds)}
    known = ctx.reads.groups_of(incident.id)
    found = proposal(incident, known, ctx.catalog, ctx.policy, ctx.now) if incident.active else None
    return say(
        "why_severity", incident=incident, steps=list(steps.values()), groups=known[:3], found=found, ref=ref(ctx, incident)
    )


def _why_me(ctx: Context, incident: Incident) -> Say:
    person = me(ctx)
    invitee = next((i for i in incident.invited if i.person == person), None)
    owned = ctx.catalog.owners(incident.services).get(person)
    return say(
        "why_me", incident=incident, why=invitee.why if invitee else None,
        service=invitee.service if invitee else owned[0] if owned else None,
        duty=invitee.duty if invitee else owned[1] if owned else None,
        roles=[name for name, holder in incident.roles.items() if holder == person],
        commands=incident.commander == person, declared=incident.declared_by == ctx.actor, involved=person in incident.involved,
        ref=ref(ctx, incident),
    )  # fmt: skip


@query(
    en=("whoami",),
    zh=("我是谁",),
    does=Words("看系统怎么认识你", "see how you are known here"),
    usage=Words("我是谁", "whoami"),
    example=Words("我是谁", "whoami"),
    where=Where.DIRECT,
)
def whoami(ctx: Context) -> Say:
    """Tell who the person is to us: name, standing, services, open incidents, zone."""
    person = me(ctx)
    mine = tuple(s.id for s in ctx.catalog.services.values() if person in s.owners())
    chats = tuple(dict.fromkeys(account.connection for account in ctx.reads.accounts_of(person)))
    open_ones = ctx.reads.incidents(Filter(open=True, involved=person))
    return say("whoami", person=person, standing=int(ctx.standing), services=mine, incidents=open_ones, zone=ctx.tz, chats=chats)


@query(
    en=("menu", "more"),
    zh=("更多",),
    does=Words("看对这个故障还能做什么", "see what else can be done about it"),
    usage=Words("更多 [编号]", "more [id]"),
    example=Words("更多", "more"),
    where=Where.ROOM | Where.ANYWHERE,
)
def menu(ctx: Context, incident: Incident) -> Say:
    """Offer what has no button on the status card, as far as the status permits it."""
    found = [ctx.declarations[name] for name in MENU[incident.status] if name in ctx.declarations]
    return say("menu", incident=incident, declarations=found)


# What is of use, by how the incident stands; the first eight that the person may do are shown.
_USEFUL: dict[Status | None, tuple[str, ...]] = {
    None: ("declare", "report", "list", "join", "status", "ack", "dismiss", "whoami"),
    Status.PENDING: ("confirm", "dismiss", "severity", "note", "impact", "merge", "commander", "brief"),
    Status.HANDLING: ("update", "note", "mark", "impact", "invite", "severity", "recover", "commander"),
    Status.RECOVERED: ("reopen", "note", "close", "mark", "impact", "brief", "timeline", "status"),
    Status.REVIEWING: ("close", "note", "mark", "timeline", "reopen", "brief", "status", "why"),
    Status.CLOSED: ("reopen", "timeline", "note", "brief", "status", "why", "list", "declare"),
}


@query(
    en=("help",),
    zh=("帮助", "怎么用", "?"),
    does=Words("看你现在能做什么", "see what you can do now"),
    usage=Words("帮助 [命令|全部]", "help [command|all]"),
    example=Words("帮助 进展", "help update"),
)
def help(ctx: Context, incident: Incident | None = None, word: Word | None = None) -> Say:
    """Explain one command, all, or those that fit this person here and now; read off the declarations."""
    typed = {name: d for name, d in ctx.declarations.items() if d.words}
    if word is not None and word.casefold() in _ALL_WORDS:
        return say("help_all", declarations=list(typed.values()))
    if word is not None:
        found = next((d for d in typed.values() if word.casefold() in {w.casefold() for w in d.words}), None)
        if found is None:
            raise refuse("help_none", word=word)
        return say("help_one", declaration=found)
    here = incident if incident is not None or ctx.room is None else ctx.reads.incident(ctx.room.incident)
    ongoing = ctx.reads.incidents(Filter(limit=HOME_INCIDENTS)) if here is None else []
    offered = here is not None and here.offered_to == me(ctx)
    fitting = _fitting(ctx, here, typed)
    own, verify = _waiting(ctx)
    return say(
        "help_here", about=here, declarations=fitting, ongoing=ongoing, offered=offered, items=own[:HOME_ITEMS], verify=verify,
        more=max(len(own) - HOME_ITEMS, 0),
    )  # fmt: skip


def _waiting(ctx: Context) -> tuple[list[ActionItem], list[ActionItem]]:
    """List the items that wait for the person who asks: to be done, and to be verified."""
    own = ctx.reads.items(ItemFilter(people=(me(ctx),), states=PENDING, live=True))
    verify = ctx.reads.items(ItemFilter(verifier=me(ctx), states=(ItemState.DONE,), live=True, limit=HOME_ITEMS))
    return own, verify


def _fitting(ctx: Context, incident: Incident | None, typed: dict[str, Declaration]) -> list[Declaration]:
    names = _USEFUL[incident.status if incident is not None else None]
    if incident is not None and incident.status is Status.HANDLING and incident.commander is None:
        names = ("commander", *(name for name in names if name != "commander"))
    may = ctx.standing
    if incident is not None and me(ctx) in ctx.catalog.owners(incident.services):
        may = max(may, Standing.COMMANDER)  # owners may end what their services are in
    return [typed[name] for name in names if name in typed and may >= typed[name].may][:HELP_LINES]
