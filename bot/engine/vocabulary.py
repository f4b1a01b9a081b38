"""Which typed word means which command: every word one command, a few none because they could mean two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.command import Declaration, Words
from bot.engine.fold import fold
from bot.engine.parameters import parameters
from bot.model.person import ActorKind


@dataclass(frozen=True, slots=True)
class Option:
    """Offer one meaning of a word that has several: a command and what follows it in the line to type."""

    label: Words
    command: str
    tail: Words = field(default_factory=lambda: Words("", ""))
    accepts: str = ""  # "level" or "person": what was typed is offered with it only when it begins so; "any" always


_RAISE = Option(Words("提高等级", "Raise the level"), "severity", Words("P1", "P1"), "level")
_CALL = Option(Words("呼叫支援", "Call for help"), "escalate", Words("@谁", "@who"), "person")
_UNDO = Option(Words("撤销上一步", "Undo the last step"), "undo")
_DISMISS = Option(Words("误报", "False alarm"), "dismiss", Words("原因", "reason"), "any")
_HERE = Option(Words("到", "I am here"), "here")
_RECOVER = Option(Words("确认恢复", "Confirm recovery"), "recover")
AMBIGUOUS: Mapping[str, tuple[Option, ...]] = {
    "升级": (_RAISE, _CALL),
    "取消": (_UNDO, _DISMISS),
    "确认": (_HERE, _RECOVER),
}
# Ambiguous only as long as no command claims the word.
LOOSE: Mapping[str, tuple[Option, ...]] = {"upgrade": (_RAISE, _CALL), "cancel": (_UNDO, _DISMISS)}
# With nothing behind it, this command's word asks instead of tells.
BARE: Mapping[str, str] = {"update": "brief"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Say what a word means; `preset` are arguments that the word implies, `glued` lets text follow it with no space."""

    word: str
    declaration: Declaration
    preset: Mapping[str, str]
    glued: bool


class Vocabulary:
    """Know every word of the commands that people may type; raises ValueError when a word would mean two of them."""

    def __init__(self, declarations: Mapping[str, Declaration]) -> None:
        self.declarations = {name: d for name, d in declarations.items() if ActorKind.PERSON in d.by}
        self.entries: dict[str, Entry] = {}
        for declaration in self.declarations.values():
            parameters(declaration)  # an unreadable annotation shows at the start, not at 3 a.m.
            glued = {fold(word) for word in declaration.glued}
            for word in dict.fromkeys((*declaration.en, *declaration.zh, *declaration.presets)):
                self._add(Entry(word, declaration, declaration.presets.get(word, {}), fold(word) in glued))
            for word in glued:
                if len(word) < 2 or word not in self.entries or self.entries[word].declaration is not declaration:
                    raise ValueError(f"{declaration.name}: {word!r} cannot be glued")
        self.ambiguous = {**{w: o for w, o in LOOSE.items() if w not in self.entries}, **AMBIGUOUS}
        self.longest_word = max(map(len, (*self.entries, *self.ambiguous)))

    def _add(self, entry: Entry) -> None:
        word = fold(entry.word)
        if word in AMBIGUOUS or not word:
            raise ValueError(f"{entry.declaration.name}: {entry.word!r} belongs to no command")
        other = self.entries.get(word)
        if other is not None and other.declaration is not entry.declaration:
            raise ValueError(f"{entry.word!r} belongs to {other.declaration.name} and to {entry.declaration.name}")
        self.entries[word] = entry

    def spelled(self, command: str, lang: str) -> str:
        """Give the word that a reader of this language types for a command."""
        declaration = self.declarations[command]
        return declaration.en[0] if lang == "en" or not declaration.zh else declaration.zh[0]

    def nearest(self, typed: str) -> list[Entry]:
        """List the words that a mistyped one may have been, likeliest first, at most three."""
        word = fold(typed)
        if len(word) < 2:
            return []
        most = 1 if len(word) <= 4 else 2
        found = []
        for known, entry in self.entries.items():
            if len(known) < 2 or abs(len(known) - len(word)) > most:
                continue
            away = _distance(word, known)
            if away <= min(most, len(known) - 1):
                ends = (word[0] == known[0]) + (word[-1] == known[-1])
                found.append((away, -ends, abs(len(known) - len(word)), known, entry))
        found.sort(key=lambda f: f[:4])
        best: dict[str, Entry] = {}
        for *_, entry in found:
            best.setdefault(entry.declaration.name + str(dict(entry.preset)), entry)
        return list(best.values())[:3]


def _distance(one: str, other: str) -> int:
    """Count the letters to add, drop, change or swap with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i] + [0] * len(other)
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]
