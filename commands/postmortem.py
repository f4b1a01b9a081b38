"""The postmortem in chat: write its sections, say what becomes of it, hand it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.command import Answer, Ask, Context, FormText, FormWord, Where, Words, command
from bot.engine.finding import person_meant
from bot.engine.fold import fold
from bot.errors import Refused, refuse
from bot.model import event as ev
from bot.model.event import Fact
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.postmortem import Section, lacks_to_publish
from bot.model.say import Say, say
from bot.model.text import Span, Text, flat
from bot.sections import SECTION_WORDS, texts_of
from commands.common import ref
from commands.reviewing import approved, must_be_writable, must_lead, published, returned, submitted

_ACTS: Mapping[str, str] = {
    "提交": "submit", "submit": "submit", "通过": "approve", "approve": "approve", "退回": "return", "return": "return",
    "发布": "publish", "publish": "publish", "草稿": "draft", "draft": "draft", "报告": "draft", "report": "draft",
    "转给": "transfer", "transfer": "transfer",
}  # fmt: skip
_NAMES = frozenset(section.value for section in Section)
_ASKED = (
    Section.CAUSE, Section.TRIGGER, Section.FOUND_BY, Section.SCOPE, Section.LOSS, Section.FOUND_LATE, Section.SLOW, Section.GOOD,
)  # fmt: skip


@command(
    en=("postmortem",),
    zh=("复盘",),
    does=Words("填写复盘、提交、评审、发布", "write the postmortem, submit, review, publish it"),
    usage=Words(
        "复盘 [栏目 文字｜草稿｜提交｜通过｜退回 原因｜发布｜转给 @谁]",
        "postmortem [section text | draft | submit | approve | return why | publish | transfer @who]",
    ),
    example=Words("复盘 根因 连接池打满", "postmortem cause pool exhausted"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=tuple(Ask(section.value, section=section.value) for section in _ASKED),
)
def postmortem(
    ctx: Context, incident: Incident, text: Text = (), act: FormWord | None = None, section: FormWord | None = None,
    base: FormWord | None = None, cause: FormText | None = None, trigger: FormText | None = None,
    found_by: FormText | None = None, scope: FormText | None = None, loss: FormText | None = None,
    found_late: FormText | None = None, slow: FormText | None = None, good: FormText | None = None,
) -> Answer | list[Fact] | Say:  # fmt: skip
    """Write a section, or do what the first word says; without any, tell how it stands."""
    if section is not None and section in _NAMES:
        return written(ctx, incident, {section: text}, {section: _numbers(base or "")})
    filled = (cause, trigger, found_by, scope, loss, found_late, slow, good)
    if any(words is not None for words in filled):
        given = {of.value: words for of, words in zip(_ASKED, filled, strict=True) if words is not None}
        return written(ctx, incident, given, _bases(base))
    word, rest = _first(text)
    act = act or _ACTS.get(word)
    if act == "return":
        return [*returned(ctx, incident, rest)]
    if act == "transfer":
        return _passed(ctx, incident, _person(ctx, rest, incident))
    if act is not None and not rest:
        return _act(ctx, incident, act)
    meant = SECTION_WORDS.get(word)
    if meant is None:
        if text:
            raise refuse("postmortem_section", word=word, ref=ref(ctx, incident))
        lacks = lacks_to_publish(incident, ctx.policy)
        return say("postmortem_stands", incident=incident, lacks=lacks, page="writing", link=None, ref=ref(ctx, incident))
    if not rest:
        stands = texts_of(ctx.reads, incident).get(meant, ())
        return say("postmortem_section_text", section=meant, text=stands, ref=ref(ctx, incident))
    return written(ctx, incident, {meant.value: rest}, None)


def _act(ctx: Context, incident: Incident, act: str) -> Answer | list[Fact] | Say:
    match act:
        case "submit":
            return submitted(ctx, incident)
        case "approve":
            return approved(ctx, incident)
        case "publish":
            return published(ctx, incident)
        case "draft":
            return say("postmortem_draft", incident=incident, page="report", link=None, words=())
        case _:
            raise refuse("postmortem_section", word=act, ref=ref(ctx, incident))


def _first(text: Text) -> tuple[str, Text]:
    """Split the first word off; what follows it keeps its mentions and links."""
    if not text or text[0].kind != "text":
        return "", text
    head = text[0].text.lstrip()
    words = fold(head)
    known = max(
        (w for w in (*SECTION_WORDS, *_ACTS) if words == w or words.startswith((f"{w} ", f"{w}:", f"{w}：", f"{w}\n"))),
        key=len,
        default="",
    )
    if not known:
        return words.split(" ")[0] if words else "", text
    rest = head[len(known) :].lstrip(" :：\n\t　")
    after = (Span(rest), *text[1:]) if rest else text[1:]
    return known, after if flat(after).strip() else ()


def _bases(base: str | None) -> Mapping[str, tuple[int, ...]]:
    """Read which texts a form showed: `cause=12+15,scope=9`."""
    found: dict[str, tuple[int, ...]] = {}
    for part in (base or "").split(","):
        name, _, numbers = part.partition("=")
        found[name] = _numbers(numbers)
    return found


def _numbers(base: str) -> tuple[int, ...]:
    return tuple(int(n) for n in base.split("+") if n.isdecimal() and len(n) < 10)


# ---------------------------------------------------------------- writing
def written(ctx: Context, incident: Incident, given: Mapping[str, Text], bases: Mapping[str, tuple[int, ...]] | None) -> Answer:
    """Write sections; whoever saw what stood there (`bases`) replaces that only, a typed line replaces everything there."""
    must_be_writable(ctx, incident)
    before = texts_of(ctx.reads, incident)
    facts: list[ev.SectionWritten] = []
    beside: list[str] = []
    replaced: list[tuple[Section, Text]] = []
    for name, words in given.items():
        section, stands = Section(name), incident.review.written.get(name, ())
        if flat(words).strip() == flat(before.get(section, ())).strip():
            continue
        base = stands if bases is None else tuple(n for n in bases.get(name, ()) if n in stands)
        if set(base) != set(stands):
            if not words:
                continue  # an empty box of a form that never saw the text says nothing about it
            beside.append(name)
        elif stands and bases is None:
            replaced.append((section, before[section]))
        facts.append(ev.SectionWritten(section=name, text=words, base=base))
    after = {**incident.review.written, **{fact.section: (0,) for fact in facts if fact.text}}
    for fact in facts:
        if not fact.text:
            after.pop(fact.section, None)
    then = replace(incident, review=replace(incident.review, written=after))
    lacks = lacks_to_publish(then, ctx.policy)
    told = say(
        "postmortem_written", incident=incident, sections=[fact.section for fact in facts], beside=beside, replaced=replaced,
        lacks=lacks, ref=ref(ctx, incident),
    )  # fmt: skip
    return Answer(facts, told)


@command(
    en=("transfer-postmortem",),
    zh=("转复盘",),
    does=Words("把复盘转给别人写", "hand the postmortem to somebody else"),
    usage=Words("转复盘 @谁", "transfer-postmortem @who"),
    example=Words("转复盘 @李四", "transfer-postmortem @li"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=(Ask("to", required=True),),
)
def transfer_postmortem(ctx: Context, incident: Incident, to: Person | None = None) -> list[Fact]:
    """Give it another owner."""
    if to is None:
        raise refuse("postmortem_whom", field="to", ref=ref(ctx, incident))
    return _passed(ctx, incident, to)


def _person(ctx: Context, rest: Text, incident: Incident) -> Person:
    span = next((span for span in rest if span.kind == "person" and span.person is not None), None)
    found = ctx.reads.person(span.person) if span is not None and span.person is not None else None
    if found is not None:
        return found
    name = flat(rest).strip().removeprefix("@")
    if not name:
        raise refuse("postmortem_whom", field="to", ref=ref(ctx, incident))
    meant = person_meant(ctx, None, name)
    if isinstance(meant, Say):
        raise Refused(meant)
    return meant


def _passed(ctx: Context, incident: Incident, to: Person) -> list[Fact]:
    must_be_writable(ctx, incident)
    must_lead(ctx, incident)
    if incident.review.due is None:
        raise refuse("postmortem_not_begun", incident=incident)
    if incident.review.owner == to.id:
        raise refuse("postmortem_theirs", person=to.id)
    return [ev.PostmortemPassed(before=incident.review.owner, after=to.id)]
