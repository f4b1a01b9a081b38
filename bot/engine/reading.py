"""From typed text to what was meant; pure, and never a change where a question was asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.command import Declaration, Words
from bot.engine.fold import blank, fold
from bot.engine.parameters import Want, parameters
from bot.engine.recognise import FORCE, flag, group_number, incident_word, level
from bot.engine.tokens import CLOSING, SEPARATORS, Atom, Token, atoms, separates, together, tokenize
from bot.engine.vocabulary import BARE, Entry, Option, Vocabulary
from bot.model.text import Span, Text, flat

_OWN_NAMES = frozenset({"warroom", "bot", "incident"})
_PARTICLES = ("了没有", "了没", "了么", "吗", "呢")
_ASKING = ("如何", "怎么", "怎样", "咋", "到哪", "多少", "什么", "啥", "几")
_SOFT_ENDS = frozenset("了吧啦啊呀哈嘛哦")
_ASKING_WORDS = ("如何", "什么", "哪", "谁", "怎么")


@dataclass(frozen=True, slots=True)
class Call:
    """Hold a command that was meant: what follows its word, and the reason where somebody goes over their standing.

    `force` None = nobody asked for that; empty = asked for without a reason.
    """

    declaration: Declaration
    rest: Text = ()
    preset: Mapping[str, str] | None = None
    quoted: bool = False
    force: str | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold a question: nothing is done, the person gets the brief; `call` is what it would have been without its end."""

    rest: Text = ()
    call: Call | None = None

    @property
    def line(self) -> str | None:
        """Give the line that says the same as a statement, its text in quotes; None but for harmless commands."""
        return _quoted_line(self.call) if self.call is not None and self.call.declaration.glued else None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Hold a word that may mean several things, each as a label and the line to type.

    `meant` says of each which command that is, and whether its line can be run as it stands.
    """

    word: str
    options: tuple[tuple[Words, str], ...]
    meant: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class NoSuch:
    """Hold a word that is no command, the nearest words, and what follows them in the corrected line.

    With nothing near, `rest` is all that was typed, which may be kept as a note.
    """

    word: str
    nearest: tuple[str, ...]
    rest: Text


@dataclass(frozen=True, slots=True)
class Nothing:
    """Hold an empty text: the person gets help."""


Read = Call | Asked | Ambiguous | NoSuch | Nothing


def read(text: Text, vocabulary: Vocabulary, *, lang: str, pending: bool) -> Read:
    """Read what somebody typed to the bot; `pending` = the implied incident awaits confirmation."""
    parts = _opening(atoms(text))
    if not parts:
        return Nothing()
    if (forced := _forced_first(parts, vocabulary)) is not None:
        reason, parts = forced
        inner = read(together(parts), vocabulary, lang=lang, pending=pending)
        return replace(inner, force=reason) if isinstance(inner, Call) else inner
    asks = _question_from(parts) is not None
    word, end = _longest_word(parts, vocabulary)
    if not word:
        return Asked(together(parts)) if asks else _unknown(parts, vocabulary)
    body = parts[end:]
    if word == "确认" and pending and "confirm" in vocabulary.declarations and (asks or _apart(body)):
        entry = Entry("确认", vocabulary.declarations["confirm"], {}, False)
    elif word in vocabulary.ambiguous:
        return Asked(together(parts)) if asks else _ambiguous(word, vocabulary.ambiguous[word], body, vocabulary, lang)
    else:
        entry = vocabulary.entries[word]
    if not entry.declaration.changes:
        return _query(entry, parts, body, asks)
    if asks or (body and isinstance(body[0], str) and fold(body[0]) == "?"):
        return Asked(together(body), _call(entry, body))
    if entry.glued and not _apart(body) and flat(together(body)).startswith(_ASKING):
        return Asked(together(body), _call(entry, body))
    if not entry.glued and not _apart(body):
        return _no_space(entry, parts, body) if len(word) > 1 else _unknown(parts, vocabulary)
    call = _call(entry, body)
    bare = BARE.get(entry.declaration.name)
    if not call.rest and not entry.preset and bare in vocabulary.declarations:
        return Call(vocabulary.declarations[bare], word=entry.word)
    return call


# ---------------------------------------------------------------- the opening
def _opening(parts: list[Atom]) -> list[Atom]:
    """Leave out spaces, the bot's own name and a slash in front."""
    while parts:
        here = parts[0]
        skips = blank(here) or here in SEPARATORS or here in "/／" if isinstance(here, str) else _own_mention(here)
        if skips:
            parts = parts[1:]
        elif here in ("@", "＠") and (name := tokenize(parts)[0]) and _own(name.word):
            parts = parts[name.end :]
        else:
            break
    while parts and isinstance(parts[-1], str) and blank(parts[-1]):
        parts = parts[:-1]
    return parts


def _own_mention(span: Span) -> bool:
    return span.kind == "person" and span.person is None and _own(span.text)


def _own(name: str) -> bool:
    return fold(name).removeprefix("@") in _OWN_NAMES


def _longest_word(parts: Sequence[Atom], vocabulary: Vocabulary) -> tuple[str, int]:
    """Find the longest known word that the text begins with, and where it ends; never a part of a Latin word."""
    found = ("", 0)
    typed = ""
    for end, part in enumerate(parts[: 2 * vocabulary.longest_word], 1):
        if not isinstance(part, str):
            break
        typed += part
        if blank(part):
            continue
        word = fold(typed)
        if word in vocabulary.entries or word in vocabulary.ambiguous:
            if " " in word and not _apart(parts[end:]):
                continue  # 改进 完成登录优化 is about something else than 改进 完成
            after = parts[end] if end < len(parts) else ""
            if not (isinstance(after, str) and _latin(part) and (_latin(after) or after in ("-", "_"))):
                found = (word, end)
    return found


def _latin(char: str) -> bool:
    return bool(char) and (folded := fold(char)).isascii() and folded.isalnum()


def _apart(body: Sequence[Atom]) -> bool:
    """Say whether the word before ended: by a space, a colon, a mention, or because nothing more than punctuation comes."""
    if not body:
        return True
    here = body[0]
    if not isinstance(here, str) or blank(here) or here in ":：@＠":
        return True
    return all(isinstance(part, str) and (blank(part) or unicodedata.category(part)[0] == "P") for part in body) and here != "-"


# ---------------------------------------------------------------- questions
def _question_from(parts: Sequence[Atom]) -> int | None:
    """Find where the question's ending begins, decorations behind it left aside; None = it is no question."""
    end = len(parts)
    asks = None
    while end:
        here = parts[end - 1]
        if (particle := _particle(parts, end)) is not None:
            return end - len(particle)
        if isinstance(here, Span):
            if here.kind not in ("person", "emoji"):
                break
        elif fold(here) in ("?", "??", "?!", "!?") or here in "❓❔":
            if _in_address(parts, end - 1):
                break
            asks = end - 1
        elif blank(here):
            pass
        elif here in CLOSING:
            break
        elif unicodedata.category(here)[0] not in "PSMC":
            at = _typed_mention(parts, end)
            if at is None:
                break
            end = at + 1
        end -= 1
    return asks


def _particle(parts: Sequence[Atom], end: int) -> str | None:
    tail = "".join(part if isinstance(part, str) else " " for part in parts[max(0, end - 3) : end])
    return next((particle for particle in _PARTICLES if tail.endswith(particle)), None)


def _typed_mention(parts: Sequence[Atom], end: int) -> int | None:
    """Find the @ of a name that the text ends with before `end`, where chats leave mentions as words."""
    for at in range(end - 1, -1, -1):
        here = parts[at]
        if isinstance(here, Span) or blank(here):
            return None
        if here in "@＠":
            return at
    return None


def _in_address(parts: Sequence[Atom], at: int) -> bool:
    token = next((t for t in tokenize(parts) if t.start <= at < t.end), None)
    return token is not None and "//" in token.word


def _query(entry: Entry, parts: Sequence[Atom], body: list[Atom], asks: bool) -> Read:
    start = len(parts) - len(body)
    if asks and entry.word not in ("?", "？"):
        cut = _question_from(parts)
        body = list(parts[start : max(start, cut)]) if cut is not None else body
    while body and isinstance(body[-1], str) and body[-1] in _SOFT_ENDS and all(p in _SOFT_ENDS for p in body):
        body = body[:-1]
    if _apart(body):
        return _call(entry, body)
    if asks or any(word in entry.word for word in _ASKING_WORDS) or flat(together(body)).startswith(_ASKING):
        return Asked(together(parts))
    return _no_space(entry, parts, body)


# ---------------------------------------------------------------- calls
def _call(entry: Entry, body: Sequence[Atom]) -> Call:
    rest = _after_word(entry, list(body))
    tokens = tokenize(rest)
    force, rest = _forced(entry, tokens, rest)
    quoted = any(token.quoted for token in (tokens if force is None else tokenize(rest)))
    return Call(entry.declaration, together(rest), entry.preset or None, quoted, force, entry.word)


def _after_word(entry: Entry, rest: list[Atom]) -> list[Atom]:
    if entry.glued and rest[:2] == ["一", "下"]:
        rest = rest[2:]  # 记录一下 is still the word
    if rest and not _blank(rest[0]) and all(isinstance(p, str) and (blank(p) or unicodedata.category(p)[0] == "P") for p in rest):
        return []  # the full stop behind the word
    while rest and isinstance(rest[0], str) and (blank(rest[0]) or separates(rest, 0)):
        rest = rest[1:]
    return rest


def _blank(part: Atom) -> bool:
    return isinstance(part, str) and blank(part)


def _forced(entry: Entry, tokens: Sequence[Token], rest: list[Atom]) -> tuple[str | None, list[Atom]]:
    """Take `--force "reason"` out; the bare word 代行 counts only where the text is not free to contain it."""
    for n, token in enumerate(tokens):
        if flag(token.word) in FORCE or (token.word == "代行" and not entry.glued):
            after = tokens[n + 1 :]
            if after and after[0].quoted:
                return flat(after[0].typed), [*rest[: token.start], *rest[after[0].end :]]
            return flat(together(rest[token.end :])), rest[: token.start]
    return None, rest


def _forced_first(parts: Sequence[Atom], vocabulary: Vocabulary) -> tuple[str, list[Atom]] | None:
    """Read `代行 原因 关闭`: the reason in front of the command; the reason is empty where none was given."""
    here = parts[0]
    if not isinstance(here, str) or not (here == "代" or fold(here) == "-"):
        return None
    tokens = tokenize(parts)
    if tokens[0].word != "代行" and flag(tokens[0].word) not in FORCE:
        return None
    known = [n for n, token in enumerate(tokens) if n and token.word in vocabulary.entries]
    after = next((n for n in known if n > 1), known[0] if known else None)
    if after is None:
        return None
    command = tokens[after].start
    reason = tokens[1].typed if after == 2 else together(parts[tokens[1].start : command])
    return flat(reason), list(parts[command:])


def _quoted_line(call: Call) -> str | None:
    """Put the free text of a call in quotes, the tokens in front of it left outside."""
    takes_text = any(p.want is Want.TEXT for p in parameters(call.declaration))
    parts = atoms(call.rest)
    if not parts or not takes_text:
        return None
    start = 0
    for token in tokenize(parts):
        if not (_claimable(token) and token.end < len(parts)):
            start = token.start
            break
    front, said = flat(together(parts[:start])), flat(together(parts[start:]))
    said = said.replace('"', "'") if '"' in said else said
    return " ".join(part for part in (call.word, front, f'"{said}"') if part)


def _claimable(token: Token) -> bool:
    """Say whether a token is an argument by its shape alone."""
    if token.span is not None:
        return token.span.kind == "person"
    word = token.word
    shaped = level(word) or group_number(word, dashed=True) is not None or incident_word(word) or flag(word)
    return bool(shaped) or word.startswith("@")


# ---------------------------------------------------------------- offers
def _ambiguous(word: str, options: Sequence[Option], body: Sequence[Atom], vocabulary: Vocabulary, lang: str) -> Read:
    parts = list(body)
    while parts and isinstance(parts[0], str) and (blank(parts[0]) or parts[0] in SEPARATORS):
        parts = parts[1:]
    first = next(iter(tokenize(parts)), None)
    rest = flat(together(parts))
    offered, meant = [], []
    for option in options:
        if option.command not in vocabulary.declarations:
            continue
        fits = first is not None and (
            option.accepts == "any"
            or (option.accepts == "level" and level(first.word) is not None)
            or (option.accepts == "person" and (first.word.startswith("@") or first.span is not None))
        )
        line = f"{vocabulary.spelled(option.command, lang)} {rest if fits else option.tail[lang]}".strip()
        offered.append((option.label, line))
        meant.append((option.command, fits or not option.tail[lang]))
    return Ambiguous(word, tuple(offered), tuple(meant)) if offered else _unknown([*word, *body], vocabulary)


def _no_space(entry: Entry, parts: Sequence[Atom], body: Sequence[Atom]) -> NoSuch:
    """Offer a word that changes things with the space that it needs."""
    rest = list(body)
    while rest and isinstance(rest[0], str) and (rest[0] in _SOFT_ENDS or rest[0] in SEPARATORS or blank(rest[0])):
        rest = rest[1:]
    return NoSuch(_head(parts), (entry.word,), together(rest))


def _head(parts: Sequence[Atom]) -> str:
    tokens = tokenize(parts)
    return flat(tokens[0].typed) if tokens else flat(together(parts))


def _unknown(parts: Sequence[Atom], vocabulary: Vocabulary) -> NoSuch:
    tokens = tokenize(parts)
    head = _head(parts)
    if len(tokens) > 1 and tokens[1].word in vocabulary.entries and _claimable(tokens[0]):
        entry = vocabulary.entries[tokens[1].word]
        rest = together([*parts[tokens[0].start : tokens[0].end], " ", *atoms(together(parts[tokens[1].end :]))])
        return NoSuch(head, (entry.word,), rest)
    near = vocabulary.nearest(head) if tokens and tokens[0].word else []
    after = list(parts[tokens[0].end :]) if tokens else []
    if not near and tokens and tokens[0].word and not head.isascii():
        for size in (4, 3, 2):  # a glued word, mistyped
            near = [entry for entry in vocabulary.nearest(head[:size]) if entry.glued and len(entry.word) == size < len(head)]
            if near:
                after = list(parts[tokens[0].start + size :])
                break
    if near:
        return NoSuch(head, tuple(entry.word for entry in near), together(after))
    return NoSuch(head, (), together(parts))
