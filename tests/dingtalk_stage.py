"""DingTalk as scenarios see it: what a card draws as the text that it says, what is typed as DingTalk's people type it.

`@bot` is the robot's name, `✓ #12` what it answers where something was typed, an answer for one person what only they see
below a card or a message in the chat with the bot, a choice under such an answer a row of buttons. A group keeps the name under
which it was first seen, though it is renamed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.chat.dingtalk.render import BODY, BUTTONS, NOTE, SELECTS
from adapters.sandbox.dingtalk.player import Player, Stage
from adapters.sandbox.dingtalk.shown import DIRECT, Seen
from adapters.sandbox.player import WAIT, NotSeen
from bot.model.press import decode

T = TypeVar("T")
NOT_YET = re.compile("还没记下|Not recorded yet")
CLOSED = re.compile(r"^\[(?:已关闭|Closed)\]")
_TWINS = str.maketrans("＜［］∗ˋ～＼｜", "<[]*`~\\｜")


def words(marked: str) -> str:
    """Give markdown as it is read, and the hail as every chat's scenarios write it."""
    said = re.sub(r"\*\*([^*\n]+)\*\*", r"\1", marked).replace("  \n", "\n")
    said = re.sub(r"(?<!!)\[([^\]\n]*)\]\(https?://[^)\s]*\)", r"\1", said)
    return said.translate(_TWINS).replace("＿", "_")


def listed(value: str | None) -> list[dict[str, Any]]:
    """Read a variable that holds a list."""
    return list(json.loads(value)) if value else []


def _rows(said: Mapping[str, str], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from listed(said.get(name))


def card_text(said: Mapping[str, str]) -> str:
    """Give what a card says, in the order in which our template draws it; a button as [label]."""
    parts = [said.get("title", ""), said.get("sub", ""), *(words(said.get(name, "")) for name in BODY)]
    parts += [f"[{one['text']}]" for one in _rows(said, BUTTONS)]
    parts += [f"[{s['text']}▾ {' | '.join(o['text'] for o in s['options'])}]" for s in _rows(said, SELECTS)]
    return "\n".join(part for part in (*parts, words(said.get("footer", "")), note_text(said)) if part)


def note_text(said: Mapping[str, str]) -> str:
    """Give what one person alone sees below a card: the answer, what it offers, and the form's title."""
    parts = [words(said.get(name, "")) for name in NOTE]
    parts += [f"[{one['text']}]" for one in listed(said.get("offers"))]
    return "\n".join(part for part in (*parts, said.get("form_title", "") if fields(said) else "") if part)


def fields(said: Mapping[str, str]) -> list[dict[str, Any]]:
    """List the fields of the form that is drawn, the hidden ones too."""
    return list(json.loads(said.get("form") or '{"fields":[]}')["fields"])


def plain_text(content: Mapping[str, Any]) -> str:
    """Give what a message says that is no card."""
    return words(str(content.get("content") or content.get("text") or ""))


def with_calls(text: str, names: Iterable[str]) -> str:
    """Give words with an @ before those whom they call, where their name is a word of its own."""
    for name in names:
        text = re.sub(rf"(?<=[\s。]){re.escape(name)}(?=\s)", f"@{name}", text)
    return text


class Drawn(list[str]):
    """List what can be pressed; choices stand below the other buttons, so that their place among them says nothing."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(self) == sorted(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Read:
    """Hold one message, or what stands below one for its reader alone; later ones have a later `n`."""

    n: float
    room: str | None
    text: str
    private: bool
    raw: Seen
    buttons: Drawn  # what can be pressed or chosen, by label


@dataclass(slots=True)
class DingTalkStage:
    """Let people of a company act; what they typed and pressed is kept."""

    pages: Stage
    robot: str
    names: Mapping[str, str]  # of people, by id
    outage_of: Callable[[bool], Any]
    first_names: Callable[[], dict[str, str]]  # of the groups, by id
    answers: Callable[[str], bool]  # says of a message, by its id, whether it answers somebody
    variables: Callable[[str, str], Mapping[str, str]]  # of a card, by its message and its reader
    pinned: Callable[[str, str], bool]  # says of a message whether it stands in the top box of a group
    typed: list[tuple[str, str]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    _players: dict[str, DingTalkPlayer] = field(default_factory=dict)

    def player(self, ident: str) -> DingTalkPlayer:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, DingTalkPlayer(self, ident, self.pages.player(ident)))

    async def outage(self, firing: bool) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        status: int = await self.outage_of(firing)
        return status


class DingTalkPlayer:
    """Be one person of a company."""

    def __init__(self, stage: DingTalkStage, ident: str, page: Player) -> None:
        self.id, self.page, self._stage = ident, page, stage
        self._filling: Seen | None = None

    # ------------------------------------------------------------ typing
    async def talks(self, text: str, room: str) -> str:
        """Say something to the others; gives its id."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, text))
        return str((await self.page.says(text, place))["id"])

    async def shares(self, name: str, kind: str, body: bytes, line: str, room: str) -> str:
        """Send a picture or a file to the others, which takes no words along; gives its id."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, name))
        return await self.page.share(name, kind, body, place)

    async def quotes(self, message: str, line: str, room: str) -> str:
        """Answer a message."""
        return await self.says(line, room, quote=message)

    async def says(
        self, text: str, room: str | None = None, *, deadline: float = WAIT, quote: str | None = None
    ) -> str:  # fmt: skip
        """Type a line and give the bot's answer to it, empty where it was not meant."""
        place = await self._place(room, deadline)
        self._stage.typed.append((self.id, text))
        hail = f"@{self._stage.robot}"
        said = re.sub(r"^@bot\b", hail, text)
        if room is not None:
            said = re.sub(r"^/inc(ident)?\b", hail, said)
        done = await self.page.says(said, place, deadline=deadline, quote=quote)
        if room is not None and not said.startswith(hail):
            return ""

        def answer() -> str | None:
            for message in sorted(self.page.sight.messages.values(), key=lambda m: m.ts):
                new = message.bot and message.ts > done["ts"] and message.channel in (place, DIRECT)
                if new and self._stage.answers(message.id) and not NOT_YET.search(message.shown):
                    return self._answer(message)
            return None

        heard = await self.found(answer, f"the answer to {text!r}", deadline)
        self._stage.pages.note(f"bot→{self.id}", room, heard)
        return heard

    def _answer(self, message: Seen) -> str:
        """Give what an answer says; where a form is on it, what is said above that."""
        said = self._said_on(message)
        if said is None or not fields(said):
            return self._read(message).text
        above = "\n".join(part for part in (words(said.get(name, "")) for name in NOTE) if part)
        return above or self._read(message).text

    async def direct(self, text: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot in the chat with it and give its answer."""
        return await self.says(text, None, deadline=deadline)

    # ------------------------------------------------------------ pressing
    async def click(
        self, name: str, room: str | None = None, *, on: Read | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> str:
        """Press a button on the newest card that draws it; gives what then stands below it for this person alone."""
        place = await self._place(room, deadline)
        before = len(self._stage.pressed)
        self._press_soon(name, place, on)
        message = await self.page.click(name, place, on=on.raw if on else None, confirm=confirm, deadline=deadline)
        if len(self._stage.pressed) == before:
            self._pressed(message, name)
        return note_text(self._said_on(message) or {})

    def _press_soon(self, name: str, place: str | None, on: Read | None) -> None:
        """Remember what a button does while it is drawn: the answer to its click may take it away."""
        for message in [on.raw] if on is not None else self.page.heard(place or DIRECT, newest_first=True):
            if message.card is not None and self._pressed(message, name):
                return

    async def choose(self, select: str, option: str, room: str | None = None, *, on: Read | None = None) -> str:
        """Choose an option of a select by what it shows; below an answer options are buttons."""
        place = await self._place(room, WAIT)

        def found() -> tuple[Seen, str] | None:
            for message in [on.raw] if on is not None else self.page.heard(place or DIRECT, newest_first=True):
                said = self._said_on(message) or {}
                if any(select == one["text"] for one in _rows(said, SELECTS)):
                    return message, ""
                for one in listed(said.get("offers")):
                    if one["text"] in (option, f"{select} {option}"):
                        return message, one["text"]
            return None

        message, row = await self.found(found, f"{option!r} of {select!r} to choose")
        if row:
            return await self.click(row, room, on=self._read(message))
        for one in _rows(self._said_on(message) or {}, SELECTS):
            for offered in one["options"] if one["text"] == select else ():
                if offered["text"] == option:
                    self._stage.pressed.append(decode(offered["value"]).command)
        message = await self.page.choose(select, option, place, on=message)
        return note_text(self._said_on(message) or {})

    def _pressed(self, message: Seen, name: str) -> bool:
        for one in _rows(self._said_on(message) or {}, (*BUTTONS, "offers")):
            if one["text"] == name:
                self._stage.pressed.append(decode(one["id"]).command)
                return True
        return False

    async def whispered(self, pattern: str, room: str | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the bot says something for this person alone that matches: below a card, or in the chat with it."""
        place = await self._place(room, deadline) or DIRECT

        def found() -> Read | None:
            for message in (*self.page.heard(place, newest_first=True), *self.page.heard(DIRECT, newest_first=True)):
                read = self._read(message) if message.channel == DIRECT else self._below(message)
                if re.search(pattern, read.text):
                    return read
            return None

        seen = await self.found(found, f"{pattern!r} for {self.id} alone", deadline)
        self._stage.pages.note(f"bot→{self.id}", room, seen.text)
        return seen

    # ------------------------------------------------------------ forms
    async def form(self, title: str, **fields: Any) -> dict[str, Any]:
        """Wait for a form by its title, wherever it is, and fill in fields by their labels."""

        def found() -> Seen | None:
            for message in sorted(self.page.sight.messages.values(), key=lambda m: m.ts, reverse=True):
                if (
                    message.card is not None
                    and message.card["form"] is not None
                    and re.search(title, message.card["form"]["title"])
                ):
                    return message
            return None

        shown = self._filling = await self.found(found, f"a form {title!r}")
        drawn = await self.page.form(on=shown)
        for name, value in fields.items():
            await self.fill(name, value)
        return drawn | {"above": note_text(self._said_on(shown) or {})}

    async def fill(self, name: str, value: Any) -> None:
        """Fill in one field."""
        if self._filling is None:
            await self.form("")
        await self.page.fill(name, value)
        for one in value if isinstance(value, list) else [value]:
            self._stage.typed.append((self.id, f"\x00{one}"))  # words of a person, but no line

    async def typed_in(self) -> str:
        """Give what stands in the fields of the form."""
        return str([one["filled"] for one in (await self.page.form(on=self._filling))["fields"]])

    async def submit(self) -> dict[str, str]:
        """Send the form; gives what was wrong by field, empty = it was taken."""
        if self._filling is None:
            await self.form("")
        shown = self._filling
        assert shown is not None
        before = fields(self._said_on(shown) or {})
        missing = await self.page.submit()
        if missing:
            return missing
        said = self._said_on(shown) or {}
        if fields(said) and _hidden(fields(said), "sheet") == _hidden(before, "sheet"):
            return {"form": note_text(said)}
        self._filling = None
        self._stage.pressed.append(decode(_hidden(before, "press")).command)
        return {}

    # ------------------------------------------------------------ seeing
    async def expect(self, room: str | None, pattern: str, *, deadline: float = WAIT, after: Any = 0) -> Read:
        """Wait for a message of the bot that reads as asked, newer than `after`."""
        place = await self._place(room, deadline) or DIRECT

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(place))
            return next((read for read in heard if read.n > after and re.search(pattern, read.text)), None)

        seen = await self.found(found, f"{pattern!r} from the bot in {room or 'the chat with it'}", deadline)
        self._stage.pages.note("bot" if room else f"bot→{self.id}", room, seen.text)
        return seen

    async def until(
        self, room: str | None, pattern: str, holds: Callable[[Read], Any], what: str, *, deadline: float = WAIT
    ) -> Read:  # fmt: skip
        """Wait until the newest message that matches is as asked."""
        place = await self._place(room, deadline) or DIRECT

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(place, newest_first=True))
            newest = next((read for read in heard if re.search(pattern, read.text)), None)
            return newest if newest is not None and holds(newest) else None

        return await self.found(found, what, deadline)

    async def pinned(self, room: str, pattern: str, buttons: list[str] | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the card in the top box says something, with exactly these buttons; choices stand below the others."""
        place = await self._place(room, deadline)
        assert place is not None

        def found() -> Read | None:
            for message in self.page.heard(place, newest_first=True):
                read = self._read(message)
                fits = buttons in (None, read.buttons)
                if self._stage.pinned(message.id, place) and re.search(pattern, read.text) and fits:
                    return read
            return None

        seen = await self.found(found, f"a card {pattern!r} in the top box with {buttons}", deadline)
        self._stage.pages.note("card", room, seen.text)
        return seen

    async def room(self, pattern: str, *, deadline: float = WAIT) -> str:
        """Wait until this person is in a group whose name matches, and give its first name."""

        def found() -> str | None:
            mine = (c for c in self.page.sight.channels.values() if not c["disbanded"])
            return next((self._name(c["id"]) for c in mine if re.search(pattern, c["title"])), None)

        return await self.found(found, f"a room like {pattern!r}", deadline)

    async def until_room(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, *, deadline: float = WAIT) -> None:
        """Wait until a room is as asked."""
        place = await self._place(name, deadline)

        def found() -> bool | None:
            room = self.page.sight.channels.get(place or "")
            if room is None:
                return None
            seen = room | {"closed": room["disbanded"] or CLOSED.search(room["title"]) is not None}
            return True if holds(seen) else None

        await self.found(found, what, deadline)

    def heard(self, room: str | None) -> list[Read]:
        """List what the bot said in a room so far, in order."""
        found = [DIRECT] if room is None else [i for i in self.page.sight.channels if self._name(i) == room]
        return [self._read(m) for where in found for m in self.page.heard(where)]

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page."""
        await self.page.look(wait)

    def _name(self, ident: str) -> str:
        return self._stage.first_names().get(ident, ident)

    async def _place(self, room: str | None, deadline: float) -> str | None:
        """Wait to be in a group and give its id; None = the chat with the bot."""
        if room is None:
            return None

        def found() -> str | None:
            return next((i for i in self.page.sight.channels if room in (i, self._name(i))), None)

        return await self.found(found, f"to be in {room}", deadline)

    def _said_on(self, message: Seen) -> Mapping[str, str] | None:
        return self._stage.variables(message.id, self.id) if message.card is not None else None

    def _read(self, message: Seen) -> Read:
        said = self._said_on(message)
        room = None if message.channel == DIRECT else self._name(message.channel)
        text = plain_text(message.raw["content"]) if said is None else card_text(said)
        text = with_calls(text, (self._stage.names[one] for one in message.raw["at"] if one in self._stage.names))
        # In the chat with the bot what it offers one person stands below their card, elsewhere it is theirs and not the card's.
        names = (*BUTTONS, "offers") if room is None else BUTTONS
        buttons = Drawn(str(one["text"]) for one in (*_rows(said or {}, names), *_rows(said or {}, SELECTS)))
        return Read(float(message.ts), room, text, message.channel == DIRECT, message, buttons)

    def _below(self, message: Seen) -> Read:
        said = self._said_on(message) or {}
        offers = Drawn(str(one["text"]) for one in listed(said.get("offers")))
        return Read(float(message.ts), self._name(message.channel), note_text(said), True, message, offers)

    async def found(self, find: Callable[[], T | None], what: str, deadline: float = WAIT) -> T:
        """Wait until something is found on the page."""
        kept: list[T] = []

        def holds(_: object) -> bool:
            one = find()
            kept[:] = [] if one is None else [one]
            return bool(kept)

        await self.page.until(holds, what, deadline=deadline)
        return kept[0]


def _hidden(drawn: list[dict[str, Any]], name: str) -> str:
    return next((str(one.get("defaultValue", "")) for one in drawn if one["name"] == name), "")


__all__ = ["DingTalkPlayer", "DingTalkStage", "NotSeen", "Read"]
