"""Slack as scenarios see it: what is drawn as the text that it says, what is typed as Slack's people type it.

The differences between chats are here and nowhere else: `@bot` is the app's name, `✓ #12` a reaction, an answer for one
person an ephemeral message or one in the direct chat, the line to type mostly a button.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.sandbox.player import WAIT, NotSeen
from adapters.sandbox.slack.drawn import Raw, blocks_of, drawn
from adapters.sandbox.slack.drawn import Seen as Drawn
from adapters.sandbox.slack.player import Player, Stage
from bot.model.press import decode

T = TypeVar("T")
TICK = "white_check_mark"
BOT = "@warroom"
_UNNAMED = ("confirm", "options", "value", "initial_option")


# ---------------------------------------------------------------- drawing
def words(mrkdwn: str) -> str:
    """Give mrkdwn as it is read: mark-up undone, the hail as every chat's scenarios write it."""
    said = re.sub(r"(?m)^\*([^*\n]+)\*\n", lambda found: f"{found[1]}{': ' if found[1].isascii() else '：'}", mrkdwn)
    said = re.sub(r"(?m)^\*([^*\n]+)\*$", r"\1", said)
    said = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", said)
    said = re.sub(r"<(?:[@#!])?[^|<>]*\|([^<>]*)>", r"\1", said)
    said = re.sub(r"<@(U0)?(\w+)>", lambda found: "@" + found[2].lower(), said)
    said = re.sub(r"<#(\w+)>", r"#\1", said)
    said = re.sub(r"<(https?:[^<>]+)>", r"\1", said)
    return html.unescape(said).replace("/incident ", "@bot ").replace(BOT, "@bot")


def texts(value: Any) -> Iterator[str]:
    """List what blocks say, in the order in which it is drawn; a button as [label]."""
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        kind = value.get("type")
        if kind == "mrkdwn":
            yield words(str(value["text"]))
        elif kind == "plain_text":
            yield str(value["text"]).replace("/incident ", "@bot ")
        elif kind == "button":
            yield f"[{value['text']['text']}]"
        elif kind in ("static_select", "overflow"):
            label = value.get("placeholder", {}).get("text", "")
            yield f"[{label}▾ {' | '.join(option['text']['text'] for option in value.get('options', []))}]"
        else:
            for key, item in value.items():
                if key not in _UNNAMED:
                    yield from texts(item)


def text_of(raw: Raw) -> str:
    """Give everything that is drawn of a message."""
    shown = list(texts(raw["blocks"])) if raw["blocks"] else [words(raw["text"])]
    for attachment in raw["attachments"]:
        shown += texts(attachment["blocks"]) if "blocks" in attachment else [words(str(attachment.get("text") or ""))]
    return "\n".join(part for part in shown if part)


@dataclass(frozen=True, slots=True)
class Read:
    """Hold one message as a person reads it; `n` grows with time."""

    n: float
    room: str | None
    text: str
    private: bool
    raw: Drawn

    @property
    def buttons(self) -> list[str]:
        """List what can be pressed or chosen, by label, in order."""
        found = (e for _, e in drawn(blocks_of(self.raw.raw)))
        return [(e.get("text") or e.get("placeholder") or {}).get("text", e["action_id"]) for e in found]


# ---------------------------------------------------------------- people
@dataclass(slots=True)
class SlackStage:
    """Let people of a workspace act; what they typed and pressed is kept."""

    pages: Stage
    is_page: Callable[[str, str], bool]  # (channel, ts): the bot said it of itself, not as an answer
    outage_of: Callable[[bool], Any]
    typed: list[tuple[str, str]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)  # the commands of what was pressed and sent
    errors: list[str] = field(default_factory=list)  # what stood under fields
    _players: dict[str, SlackPlayer] = field(default_factory=dict)

    def player(self, ident: str) -> SlackPlayer:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, SlackPlayer(self, ident, self.pages.player(f"U0{ident.upper()}")))

    async def outage(self, firing: bool) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        self.pages.note("page", None, "▶ sample outage" if firing else "■ outage over")
        status: int = await self.outage_of(firing)
        return status


class SlackPlayer:
    """Be one person of a workspace."""

    def __init__(self, stage: SlackStage, ident: str, page: Player) -> None:
        self.id, self.page, self._stage = ident, page, stage

    # ------------------------------------------------------------ typing
    async def says(self, text: str, room: str | None = None, *, deadline: float = WAIT, thread: float | None = None) -> str:
        """Type a line and give the bot's answer to it, `✓ #` for its tick, empty where it was not meant."""
        if room is not None:
            await self._inside(room, deadline)
        self._stage.typed.append((self.id, text.removeprefix("/incident ").removeprefix("/inc ")))
        if re.match(r"/inc(ident)?\b", text):
            return await self._commands(text, room, deadline)
        said = re.sub(r"^@bot\b", BOT, text)
        ts = await self.page.says(said, room, thread=f"{thread:.6f}" if thread else None)
        if room is not None and BOT not in said:
            return ""
        place = await self.page.channel(room)

        def answer() -> str | None:
            here = place if room is not None else next((i for i, c in self.page.sight.channels.items() if c["im"]), place)
            mine = self.page.sight.messages.get((here, ts))
            if mine is not None and TICK in mine.raw["reactions"]:
                return "✓ #"
            for message in self.page.heard(here):
                if message.ts <= ts or message.act is not None:
                    continue
                if message.private or message.thread == ts or (room is None and not self._stage.is_page(here, message.ts)):
                    return text_of(message.raw)
            return None

        heard = await self.found(answer, f"the answer to {text!r}", deadline)
        self._stage.pages.note(f"bot→{self.page.id}", room, heard)
        return heard

    async def _commands(self, line: str, room: str | None, deadline: float) -> str:
        before = set(self.page.sight.messages)
        await self.page.slash(line, room, deadline=deadline)
        new = [m for key, m in self.page.sight.messages.items() if key not in before and m.act is not None and m.private]
        return "\n".join(text_of(m.raw) for m in sorted(new, key=lambda m: m.ts))

    async def talks(self, text: str, room: str) -> str:
        """Say something to the others; gives its ts."""
        await self._inside(room, WAIT)
        self._stage.typed.append((self.id, text))
        return str(await self.page.says(text, room))

    async def shares(self, name: str, kind: str, body: bytes, line: str, room: str) -> str:
        """Send a file to the others; gives its ts."""
        await self._inside(room, WAIT)
        self._stage.typed.append((self.id, f"{line} {name}".strip()))
        return str(await self.page.share(name, kind, body, room, text=line))

    async def quotes(self, message: str, line: str, room: str) -> str:
        """Answer in the thread of a message."""
        return await self.says(line, room, thread=float(message))

    async def reacts(self, message: str, becomes: str, room: str, *, ticked: bool = True) -> None:
        """Put the reaction on it that makes a note or an update of it."""
        seen = await self._message(message, room)
        await self.page.react(seen, {"note": "pushpin", "update": "mega"}[becomes])
        await self._ticked(message, room, ticked)

    async def pins(self, message: str, room: str) -> None:
        """Pin it."""
        await self._message(message, room)
        await self.page.pin(room, message)
        await self._ticked(message, room, True)

    async def edits(self, message: str, line: str, room: str) -> None:
        """Change it."""
        self._stage.typed.append((self.id, line))
        await self.page.edit(room, message, line)

    async def recalls(self, message: str, room: str) -> None:
        """Delete it."""
        await self.page.delete(room, message)

    async def _message(self, ts: str, room: str) -> Drawn:
        place = await self.page.channel(room)
        return await self.found(lambda: self.page.sight.messages.get((place, ts)), f"the message {ts}")

    async def _ticked(self, ts: str, room: str, ticked: bool) -> None:
        place = await self.page.channel(room)
        if ticked:
            await self.found(lambda: TICK in self.page.sight.messages[place, ts].raw["reactions"] or None, "the tick")

    async def direct(self, text: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot in the direct messages and give its answer."""
        return await self.says(text, None, deadline=deadline)

    # ------------------------------------------------------------ pressing
    async def click(
        self, label: str, room: str | None = None, *, on: Read | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> str:
        """Press a button on the newest message that draws it; gives what the bot then says to this person alone."""
        before = set(self.page.sight.acts)
        message = await self.page.click(label, room, on=on.raw if on else None, confirm=confirm, deadline=deadline)
        self._pressed(next((e for _, e in drawn(blocks_of(message.raw)) if label_of(e) == label), {}).get("value"))
        return self._told_by(before)

    async def choose(self, select: str, option: str, room: str | None = None, *, on: Read | None = None) -> str:
        """Choose an option of a select by what it shows."""
        before = set(self.page.sight.acts)
        message = await self.page.choose(select, option, room, on=on.raw if on else None)
        for _, element in drawn(blocks_of(message.raw)):
            for one in element.get("options", []):
                if label_of(element) == select and one["text"]["text"] == option:
                    self._pressed(one["value"])
        return self._told_by(before)

    def _pressed(self, value: object) -> None:
        if isinstance(value, str):
            self._stage.pressed.append(decode(value).command)

    def _told_by(self, before: set[int]) -> str:
        acts = set(self.page.sight.acts) - before
        return "\n".join(text_of(m.raw) for m in self.page.sight.messages.values() if m.act in acts)

    async def whispered(self, pattern: str, room: str | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the bot says something for this person alone that matches; gives the newest."""
        place = await self.page.channel(room)

        def found() -> Read | None:
            mine = (self._read(m) for m in self.page.heard(place, newest_first=True) if m.private or room is None)
            return next((read for read in mine if re.search(pattern, read.text)), None)

        seen = await self.found(found, f"{pattern!r} for {self.id} alone", deadline)
        self._stage.pages.note(f"bot→{self.page.id}", room, seen.text)
        return seen

    # ------------------------------------------------------------ forms
    async def form(self, title: str, **fields: Any) -> Raw:
        """Wait for a form by its title and fill in fields by their labels (given as they are drawn)."""
        modal = await self.page.form(title)
        for label, value in fields.items():
            await self.fill(label, value)
        return modal

    async def fill(self, label: str, value: Any) -> None:
        """Fill in one field."""
        await self.page.fill(label, value)
        for one in value if isinstance(value, list) else [value]:
            self._stage.typed.append((self.id, f"\x00{one}"))  # words of a person, but no line

    async def typed_in(self) -> str:
        """Give what stands in the fields of the form."""
        return str((await self.page.form()).get("values"))

    async def submit(self) -> dict[str, str]:
        """Send the form; gives what was wrong by field, empty = it was taken."""
        modal = await self.page.form()
        before = len(self.page.sight.acts)
        errors = await self.page.submit()
        if len(self.page.sight.acts) > before:  # else Slack's own client found something missing
            self._stage.errors += errors.values()
        if not errors:
            self._pressed(json.loads(modal["view"].get("private_metadata") or "{}").get("press"))
        return errors

    # ------------------------------------------------------------ seeing
    async def expect(self, room: str | None, pattern: str, *, deadline: float = WAIT, after: float = 0) -> Read:
        """Wait for a message of the bot that reads as asked, newer than `after`."""
        where = await self.page.channel(room, deadline=deadline)

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(where))
            return next((read for read in heard if read.n > after and re.search(pattern, read.text)), None)

        seen = await self.found(found, f"{pattern!r} from the bot in {room or 'the direct messages'}", deadline)
        self._stage.pages.note("bot" if room else f"bot→{self.page.id}", room, seen.text)
        return seen

    async def until(
        self, room: str | None, pattern: str, holds: Callable[[Read], Any], what: str, *, deadline: float = WAIT
    ) -> Read:  # fmt: skip
        """Wait until the newest message that matches is as asked."""
        where = await self.page.channel(room, deadline=deadline)

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(where, newest_first=True))
            newest = next((read for read in heard if re.search(pattern, read.text)), None)
            return newest if newest is not None and holds(newest) else None

        return await self.found(found, what, deadline)

    async def pinned(self, room: str, pattern: str, buttons: list[str] | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the pinned card says something, with exactly these buttons."""
        where = await self.page.channel(room, deadline=deadline)

        def found() -> Read | None:
            for message in self.page.heard(where, newest_first=True):
                read = self._read(message)
                if message.pinned and re.search(pattern, read.text) and buttons in (None, read.buttons):
                    return read
            return None

        seen = await self.found(found, f"a pinned card {pattern!r} with {buttons}", deadline)
        self._stage.pages.note("card", room, seen.text)
        return seen

    async def room(self, pattern: str, *, deadline: float = WAIT) -> str:
        """Wait until this person is in a channel whose name or topic matches, and give its name."""

        def found() -> str | None:
            mine = (c for c in self.page.sight.channels.values() if c["member"] and not c["im"])
            return next((str(c["name"]) for c in mine if re.search(pattern, _title(c))), None)

        return await self.found(found, f"a room like {pattern!r}", deadline)

    async def until_room(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, *, deadline: float = WAIT) -> None:
        """Wait until a room is as asked."""

        def found() -> bool | None:
            rooms = [c for c in self.page.sight.channels.values() if c["name"] == name and c["member"]]
            return True if rooms and holds(rooms[0] | {"closed": rooms[0]["archived"], "title": _title(rooms[0])}) else None

        await self.found(found, what, deadline)

    def heard(self, room: str | None) -> list[Read]:
        """List what the bot said in a room so far, in order."""
        found = (i for i, c in self.page.sight.channels.items() if (c["im"] if room is None else c["name"] == room))
        return [self._read(m) for where in found for m in self.page.heard(where)]

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page."""
        await self.page.look(wait)

    async def _inside(self, room: str, deadline: float) -> None:
        def found() -> bool | None:
            return any(c["name"] == room and c["member"] for c in self.page.sight.channels.values()) or None

        await self.found(found, f"to be in {room}", deadline)

    def _read(self, message: Drawn) -> Read:
        channel = self.page.sight.channels.get(message.channel, {})
        room = None if channel.get("im") else str(channel.get("name", message.channel))
        return Read(float(message.ts), room, text_of(message.raw), message.private, message)

    async def found(self, find: Callable[[], T | None], what: str, deadline: float = WAIT) -> T:
        """Wait until something is found on the page."""
        kept: list[T] = []

        def holds(_: object) -> bool:
            one = find()
            kept[:] = [] if one is None else [one]
            return bool(kept)

        await self.page.until(holds, what, deadline=deadline)
        return kept[0]


def label_of(element: Raw) -> str:
    """Give what is read on a button or an empty select."""
    return str((element.get("text") or element.get("placeholder") or {}).get("text", ""))


def _title(channel: Raw) -> str:
    return f"{channel['name'].upper()}\n{channel['name']}\n{channel['topic']}"


@asynccontextmanager
async def pages(url: str, write: Callable[[str], None] = print) -> AsyncIterator[Stage]:
    """Open the pages of a stand-in."""
    async with Stage(url, write) as stage:
        yield stage


__all__ = ["NotSeen", "Read", "SlackPlayer", "SlackStage", "pages", "text_of", "texts", "words"]
