"""What happened and how it stands: impact, notes, updates, milestones, title, bridge."""

from __future__ import annotations

from datetime import datetime

from bot.command import (
    Answer,
    Ask,
    Context,
    Delta,
    English,
    FormText,
    FormWord,
    LeadingExtent,
    LeadingMoment,
    LeadingServices,
    Next,
    NoteSort,
    Percent,
    Url,
    Where,
    Words,
    command,
)
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Happened, Mark, Status
from bot.model.incident import Incident
from bot.model.pace import cadence, passed
from bot.model.person import Standing
from bot.model.say import say
from bot.model.story import Pointed
from bot.model.text import Text, flat
from commands.asking import brief_of
from commands.common import CLOCKS_DIFFER, calling, must_be_open, past, ref, visible
from commands.declaring import TITLE_CHARS


@command(
    en=("impact",),
    zh=("影响", "影响面", "范围"),
    does=Words("说明影响了什么", "state what is affected"),
    usage=Words(
        "影响 [服务…] [全部|大面积|部分|少量|受影响 35%] <影响面>",
        "impact [services…] [full|major|partial|minor|affected 35%] <what is affected>",
    ),
    example=Words("影响 支付服务 成功率61%", "impact payments 61%"),
    form=(Ask("text", holds="impact"), Ask("extent", holds="extent"), "services"),
)
def impact(
    ctx: Context,
    incident: Incident,
    services: LeadingServices = (),
    extent: LeadingExtent | None = None,
    percent: Percent | None = None,
    text: Text = (),
) -> list[Fact]:
    """State the impact and how much is affected, and add affected services."""
    must_be_open(ctx, incident)
    new = tuple(service for service in services if service not in incident.services)
    measured = ctx.policy.matrix.extent_of(percent) if percent is not None else None
    stated = max((e for e in (extent, measured) if e is not None), key=lambda e: e.rank, default=None)
    if stated is incident.extent and percent in (None, incident.percent):
        stated = None
    if not text and not services and extent is None and percent is None:
        raise refuse("impact_what", field="text", ref=ref(ctx, incident))
    if not text and not new and stated is None:
        raise refuse("impact_already", field="services", incident=incident, services=services)
    same = not new and stated is None and text == incident.impact
    if same:
        raise refuse("impact_already", field="text", incident=incident, services=services)
    kept = percent if stated is not None and measured is stated else None
    return [ev.ImpactStated(text=text, services=new, extent=stated, percent=kept)]


@command(
    en=("complaints",),
    zh=("客诉", "投诉"),
    does=Words("记客户投诉的数量，只写命令则看数量", "count what customers complain about; bare, see how many"),
    usage=Words("客诉 +<数量> [说什么]", "complaints +<how many> [about what]"),
    example=Words("客诉 +12 重复扣款", "complaints +12 charged twice"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=(Ask("count", required=True, line=True), Ask("text", line=True)),
)
def complaints(ctx: Context, incident: Incident, count: Delta | None = None, text: Text = ()) -> Answer | list[Fact]:
    """Add to the complaints of an incident, or correct them; words alone are one."""
    if count is None and not text:
        return Answer(say=say("complaints_are", incident=incident, ref=ref(ctx, incident)))
    must_be_open(ctx, incident)
    added = 1 if count is None else count
    if added == 0 or incident.complaints + added < 0:
        raise refuse("complaints_left", field="count", incident=incident, ref=ref(ctx, incident))
    total = incident.complaints + added
    facts: list[Fact] = [ev.ComplaintsCounted(added=added, total=total, text=text)]
    return Answer(facts, say("complaints_counted", total=total, id=incident.id))


@command(
    en=("note",),
    zh=("记录", "记", "记一笔", "备注"),
    glued=("记录",),
    does=Words("往时间线记一笔", "put a note on the timeline"),
    usage=Words("记录 [14:05] [决策|行动|发现] <文字>", "note [14:05] [decision|action|finding] <text>"),
    example=Words("记录 14:05 决策 回滚", "note 14:05 decision roll back"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("text", required=True), "sort", Ask("at", now=True)),
)
def note(
    ctx: Context, incident: Incident, at: LeadingMoment | None = None, sort: NoteSort | None = None, text: Text = ()
) -> Answer | list[Fact]:
    """Keep a note at the time that it is about; a closed incident takes notes too."""
    if not text and ctx.pointed is not None:
        return taken_over(ctx, incident, sort, past(ctx, at))
    if not text:
        raise refuse("note_what", field="text", ref=ref(ctx, incident))
    text = calling(ctx, text)
    when = past(ctx, at)
    if when is not None:
        return Answer([Happened(ev.NoteAdded(text=text, sort=sort), at=when)], say("noted_at", at=when))
    return [Happened(ev.NoteAdded(text=text, sort=sort), at=_typed_long_ago(ctx))]


def taken_over(ctx: Context, incident: Incident, sort: str | None, at: datetime | None) -> list[Fact]:
    """Make the message that is pointed at a note, with its own words at its own time; each message becomes one entry."""
    pointed = readable(ctx)
    when = at or pointed.at
    note = ev.NoteAdded(text=pointed.text, sort=sort, quoted=pointed.quoted, files=pointed.files)
    return [Happened(note, at=min(when, ctx.now) if when is not None else None)]


def readable(ctx: Context) -> Pointed:
    """Give the message that is pointed at; refuse one that cannot be read, says nothing, or is an entry already."""
    pointed = ctx.pointed
    if isinstance(pointed, str) or pointed is None:
        raise refuse("quote_unread", code=pointed or "gone")
    known = ctx.reads.captured(pointed.connection, pointed.chat, pointed.message)
    if known is not None:
        raise refuse("quote_noted", n=known.n, id=visible(ctx, known.incident))
    if not pointed.text and not pointed.files:
        raise refuse("quote_empty")
    return pointed


def _typed_long_ago(ctx: Context) -> datetime | None:
    """Give the time at which a note was typed if it reached us late."""
    return ctx.at if ctx.at is not None and ctx.now - ctx.at > CLOCKS_DIFFER else None


@command(
    en=("update", "nonews"),
    zh=("进展", "同步", "更新"),
    glued=("进展",),
    presets={"无新进展": {"same": "yes"}, "nonews": {"same": "yes"}},
    does=Words("发一条进展；不写文字则看现状", "post an update; with no text, see how it stands"),
    usage=Words("进展 <文字> [下次 14:50]", "update <text> [next 14:50]"),
    example=Words("进展 已回滚 下次 14:50", "update rolled back next 14:50"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("text", required=True), "action", "then", "next_by"),
)
def update(
    ctx: Context, incident: Incident, next_by: Next | None = None, text: Text = (), action: FormText = (), then: FormText = (),
    same: FormWord | None = None,
) -> Answer | list[Fact]:  # fmt: skip
    """Tell the room how it stands, or with `same` that there is nothing new; bare, answer how it stands."""
    if same and not text:
        return _nothing_new(ctx, incident, next_by)
    quoted = None
    if not text and ctx.pointed is not None:
        pointed = readable(ctx)
        if not pointed.text:
            raise refuse("quote_empty")
        text, quoted = pointed.text, pointed.quoted
    if not text:
        if next_by is not None:
            raise refuse("update_what", field="text", next_by=next_by, ref=ref(ctx, incident))
        return Answer(say=brief_of(ctx, incident))
    must_be_open(ctx, incident)
    text = text if quoted is not None else calling(ctx, text)
    if next_by is not None and next_by <= ctx.now:
        raise refuse("next_is_past", field="next_by", when=next_by)
    number = incident.latest.number + 1 if incident.latest is not None else 1
    return [ev.UpdatePosted(text=text, number=number, next_by=next_by, action=action, then=then, quoted=quoted)]


def _nothing_new(ctx: Context, incident: Incident, next_by: datetime | None) -> list[Fact]:
    """Say that the work goes on; what is due next is as promised, else by the cadence."""
    must_be_open(ctx, incident)
    if incident.status is not Status.HANDLING:
        raise refuse("cadence_none", incident=incident)
    if next_by is not None and next_by <= ctx.now:
        raise refuse("next_is_past", field="next_by", when=next_by)
    every = cadence(incident, ctx.policy, ctx.now)
    due = next_by or (passed(ctx.now, every, incident, ctx.policy) if every is not None else None)
    return [ev.NothingNew(next_by=due, promised=next_by is not None)]


@command(
    en=("mark",),
    zh=("节点",),
    presets={
        "发生": {"mark": "occurred"},
        "发现": {"mark": "detected"},
        "定位": {"mark": "located"},
        "止血": {"mark": "mitigated"},
    },
    does=Words("记下节点：发生、发现、定位、止血", "mark a milestone: occurred, detected, located, mitigated"),
    usage=Words("定位|止血|发现|发生 [14:07] [文字]", "mark located|mitigated|detected|occurred [14:07] [text]"),
    example=Words("定位 14:07 网关超时", "mark located 14:07"),
    where=Where.ROOM | Where.ANYWHERE,
)
def mark(
    ctx: Context, incident: Incident, mark: Mark | None = None, at: LeadingMoment | None = None, text: Text = ()
) -> Answer | list[Fact]:
    """Set a milestone, now or at the time given; the recovery has a command of its own."""
    must_be_open(ctx, incident)
    if mark is None:
        raise refuse("mark_which", ref=ref(ctx, incident))
    if mark is Mark.RECOVERED:
        raise refuse("mark_recovered", ref=ref(ctx, incident))
    when = past(ctx, at)
    if when is None and mark in incident.marks and not text:
        raise refuse("mark_already", mark=mark, when=incident.marks[mark], ref=ref(ctx, incident))
    facts: list[Fact] = [ev.Marked(mark=mark, when=_in_order(incident, mark, when or ctx.now), text=text)]
    return Answer(facts, say("marked", mark=mark, when=when)) if when is not None else facts


def _in_order(incident: Incident, mark: Mark, when: datetime) -> datetime:
    """Give the instant of a milestone; nothing comes before the trouble itself, though people give minutes."""
    began = incident.marks.get(Mark.OCCURRED)
    if mark is Mark.OCCURRED:
        first = min(((at, one) for one, at in incident.marks.items() if one is not mark), default=None)
        if first is not None and when > first[0]:
            raise refuse("mark_order", mark=mark, when=when, other=first[1], than=first[0], early=False)
    elif began is not None and when < began:
        if when < began.replace(second=0, microsecond=0):
            raise refuse("mark_order", mark=mark, when=when, other=Mark.OCCURRED, than=began, early=True)
        return began
    return when


@command(
    en=("title",),
    zh=("标题", "改名"),
    does=Words("改标题，或加英文标题", "change the title, or give it an English twin"),
    usage=Words('标题 <文字> [en "…"]', 'title <text> [en "…"]'),
    example=Words("标题 全国支付失败", 'title en "Payment failures"'),
    where=Where.ROOM | Where.ANYWHERE,
    form=(
        Ask("text", line=True, longest=TITLE_CHARS, holds="title"),
        Ask("english", line=True, longest=TITLE_CHARS, holds="title_en"),
    ),
)
def title(ctx: Context, incident: Incident, english: English | None = None, text: Text = ()) -> list[Fact]:
    """Change the title or its English twin."""
    must_be_open(ctx, incident)
    english = (english or "").strip() or None
    if not text and english is None:
        raise refuse("title_what", field="text", ref=ref(ctx, incident))
    if max(len(flat(text)), len(english or "")) > TITLE_CHARS:
        raise refuse("title_long", field="text" if len(flat(text)) > TITLE_CHARS else "english", most=TITLE_CHARS)
    if text in ((), incident.title) and english in (None, incident.title_en):
        raise refuse("title_already", field="text" if text else "english", incident=incident)
    return [ev.TitleChanged(title=text, title_en=english)]


@command(
    en=("bridge",),
    zh=("电话会", "语音会", "拉会"),
    does=Words("看或设电话会链接", "see or set the call's link"),
    usage=Words("电话会 [链接]", "bridge [link]"),
    example=Words("电话会 https://meet.example.com/1", "bridge https://meet.example.com/1"),
    form=(Ask("url", required=True, line=True, holds="bridge"),),
)
def bridge(ctx: Context, incident: Incident, url: Url | None = None) -> Answer | list[Fact]:
    """Keep the address of the call, or tell it."""
    if url is None:
        if incident.bridge is None:
            raise refuse("bridge_none", field="url", ref=ref(ctx, incident))
        return Answer(say=say("bridge_is", url=incident.bridge))
    must_be_open(ctx, incident)
    if url == incident.bridge:
        raise refuse("bridge_already", field="url", url=url)
    return [ev.BridgeSet(url=url)]
