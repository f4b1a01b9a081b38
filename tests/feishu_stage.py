"""Feishu as scenarios see it: what is drawn as the text that it says, what is typed as Feishu's people type it.

`@bot` is the app's name, `✓ #12` the reaction DONE, an answer for one person a card that only they see, a toast or a reply in
the direct chat, the line to type mostly a button. A group keeps the name under which it was first seen, though it is renamed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.sandbox.feishu.choices import elements, label
from adapters.sandbox.feishu.drawn import Raw, legible
from adapters.sandbox.feishu.drawn import Seen as Drawn
from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.player import WAIT, NotSeen
from bot.model.press import decode

T = TypeVar("T")
TICK = "DONE"
BOT = "@warroom"
WRONG = "⚠️ "


def words(marked: str) -> str:
    """Give mark-up as it is read: a fact as `label：value`, the hail as every chat's scenarios write it."""
    said = re.sub(r"^\*\*([^*\n]+)\*\*\n", lambda found: f"{found[1]}{': ' if found[1].isascii() else '：'}", marked)
    said = re.sub(r"\[((?:[^\]\n])*)\]\(https?://[^)\s]*\)", r"\1", said)
    said = re.sub(r"\*\*([^*\n]+)\*\*", r"\1", said)
    said = legible(re.sub(r"`([^`\n]*)`", r"\1", said), {}).replace("@ou_", "@")
    return said.replace("/incident ", "@bot ").replace(BOT, "@bot")


def texts(card: Raw) -> Iterator[str]:
    """List what a card says, in the order in which it is drawn; a button as [label]."""
    header = card.get("header") or {}
    for part in (header.get("title"), header.get("subtitle")):
        if isinstance(part, dict):
            yield str(part["content"])
    for one in elements(card):
        match one.get("tag"):
            case "markdown":
                yield words(str(one["content"]))
            case "div":
                yield from (words(str(part["text"]["content"])) for part in one.get("fields") or [])
            case "button":
                yield f"[{label(one)}]"
            case "select_static":
                yield f"[{label(one)}▾ {' | '.join(o['text']['content'] for o in one.get('options') or [])}]"
            case _:
                pass


def text_of(raw: Raw) -> str:
    """Give everything that is drawn of a message, given as the page has it."""
    if raw["card"]:
        return "\n".join(part for part in texts(raw["card"]) if part)
    return str(raw["text"]).replace(BOT, "@bot").replace("@ou_", "@")


def said_above(raw: Raw) -> str:
    """Give what is said above a form; its title where nothing is."""
    body = raw["card"]["body"]["elements"]
    above = [words(str(one["content"])) for one in body if one.get("tag") == "markdown" and body.index(one) == 0]
    return above[0] if above else text_of(raw)


def named_fields(card: Raw) -> dict[str, str]:
    """Map the labels of a form's fields, which stand in or above them, to their names, in order."""
    named, above = {}, ""
    for one in elements(card):
        if one.get("tag") == "markdown":
            above = words(str(one["content"])).removesuffix(" *")
        elif "name" in one and one["tag"] not in ("form", "button"):
            named[(one.get("label") or one.get("text") or {}).get("content") or above] = str(one["name"])
    return named


@dataclass(frozen=True, slots=True)
class Read:
    """Hold one message as a person reads it; later ones have a later `n`."""

    n: float
    room: str | None
    text: str
    private: bool
    raw: Drawn | None

    @property
    def buttons(self) -> list[str]:
        """List what can be pressed or chosen, by label, in order."""
        card = self.raw.raw["card"] if self.raw is not None else None
        return [label(one) for one in elements(card) if one.get("tag") in ("button", "select_static")]


@dataclass(slots=True)
class FeishuStage:
    """Let people of a tenant act; what they typed and pressed is kept."""

    pages: Stage
    outage_of: Callable[[bool], Any]
    first_names: Callable[[], dict[str, str]]  # of the groups, by id
    typed: list[tuple[str, str]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    _players: dict[str, FeishuPlayer] = field(default_factory=dict)

    def player(self, ident: str) -> FeishuPlayer:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, FeishuPlayer(self, ident, self.pages.player(f"ou_{ident}")))

    async def outage(self, firing: bool) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        status: int = await self.outage_of(firing)
        return status


class FeishuPlayer:
    """Be one person of a tenant."""

    def __init__(self, stage: FeishuStage, ident: str, page: Player) -> None:
        self.id, self.page, self._stage = ident, page, stage

    # ------------------------------------------------------------ typing
    async def says(
        self, text: str, room: str | None = None, *, thread: float | None = None, deadline: float = WAIT
    ) -> str:  # fmt: skip
        """Type a line and give the bot's answer to it, `✓ #` for its tick, empty where it was not meant.

        `thread` is the `n` of the message that the line answers.
        """
        place = await self._place(room, deadline)
        self._stage.typed.append((self.id, text))
        said = re.sub(r"^@bot\b", BOT, text)
        slash = re.match(r"/inc(ident)?\b", text)
        above = next((m.ts for m in self.page.sight.messages.values() if m.raw["created"] == thread), None)
        ident = await (self.page.slash(text, place) if slash else self.page.says(said, place, thread=above))
        await self.page.look()
        typed_at = max((m.raw["created"] for m in self.page.sight.messages.values() if m.ts == ident), default=0.0)
        if room is not None and BOT not in said and not said.startswith("/"):
            return ""

        def answer() -> str | None:
            for message in self.page.sight.messages.values():
                if message.ts == ident and any(r["emoji"] == TICK for r in message.raw["reactions"]):
                    return "✓ #"
                new = message.bot and message.raw["created"] > typed_at
                if new and (message.private or message.raw["parent"] == ident):
                    return said_above(message.raw) if message.fields else text_of(message.raw)
            return None

        heard = await self.found(answer, f"the answer to {text!r}", deadline)
        self._stage.pages.note(f"bot→{self.page.id}", room, heard)
        return heard

    async def talks(self, text: str, room: str) -> str:
        """Say something to the others; gives its id."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, text))
        return str(await self.page.says(text, place))

    async def shares(self, name: str, kind: str, body: bytes, line: str, room: str) -> str:
        """Send a picture or a file to the others; gives its id."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, f"{line} {name}".strip()))
        return str(await self.page.share(name, kind, body, place, text=line))

    async def quotes(self, message: str, line: str, room: str) -> str:
        """Answer a message."""
        return await self.says(line, room, thread=(await self._message(message)).raw["created"])

    async def reacts(self, message: str, becomes: str, room: str, *, ticked: bool = True) -> None:
        """Put the reaction on it that makes a note or an update of it."""
        await self.page.react(await self._message(message), {"note": "Pin", "update": "Loudspeaker"}[becomes])
        if ticked:
            ticks = lambda: any(r["emoji"] == TICK for m in self._of(message) for r in m.raw["reactions"]) or None  # noqa: E731
            await self.found(ticks, "the tick")

    async def recalls(self, message: str, room: str) -> None:
        """Take it back."""
        await self.page.recall(message)

    async def _message(self, ident: str) -> Drawn:
        return await self.found(lambda: next(iter(self._of(ident)), None), f"the message {ident}")

    def _of(self, ident: str) -> list[Drawn]:
        return [message for message in self.page.sight.messages.values() if message.ts == ident]

    async def direct(self, text: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot in the direct chat and give its answer."""
        return await self.says(text, None, deadline=deadline)

    # ------------------------------------------------------------ pressing
    async def click(
        self, name: str, room: str | None = None, *, on: Read | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> str:
        """Press a button on the newest message that draws it; gives the toast that the bot answers with."""
        place, before = await self._place(room, deadline), set(self.page.sight.acts)
        message = await self.page.click(name, place, on=on.raw if on else None, confirm=confirm, deadline=deadline)
        self._pressed(message, name, None)
        return self._toasted(before)

    async def choose(self, select: str, option: str, room: str | None = None, *, on: Read | None = None) -> str:
        """Choose an option of a select by what it shows."""
        place, before = await self._place(room, WAIT), set(self.page.sight.acts)
        message = await self.page.choose(select, option, place, on=on.raw if on else None)
        self._pressed(message, select, option)
        return self._toasted(before)

    def _pressed(self, message: Drawn, name: str, option: str | None) -> None:
        for one in elements(message.raw["card"]):
            if label(one) != name:
                continue
            if option is None:
                self._stage.pressed.append(decode(one["behaviors"][0]["value"]["p"]).command)
                return
            for offered in one.get("options") or []:
                if offered["text"]["content"] == option:
                    self._stage.pressed.append(decode(offered["value"]).command)
                    return

    def _toasted(self, before: set[int]) -> str:
        new = [act for n, act in sorted(self.page.sight.acts.items()) if n not in before and act["toast"]]
        return "\n".join(str(act["toast"]["content"]) for act in new)

    async def whispered(self, pattern: str, room: str | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the bot says something for this person alone that matches, as a card, a toast or directly."""
        place = await self._place(room, deadline) or await self.page.channel(None)

        def found() -> Read | None:
            for message in self._said(place, newest_first=True):
                read = self._read(message)
                if (message.private or room is None) and re.search(pattern, read.text):
                    return read
            acts = (act for _, act in sorted(self.page.sight.acts.items(), reverse=True) if act["toast"])
            toast = next((str(act["toast"]["content"]) for act in acts if re.search(pattern, act["toast"]["content"])), None)
            return Read(0.0, room, toast, True, None) if toast is not None else None

        seen = await self.found(found, f"{pattern!r} for {self.id} alone", deadline)
        self._stage.pages.note(f"bot→{self.page.id}", room, seen.text)
        return seen

    # ------------------------------------------------------------ forms
    async def form(self, title: str, **fields: Any) -> Drawn:
        """Wait for a form by its title, wherever it is, and fill in fields by their labels (given as they are drawn)."""

        def found() -> Drawn | None:
            cards = sorted((m for m in self.page.sight.messages.values() if m.bot and m.fields), key=lambda m: m.raw["created"])
            return next((m for m in reversed(cards) if re.search(title, m.shown)), None)

        shown = await self.found(found, f"a form {title!r}")
        for name, value in fields.items():
            await self.fill(name, value)
        return shown

    async def fill(self, name: str, value: Any) -> None:
        """Fill in one field."""
        shown = await self.form("")
        named = named_fields(shown.raw["card"])
        if name not in (*named, *named.values()):
            raise NotSeen(f"there is no field {name!r}, but {list(named)}")
        await self.page.fill(named.get(name, name), value, on=shown)
        for one in value if isinstance(value, list) else [value]:
            self._stage.typed.append((self.id, f"\x00{one}"))  # words of a person, but no line

    async def typed_in(self) -> str:
        """Give what stands in the fields of the form."""
        return str([one.get("default_value") for one in elements((await self.form("")).raw["card"]) if "name" in one])

    async def submit(self) -> dict[str, str]:
        """Send the form; gives what was wrong by field, empty = it was taken."""
        shown = await self.form("")
        missing = await self.page.submit(on=shown)
        if missing:
            return missing
        now = self.page.sight.messages.get((shown.channel, shown.ts))
        wrong, above = {}, ""
        for one in elements(now.raw["card"]) if now is not None and now.fields else []:
            said = words(str(one.get("content", ""))) if one.get("tag") == "markdown" else ""
            if said.startswith(WRONG):
                above = said.removeprefix(WRONG)
            elif "name" in one and one["tag"] != "form" and above:
                wrong[str(one["name"])] = above
                above = ""
        if not wrong:
            submit = next(one for one in elements(shown.raw["card"]) if one.get("form_action_type") == "submit")
            self._stage.pressed.append(decode(submit["behaviors"][0]["value"]["p"]).command)
        return wrong

    # ------------------------------------------------------------ seeing
    async def expect(self, room: str | None, pattern: str, *, deadline: float = WAIT, after: Any = 0) -> Read:
        """Wait for a message of the bot that reads as asked, newer than `after`."""
        place = await self._place(room, deadline) or await self.page.channel(None)

        def found() -> Read | None:
            heard = (self._read(m) for m in self._said(place))
            return next((read for read in heard if read.n > after and re.search(pattern, read.text)), None)

        seen = await self.found(found, f"{pattern!r} from the bot in {room or 'the direct chat'}", deadline)
        self._stage.pages.note("bot" if room else f"bot→{self.page.id}", room, seen.text)
        return seen

    async def until(
        self, room: str | None, pattern: str, holds: Callable[[Read], Any], what: str, *, deadline: float = WAIT
    ) -> Read:  # fmt: skip
        """Wait until the newest message that matches is as asked."""
        place = await self._place(room, deadline) or await self.page.channel(None)

        def found() -> Read | None:
            heard = (self._read(m) for m in self._said(place, newest_first=True))
            newest = next((read for read in heard if re.search(pattern, read.text)), None)
            return newest if newest is not None and holds(newest) else None

        return await self.found(found, what, deadline)

    async def pinned(self, room: str, pattern: str, buttons: list[str] | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the pinned card says something, with exactly these buttons."""
        place = await self._place(room, deadline)
        assert place is not None

        def found() -> Read | None:
            for message in self._said(place, newest_first=True):
                read = self._read(message)
                if message.pinned and re.search(pattern, read.text) and buttons in (None, read.buttons):
                    return read
            return None

        seen = await self.found(found, f"a pinned card {pattern!r} with {buttons}", deadline)
        self._stage.pages.note("card", room, seen.text)
        return seen

    async def room(self, pattern: str, *, deadline: float = WAIT) -> str:
        """Wait until this person is in a group whose name or description matches, and give its first name."""

        def found() -> str | None:
            mine = (c for c in self.page.sight.channels.values() if not c["p2p"])
            return next((self._name(c["id"]) for c in mine if re.search(pattern, f"{c['name']}\n{c['description']}")), None)

        return await self.found(found, f"a room like {pattern!r}", deadline)

    async def until_room(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, *, deadline: float = WAIT) -> None:
        """Wait until a room is as asked."""
        place = await self._place(name, deadline)

        def found() -> bool | None:
            room = self.page.sight.channels.get(place or "")
            if room is None:
                return None
            seen = room | {"closed": room["moderation"] == "only_owner", "title": f"{room['name']}\n{room['description']}"}
            return True if holds(seen) else None

        await self.found(found, what, deadline)

    def heard(self, room: str | None) -> list[Read]:
        """List what the bot said in a room so far, in order."""
        found = (i for i, c in self.page.sight.channels.items() if (c["p2p"] if room is None else self._name(i) == room))
        return [self._read(m) for where in found for m in self._said(where)]

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page."""
        await self.page.look(wait)

    def _name(self, ident: str) -> str:
        return self._stage.first_names().get(ident, ident)

    async def _place(self, room: str | None, deadline: float) -> str | None:
        """Wait to be in a group and give its id; None = the direct chat."""
        if room is None:
            return None

        def found() -> str | None:
            return next((i for i in self.page.sight.channels if room in (i, self._name(i))), None)

        return await self.found(found, f"to be in {room}", deadline)

    def _said(self, place: str, newest_first: bool = False) -> list[Drawn]:
        """List what the bot said in a chat, in order of time: the ids of cards for one person are of another kind."""
        return sorted(self.page.heard(place), key=lambda m: m.raw["created"], reverse=newest_first)

    def _read(self, message: Drawn) -> Read:
        channel = self.page.sight.channels.get(message.channel, {})
        room = None if channel.get("p2p") else self._name(message.channel)
        return Read(float(message.raw["created"]), room, text_of(message.raw), message.private, message)

    async def found(self, find: Callable[[], T | None], what: str, deadline: float = WAIT) -> T:
        """Wait until something is found on the page."""
        kept: list[T] = []

        def holds(_: object) -> bool:
            one = find()
            kept[:] = [] if one is None else [one]
            return bool(kept)

        await self.page.until(holds, what, deadline=deadline)
        return kept[0]
