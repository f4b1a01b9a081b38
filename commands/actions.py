"""Action items: what is to be done so that it does not happen again, whose it is, and whether it was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from bot.command import FORM, Answer, Ask, Context, FormText, Item, Where, Word, Words, command, query
from bot.command import When as Instants
from bot.engine.finding import zone_of
from bot.engine.itemline import Line, read_line
from bot.errors import refuse
from bot.model import event as ev
from bot.model.actions import OWN_EXTENSIONS, PENDING, UNACCEPTED, ActionItem, ItemFilter, ItemState
from bot.model.event import Happened, Priority
from bot.model.ids import PersonId, ServiceId
from bot.model.incident import Incident, Outcome
from bot.model.person import Person, Standing
from bot.model.say import Say, say
from bot.model.text import Text
from commands.common import me

EVERYWHERE = Where.ROOM | Where.ANYWHERE | Where.DIRECT
LISTED = 20
FormPerson = Annotated[Person, FORM]
FormDay = Annotated[Instants, FORM]
_NO_INCIDENT = (Outcome.DISMISSED, Outcome.CANCELLED)


# ---------------------------------------------------------------- adding and changing
@command(
    en=("action", "action add", "todo"),
    zh=("改进", "措施", "待办", "加改进", "改进措施"),
    does=Words("加一项改进措施：谁、到何时、怎么验收", "add an action item: who, until when, how it is accepted"),
    usage=Words("改进 做什么 @谁 月-日 验收：… 验收人 @谁", "action what @who date acceptance: … verifier @who"),
    example=Words(
        "改进 加灰度 @王五 6-01 验收：灰度演练记录 验收人 @李四",
        "action add a canary @wang 6-01 acceptance: drill record verifier @li",
    ),
    where=EVERYWHERE,
    form=(Ask("text", required=True), "who", Ask("due", line=True), "acceptance", "verifier"),
)  # fmt: skip
def action(
    ctx: Context, incident: Incident, text: Text, who: FormPerson | None = None, due: FormDay = (),
    acceptance: FormText = (), verifier: FormPerson | None = None,
) -> Answer:  # fmt: skip
    """Add an item to an incident, also to a closed one."""
    if incident.outcome in _NO_INCIDENT:
        raise refuse("item_no_incident", incident=incident)
    line = read_line(ctx, text)
    if not line.what:
        raise refuse("item_what", example=action_example(ctx))
    wanted = dataclasses.replace(
        line,
        who=who.id if who is not None else line.who,
        due=due[0].astimezone(zone_of(ctx)).date() if due else line.due,
        acceptance=acceptance or line.acceptance,
        verifier=verifier.id if verifier is not None else line.verifier,
    )
    _not_past(ctx, wanted.due)
    _can_do(ctx, wanted.who, wanted.verifier)
    fact = ev.ActionAdded(
        what=wanted.what, who=wanted.who, due=wanted.due, acceptance=wanted.acceptance, verifier=wanted.verifier, why=wanted.why,
        where=wanted.where, how=wanted.how, sort=wanted.sort, priority=wanted.priority or Priority.MEDIUM,
    )  # fmt: skip
    return Answer(
        [fact],
        say(
            "item_added", what=wanted.what, who=wanted.who, due=wanted.due, acceptance=wanted.acceptance,
            verifier=wanted.verifier, missing=_missing(wanted.who, wanted.due, wanted.acceptance),
        ),
    )  # fmt: skip


def action_example(ctx: Context) -> str:
    """Give the line to copy for adding an item."""
    return ctx.declarations["action"].example[ctx.lang]


@command(
    en=("revise", "action edit"),
    zh=("改措施", "改进 修改", "改待办"),
    does=Words("改一项改进措施", "change an action item"),
    usage=Words("改措施 号码 …", "revise T-n …"),
    example=Words("改措施 87 验收：灰度演练记录", "revise 87 acceptance: drill record"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    alone=True,
)
def revise(ctx: Context, item: Item | None = None, text: Text = ()) -> Answer:
    """Change what an item says; who does it and until when have commands of their own once they are set."""
    found = _meant(ctx, item, "revise", UNACCEPTED)
    _parties_only(ctx, found)
    line = read_line(ctx, text)
    if line == Line():
        raise refuse("item_nothing", item=found)
    if line.who not in (None, found.who) and found.who is not None:
        raise refuse("item_use_assign", item=found, person=line.who)
    if line.due not in (None, found.due) and found.due is not None:
        raise refuse("item_use_extend", item=found)
    _not_past(ctx, line.due)
    _can_do(ctx, line.who, line.verifier)
    given = {f.name: getattr(line, f.name) or None for f in dataclasses.fields(line) if f.name != "who"}
    facts: list[ev.Payload] = []
    if any(value is not None for value in given.values()):
        facts.append(ev.ActionEdited(item=found.number, **given))
    if line.who not in (None, found.who):
        facts.append(ev.ActionReassigned(item=found.number, before=found.who, who=line.who))
    after = dataclasses.replace(found, **{k: v for k, v in given.items() if v is not None}, who=line.who or found.who)
    return _answer(found, *facts, told=say("item_revised", item=after, missing=_missing(after.who, after.due, after.acceptance)))


@command(
    en=("reassign", "action assign"),
    zh=("转派", "改进 转派"),
    does=Words("把一项改进措施转给别人", "give an action item to somebody else"),
    usage=Words("转派 号码 @谁", "reassign T-n @who"),
    example=Words("转派 95 @李四", "reassign 95 @li"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    form=(Ask("who", required=True),),
    alone=True,
)
def reassign(ctx: Context, item: Item | None = None, who: Person | None = None) -> Answer:
    """Make an item somebody else's, who then has to take it on."""
    found = _meant(ctx, item, "reassign", UNACCEPTED)
    if who is None:
        raise refuse("item_who", item=found)
    if who.id != me(ctx) or ctx.standing < Standing.RESPONDER:
        _parties_only(ctx, found)
    if who.id == found.who:
        raise refuse("item_already", item=found)
    _can_do(ctx, who.id)
    fact = ev.ActionReassigned(item=found.number, before=found.who, who=who.id)
    return _answer(found, fact, told=say("item_reassigned", item=found, person=who.id))


@command(
    en=("extend", "action extend"),
    zh=("延期", "改进 延期", "改期"),
    does=Words("给一项改进措施延期；第三次起由验收人定", "give an action item more time; the third time the verifier decides"),
    usage=Words("延期 号码 月-日 原因", "extend T-n date why"),
    example=Words("延期 91 6-03 等供应商", "extend 91 6-03 waiting for the vendor"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    form=(Ask("text", required=True, line=True),),
    alone=True,
)
def extend(ctx: Context, item: Item | None = None, text: Text = ()) -> Answer:
    """Give an item more time: twice whose it is decides, after that its verifier."""
    found = _meant(ctx, item, "extend", PENDING)
    judging = me(ctx) == found.judge and me(ctx) != found.who
    if judging and found.asked_due is not None and not text:
        return _extended(found, found.asked_due, found.asked_why, by_verifier=True)
    line = read_line(ctx, text, dated=True)
    if line.due is None:
        raise refuse("item_until", item=found)
    _not_past(ctx, line.due)
    if found.due is not None and line.due <= found.due:
        raise refuse("item_sooner", item=found)
    _parties_only(ctx, found)
    if judging or found.extensions < OWN_EXTENSIONS or ctx.standing is Standing.ADMIN:
        if not line.what and not judging:
            raise refuse("item_extend_why", item=found, due=line.due)
        return _extended(found, line.due, line.what, by_verifier=judging)
    if not line.what:
        raise refuse("item_extend_why", item=found, due=line.due)
    verifier = _judge_of(ctx, found)
    fact = ev.ExtensionAsked(item=found.number, due=line.due, reason=line.what, verifier=verifier)
    return _answer(
        found, fact, told=say("item_extension_asked", item=found, due=line.due, times=found.extensions, person=verifier)
    )


def _extended(found: ActionItem, due: date, reason: Text, *, by_verifier: bool) -> Answer:
    fact = ev.ActionExtended(item=found.number, before=found.due, due=due, reason=reason, by_verifier=by_verifier)
    left = None if by_verifier else OWN_EXTENSIONS - found.extensions - 1
    return _answer(found, fact, told=say("item_extended", item=found, due=due, left=left))


# ---------------------------------------------------------------- doing
@command(
    en=("take", "action take", "action start"),
    zh=("接手", "改进 接受", "改进 开始"),
    does=Words("接下派给你的改进措施", "take on an action item that was assigned to you"),
    usage=Words("接手 号码", "take T-n"),
    example=Words("接手 87", "take 87"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    alone=True,
)
def take(ctx: Context, item: Item | None = None) -> Answer:
    """Say that one does it."""
    found = _meant(ctx, item, "take", (ItemState.TODO,), PENDING)
    if found.who != me(ctx):
        raise refuse("item_not_yours", item=found)
    if found.state is not ItemState.TODO:
        raise refuse("item_is", item=found, at=found.taken_at)
    return _answer(found, ev.ActionTaken(item=found.number, who=me(ctx)), told=say("item_taken", item=found))


@command(
    en=("done", "action done"),
    zh=("完成", "改进 完成"),
    does=Words("交一项改进措施，附链接或说明，等验收", "hand in an action item with a link or a word, to be accepted"),
    usage=Words("完成 号码 链接或说明", "done T-n link or words"),
    example=Words("完成 87 灰度演练记录已归档", "done 87 drill record is filed"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    form=(Ask("text", required=True),),
    alone=True,
)
def done(ctx: Context, item: Item | None = None, text: Text = ()) -> Answer:
    """Hand in an item with what shows that it is done."""
    found = _meant(ctx, item, "done", PENDING)
    _parties_only(ctx, found)
    if not text:
        raise refuse("item_evidence", item=found)
    verifier = _judge_of(ctx, found)
    fact = ev.ActionDone(item=found.number, evidence=text, verifier=verifier)
    return _answer(found, fact, told=say("item_done", item=found, person=verifier))


@command(
    en=("verify", "action accept"),
    zh=("验收", "改进 通过"),
    does=Words("验收通过一项改进措施", "accept an action item that was handed in"),
    usage=Words("验收 号码 [说明]", "verify T-n [words]"),
    example=Words("验收 87", "verify 87"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    alone=True,
)
def verify(ctx: Context, item: Item | None = None, text: Text = ()) -> Answer:
    """Accept what was handed in."""
    found = _meant(ctx, item, "verify", (ItemState.DONE,), judge=True)
    over = _verifier_only(ctx, found, "verify")
    incident = ctx.reads.incident(found.incident)
    closes = incident is not None and incident.outcome is Outcome.DONE and incident.actions.open == 1
    told = say("item_accepted", item=found, incident=incident, closes=closes)
    return _answer(found, *over, ev.ActionAccepted(item=found.number, comment=text), told=told)


@command(
    en=("sendback", "action return"),
    zh=("打回", "改进 退回"),
    does=Words("退回一项改进措施或延期申请，写明原因", "send an action item or a request for time back, with the reason"),
    usage=Words("打回 号码 原因", "sendback T-n why"),
    example=Words("打回 87 缺回滚演练", "sendback 87 no rollback drill"),
    may=Standing.MEMBER,
    where=EVERYWHERE,
    form=(Ask("text", required=True),),
    alone=True,
)
def sendback(ctx: Context, item: Item | None = None, text: Text = ()) -> Answer:
    """Send back what was handed in, or refuse more time that was asked for."""
    found = _meant(ctx, item, "sendback", (ItemState.DONE,), UNACCEPTED, judge=True)
    over = _verifier_only(ctx, found, "sendback")
    if found.state in PENDING and found.asked_due is not None:
        fact: ev.Payload = ev.ExtensionRefused(item=found.number, reason=text)
        return _answer(found, *over, fact, told=say("item_extension_refused", item=found))
    if found.state is not ItemState.DONE:
        raise refuse("item_is", item=found, at=None)
    if not text:
        raise refuse("item_return_why", item=found)
    return _answer(found, *over, ev.ActionReturned(item=found.number, reason=text), told=say("item_returned", item=found))


# ---------------------------------------------------------------- lists
@query(
    en=("items", "action list"),
    zh=("改进列表", "改进 列表", "我的改进", "待办列表"),
    does=Words("看改进措施：我的、逾期的、某服务或某故障的", "see action items: mine, overdue, of a service or an incident"),
    usage=Words("改进列表 [我的|逾期|全部|服务|编号]", "items [mine|overdue|all|service|id]"),
    example=Words("改进列表 逾期", "items overdue"),
)
def items(ctx: Context, incident: Incident | None = None, services: tuple[ServiceId, ...] = (), word: Word | None = None) -> Say:
    """List items that are not accepted yet, an incident's all of them; what is due first stands first."""
    today = ctx.now.astimezone(zone_of(ctx)).date()
    said = (word or "").casefold()
    if word is not None and said not in _MINE | _OVERDUE | _ALL:
        raise refuse("items_word", word=word)
    overdue = today if said in _OVERDUE else None
    if services:
        found = ctx.reads.items(ItemFilter(services=services, due_before=overdue, live=True))
    elif incident is not None and said not in _MINE | _ALL:
        found = ctx.reads.items(ItemFilter(incident=incident.id, due_before=overdue))
    elif said in _MINE or word is None:
        found = ctx.reads.items(ItemFilter(people=(me(ctx),), due_before=overdue, live=True))
        found += [i for i in ctx.reads.items(ItemFilter(verifier=me(ctx), states=(ItemState.DONE,), live=True)) if i not in found]
    else:
        found = ctx.reads.items(ItemFilter(due_before=overdue, live=True))
    about = incident.id if incident is not None and not services and said not in _MINE | _ALL else None
    return say(
        "items_listed", items=found[:LISTED], more=max(len(found) - LISTED, 0), today=today, incident_id=about,
        services=services, overdue=overdue is not None, mine=said in _MINE or (word is None and about is None and not services),
    )  # fmt: skip


_MINE = frozenset({"mine", "me", "我的", "我"})
_OVERDUE = frozenset({"overdue", "late", "逾期", "过期", "超期"})
_ALL = frozenset({"all", "open", "全部", "所有"})


# ---------------------------------------------------------------- what they have in common
def _answer(item: ActionItem, *facts: ev.Payload, told: Say) -> Answer:
    return Answer([Happened(fact, incident=item.incident) for fact in facts], told)


def _meant(
    ctx: Context, number: int | None, name: str, states: tuple[ItemState, ...], accepts: tuple[ItemState, ...] = (),
    judge: bool = False,
) -> ActionItem:  # fmt: skip
    """Find the item that a number names, without one the only item of the person that can be meant; refuses all others."""
    if number is None:
        mine = ItemFilter(verifier=me(ctx), states=states) if judge else ItemFilter(people=(me(ctx),), states=states)
        own = ctx.reads.items(dataclasses.replace(mine, live=True))
        if len(own) != 1:
            raise refuse("item_which", items=own[:LISTED], command=name)
        return own[0]
    found = ctx.reads.item(number)
    if found is None:
        raise refuse("item_unknown", number=number)
    if found.state not in (accepts or states):
        at = {ItemState.DONE: found.done_at, ItemState.ACCEPTED: found.accepted_at}.get(found.state)
        raise refuse("item_is", item=found, at=at)
    return found


def _incident_of(ctx: Context, item: ActionItem) -> Incident | None:
    return ctx.reads.incident(item.incident)


def _parties(ctx: Context, item: ActionItem) -> list[PersonId]:
    """List who may decide about an item, the nearest first."""
    incident = _incident_of(ctx, item)
    owners: Iterable[PersonId] = ctx.catalog.owners(incident.services) if incident is not None else ()
    commander = incident.commander if incident is not None else None
    known = (item.who, item.by, item.verifier, commander, *owners)
    return list(dict.fromkeys(person for person in known if person is not None))


def _parties_only(ctx: Context, item: ActionItem) -> None:
    known = _parties(ctx, item)
    if me(ctx) not in known and ctx.standing is not Standing.ADMIN:
        raise refuse("item_needs", item=item, people=tuple(known[:3]))


def _verifier_only(ctx: Context, item: ActionItem, command: str) -> tuple[ev.Payload, ...]:
    """Let pass who verifies it and admins; others with a reason, but never whose item it is. Gives what to record of that."""
    if me(ctx) == item.judge or ctx.standing is Standing.ADMIN:
        return ()
    stands_in = me(ctx) != item.who and ctx.standing > Standing.MEMBER
    if ctx.forced and stands_in:
        return (ev.Forced(command=command, reason=ctx.forced, of=(item.judge,) if item.judge is not None else ()),)
    raise refuse("item_needs_verifier", item=item, person=item.judge, command=command if stands_in else None)


def _judge_of(ctx: Context, item: ActionItem) -> PersonId:
    """Give who verifies an item: who was named, else the nearest party who did not do it."""
    if item.verifier is not None:
        return item.verifier
    others = [person for person in _parties(ctx, item) if person not in (item.who, me(ctx))]
    return others[0] if others else item.by or me(ctx)


def _not_past(ctx: Context, due: date | None) -> None:
    if due is not None and due < ctx.now.astimezone(zone_of(ctx)).date():
        raise refuse("item_past", due=due)


def _can_do(ctx: Context, *people: PersonId | None) -> None:
    """Refuse to give work to an outsider or a robot."""
    for person in people:
        accounts = ctx.reads.accounts_of(person) if person is not None else []
        if person is not None and accounts and all(account.outsider or account.bot for account in accounts):
            raise refuse("item_outsider", person=person)


def _missing(who: PersonId | None, due: date | None, acceptance: Text) -> tuple[str, ...]:
    return tuple(name for name, have in (("who", who), ("due", due), ("acceptance", acceptance)) if not have)
