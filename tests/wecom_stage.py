"""WeCom as scenarios see it: what is drawn as the text that it says, what is typed as WeCom's people type it.

The app's direct chat is where one is answered alone; a room is the app's, which hears nothing there: before somebody types
in one, the stage puts the intelligent bot into it and has it bound, as a person would. `@bot` is the bot's name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.sandbox.demo import PEOPLE
from adapters.sandbox.player import WAIT, NotSeen
from adapters.sandbox.wecom.drawn import Raw, pressed, questions
from adapters.sandbox.wecom.drawn import Seen as Drawn
from adapters.sandbox.wecom.player import Player, Stage
from adapters.wecom_card import QUESTION, SHORT, Asked, Pressed, clicked

T = TypeVar("T")
NUMBER = re.compile(r"F-(\d{8}-\d{3})")
WHOLE_NUMBER = re.compile(r"F-\d{8}-\d{3}")
GREY = re.compile(r"\d+i:")  # the key of a button that only says that there is nothing to do
CLOSED = ("[已关闭]", "[Closed]")
DIRECTLY = re.compile(r"^(已私信你|Sent to you directly)")
WHOLE = {short: label.capitalize() for label, short in reversed(SHORT.items())}  # what five characters cannot hold
READS = 0.5  # seconds
BIND, BOUND = {"zh": "绑定群", "en": "bind"}, re.compile(r"已绑定|[Bb]ound")


def words(marked: str) -> str:
    """Give mark-up as it is read, the hail and the lines to type as every chat's scenarios write them."""
    said = re.sub(r"</?font[^>]*>", "", marked)
    said = re.sub(r"\[([^\]\n]*)\]\(https?://[^)\s]*\)", r"\1", said)
    said = re.sub(r"<a href=\"[^\"]*\">([^<]*)</a>", r"\1", said)
    said = re.sub(r"\*\*([^*\n]+)\*\*", r"\1", said)
    said = said.replace("打字：", "可以发：").replace("type: ", "You can type: ")
    said = re.sub(r"(?m)^私聊我：", "可以发：@bot ", said)  # a line of lines to type, where only the direct chat hears
    said = re.sub(r"(?m)^in a direct chat with me: ", "You can type: @bot ", said)
    said = said.replace("私聊我：", "@bot ").replace("in a direct chat with me: ", "@bot ")
    return re.sub(r"@(应急机器人|warroom)\b", "@bot", said)


def texts(card: Raw) -> Iterator[str]:
    """List what a card says, in the order in which it is drawn; a button as [label]."""
    title, desc = card["title"], card["desc"]
    yield words(f"{title}{' ' if desc[:1].isascii() else ''}{desc}".strip())
    for row in card["rows"]:
        label = WHOLE.get(row["keyname"], row["keyname"])
        yield words(f"{label}{': ' if label.isascii() else '：'}{row['value']}")
    yield words(card["sub_title_text"])
    for select in card["selects"]:
        yield f"[{select['title']}▾ {' | '.join(option['text'] for option in select['option_list'])}]"
    if card["replace_text"]:
        return
    for button in card["buttons"]:
        yield f"[{button['text']}]"


def text_of(raw: Raw) -> str:
    """Give everything that is drawn of a message, given as the page has it."""
    if raw["card"]:
        return "\n".join(part for part in texts(raw["card"]) if part)
    return words(str(raw["text"]))


@dataclass(frozen=True, slots=True)
class Read:
    """Hold one message as a person reads it; later ones have a later `n`."""

    n: int
    room: str | None
    text: str
    private: bool
    raw: Drawn

    @property
    def buttons(self) -> list[str]:
        """List what can be pressed or chosen, by label, in order."""
        chosen = [title for title, _, _ in questions(self.raw.raw)]
        live = [label for label, key in pressed(self.raw.raw) if not GREY.fullmatch(key)]
        return list(dict.fromkeys([*live, *chosen]))  # a choice has a button of its own


@dataclass(slots=True)
class WecomStage:
    """Let people of a company act; what they typed and pressed is kept, and what the stage did by itself."""

    pages: Stage
    lang: str
    outage_of: Callable[[bool], Any]
    unasked: Callable[[int], bool]  # the bot said a message of itself, not as an answer
    first_names: Callable[[], dict[str, str]]  # of the groups, by id
    direct: str = "app"  # in whose direct chat people are answered
    typed: list[tuple[str, str]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    own: set[int] = field(default_factory=set)  # messages by which rooms were bound
    answers: set[int] = field(default_factory=set)  # direct messages that answered what was typed in a group
    _players: dict[str, WecomPlayer] = field(default_factory=dict)

    def player(self, ident: str) -> WecomPlayer:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, WecomPlayer(self, ident, self.pages.player(ident)))

    def everybody(self) -> list[str]:
        """Name all people, for a group that somebody makes."""
        return list(PEOPLE)

    async def outage(self, firing: bool) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        status: int = await self.outage_of(firing)
        return status


class WecomPlayer:
    """Be one person of a company."""

    def __init__(self, stage: WecomStage, ident: str, page: Player) -> None:
        self.id, self.page, self._stage = ident, page, stage

    # ------------------------------------------------------------ typing
    async def talks(self, text: str, room: str) -> str:
        """Say something to the others; gives its ts."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, text))
        return await self.page.says(text, place)

    async def shares(self, name: str, kind: str, body: bytes, line: str, room: str) -> str:
        """Send a picture or a file to the others, which takes no words along; gives its ts."""
        place = await self._place(room, WAIT)
        self._stage.typed.append((self.id, name))
        return await self.page.share(name, kind, body, place)

    async def quotes(self, message: str, line: str, room: str) -> str:
        """Quote a message."""
        seen = await self.found(
            lambda: next((m for m in self.page.sight.messages.values() if m.n == int(message)), None), f"the message {message}"
        )
        return await self.says(line, room, quote=seen)

    async def says(
        self, text: str, room: str | None = None, *, deadline: float = WAIT, quote: Drawn | None = None
    ) -> str:  # fmt: skip
        """Type a line and give the bot's answer to it, empty where it was not meant."""
        place = await self._place(room, deadline)
        if room is None:
            said = re.sub(r"^@bot\s+", "", text)
        else:
            await self._bound(place)
            said = re.sub(r"^(@bot\b|/inc(ident)?\b)", f"@{self._stage.pages.bot}", text)
        ts = await self.page.says(said, place, quote=quote)
        self._stage.typed.append((self.id, text))
        if room is not None and f"@{self._stage.pages.bot}" not in said:
            return ""
        heard = await self._answer(place, int(ts), text, deadline)
        self._stage.pages.note(f"bot→{self.id}", room, heard)
        return heard

    async def direct(self, text: str, *, deadline: float = WAIT) -> str:
        """Type a line to the app in the direct chat and give its answer."""
        return await self.says(text, None, deadline=deadline)

    async def _answer(self, place: str, after: int, text: str, deadline: float) -> str:
        """Wait for what answers a message: where it was typed, or directly if it says so there."""

        def found() -> str | None:
            mine = [m for m in self.page.heard(place) if m.n > after and not self._stage.unasked(m.n)]
            if not mine or (place == "app" and not self._heard_of(after)):  # a card may be there before the words
                return None
            if place == self._stage.direct or not DIRECTLY.match(mine[0].raw["text"]):
                return "\n".join(text_of(m.raw) for m in mine)
            alone = [m for m in self.page.heard(self._stage.direct) if m.n > mine[0].n - 3 and m.n > after and self._fits(m)]
            self._stage.answers.update(m.n for m in alone)
            return "\n".join(text_of(m.raw) for m in alone) or None

        return await self.found(found, f"the answer to {text!r}", deadline)

    def _heard_of(self, n: int) -> bool:
        """Say whether a message of this person's was acknowledged, with what the acknowledgement answers."""
        return any(act["message"] == n and act["state"] != "waiting" for act in self.page.sight.acts.values())

    def _fits(self, message: Drawn) -> bool:
        """Say whether a direct message may answer: it tells nobody that they are called."""
        return not re.search(r"叫你是因为|^👤|[Yy]ou are called", text_of(message.raw))

    async def _bound(self, place: str) -> None:
        """Put the bot into a room of the app's, and have it listen there."""
        group = self.page.sight.channels[place]
        if not group["push_only"]:
            return
        number = NUMBER.search(self._stage.first_names()[place])
        assert number is not None, group
        await self.found(lambda: self.page.heard(place) or None, f"what stands in {group['name']} first")
        await self.page.invites("bot", place)
        ts = await self.page.asks(f"{BIND[self._stage.lang]} {number[0]}", place)

        def bound() -> Drawn | None:
            return next((m for m in self.page.heard(place) if m.n > int(ts) and m.user == "bot"), None)

        answer = await self.found(bound, f"the bot to be bound to {group['name']}")
        self._stage.own |= {int(ts), answer.n}
        if not BOUND.search(answer.shown):
            raise NotSeen(f"the bot was not bound to {group['name']}: {answer.shown}")

    # ------------------------------------------------------------ pressing
    async def click(
        self, name: str, room: str | None = None, *, on: Read | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> str:
        """Press a button on the newest card that draws it; gives nothing, as the answer is a message."""
        place = await self._showing(room, lambda raw: any(name == label for label, _ in pressed(raw)), deadline)
        if self._stage.direct == "bot":
            await self._reads()
        message = await self.page.click(name, place, on=on.raw if on else None, deadline=deadline)
        keys = dict(pressed(message.raw))
        click = clicked(keys[name], {}) if name in keys else None
        if isinstance(click, Pressed):
            self._stage.pressed.append(click.press.command)
        elif isinstance(click, Asked):
            if not confirm:
                await self.page.click("取消" if self._stage.lang == "zh" else "Cancel", place, on=message, deadline=deadline)
                raise NotSeen(f"it asks: {click.question}")
            return await self.click("确认" if self._stage.lang == "zh" else "Confirm", room, deadline=deadline)
        return ""

    async def _reads(self) -> None:
        """Look for as long as people need to read: only then was the frame of the newest card answered, and the bot knows it."""
        ends = time.monotonic() + READS
        while (left := ends - time.monotonic()) > 0:
            await self.page.look(left)

    async def choose(self, select: str, option: str, room: str | None = None, *, on: Read | None = None) -> str:
        """Choose an option of a select by what it shows, and press its button."""
        place = await self._showing(
            room, lambda raw: any(select == title and option in [o["text"] for o in of] for title, _, of in questions(raw)), WAIT
        )
        card = await self.page.choose(select, option, place, on=on.raw if on else None)
        chosen = next(o["id"] for title, _, of in questions(card.raw) if title == select for o in of if o["text"] == option)
        click = clicked("0s:", {QUESTION: [chosen]})
        if isinstance(click, Pressed):
            self._stage.pressed.append(click.press.command)
        return await self.click(select, room, on=on)

    async def _showing(self, room: str | None, has: Callable[[Any], bool], deadline: float) -> str:
        """Give the chat of the card that is meant: the group, or where the bot answers one alone in the direct chat, that."""
        place = await self._place(room, deadline)
        if self._stage.direct == "app":
            return place
        ends = [place, self._stage.direct]
        there = lambda: next((p for p in ends if any(has(m.raw) for m in self.page.heard(p))), None)  # noqa: E731
        return await self.found(there, f"a card for it in {room or 'the direct chat'}", deadline)

    async def whispered(self, pattern: str, room: str | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the bot says something for this person alone that matches: in the direct chat, or short ones aloud.

        A card breaks its lines at a bar, which goes away there.
        """
        if self._stage.direct == "app":
            return await self.expect(None, pattern, deadline=deadline)
        places = [self._stage.direct, *([await self._place(room, deadline)] if room is not None else ())]
        broken = pattern.replace("｜", "[｜\n]?")

        def found() -> Read | None:
            heard = (self._read(m) for place in places for m in self.page.heard(place))
            return next((read for read in heard if re.search(broken, read.text)), None)

        return await self.found(found, f"{pattern!r} from the bot to {self.id}", deadline)

    # ------------------------------------------------------------ seeing
    async def expect(self, room: str | None, pattern: str, *, deadline: float = WAIT, after: Any = 0) -> Read:
        """Wait for a message of the bot that reads as asked, newer than `after`."""
        place = await self._place(room, deadline)

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(place))
            return next((read for read in heard if read.n > after and re.search(pattern, read.text)), None)

        seen = await self.found(found, f"{pattern!r} from the bot in {room or 'the direct chat'}", deadline)
        self._stage.pages.note("bot" if room else f"bot→{self.id}", room, seen.text)
        return seen

    async def until(
        self, room: str | None, pattern: str, holds: Callable[[Read], Any], what: str, *, deadline: float = WAIT
    ) -> Read:  # fmt: skip
        """Wait until the newest message that matches is as asked."""
        place = await self._place(room, deadline)

        def found() -> Read | None:
            heard = (self._read(m) for m in self.page.heard(place, newest_first=True))
            newest = next((read for read in heard if re.search(pattern, read.text)), None)
            return newest if newest is not None and holds(newest) else None

        return await self.found(found, what, deadline)

    async def pinned(self, room: str, pattern: str, buttons: list[str] | None = None, *, deadline: float = WAIT) -> Read:
        """Wait until the newest card like this says something, with just these buttons if any are named; nothing is pinned."""
        what = f"a card {pattern!r} with {buttons} in {room}"
        return await self.until(room, pattern, lambda read: buttons is None or read.buttons == buttons, what, deadline=deadline)

    async def room(self, pattern: str, *, deadline: float = WAIT) -> str:
        """Wait until this person is in a group whose name matches, and give its first name."""
        if self._stage.direct == "bot":
            await self._gathered(pattern, deadline)

        def found() -> str | None:
            mine = (c for c in self.page.sight.channels.values() if not c["direct"])
            return next((self._name(c["id"]) for c in mine if re.search(pattern, self._above(c["id"]))), None)

        return await self.found(found, f"a room like {pattern!r}", deadline)

    async def _gathered(self, pattern: str, deadline: float) -> None:
        """Make a group for an incident that the bot told of, put the bot into it and bind it: it opens none."""

        def told() -> str | None:
            for place in self.page.sight.channels:
                for message in self.page.heard(place):
                    number = WHOLE_NUMBER.search(message.shown)
                    if number is not None and re.search(pattern, message.shown.replace("\n", " ")):
                        return number[0]
            return None

        number = await self.found(told, f"an incident like {pattern!r}", deadline)
        if any(number in name for name in self._stage.first_names().values()):
            return
        place = await self.page.gathers(f"{number} {pattern if pattern.isalnum() else ''}".strip(), *self._stage.everybody())
        await self.page.invites("bot", place)
        ts = await self.page.asks(f"{BIND[self._stage.lang]} {number}", place)
        answer = await self.found(
            lambda: next((m for m in self.page.heard(place) if m.n > int(ts)), None), "the group to be bound"
        )
        self._stage.own |= {int(ts), answer.n}

    def _above(self, ident: str) -> str:
        """Give what is known of a group at a glance: its names and, as a room has no topic, the first words in it."""
        said = self.page.heard(ident) if NUMBER.search(self._name(ident)) else []
        first = next((text_of(m.raw) for m in said), "")
        return f"{self._name(ident)}\n{self.page.sight.channels[ident]['name']}\n{first.partition(chr(10))[0]}"

    async def until_room(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, *, deadline: float = WAIT) -> None:
        """Wait until a room is as asked; a closed one says so in its name."""
        place = await self._place(name, deadline)

        def found() -> bool | None:
            room = self.page.sight.channels.get(place)
            if room is None:
                return None
            return True if holds(room | {"closed": room["name"].startswith(CLOSED), "title": room["name"]}) else None

        await self.found(found, what, deadline)

    def heard(self, room: str | None) -> list[Read]:
        """List what the bot said in a room so far, in order."""
        places = [i for i in self.page.sight.channels if (i == self._stage.direct if room is None else self._name(i) == room)]
        return [self._read(m) for place in places for m in self.page.heard(place) if m.n not in self._stage.own]

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page."""
        await self.page.look(wait)

    def _name(self, ident: str) -> str:
        return self._stage.first_names().get(ident, ident)

    async def _place(self, room: str | None, deadline: float) -> str:
        """Wait to be in a group and give its id; None = the direct chat."""
        if room is None:
            return self._stage.direct

        def found() -> str | None:
            return next((i for i in self.page.sight.channels if room in (i, self._name(i))), None)

        return await self.found(found, f"to be in {room}", deadline)

    def _read(self, message: Drawn) -> Read:
        room = None if message.private else self._name(message.channel)
        return Read(message.n, room, text_of(message.raw), message.private, message)

    async def found(self, find: Callable[[], T | None], what: str, deadline: float = WAIT) -> T:
        """Wait until something is found on the page."""
        kept: list[T] = []

        def holds(_: object) -> bool:
            one = find()
            kept[:] = [] if one is None else [one]
            return bool(kept)

        await self.page.until(holds, what, deadline=deadline)
        return kept[0]
