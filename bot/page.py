"""One rendering of a template: the spans behind its tokens, and what templates may call.

A token holds a number drawn for this rendering alone, so nothing that strangers typed can be one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol

from jinja2 import Undefined

from bot.model.announcing import Post, recipient_of
from bot.model.event import Event, NoteAdded, NoteEdited
from bot.model.facts.files import FileKept, FileMissed
from bot.model.facts.story import Enclosed
from bot.model.files import SHORT
from bot.model.ids import ConnectionId, GroupId, PersonId, RotationId, ServiceId, group_word
from bot.model.person import Actor
from bot.model.say import Say
from bot.model.severity import Reason
from bot.model.text import Span, Text
from bot.show import PRIVATE, Show, clean, cut, day, joined, local_day, moment, size_of, span, tame

_OPEN, _SHUT = "\ue000", "\ue001"
_TOKEN = re.compile(f"{_OPEN}([0-9a-f]+)\\.(\\d+){_SHUT}")
_WEB = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_NAME_CHARS = 60
_SENTENCE_ENDS = "。．.!?！？…"


class Words(Protocol):
    """Give labels and nested texts."""

    def label(self, key: str, lang: str) -> str: ...
    def words(self, lang: str) -> Mapping[str, str]: ...
    def say(self, said: Say, show: Show) -> Text: ...


class Page:
    """Hold one rendering: the reader, the spans behind its tokens, and the functions that templates call."""

    def __init__(self, prose: Words, show: Show, inline: bool = False, event: Event | None = None) -> None:
        self.prose, self.show, self.inline = prose, show, inline
        away = event is not None and event.via is not None and event.actor.person is not None and not show.here(event.via)
        self.author = event.actor if event is not None and away else None  # who said it on another chat
        self.place = self.platform(show.heard_for(event.via.connection)) if event is not None and event.via and away else ""
        # Rooms are told only the notes that were not written there.
        noted = event.payload if event is not None and isinstance(event.payload, NoteAdded | NoteEdited) else None
        typed = noted is not None and event is not None and event.via is not None and getattr(noted, "quoted", None) is None
        self.calls = bool(self.place) or typed
        self.spans: list[Text] = []
        self.seal = secrets.token_hex(6)

    def keep(self, text: Text) -> str:
        """Store spans and give the token that stands for them."""
        self.spans.append(text)
        return f"{_OPEN}{self.seal}.{len(self.spans) - 1}{_SHUT}"

    def split(self, rendered: str) -> Text:
        """Turn a rendered string to spans; private-use characters that are no token of ours vanish."""
        pieces: list[Span] = []
        parts = _TOKEN.split(rendered)
        for words, seal, number in zip(parts[0::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True):
            pieces.append(Span(PRIVATE.sub("", words)))
            if seal == self.seal:
                pieces.extend(self.spans[int(number)])
        return joined(tuple(pieces))

    # filters
    def person(self, ident: PersonId) -> str:
        return cut(clean(self.show.person(ident)), _NAME_CHARS).strip() or self.prose.label("person.deleted", self.show.lang)

    def mention(self, ident: PersonId) -> str:
        """Leave a span that a chat may print as a real mention: only for somebody who must act now."""
        return self.keep((Span(f"@{self.person(ident)}", "person", person=ident),))

    def actor(self, who: Actor) -> str:
        """Name who acts; of somebody who said it on another chat, that chat too."""
        if who == self.author and who.person is not None:
            self.author = None  # once is enough
            place = f" ({self.place})" if self.show.lang == "en" else f"（{self.place}）"
            return self.person(who.person) + place
        return self.person(who.person) if who.person is not None else self.prose.label(f"actor.{who.kind}", self.show.lang)

    def service(self, ident: ServiceId | None) -> str:
        if ident is None:
            return self.prose.label("unknown_service", self.show.lang)
        return clean(self.show.service(ident, self.show.lang))

    def rotation(self, ident: RotationId) -> str:
        return clean(self.show.rotation(ident, self.show.lang))

    def services(self, idents: Iterable[ServiceId]) -> str:
        return self.comma.join(self.service(ident) for ident in idents)

    def typed(self, text: Text | str | None, limit: int | None = None) -> str:
        """Print what people typed; nobody is mentioned by a repetition of their words."""
        shown = joined(tuple(self._harmless(piece) for piece in ((Span(text),) if isinstance(text, str) else text or ())))
        if limit is not None:
            shown = _cut_spans(shown, limit)
        return self.keep(shown)

    def letter(self, text: Text) -> str:
        """Print the words of an announcement as they stand, line by line; they were made harmless when they were written."""
        kinds = ("text", "link", "time")
        return self.keep(tuple(Span(s.text, s.kind if s.kind in kinds else "text", target=s.target) for s in text))

    def _harmless(self, piece: Span) -> Span:
        words = clean(piece.text)
        target = clean(piece.target or "")
        if piece.kind == "person" and piece.person is not None and self.calls:
            return Span(f"@{self.person(piece.person)}", "person", person=piece.person)  # called where it was said, so here, too
        if piece.kind == "person" and piece.person is not None:
            return Span(("@" if words.startswith("@") else "") + self.person(piece.person))
        if piece.kind == "link":
            return Span(words or target, "link", target=target) if _WEB.fullmatch(target) else Span(words)
        if piece.kind == "channel":
            return Span(words, "channel", target=target)
        return Span(words, piece.kind if piece.kind in ("code", "emoji") else "text")

    def sentence(self, text: Text, limit: int | None = None) -> str:
        """Print what people typed, with a full stop where they left it out."""
        words = "".join(piece.text for piece in text).rstrip()
        stop = "" if not words or words[-1] in _SENTENCE_ENDS else ("." if self.show.lang == "en" else "。")
        return self.typed(text, limit) + stop

    def code(self, words: object, limit: int = 200) -> str:
        raw = words if isinstance(words, str) else json.dumps(words, ensure_ascii=False, default=str)
        return self.keep((Span(cut(clean(raw), limit), "code"),))

    def link(self, words: object, target: str | None = None) -> str:
        """Leave a link with words of ours; an address that is not of the web stays words."""
        address = clean(target if target is not None else str(words))
        shown = clean(str(words))
        return self.keep((Span(shown, "link", target=address) if _WEB.fullmatch(address) else Span(shown),))

    def clock(self, at: datetime, seconds: bool = False) -> str:
        """Leave a span that a chat may show in each reader's zone."""
        return self.keep((moment(at, self.show, seconds),))

    def span(self, length: timedelta | float) -> str:
        return span(length, self.show.lang)

    def word(self, value: object, family: str | None = None) -> str:
        """Give the label of an enum value; of a plain word within a family, and the word itself if it has no label."""
        if isinstance(value, Enum):
            name = value.value if isinstance(value.value, str) else value.name.lower()
            return self.prose.label(f"{family or _family(type(value).__name__)}.{name}", self.show.lang)
        known = self.prose.words(self.show.lang)
        if value is None:
            return known["none"]
        return known.get(f"{family}.{value}", cut(clean(str(value)), _NAME_CHARS))

    def refusal(self, code: str, raw: str | None = "") -> str:
        """Give a platform's refusal in words; of an unknown one, quote what the platform said."""
        known = self.prose.words(self.show.lang).get(f"code.{code}")
        return known if known is not None else self.code(raw or code)

    def platform(self, connection: ConnectionId) -> str:
        """Give what people call a chat."""
        return cut(clean(self.show.platform(connection, self.show.lang)), _NAME_CHARS)

    def reasons(self, why: tuple[Reason, ...]) -> str:
        """Do the arithmetic of a level in words."""
        return self.keep(self.prose.say(Say("level_reasons", {"reasons": why}), self.show))

    def recipients(self, post: Post) -> str:
        """Name whom an announcement goes to, by way."""
        return self.keep(self.prose.say(Say("announce_recipients", {"post": post}), self.show))

    def recipient(self, target: str) -> str:
        """Name one recipient of an announcement, as its facts write it."""
        kind, name, to = recipient_of(target)
        return self.keep(self.prose.say(Say("announce_recipient", {"kind": kind, "name": name, "to": to}), self.show))

    def addressee(self, to: str) -> str:
        """Name who an address of an announcement is: somebody of the roster, else the address itself."""
        name = clean(self.show.person(PersonId(to))).strip()
        return cut(name, _NAME_CHARS) if name else self.code(to)

    def group(self, ident: GroupId) -> str:
        return group_word(ident)

    def join_names(self, people: Iterable[PersonId], limit: int | None = None) -> str:
        names = [self.person(p) for p in people]
        if limit is None or len(names) <= limit:
            return self.comma.join(names)
        more = self.prose.label("person.more", self.show.lang).replace("#", str(len(names)))
        return self.comma.join(names[:limit]) + more

    def enclosed(self, file: Enclosed | FileKept | FileMissed) -> str:
        """Name what came with a message: what it is, its name, and once it is kept its size and the beginning of its hash."""
        image = file.type.startswith("image")
        parts = [self.word("image" if image else "file", "enclosed")]
        parts += [cut(clean(name), _NAME_CHARS).strip()] if (name := getattr(file, "name", "")) else []
        parts += [size_of(file.size), digest[:SHORT]] if (digest := getattr(file, "digest", "")) else []
        parts += [self.word("missed", "enclosed")] if getattr(file, "missed", "") else []
        return self.keep((Span(f"[{' '.join(part for part in parts if part)}]"),))

    def item(self, number: int) -> str:
        return f"T-{number}"

    def date_of(self, at: datetime) -> str:
        return day(local_day(at, self.show), self.show)

    def day(self, of: date) -> str:
        return day(of, self.show)

    # globals
    @property
    def comma(self) -> str:
        return ", " if self.show.lang == "en" else "、"

    @property
    def bar(self) -> str:
        return " · " if self.show.lang == "en" else "｜"

    def stamp(self, at: datetime, who: str = "") -> str:
        """Say in brackets who and when; a numbered line says when in front, so there only who."""
        inside = " ".join(part for part in (who, "" if self.inline else self.clock(at)) if part)
        if not inside:
            return ""
        return f" ({inside})" if self.show.lang == "en" else f"（{inside}）"

    def finalize(self, value: object) -> str:
        """Print a value that no filter printed: ours by its kind, anything else as one harmless line."""
        match value:
            case Undefined():
                return str(value)  # raises, naming what is missing
            case None:
                raise ValueError("a text printed a value that is not there")
            case Enum():
                return self.word(value)
            case datetime():
                return self.clock(value)
            case timedelta():
                return self.span(value)
            case Actor():
                return self.actor(value)
            case Say():
                return self.keep(self.prose.say(value, self.show))
            case tuple() if all(isinstance(piece, Span) for piece in value):
                return self.typed(value)
            case str() | int() | float():
                return tame(str(value))
            case _:
                raise TypeError(f"a text cannot print {type(value).__name__}")


def _cut_spans(text: Text, limit: int) -> Text:
    if sum(len(piece.text) for piece in text) <= limit:
        return text
    kept: list[Span] = []
    room = limit - 1
    for piece in text:
        kept.append(Span(piece.text[:room], piece.kind, piece.person, piece.target))
        room -= len(piece.text)
        if room <= 0:
            break
    return joined((*kept, Span("…")))


def _family(name: str) -> str:
    """Turn RoomState to room_state."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
