"""Announcements: written, shown, approved, sent, taken back; and taken note of."""

from __future__ import annotations

import re

from bot.announcing import linted_words, own_words
from bot.command import Answer, Ask, Context, FormText, FormWord, Where, Words, automatic, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.announcing import (
    AUDIENCE_WORDS,
    OCCASION_WORDS,
    UNSAID,
    URGENT_TO,
    Audience,
    Occasion,
    Post,
    Stage,
    has_point,
    lacks_first,
    next_to_ask,
)
from bot.model.event import Fact, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.person import ActorKind, Standing
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import Text, flat, plain
from bot.oncall.charge import may_command
from commands.common import me, ref, whole_log
from commands.timers import late_for

_ACTS = {
    "发送": "send", "send": "send", "批准": "approve", "同意": "approve", "approve": "approve", "退回": "reject",
    "reject": "reject",
    "放弃": "drop", "drop": "drop", "重发": "resend", "resend": "resend", "看": "show", "show": "show",
}  # fmt: skip
_NUMBER = re.compile(r"(?:通告|公告|通报|notice|announcement|#)?\s*(\d{1,4})\s*")
LONGEST = 2000
_OUTSIDE = frozenset({Audience.ALL, Audience.EXTERNAL})


@command(
    en=("announce",),
    zh=("通告", "通报", "公告"),
    does=Words(
        "起草通告给管理层、客服、全员或外部，看过再发",
        "draft an announcement to execs, support, all or external; sent after a look",
    ),
    usage=Words("通告 [场合] [对象]，通告 更正 号码 <文字>", "announce [occasion] [audience], announce correction n <text>"),
    example=Words("通告 恢复 管理层", "announce recovered execs"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def announce(
    ctx: Context,
    incident: Incident,
    text: Text = (),
    act: FormWord | None = None,
    number: FormWord | None = None,
    audience: FormWord | None = None,
    ticked: FormWord | None = None,
) -> Answer:
    """Draft an announcement and show it, or do something with one by its number."""
    if not ctx.policy.audiences:
        raise refuse("announce_nobody")
    words = flat(text).strip()
    if act is None and words:
        first, _, rest = words.partition(" ")
        act = _ACTS.get(first.casefold()) or _occasion(ctx, incident, first)
        words = rest.strip()
    if act is None:
        act = _natural(incident).value
    if act in OCCASION_WORDS.values():
        return _draft(ctx, incident, Occasion(act), audience, number, words)
    found = _NUMBER.match(words)
    if number is None and found is not None:
        number, words = found.group(1), words[found.end() :].strip()
    post = _post(ctx, incident, number)
    if act == "send":
        return _send(ctx, incident, post, ticked is not None)
    if act == "approve":
        return _approve(ctx, incident, post)
    if act == "reject":
        return _reject(ctx, incident, post, words)
    if act == "resend":
        return _resend(ctx, incident, post)
    if act == "drop":
        _must_be(ctx, incident, post, Stage.DRAFT, Stage.ASKED)
        return Answer([ev.AnnouncementDropped(number=post.number)], say("announce_dropped", number=post.number))
    return Answer((), say("announce_receipt", incident=incident, number=post.number))


def _occasion(ctx: Context, incident: Incident, word: str) -> str:
    found = OCCASION_WORDS.get(word.casefold())
    if found is None:
        raise refuse("announce_which", word=word, ref=ref(ctx, incident))
    return found.value


def _natural(incident: Incident) -> Occasion:
    """Give what there is to say as things stand."""
    told = bool(incident.announcing.sent())
    if incident.active:
        return Occasion.UPDATE if told else Occasion.FIRST
    return Occasion.RECOVERED if told or incident.status is Status.RECOVERED else Occasion.LATE


def _post(ctx: Context, incident: Incident, number: str | None) -> Post:
    """Find the announcement that is meant; without a number the newest."""
    posts = incident.announcing.posts
    post = incident.announcing.post(int(number)) if number is not None and number.isdecimal() else None
    if number is None and posts:
        post = posts[-1]
    if post is None:
        raise refuse("announce_no_such", number=number, known=tuple(p.number for p in posts), ref=ref(ctx, incident))
    return post


def _must_be(ctx: Context, incident: Incident, post: Post, *stages: Stage) -> None:
    if post.stage not in stages:
        raise refuse("announce_already", number=post.number, stage=post.stage, at=post.sent_at, ref=ref(ctx, incident))


# ---------------------------------------------------------------- drafts
def _draft(ctx: Context, incident: Incident, occasion: Occasion, audience: str | None, number: str | None, words: str) -> Answer:
    about = None
    if occasion in (Occasion.CORRECTION, Occasion.CANCELLED):
        found = _NUMBER.match(words)
        if number is None and found is not None:
            number, words = found.group(1), words[found.end() :].strip()
        if number is not None:
            about = _post(ctx, incident, number)
            _must_be(ctx, incident, about, Stage.SENT, Stage.WITHDRAWN)
            audience = about.audience.value
    if audience is None and words:
        first, _, rest = words.partition(" ")
        if first.casefold() in AUDIENCE_WORDS:
            audience, words = AUDIENCE_WORDS[first.casefold()].value, rest.strip()
    whom = AUDIENCE_WORDS.get((audience or "").casefold())
    if whom is None:
        known = tuple(a for a in ctx.policy.audiences if (occasion, a) not in UNSAID)
        if len(known) != 1:
            raise refuse("announce_to_whom", incident=incident, occasion=occasion, audiences=known, ref=ref(ctx, incident))
        whom = known[0]
    _may_tell(ctx, incident, occasion, whom)
    if occasion in (Occasion.RAISED, Occasion.LOWERED):
        _must_have_changed(ctx, incident, occasion, whom)
    if occasion is Occasion.CORRECTION and not words:
        raise refuse("announce_correct_what", number=about.number if about is not None else None, ref=ref(ctx, incident))
    old = incident.announcing.draft(occasion, whom)
    ident = old.number if old is not None else incident.announcing.next
    targets = about.done if about is not None and about.done else ctx.policy.audiences[whom].targets
    drafted = ev.AnnouncementDrafted(
        number=ident, occasion=occasion, audience=whom, about=about.number if about is not None else None, reason=plain(words),
        before=old.before if old is not None else _level_before(ctx, incident), targets=targets,
    )  # fmt: skip
    return Answer([drafted], say("announce_preview", incident=incident, number=ident))


def _may_tell(ctx: Context, incident: Incident, occasion: Occasion, whom: Audience) -> None:
    if whom not in ctx.policy.audiences:
        raise refuse("announce_no_channel", audience=whom, audiences=tuple(ctx.policy.audiences))
    if (occasion, whom) in UNSAID:
        raise refuse("announce_unsaid", occasion=occasion, audience=whom, ref=ref(ctx, incident))
    if incident.private and whom in _OUTSIDE:
        raise refuse("announce_private", audience=whom)
    if incident.drill and whom is Audience.EXTERNAL:
        raise refuse("announce_drill")


def _must_have_changed(ctx: Context, incident: Incident, occasion: Occasion, whom: Audience) -> None:
    """Refuse to say of the level what it did not do."""
    was, now = _level_before(ctx, incident), incident.severity
    did = None
    if was and was != now.value:
        did = Occasion.RAISED if now.worse_than(Severity(was)) else Occasion.LOWERED
    if did is not occasion:
        instead = did or _natural(incident)
        raise refuse(
            "announce_level", incident=incident, was=was, did=did, instead=instead, audience=whom, ref=ref(ctx, incident)
        )  # fmt: skip


def _level_before(ctx: Context, incident: Incident) -> str:
    log = reversed(whole_log(ctx.reads, incident.id))
    return next((e.payload.before.value for e in log if isinstance(e.payload, ev.SeverityChanged)), "")


@command(
    en=("reword",),
    zh=("改通告",),
    does=Words("改通告的文字，按你写的发", "change the words of an announcement; sent as you write them"),
    usage=Words("改通告 号码 <文字>", "reword n <text>"),
    example=Words("改通告 2 支付已恢复，可重新付款", "reword 2 Payments are back, you can pay again"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=(Ask("words", required=True, holds="draft", longest=LONGEST),),
)
def reword(ctx: Context, incident: Incident, text: Text = (), number: FormWord | None = None, words: FormText = ()) -> Answer:
    """Put one's own words in place of a draft's, which are kept as they were typed."""
    typed = flat(text).strip()
    found = _NUMBER.match(typed)
    if number is None and found is not None:
        number, typed = found.group(1), typed[found.end() :]
    post = _post(ctx, incident, number)
    _must_be(ctx, incident, post, Stage.DRAFT, Stage.ASKED)
    own = own_words((flat(words) or typed)[:LONGEST])
    if not own:
        raise refuse("reword_what", field="words", number=post.number, ref=ref(ctx, incident))
    people = [person.name for ident in incident.involved if (person := ctx.reads.person(ident)) is not None]
    found_in = linted_words(post.audience, flat(own), people, ctx.catalog)
    missing = post.missing if _OPEN.search(flat(own)) else ()
    worded = ev.AnnouncementWorded(number=post.number, text=own, missing=missing, findings=found_in, edited=True)
    return Answer([worded], say("announce_preview", incident=incident, number=post.number))


_OPEN = re.compile(r"【[^】\n]{1,20}待补】|\[[^\]\n]{1,30} open\]")


# ---------------------------------------------------------------- approval and sending
def _send(ctx: Context, incident: Incident, post: Post, ticked: bool) -> Answer:
    _must_be(ctx, incident, post, Stage.DRAFT)
    _may_tell(ctx, incident, post.occasion, post.audience)
    if post.missing:
        raise refuse("announce_missing", incident=incident, number=post.number, missing=post.missing, ref=ref(ctx, incident))
    if post.findings and not ticked:
        raise refuse("announce_findings", incident=incident, number=post.number, ref=ref(ctx, incident))
    if ctx.forced:
        return _sent(ctx, incident, post, (ev.Forced(command="announce", reason=ctx.forced),))
    if _needs_nobody(ctx, incident, post):
        return _sent(ctx, incident, post)
    asked = next_to_ask(0, incident, post.audience, me(ctx), ctx.policy)
    if asked is None:
        if post.audience is not Audience.EXTERNAL and ctx.standing >= Standing.COMMANDER:
            return _sent(ctx, incident, post)  # there is nobody who could be asked
        raise refuse("announce_no_approver", number=post.number, ref=ref(ctx, incident))
    step, people = asked
    fact = ev.ApprovalAsked(number=post.number, of=people, every=step == 0, step=step, by=me(ctx))
    return Answer([fact], say("announce_asked", number=post.number, people=people))


def _needs_nobody(ctx: Context, incident: Incident, post: Post) -> bool:
    if post.audience is Audience.EXTERNAL:
        return False
    if post.occasion is Occasion.FIRST and post.audience in URGENT_TO:
        return True
    if incident.severity is Severity.P1:
        return me(ctx) == incident.commander or ctx.standing >= Standing.ADMIN
    return ctx.standing >= Standing.COMMANDER


def _sent(ctx: Context, incident: Incident, post: Post, over: tuple[Fact, ...] = (), by: PersonId | None = None) -> Answer:
    sent = ev.AnnouncementSent(number=post.number, targets=post.targets, seal=ctx.fresh, by=by or me(ctx))
    return Answer([*over, sent], say("announce_sent", incident=incident, number=post.number, count=len(post.targets)))


def _approve(ctx: Context, incident: Incident, post: Post) -> Answer:
    _must_be(ctx, incident, post, Stage.ASKED)
    who = me(ctx)
    if who not in post.asked and ctx.standing < Standing.ADMIN and who not in ctx.policy.duty_managers:
        raise refuse("announce_not_yours", number=post.number, people=post.asked)
    if who == post.by and post.audience is Audience.EXTERNAL:
        raise refuse("announce_own", number=post.number, people=post.asked)
    approved = ev.AnnouncementApproved(number=post.number, by=who)
    left = tuple(person for person in post.asked if person not in (*post.approved, who))
    if post.every and who in post.asked and left:
        return Answer([approved], say("announce_approved", number=post.number, people=left))
    return _sent(ctx, incident, post, (approved,), post.by)


def _reject(ctx: Context, incident: Incident, post: Post, reason: str) -> Answer:
    _must_be(ctx, incident, post, Stage.ASKED)
    if me(ctx) not in post.asked and ctx.standing < Standing.COMMANDER:
        raise refuse("announce_not_yours", number=post.number, people=post.asked)
    back = ev.AnnouncementReturned(number=post.number, reason=plain(reason or "—"))
    return Answer([back], say("announce_given_back", number=post.number, by=post.by))


def _resend(ctx: Context, incident: Incident, post: Post) -> Answer:
    _must_be(ctx, incident, post, Stage.SENT)
    if not post.failed:
        raise refuse("announce_none_failed", number=post.number)
    again = tuple(failure.target for failure in post.failed)
    return Answer(
        [ev.AnnouncementResent(number=post.number, targets=again)], say("announce_again", number=post.number, count=len(again))
    )


@command(
    en=("withdraw",),
    zh=("撤回",),
    does=Words(
        "撤回通告：没发的不再发，已收到的收到作废通知", "take an announcement back: what is not out stays in, the others are told"
    ),
    usage=Words("撤回 号码 [原因]", "withdraw n [reason]"),
    example=Words("撤回 通告2 单量有误", "withdraw 2 wrong numbers"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def withdraw(ctx: Context, incident: Incident, text: Text = (), number: FormWord | None = None) -> Answer:
    """Stop an announcement that went out, and say to those who have it that it is void."""
    words = flat(text).strip()
    found = _NUMBER.match(words)
    if number is None and found is not None:
        number, words = found.group(1), words[found.end() :].strip()
    if number is None:
        raise refuse("withdraw_which", known=tuple(p.number for p in incident.announcing.sent()), ref=ref(ctx, incident))
    post = _post(ctx, incident, number)
    if post.stage in (Stage.DRAFT, Stage.ASKED):
        return Answer([ev.AnnouncementDropped(number=post.number)], say("announce_dropped", number=post.number))
    _must_be(ctx, incident, post, Stage.SENT)
    over: tuple[Fact, ...] = ()
    if ctx.standing < Standing.COMMANDER and me(ctx) != post.by:
        if not ctx.forced:
            raise refuse("withdraw_needs", number=post.number, commander=incident.commander, ref=ref(ctx, incident))
        over = (ev.Forced(command="withdraw", reason=ctx.forced),)
    back = ev.AnnouncementWithdrawn(number=post.number, reason=plain(words))
    return Answer([*over, back], say("withdrawn", number=post.number, waiting=len(post.waiting), done=len(post.had)))


@command(
    en=("read",),
    zh=("已知悉", "知悉"),
    does=Words("告诉发通告的人：我看到了", "tell who sent an announcement that you have seen it"),
    usage=Words("已知悉 号码", "read n"),
    example=Words("已知悉 2", "read 2"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def read(ctx: Context, incident: Incident, text: Text = (), number: FormWord | None = None) -> Answer:
    """Take note of an announcement, once."""
    found = _NUMBER.match(flat(text).strip())
    post = _post(ctx, incident, number or (found.group(1) if found is not None else None))
    _must_be(ctx, incident, post, Stage.SENT, Stage.WITHDRAWN)
    if me(ctx) in post.read:
        return Answer((), say("read_already", number=post.number))
    return Answer([ev.AnnouncementRead(number=post.number, reader=me(ctx))], say("read_done", number=post.number))


# ---------------------------------------------------------------- timers
@automatic("remind_announcement", ActorKind.TIMER)
def remind_announcement(ctx: Context, incident: Incident) -> list[Fact]:
    """Show the first announcements to whoever answers for them, before they are due."""
    wanted = lacks_first(incident, ctx.policy)
    state = incident.announcing
    if incident.status is not Status.HANDLING or state.reminded or not wanted:
        return []
    whom = _answers(ctx, incident)
    facts: list[Fact] = []
    ident = state.next
    for audience in wanted:
        if not any(
            p.occasion is Occasion.FIRST and p.audience is audience and p.stage in (Stage.DRAFT, Stage.ASKED) for p in state.posts
        ):
            facts.append(ev.AnnouncementDrafted(
                number=ident, occasion=Occasion.FIRST, audience=audience, targets=ctx.policy.audiences[audience].targets
            ))  # fmt: skip
            ident += 1
    return [*facts, ev.FirstAnnouncementReminded(to=whom)]


def _answers(ctx: Context, incident: Incident) -> PersonId | None:
    """Find who answers for what people are told: the comms lead, the commander, the deputy, a duty manager, who is on call."""
    held = (incident.roles.get("comms"), incident.commander, incident.roles.get("deputy"), *ctx.policy.duty_managers)
    likely = may_command(incident, ctx.catalog, ctx.reads, ctx.policy, ctx.now)
    return next((person for person in held if person is not None), None) or next(likely, None)


@automatic("announcement_overdue", ActorKind.TIMER)
def announcement_overdue(ctx: Context, incident: Incident) -> list[Fact]:
    """Say once that people should have been told by now."""
    wanted, state = lacks_first(incident, ctx.policy), incident.announcing
    if incident.status is not Status.HANDLING or state.overdue or state.due is None or not wanted:
        return []
    since = state.due - ctx.policy.first_within.get(incident.severity, ctx.now - state.due)
    return [ev.FirstAnnouncementOverdue(minutes=int((ctx.now - since).total_seconds() // 60), audiences=wanted)]


@automatic("pass_approval", ActorKind.TIMER)
def pass_approval(ctx: Context, incident: Incident) -> list[Fact]:
    """Ask the next one where nobody approved in time; after the last one the writer is told."""
    facts: list[Fact] = []
    for post in incident.announcing.posts:
        if post.stage is not Stage.ASKED or post.asked_at is None or post.asked_at + ctx.policy.approve_within > ctx.now:
            continue
        if not has_point(post, incident):
            continue
        asked = next_to_ask(post.step + 1, incident, post.audience, post.by, ctx.policy)
        if asked is None:
            facts.append(ev.AnnouncementReturned(number=post.number))
        else:
            late = late_for(ctx, post.asked_at + ctx.policy.approve_within)
            facts.append(ev.ApprovalAsked(number=post.number, of=asked[1], step=asked[0], late=late))
    return facts
