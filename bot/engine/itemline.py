"""One typed line as an action item: what, who, until when, and what stands behind labels as `验收：…` or `verifier @li`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from bot.command import Context
from bot.engine.finding import person_meant, zone_of
from bot.engine.fold import fold
from bot.engine.times import read_when
from bot.engine.tokens import Token, atoms, left_over, together, tokenize
from bot.errors import Refused
from bot.model.event import ItemSort, Priority
from bot.model.ids import PersonId
from bot.model.say import Say
from bot.model.text import Span, Text, flat

# What a label begins: `needs a colon` keeps words of a sentence from being taken for one.
_LABELS: tuple[tuple[str, bool, str], ...] = (
    ("verifier", False, "验收人|verifier|verified by"),
    ("acceptance", True, "验收标准|验收|acceptance|accepted when"),
    ("due", False, "截止|期限|due"),
    ("who", False, "负责人|owner"),
    ("why", True, "为什么|原因|why"),
    ("where", True, "在哪|地点|where"),
    ("how", True, "怎么做|怎么|how"),
    ("sort", False, "类型|sort"),
    ("priority", False, "优先级|priority"),
)
_LABEL = re.compile(
    r"(?:^|(?<=[\s，。；、,;]))(?:"
    + "|".join(rf"(?P<{name}>(?:{words})\s*{'[：:]' if colon else '(?:[：:]|(?=[ @＠￼]))'})" for name, colon, words in _LABELS)
    + ")",
    re.IGNORECASE,
)
_SENTENCES = frozenset({"acceptance", "why", "where", "how"})  # labels of words, not of a person or a day
SORTS = {
    "防发生": ItemSort.PREVENT, "prevent": ItemSort.PREVENT, "早发现": ItemSort.DETECT, "detect": ItemSort.DETECT,
    "快恢复": ItemSort.RECOVER, "recover": ItemSort.RECOVER, "流程": ItemSort.PROCESS, "process": ItemSort.PROCESS,
}  # fmt: skip
PRIORITIES = {
    "高": Priority.HIGH, "high": Priority.HIGH, "中": Priority.MEDIUM, "medium": Priority.MEDIUM, "低": Priority.LOW,
    "low": Priority.LOW,
}  # fmt: skip
_ONE_WORD: Mapping[str, Mapping[str, object]] = {"sort": SORTS, "priority": PRIORITIES}


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what a line says of an item; what it does not say is empty."""

    what: Text = ()
    who: PersonId | None = None
    due: date | None = None
    acceptance: Text = ()
    verifier: PersonId | None = None
    why: Text = ()
    where: Text = ()
    how: Text = ()
    sort: ItemSort | None = None
    priority: Priority | None = None


def read_line(ctx: Context, text: Text, *, dated: bool = False) -> Line:
    """Read a line; refuses a name that means nobody or several.

    A date counts behind the person whose item it is or at the end of the sentence, `dated` = wherever it stands, so that
    none is taken out of the middle of what is to be done.
    """
    found: dict[str, object] = {}
    head, labelled = _called_last(*_parted(text))
    for name, said in labelled:
        if name in ("who", "verifier"):
            person, head = _person_of(ctx, said, head)
            found.setdefault(name, person)
        elif name == "due":
            day, used = _day(ctx, tokenize(atoms(said)), 0)
            found.setdefault("due", day)
            head = (*head, *_rest(said, used))
        elif name in _ONE_WORD:
            tokens = tokenize(atoms(said))
            value = _ONE_WORD[name].get(tokens[0].word) if tokens else None
            found.setdefault(name, value)
            head = (*head, *_rest(said, 1 if value is not None else 0))
        else:
            found.setdefault(name, said)
    what, who, due = _head(ctx, head, dated)
    found = {"who": who, "due": due, **{k: v for k, v in found.items() if v is not None}, "what": what}
    return Line(**found)  # type: ignore[arg-type]


def _parted(text: Text) -> tuple[Text, list[tuple[str, Text]]]:
    """Part a line at its labels."""
    parts = atoms(text)
    words = "".join(part if isinstance(part, str) else "\ufffc" for part in parts)  # one character an atom
    labels = list(_LABEL.finditer(words))
    ends = [label.start() for label in labels[1:]] + [len(parts)]
    named = [
        (str(label.lastgroup), _trimmed(together(parts[label.end() : end]))) for label, end in zip(labels, ends, strict=False)
    ]
    return _trimmed(together(parts[: labels[0].start()] if labels else parts)), named


def _called_last(head: Text, labelled: list[tuple[str, Text]]) -> tuple[Text, list[tuple[str, Text]]]:
    """Let somebody who is called at the end do it, where nobody is named before: a chat may put every mention there."""
    named = any(span.kind == "person" for span in head) or any(name == "who" for name, _ in labelled)
    if named or not labelled or labelled[-1][0] not in _SENTENCES:
        return head, labelled
    name, said = labelled[-1]
    if not said or said[-1].kind != "person":
        return head, labelled
    return (*head, Span(" "), said[-1]), [*labelled[:-1], (name, _trimmed(said[:-1]))]


def _trimmed(text: Text) -> Text:
    """Leave out what only parted a section from the next."""
    parts = atoms(text)
    while parts and isinstance(parts[-1], str) and parts[-1] in " ，,；;、":
        parts = parts[:-1]
    while parts and isinstance(parts[0], str) and parts[0] in " ：:":
        parts = parts[1:]
    return together(parts)


def _person_of(ctx: Context, said: Text, head: Text) -> tuple[PersonId, Text]:
    """Read whom a label names; what stands behind the name belongs to the sentence."""
    tokens = tokenize(atoms(said))
    meant = person_meant(ctx, tokens[0].span if tokens else None, flat(tokens[0].typed) if tokens else "")
    if isinstance(meant, Say):
        raise Refused(meant)
    return meant.id, (*head, *_rest(said, 1))


def _rest(said: Text, used: int) -> Text:
    parts = atoms(said)
    tokens = tokenize(parts)
    return (Span(" "), *together(parts[tokens[used].start :])) if used < len(tokens) else ()


def _head(ctx: Context, head: Text, dated: bool) -> tuple[Text, PersonId | None, date | None]:
    parts = atoms(head)
    tokens = tokenize(parts)
    taken = [False] * len(tokens)
    who: PersonId | None = None
    due: date | None = None
    first = len(tokens)
    for at, token in enumerate(tokens):
        named = (token.span is not None and token.span.kind == "person") or (token.word.startswith("@") and len(token.word) > 1)
        if named and not token.quoted:
            meant = person_meant(ctx, token.span, flat(token.typed))
            if isinstance(meant, Say):
                raise Refused(meant)
            who, taken[at], first = meant.id, True, at
            break
    free = [at for at in range(len(tokens)) if not taken[at]]
    for at in free:
        day, used = _day(ctx, tokens, at)
        ends = used and [n for n in free if n >= at] == list(range(at, at + used))  # the last of the sentence
        if day is not None and (dated or at > first or (ends and at != free[0])):
            due = day
            taken[at : at + used] = [True] * used
            break
    return _trimmed(left_over(parts, tokens, taken)), who, due


def _day(ctx: Context, tokens: list[Token], at: int) -> tuple[date | None, int]:
    """Read a day from the tokens at a place, and how many it takes."""
    words = []
    for token in tokens[at : at + 3]:
        if not token.word or token.quoted:
            break
        words.append(token.word)
    found: tuple[datetime, int] | None = read_when(words, ctx.now, zone_of(ctx))
    return (found[0].astimezone(zone_of(ctx)).date(), found[1]) if found is not None else (None, 0)


def day_in(ctx: Context, words: str) -> date | None:
    """Read a day that stands alone."""
    found = read_when(fold(words).split(), ctx.now, zone_of(ctx))
    return found[0].astimezone(zone_of(ctx)).date() if found is not None and found[1] == len(fold(words).split()) else None
