"""Plays people of a Slack workspace over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import httpx

from adapters.sandbox.player import WAIT, NotSeen
from adapters.sandbox.slack.drawn import Raw, Seen, blocks_of, called, drawn, fields, seen
from adapters.sandbox.wire import IDLE

T = TypeVar("T")


@dataclass(slots=True)
class Sight:
    """Hold everything that one player sees so far."""

    version: int = 0
    bot: str = ""
    channels: dict[str, Raw] = field(default_factory=dict)
    messages: dict[tuple[str, str], Seen] = field(default_factory=dict)
    acts: dict[int, Raw] = field(default_factory=dict)
    modal: Raw | None = None


class Player:
    """Be one person. A channel is given by name or id, None = the direct messages with the bot."""

    def __init__(self, stage: Stage, ident: str) -> None:
        self.id = ident
        self.sight = Sight()
        self._stage = stage
        self._looking = asyncio.Lock()

    # ------------------------------------------------------------ typing
    async def says(self, text: str, channel: str | None = None, *, thread: str | None = None) -> str:
        """Type a message; gives its ts."""
        done = await self._do("type", channel=await self.channel(channel), text=text, thread_ts=thread)
        self._stage.note(self.id, channel, text)
        return str(done["ts"])

    async def slash(self, line: str, channel: str | None = None, *, deadline: float = WAIT) -> str:
        """Call a slash command and give what its acknowledgement showed; raises NotSeen if Slack showed an error."""
        done = await self._do("slash", channel=await self.channel(channel), text=line)
        self._stage.note(self.id, channel, line)
        act = await self._over(done["act"]["n"], deadline, line)
        answers = [m for m in self.sight.messages.values() if m.act == act["n"]]
        if act["state"] == "failed":
            raise NotSeen(f"{line!r} of {self.id} failed: {act['error']}")
        for answer in answers:
            self._stage.show(answer, self.id)
        return "\n".join(m.shown for m in sorted(answers, key=lambda m: m.ts))

    # ------------------------------------------------------------ pressing
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> Seen:
        """Press a button on the newest message that draws it (or on this one), waiting for it; gives that message.

        A question that Slack asks first is answered with yes, or with `confirm` False with no: then NotSeen is raised.
        """
        return await self._press(label, channel, None, on, confirm, deadline)

    async def choose(
        self, select: str, value: Any, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:
        """Choose in a select, person or date picker, named by its placeholder or action_id."""
        return await self._press(select, channel, value, on, True, deadline)

    async def _press(
        self, label: str, channel: str | None, value: Any, on: Seen | None, confirm: bool, deadline: float
    ) -> Seen:  # fmt: skip
        ident = on.channel if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, Raw, Raw] | None:
            for message in self.heard(ident, newest_first=True):
                if on is None or message.ts == on.ts:
                    for block, element in drawn(blocks_of(message.raw)):
                        if called(element, label) and (element["type"] == "button") == (value is None):
                            return message, block, element
            return None

        message, block, element = await self._until(found, deadline, f"{label!r} to press in {channel or 'the direct messages'}")
        if element.get("confirm") and not confirm:
            raise NotSeen(f"it asks: {element['confirm']['title']['text']}")
        place = {"channel": message.channel, "ts": message.ts, "block_id": block["block_id"], "action_id": element["action_id"]}
        done = await self._do("press", **place, value=value, confirmed="confirm" in element)
        self._stage.note(self.id, channel, f"▷ {label}" + (f" = {value}" if value is not None else ""))
        act = await self._over(done["act"]["n"], max(deadline, WAIT), label)
        if act["state"] == "failed":
            raise NotSeen(f"pressing {label!r} failed: {act['error']}")
        return message

    async def shortcut(self, callback: str, on: Seen | None = None, *, deadline: float = WAIT) -> None:
        """Choose a shortcut of the app, on a message or anywhere."""
        place = {"channel": on.channel, "ts": on.ts} if on is not None else {}
        done = await self._do("shortcut", callback_id=callback, **place)
        self._stage.note(self.id, None, f"▷ {callback}")
        act = await self._over(done["act"]["n"], deadline, callback)
        if act["state"] == "failed":
            raise NotSeen(f"the shortcut {callback!r} failed: {act['error']}")

    async def react(self, on: Seen, name: str, now: bool = True) -> None:
        """Put a reaction on a message, or take it away."""
        await self._do("react", channel=on.channel, ts=on.ts, name=name, now=now)

    async def join(self, channel: str) -> None:
        """Go into a public channel."""
        await self._do("join", channel=await self.channel(channel))

    # ------------------------------------------------------------ modals
    async def form(self, pattern: str = "", *, deadline: float = WAIT) -> Raw:
        """Wait for a modal whose title matches and give it."""

        def found() -> Raw | None:
            modal = self.sight.modal
            return modal if modal is not None and re.search(pattern, modal["view"]["title"]["text"]) else None

        return await self._until(found, deadline, f"a form {pattern!r}")

    async def fill(self, label: str, value: Any) -> None:
        """Fill in a field of the open modal, named by its label or action_id."""
        modal = await self.form()
        for block, element in drawn(modal["view"]["blocks"]):
            if called(element, label) or block.get("label", {}).get("text") == label:
                place = {"view_id": modal["id"], "block_id": block["block_id"], "action_id": element["action_id"]}
                done = await self._do("fill", **place, value=value, confirmed="confirm" in element)
                self._stage.note(self.id, None, f"{label}: {value}")
                if "act" in done:
                    await self._over(done["act"]["n"], WAIT, label)
                await self.look()
                return
        raise NotSeen(f"there is no field {label!r} in {modal['view']['title']['text']!r}: {fields(modal)}")

    async def submit(self, *, deadline: float = WAIT) -> dict[str, str]:
        """Send the open modal; gives what was wrong by block, empty if it was taken."""
        modal = await self.form()
        done = await self._do("submit", view_id=modal["id"])
        self._stage.note(self.id, None, f"▷ {modal['view']['submit']['text']}")
        if "act" not in done:
            await self.look()
        else:
            act = await self._over(done["act"]["n"], deadline, "the form")
            if act["state"] == "failed":
                raise NotSeen(f"sending the form failed: {act['error']}")
        same = self.sight.modal is not None and self.sight.modal["id"] == modal["id"]
        return dict(self.sight.modal["errors"]) if same and self.sight.modal is not None else {}

    async def dismiss(self) -> None:
        """Close the open modal."""
        await self._do("close", view_id=(await self.form())["id"])

    # ------------------------------------------------------------ seeing
    async def expect(
        self, channel: str | None, pattern: str, *, deadline: float = WAIT, after: str = "", private: bool | None = None
    ) -> Seen:
        """Wait for a message of the bot that draws something matching, newer than the ts `after`."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            for message in self.heard(ident):
                if message.ts > after and private in (None, message.private) and re.search(pattern, message.shown):
                    return message
            return None

        seen = await self._until(found, deadline, f"{pattern!r} from the bot in {channel or 'the direct messages'}")
        self._stage.show(seen, self.id)
        return seen

    async def card(self, channel: str | None, pattern: str = "", *, deadline: float = WAIT) -> Seen:
        """Wait for a message of the bot with blocks that draws something matching; gives the newest."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            cards = (m for m in self.heard(ident, newest_first=True) if blocks_of(m.raw))
            return next((m for m in cards if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"a card {pattern!r} in {channel or 'the direct messages'}")

    async def channel(self, name: str | None, *, deadline: float = WAIT) -> str:
        """Wait for a channel by name or id and give its id; None = the direct messages with the bot."""
        if name is None:
            if not self.sight.version:
                await self.look()
            return next((c["id"] for c in self.sight.channels.values() if c["im"]), self.sight.bot)

        def found() -> str | None:
            wanted = name.removeprefix("#")
            return next((i for i, c in self.sight.channels.items() if wanted in (i, c["name"])), None)

        return await self._until(found, deadline, f"a channel {name!r}")

    async def room(self, pattern: str, *, deadline: float = WAIT) -> Raw:
        """Wait for a channel whose name or topic matches."""

        def found() -> Raw | None:
            channels = (c for c in self.sight.channels.values() if not c["im"])
            return next((c for c in channels if re.search(pattern, f"{c['name']}\n{c['topic']}")), None)

        return await self._until(found, deadline, f"a channel like {pattern!r}")

    async def until(self, holds: Callable[[Sight], Any], what: str, *, deadline: float = WAIT) -> None:
        """Wait until what the player sees is as asked; `what` says it in words."""
        await self._until(lambda: True if holds(self.sight) else None, deadline, what)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the bot said in a channel so far; the bot's id stands for the direct messages."""
        ident = channel
        if channel == self.sight.bot:
            ident = next((c["id"] for c in self.sight.channels.values() if c["im"]), channel)
        mine = (m for m in self.sight.messages.values() if m.channel == ident and m.bot)
        return sorted(mine, key=lambda m: m.ts, reverse=newest_first)

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page, waiting at most `wait` seconds for something new."""
        async with self._looking:
            params: dict[str, str | float] = {"as": self.id, "after": self.sight.version, "wait": wait}
            page = (await self._stage.http.get("/page/view", params=params, timeout=wait + 10)).raise_for_status().json()
            sight = self.sight
            sight.version, sight.modal, sight.bot = page["version"], page["modal"], page.get("bot", sight.bot)
            sight.channels |= {channel["id"]: channel for channel in page["channels"]}
            self._stage.learn(sight.channels)
            sight.acts |= {act["n"]: act for act in page["acts"]}
            for said in page["messages"]:
                if said["deleted"]:
                    sight.messages.pop((said["channel"], said["ts"]), None)
                else:
                    sight.messages[said["channel"], said["ts"]] = seen(said)

    async def _do(self, act: str, **asked: Any) -> Raw:
        response = await self._stage.http.post(f"/page/{act}", json={"as": self.id, **asked})
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not {act}: {response.text}\n{self._recent()}")
        done: Raw = response.json()
        return done

    async def _over(self, number: int, deadline: float, what: str) -> Raw:
        def found() -> Raw | None:
            act = self.sight.acts.get(number)
            return act if act is not None and act["state"] != "waiting" else None

        return await self._until(found, deadline, f"the bot to take {what!r}")

    async def _until(self, found: Callable[[], T | None], deadline: float, what: str) -> T:
        ends = time.monotonic() + deadline
        await self.look()
        while True:
            result = found()
            if result is not None:
                return result
            left = ends - time.monotonic()
            if left <= 0:
                raise NotSeen(f"{self.id} waited {deadline:g} s for {what}, and saw:\n{self._recent()}")
            await self.look(min(left, 5.0))

    def _recent(self) -> str:
        names = {i: c["name"] or "direct" for i, c in self.sight.channels.items()}
        last = sorted(self.sight.messages.values(), key=lambda m: m.ts)[-15:]
        lines = [f"  [{names.get(m.channel)}] {m.user}{' (private)' if m.private else ''}: {m.shown} {m.buttons}" for m in last]
        return "\n".join([*lines, f"  form: {fields(self.sight.modal)}" if self.sight.modal else "  no form"])


class Stage:
    """Open a stand-in for any number of players; `write` is told the transcript, line by line."""

    def __init__(self, url: str, write: Callable[[str], None] | None = None) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=15, trust_env=False, limits=IDLE)
        self._write = write
        self._players: dict[str, Player] = {}
        self._names: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._shown: set[tuple[str, str]] = set()

    def player(self, ident: str) -> Player:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, Player(self, ident))

    def show(self, seen: Seen, whose: str) -> None:
        """Put a message of the bot into the transcript, once."""
        if (seen.channel, seen.ts) not in self._shown:
            self._shown.add((seen.channel, seen.ts))
            words = "\n".join(line for line in seen.shown.splitlines() if line not in seen.buttons)
            pressed = f"\n{' '.join(f'[{label}]' for label in seen.buttons)}" if seen.buttons else ""
            self.note(f"bot→{whose}" if seen.private else "bot", seen.channel, words + pressed)

    def note(self, who: str, channel: str | None, text: str) -> None:
        """Put a line into the transcript."""
        if self._write is not None:
            first, *rest = self._legible(text).splitlines() or [""]
            names = "→".join(self._names.get(part, part) for part in who.split("→"))
            place = self._places.get(channel or "", channel) or "—"
            self._write(f"[{place}] {names}: {first}" + "".join(f"\n      {line}" for line in rest))

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know channels by name in the transcript; an incident's room by its number."""
        for ident, channel in channels.items():
            found = re.match(r"(drill-)?f-\d{8}-\d{3}", channel["name"])
            self._places[ident] = "" if channel["im"] else f"#{found[0] if found else channel['name']}"
            self._places[channel["name"]] = self._places[ident]

    def _legible(self, text: str) -> str:
        """Undo mark-up: a label stands before its value, an instant is its fallback, an account its name."""
        text = re.sub(r"(?m)^\*([^*\n]+)\*\n", r"\1  ", text)
        text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
        text = re.sub(r"<@(\w+)[^>]*>", lambda found: "@" + self._names.get(found[1], found[1]), text)
        return html.unescape(re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text))

    async def __aenter__(self) -> Stage:
        told = (await self.http.get("/page/people")).raise_for_status().json()
        self._names = {person["id"]: person["real_name"] for person in told["people"]}
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.http.aclose()
