"""A small organisation in memory: commands run in it as pure functions, their facts are applied, their answers worded.

Nothing reacts to facts here; what follows from them is the engine's and tested there.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

import commands
from bot.command import Answer, Context, Declaration, declared_in
from bot.engine.binding import bind
from bot.engine.house import House
from bot.engine.reading import Call, read
from bot.engine.vocabulary import Vocabulary
from bot.errors import Refused, refuse
from bot.model import event as ev
from bot.model.actions import OF_ITEMS, ActionItem, ItemFilter, ItemState, begun, changed
from bot.model.alert import AlertGroup, GroupState, judged
from bot.model.event import Event, Fact, Happened, Status, Via
from bot.model.files import Body, Kept
from bot.model.ids import ConnectionId, GroupId, IncidentId, PersonId, RoomId, RotationId, ServiceId
from bot.model.incident import Incident, Outcome, apply
from bot.model.oncall import Feed, Rotation, Slot, Swap
from bot.model.person import Account, Actor, ActorKind, Person, Standing, Viewer
from bot.model.policy import Policy
from bot.model.room import Room, RoomState
from bot.model.say import Say
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.stats import Sample
from bot.model.story import Captured, Pointed
from bot.model.subscription import Subscription
from bot.model.text import flat, plain
from bot.oncall.duty import on_call_for
from bot.oncall.holidays import holidays
from bot.oncall.leave import LEAVE
from bot.ports import Filter, Place
from bot.prose import Prose

PROSE = Prose()
START = datetime(2024, 5, 20, 6, 0, tzinfo=UTC)  # 14:00 in Shanghai
CHAT = ConnectionId("plain")
NAMES = {
    "zhang": "张三", "li": "李四", "wang": "王五", "zhao": "赵六", "root": "管理员甲", "chen": "小陈", "out": "外人",
}  # fmt: skip
P1, P2, P3, P4 = Severity
PAY, ORDER, CORE, LONE = (ServiceId(s) for s in ("payments", "orders", "paycore", "lone"))


def all_declarations() -> dict[str, Declaration]:
    """Collect every command of the package."""
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    return declared_in([importlib.import_module(f"commands.{name}") for name in names])


DECLARATIONS = all_declarations()
VOCABULARY = Vocabulary(DECLARATIONS)
_SAYINGS = Path(commands.__path__[0]).parent / "templates" / "zh" / "say"
NOT_OF_COMMANDS = ("cards", "engine", "notifying", "reading")  # files of texts that no command answers with
OURS = {
    key for file in _SAYINGS.glob("*.yaml") if file.stem not in NOT_OF_COMMANDS for key in yaml.safe_load(file.read_text("utf-8"))
}
_COPY = re.compile(r"(?:照抄：|Copy: )(.+?)(?:[，,] ?(?:或|or) .*)?$", re.MULTILINE)
_FORCE = re.compile(r"(?:代行|cannot wait|cannot be reached)[：:] ?(.+)$", re.MULTILINE)


def lines_to_copy(words: str) -> list[tuple[str, bool]]:
    """Find the lines that a text offers to copy, and whether each goes over one's standing."""
    return [(line, False) for line in _COPY.findall(words)] + [(line, True) for line in _FORCE.findall(words)]


def catalog() -> Catalog:
    """Describe four services: 李四 and 王五 own payments (tier 1), 赵六 orders, one has no owner."""
    li, wang, zhao = (PersonId(p) for p in ("li", "wang", "zhao"))
    known = (
        Service(PAY, "支付服务", "Payments", 1, ("支付", "pay"), ops=(li,), dev=(wang,)),
        Service(ORDER, "订单服务", "Orders", 2, ("订单",), ops=(zhao,)),
        Service(CORE, "支付核心", "Pay core", 1, ("支付",), ops=(wang,)),
        Service(LONE, "孤儿服务", "Lone"),
    )
    return Catalog({service.id: service for service in known})


def person(ident: str) -> Person:
    """Give one of the people."""
    return Person(PersonId(ident), NAMES[ident])


def actor(ident: str) -> Actor:
    """Give one of the people as the one who acts."""
    return Actor(ActorKind.PERSON, ident)


TIMER = Actor(ActorKind.TIMER, "timer")


class FakeReads:
    """Read the world as a viewer: a private incident is there for those involved and for admins only."""

    def __init__(self, world: World, viewer: Viewer) -> None:
        self.world, self.viewer = world, viewer

    def _sees(self, incident: Incident) -> bool:
        return not incident.private or self.viewer.admin or self.viewer.person in incident.involved

    def incident(self, ident: IncidentId) -> Incident | None:
        found = self.world.incidents.get(ident)
        return found if found is not None and self._sees(found) else None

    def incidents(self, only: Filter) -> list[Incident]:
        return self._all(only)[: only.limit]

    def count(self, only: Filter) -> int:
        return len(self._all(only))

    def held_back_since(self, at: datetime, limit: int = 50) -> list[Incident]:
        return [i for i in self._all(Filter(open=True)) if i.held_back and i.declared_at >= at][:limit]

    def _all(self, only: Filter) -> list[Incident]:
        newest_first = sorted(self.world.incidents.values(), key=lambda i: i.id, reverse=True)
        return [i for i in newest_first if self._sees(i) and _fits(i, only)]

    def timeline(self, incident: IncidentId, after: int = 0, last: int | None = None, limit: int = 500) -> list[Event]:
        log = [e for e in self.world.logs.get(incident, []) if e.n > after]
        return log[-last:] if last is not None else log[:limit]

    def story(
        self, incident: IncidentId, before: tuple[datetime, int], kinds: Sequence[str] = (), limit: int = 100
    ) -> list[Event]:
        known = [e for e in self.world.logs.get(incident, []) if (e.at, e.n) < before and (not kinds or e.kind in kinds)]
        return sorted(known, key=lambda e: (e.at, e.n), reverse=True)[:limit]

    def captured(self, connection: str, chat: str, message: str) -> Captured | None:
        for incident, event in self.world.history:
            quoted = getattr(event.payload, "quoted", None)
            if incident is not None and quoted is not None and quoted.message == message:
                return Captured(quoted.connection, quoted.chat, message, incident, event.n)
        return None

    def files_of(self, incident: IncidentId) -> list[Kept]:
        found = []
        for event in self.world.logs.get(incident, []):
            p = event.payload
            if isinstance(p, ev.FileKept):
                found.append(Kept(incident, p.n, p.file, event.at, p.digest, p.size, p.type))
            elif isinstance(p, ev.FileMissed):
                found.append(Kept(incident, p.n, p.file, event.at, missed=p.code))
        return found

    def body(self, incident: IncidentId, digest: str) -> Body | None:
        return self.world.bodies.get(digest) if any(k.digest == digest for k in self.files_of(incident)) else None

    def recent_by(self, who: Actor, since: datetime) -> list[tuple[IncidentId | None, Event]]:
        mine = [(i, e) for i, e in self.world.history if e.actor == who and e.recorded_at >= since]
        return mine[::-1][:50]

    def rooms(self, incident: IncidentId) -> list[Room]:
        return [room for room in self.world.rooms if room.incident == incident]

    def room_at(self, connection: str, chat: str) -> Room | None:
        return next((room for room in self.world.rooms if room.saw(connection, chat)), None)  # type: ignore[arg-type]

    def spare(self, connection: str, chat: str) -> None:
        return None

    def accounts_of(self, person: PersonId) -> list[Account]:
        return self.accounts(person, CHAT)

    def link_code(self, digest: str) -> None:
        return None

    def askers(self, incident: IncidentId, since: datetime) -> list[PersonId]:
        return [person for (about, person), at in self.world.askers.items() if about == incident and at > since]

    def swaps(self, rotation: RotationId, since: datetime) -> list[Swap]:
        return [swap for swap in self.world.swaps if swap.rotation == rotation and swap.end > since]

    def feed(self, rotation: RotationId) -> Feed | None:
        return self.world.feeds.get(rotation)

    def item(self, number: int) -> ActionItem | None:
        found = self.world.items.get(number)
        return found if found is not None and self.incident(found.incident) is not None else None

    def items(self, only: ItemFilter) -> list[ActionItem]:
        seen = [item for item in self.world.items.values() if self.incident(item.incident) is not None]
        found = [item for item in seen if self._asked(item, only)]
        return sorted(found, key=lambda i: i.number if only.incident else ((i.due or date.max).toordinal(), i.number))  # type: ignore[return-value]

    def samples(self, since: datetime, until: datetime, service: ServiceId | None) -> list[Sample]:
        gone = (Outcome.DISMISSED, Outcome.CANCELLED, Outcome.MERGED)
        return [
            Sample(
                i.id, i.severity, i.title, i.declared_at, i.status is Status.CLOSED, i.marks, i.services, i.actions,
                next((e.at for e in self.world.logs[i.id] if isinstance(e.payload, ev.CommanderChanged)), None),
            )
            for i in sorted(self.world.incidents.values(), key=lambda i: i.id)
            if since <= i.declared_at < until and not i.drill and not i.private and i.outcome not in gone
            and service in (None, *i.services)
        ]  # fmt: skip

    def overdue_items(self, day: date, service: ServiceId | None) -> int:
        services = (service,) if service is not None else ()
        return sum(i.state is not ItemState.DONE for i in self.items(ItemFilter(services=services, due_before=day, live=True)))

    def _asked(self, item: ActionItem, only: ItemFilter) -> bool:
        incident = self.world.incidents[item.incident]
        gone = incident.outcome in (Outcome.DISMISSED, Outcome.CANCELLED)
        open_ones = only.incident is not None or ItemState.ACCEPTED in only.states or item.state is not ItemState.ACCEPTED
        return (
            open_ones
            and only.incident in (None, item.incident)
            and (not only.people or item.who in only.people)
            and only.verifier in (None, item.verifier)
            and (not only.services or not set(only.services).isdisjoint(incident.services))
            and (not only.states or item.state in only.states)
            and (only.due_before is None or (item.due is not None and item.due < only.due_before))
            and not (only.live and gone)
        )

    def subscriptions(self, person: PersonId) -> list[Subscription]:
        return [s for s in self.world.subscriptions if s.person == person]

    def group(self, ident: GroupId) -> AlertGroup | None:
        return self.world.groups.get(ident)

    def groups_of(self, incident: IncidentId) -> list[AlertGroup]:
        return [g for g in self.world.groups.values() if g.incident == incident]

    def groups_proposed(self, service: ServiceId | None, limit: int = 20) -> list[AlertGroup]:
        return [g for g in self.world.groups.values() if g.state is GroupState.PROPOSED and service in (None, g.service)]

    def person(self, ident: PersonId) -> Person | None:
        return person(ident) if ident in NAMES else None

    def account(self, connection: ConnectionId, ident: str) -> Account | None:
        known = ident.removeprefix("U-")
        return Account(connection, ident, PersonId(known), NAMES[known]) if known in NAMES and known != ident else None

    def accounts(self, person: PersonId, connection: ConnectionId) -> list[Account]:
        return [Account(connection, f"U-{person}", person, NAMES[person], outsider=person == "out")] if person in NAMES else []

    def incidents_called(self, word: str, today: str) -> list[Incident]:
        return [i for i in self.world.incidents.values() if i.id.endswith(word) and self._sees(i)][:5]

    def people_called(self, word: str) -> list[Person]:
        return [person(ident) for ident, name in NAMES.items() if word.removeprefix("@") in (ident, name)]

    def people_like(self, word: str, limit: int = 3) -> list[Person]:
        return [person(ident) for ident, name in NAMES.items() if name in word or word in name][:limit]

    def counts_of(self, groups: Sequence[GroupId]) -> tuple[int, int]:
        known = [self.world.groups[g] for g in groups]
        return sum(g.firing for g in known), sum(g.resolved for g in known)


def _fits(i: Incident, only: Filter) -> bool:
    return (
        (only.open is None or i.open is only.open)
        and (not only.statuses or i.status in only.statuses)
        and only.severity in (None, i.severity)
        and (only.service is None or only.service in i.services)
        and (only.involved is None or only.involved in i.involved)
        and (only.since is None or i.declared_at >= only.since)
        and (only.drills or not i.drill)
    )


@dataclasses.dataclass
class Done:
    """What one command did."""

    facts: list[Fact]
    said: Say | None
    incident: Incident | None
    zh: str = ""
    en: str = ""

    @property
    def kinds(self) -> list[str]:
        return [type(f.payload if isinstance(f, Happened) else f).__name__ for f in self.facts]

    @property
    def key(self) -> str | None:
        return self.said.key if self.said is not None else None


class World:
    """Hold what is stored, and run commands on it."""

    def __init__(self, **policy: Any) -> None:
        self.now = START
        self.policy = Policy(
            titles={CHAT: ("plain", "plain"), ConnectionId("feishu"): ("飞书", "Feishu")},
            default_chat=CHAT,
            admins=frozenset({PersonId("root")}),
            **policy,
        )
        self.catalog = catalog()
        self.house = House("test", self.policy, self.catalog, None, PROSE, DECLARATIONS, None, None)  # type: ignore[arg-type]
        self.incidents: dict[IncidentId, Incident] = {}
        self.bodies: dict[str, Body] = {}
        self.logs: dict[IncidentId, list[Event]] = {}
        self.history: list[tuple[IncidentId | None, Event]] = []
        self.groups: dict[GroupId, AlertGroup] = {}
        self.rooms: list[Room] = []
        self.swaps: list[Swap] = []
        self.items: dict[int, ActionItem] = {}
        self.askers: dict[tuple[IncidentId, PersonId], datetime] = {}
        self.subscriptions: list[Subscription] = []
        self.feeds: dict[RotationId, Feed] = {}
        self.causes = 0
        self.place = Place.DIRECT
        self.pointed: Pointed | str | None = None  # the message that people point at

    # ------------------------------------------------------------ what there is
    def on_leave(self, *slots: Slot) -> World:
        """Let a calendar say who is on leave."""
        self.feeds[LEAVE] = Feed(LEAVE, self.now, self.now, slots=slots)
        self.catalog = dataclasses.replace(self.catalog, leave=True)
        self.house = dataclasses.replace(self.house, catalog=self.catalog)
        return self

    def on_call(self, *rotations: Rotation, of: ServiceId = PAY) -> World:
        """Let a service have rotations."""
        ids = tuple(rotation.id for rotation in rotations)
        services = {**self.catalog.services, of: dataclasses.replace(self.catalog.services[of], on_call=ids)}
        known = {**self.catalog.rotations, **{rotation.id: rotation for rotation in rotations}}
        self.catalog = Catalog(services, known, holidays({}))
        self.house = dataclasses.replace(self.house, catalog=self.catalog)
        return self

    def later(self, **span: float) -> World:
        self.now += timedelta(**span)
        return self

    def room(self, incident: Incident, state: RoomState = RoomState.OPEN, link: str | None = None) -> Room:
        room = Room(RoomId(len(self.rooms) + 1), incident.id, CHAT, state, "zh", address=f"c{len(self.rooms) + 1}", link=link)
        self.rooms.append(room)
        return room

    def alerts(self, ident: int, **given: Any) -> AlertGroup:
        shape: dict[str, Any] = {
            "key": f"k{ident}", "source": "prom", "state": GroupState.PROPOSED, "title": "下单接口 5xx 35%", "first_at": self.now,
            "last_at": self.now, "rule": "orders-critical", "service": PAY, "severity": P2, "firing": 3, "resolved": 1,
            "reason": (("severity=critical", "critical"),),
        }  # fmt: skip
        group = AlertGroup(GroupId(ident), **{**shape, **given})
        self.groups[group.id] = group
        return group

    def standing(self, by: str, incident: Incident | None) -> Standing:
        services = incident.services if incident is not None else tuple(self.catalog.services)
        duty = PersonId(by) in on_call_for(self.catalog, self.reads(by), services, self.now)
        return self.house.standing(PersonId(by), by == "out", incident, duty)

    def held_back(self, severity: Severity = P2, **given: Any) -> Incident:
        """Make an incident of alerts that a storm keeps without a room."""
        incident = self.declared("root", severity, new=True, **given)
        self.enter(Actor(ActorKind.SOURCE, "prom"), ev.RoomHeldBack(limit=3, within=600), incident.id)
        return self.incidents[incident.id]

    # ------------------------------------------------------------ running commands
    def context(self, by: str, incident: Incident | None, force: str | None, at: datetime | None, in_room: bool) -> Context:
        room = next((r for r in self.rooms if in_room and incident is not None and r.incident == incident.id), None)
        return Context(
            self.now, actor(by), self.standing(by, incident), "zh", "Asia/Shanghai", self.catalog, self.policy,
            self.reads(by), person=person(by), place=self.place, via=Via(CHAT, "c1", "m1", True), room=room, forced=force, at=at,
            declarations=DECLARATIONS, pointed=self.pointed,
        )  # fmt: skip

    def reads(self, by: str) -> Any:
        return FakeReads(self, Viewer(PersonId(by), admin=PersonId(by) in self.policy.admins))

    def run(
        self, name: str, by: str, incident: Incident | None = None, /, *, force: str | None = None,
        typed_at: datetime | None = None, in_room: bool = True, **given: Any,
    ) -> Done:  # fmt: skip
        """Give a command as a person; free text may be given as a str. Raises Refused."""
        declaration = DECLARATIONS[name]
        now = self.incidents[incident.id] if incident is not None else None
        ctx = self.context(by, now, force, typed_at, in_room)
        try:
            self._authorise(ctx, declaration, now)
            return self._record(ctx, declaration, now, self._arguments(declaration, now, given))
        except Refused as refused:
            self.worded(refused.reason, None, by)
            raise

    def says(self, by: str, line: str, incident: Incident | None = None, /, lang: str = "zh") -> Done:
        """Type a line, read and bound as the engine does it. Raises Refused."""
        now = self.incidents[incident.id] if incident is not None else None
        understood = read(plain(line), VOCABULARY, lang=lang, pending=now is not None and now.status is Status.PENDING)
        assert isinstance(understood, Call), f"{line!r} reads as {understood}"
        find = self.reads(by).incident
        bound = bind(understood, self.context(by, now, None, None, True), implied=now, lock=find)
        ctx = self.context(by, bound.incident, understood.force, None, True)
        self._authorise(ctx, understood.declaration, bound.incident)
        return self._record(ctx, understood.declaration, bound.incident, bound.arguments)

    def _arguments(self, declaration: Declaration, now: Incident | None, given: dict[str, Any]) -> dict[str, Any]:
        texts = {name for name, _, _ in declaration.parameters if name in ("text", "title", "reason", "note")}
        arguments = {k: plain(v) if k in texts and isinstance(v, str) else v for k, v in given.items()}
        if declaration.takes_incident and "incident" not in arguments:
            arguments["incident"] = now
        return arguments

    def _authorise(self, ctx: Context, declaration: Declaration, incident: Incident | None) -> None:
        """Check `may` as the engine does."""
        who = PersonId(ctx.actor.id)
        owner = incident is not None and declaration.may is Standing.COMMANDER and self.house.owns(who, incident)
        if ctx.standing >= declaration.may or owner or (ctx.forced and ctx.standing > Standing.MEMBER):
            return
        line, may_force = plain(declaration.usage["zh"]), ctx.standing > Standing.MEMBER
        raise refuse("not_allowed", line=line, commander=None, may_force=may_force)

    def tick(self, name: str, incident: Incident, due: datetime | None = None) -> Done:
        """Fire a timer."""
        now = self.incidents[incident.id]
        reads: Any = FakeReads(self, Viewer(admin=True))
        ctx = Context(
            self.now, TIMER, Standing.ADMIN, "zh", "Asia/Shanghai", self.catalog, self.policy, reads, at=due,
            declarations=DECLARATIONS,
        )  # fmt: skip
        return self._record(ctx, DECLARATIONS[name], now, {"incident": now})

    def _record(self, ctx: Context, declaration: Declaration, now: Incident | None, arguments: dict[str, Any]) -> Done:
        result = declaration.function(ctx, **arguments)
        if isinstance(result, Say):
            assert not declaration.changes
            answer = Answer(say=result)
        else:
            answer = result if isinstance(result, Answer) else Answer(result)
        self.causes += 1
        here = now.id if now is not None else None
        for fact in answer.facts:
            target = self.enter(ctx.actor, fact, here)
            here = here or target
        after = self.incidents[here] if here is not None else None
        done = Done(list(answer.facts), answer.say, after)
        if answer.say is not None:
            done.zh, done.en = self.worded(answer.say, after if answer.facts else None, ctx.actor.id)
        return done

    def enter(self, who: Actor, fact: Fact, here: IncidentId | None) -> IncidentId | None:
        happened = fact if isinstance(fact, Happened) else Happened(fact)
        target = happened.incident or here
        if isinstance(happened.payload, ev.ORGANISATION):
            target = None
        if isinstance(happened.payload, ev.IncidentDeclared):
            day = self.now.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y%m%d")
            target = IncidentId(f"F-{day}-{len(self.incidents) + 1:03}")
        before = self.incidents.get(target) if target is not None else None
        n = (before.n if before is not None else 0) + 1 if target is not None else 0
        event = Event(
            n, happened.at or self.now, self.now, who, happened.payload, None, happened.audience, f"cause-{self.causes}"
        )
        self.history.append((target, event))
        match event.payload:
            case ev.ShiftSwapped(rotation=rotation, start=start, end=end, person=taker, before=was):
                self.swaps.append(Swap(event.cause, rotation, start, end, taker, was, self.now))
            case ev.SwapUndone(swap=swap):
                self.swaps = [kept for kept in self.swaps if kept.id != swap]
            case ev.ActionAdded() if target is not None:
                event = dataclasses.replace(event, payload=dataclasses.replace(event.payload, item=87 + len(self.items)))
                made = begun(event, event.payload, target)  # type: ignore[arg-type]
                self.items[made.number] = made
            case p if isinstance(p, OF_ITEMS):
                self.items[p.item] = changed(self.items[p.item], event, p)
        if target is not None:
            self.incidents[target] = apply(before, event, target)
            self.logs.setdefault(target, []).append(event)
        of_incident = self.incidents[target].groups if target is not None else ()
        for group in ev.groups_touched(event.payload, of_incident):
            self.groups[group] = judged(self.groups[group], event, target, self.policy.dismissed_for)
        return target

    def worded(self, told: Say, after: Incident | None, by: str) -> tuple[str, str]:
        """Word an answer in both languages, as the engine does; a missing parameter raises."""
        params = {**told.params, **({"incident": after} if after is not None else {})}
        zh, en = (
            flat(PROSE.say(Say(told.key, params), self.house.show(self.reads("root"), lang, self.now))) for lang in ("zh", "en")
        )
        for words in (zh, en):
            assert words == words.strip(), f"{told.key} begins or ends with space: {words!r}"
            assert "\n\n" not in words, f"{told.key} has an empty line: {words!r}"
            for line, forced in lines_to_copy(words) if told.key in OURS else ():
                understood = read(plain(line), VOCABULARY, lang="zh", pending=False)
                assert isinstance(understood, Call), f"{told.key} offers {line!r}, which reads as {understood}"
                assert understood.force or not forced, f"{told.key} offers {line!r}, forced: {understood.force}"
        return zh, en

    def refusal(self, name: str, by: str, incident: Incident | None = None, /, **given: Any) -> tuple[str, str]:
        """Give the key and the Chinese words of a refusal; fails when the command was not refused."""
        before = (dict(self.incidents), len(self.history))
        try:
            done = self.run(name, by, incident, **given)
        except Refused as refused:
            assert before == (self.incidents, len(self.history))
            return refused.reason.key, self.worded(refused.reason, None, by)[0]
        raise AssertionError(f"{name} was not refused, it gave {done.kinds}")

    # ------------------------------------------------------------ short cuts
    def declared(self, by: str = "li", severity: Severity | None = P1, title: str = "支付失败", **given: Any) -> Incident:
        """Make an incident of payments; an owner's is handled at once."""
        done = self.run("declare", by, title=title, severity=severity, services=given.pop("services", (PAY,)), **given)
        assert done.incident is not None
        return done.incident

    def handled(self, by: str = "li", severity: Severity = P1, **given: Any) -> Incident:
        """Make an incident that is handled, with its room, a minute ago; `by` commands it."""
        incident = self.declared(by, severity, **given)
        self.room(incident)
        self.run("commander", by, incident)
        self.later(minutes=1)
        return self.incidents[incident.id]

    def now_of(self, incident: Incident) -> Incident:
        return self.incidents[incident.id]
