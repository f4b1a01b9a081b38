"""Plays people of the DingTalk stand-in over its page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import httpx

from adapters.sandbox.dingtalk.shown import DIRECT, Raw, Seen, pressable, seen
from adapters.sandbox.player import WAIT, NotSeen
from adapters.sandbox.wire import IDLE

T = TypeVar("T")


@dataclass(slots=True)
class Sight:
    """Hold everything that one player sees so far; `channels` are groups, by id."""

    version: int = 0
    bot: str = ""
    channels: dict[str, Raw] = field(default_factory=dict)
    messages: dict[str, Seen] = field(default_factory=dict)
    acts: dict[int, Raw] = field(default_factory=dict)
    dings: dict[str, Raw] = field(default_factory=dict)
    tops: list[Raw] = field(default_factory=list)


class Player:
    """Be one person. A group is given by title or id, None = the chat with the bot."""

    def __init__(self, stage: Stage, ident: str) -> None:
        self.id = ident
        self.sight = Sight()
        self._stage = stage
        self._looking = asyncio.Lock()
        self._form: Seen | None = None  # the card whose form is being filled in

    # ------------------------------------------------------------ speaking
    async def says(self, text: str, channel: str | None = None, *, deadline: float = WAIT) -> Raw:
        """Type a message and give what became of it once the bot took it, or was not meant; `ts` is the message's."""
        done = await self._do("type", chat=await self.channel(channel), text=text)
        self._stage.note(self.id, channel, text)
        act = await self._over(done["act"]["n"], deadline, text)
        mine = next((m for m in self.sight.messages.values() if m.act == act["n"]), None)
        return act | {"ts": mine.ts if mine is not None else ""}

    async def slash(self, line: str, channel: str | None = None, *, deadline: float = WAIT) -> str:
        """Say something to the bot, by its name in a group; gives the typed message's ts, raises NotSeen if it was not taken."""
        ident = await self.channel(channel)
        act = await self.says(line if ident == DIRECT else f"@{self.sight.bot} {line}", channel, deadline=deadline)
        if act["state"] == "failed":
            raise NotSeen(f"{line!r} of {self.id} was not taken: {act['error']}\n{self._recent()}")
        return str(act["ts"])

    # ------------------------------------------------------------ cards
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> Seen:
        """Press a button on the newest card that draws it (or on this one), waiting for it; gives that card's message.

        A question that is asked first is answered with yes, or with `confirm` False with no: then NotSeen is raised.
        """
        ident = on.channel if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, Raw] | None:
            for message in self.heard(ident, newest_first=True):
                if (on is None or message.id == on.id) and message.card is not None:
                    for button in pressable(message.raw):
                        if label in (button["id"], button.get("text")):
                            return message, button
            return None

        message, button = await self._until(found, deadline, f"{label!r} to press in {channel or 'the chat with the bot'}")
        if button.get("confirm") and not confirm:
            raise NotSeen(f"it asks: {button['confirm']}")
        asked = {"message": message.id, "button": button["id"], "confirmed": bool(button.get("confirm"))}
        await self._press("press", label, channel, deadline, **asked)
        return message

    async def choose(
        self, select: str, value: Any, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:
        """Choose in a select of a card, named by its placeholder or id."""
        ident = on.channel if on is not None else await self.channel(channel)

        def found() -> Seen | None:
            for message in self.heard(ident, newest_first=True):
                offered = message.card["selects"] if message.card is not None and (on is None or message.id == on.id) else []
                if any(select in (one["id"], one.get("placeholder"), one.get("text")) for one in offered):
                    return message
            return None

        message = await self._until(found, deadline, f"a select {select!r}")
        await self._press("choose", select, channel, deadline, message=message.id, select=select, value=value)
        return message

    async def form(self, pattern: str = "", channel: str | None = None, *, deadline: float = WAIT, on: Seen | None = None) -> Raw:
        """Wait for a card whose form is drawn for this person and matches, anywhere or in a place; gives the form."""
        ident = await self.channel(channel) if channel is not None else None

        def found() -> Seen | None:
            newest = sorted(self.sight.messages.values(), key=lambda m: m.ts, reverse=True)
            for message in newest:
                if message.card is None or message.card["form"] is None or ident not in (None, message.channel):
                    continue
                if (on is None or on.id == message.id) and re.search(pattern, message.shown):
                    return message
            return None

        self._form = await self._until(found, deadline, f"a form {pattern!r}")
        assert self._form.card is not None
        return dict(self._form.card["form"])

    async def fill(self, label: str, value: Any) -> None:
        """Fill in a field of the form, named by its label or name."""
        form = await self._filling()
        await self._do("fill", message=form.id, field=label, value=value)
        self._stage.note(self.id, form.channel, f"{label}: {value}")
        await self.look()

    async def submit(self, *, deadline: float = WAIT) -> dict[str, str]:
        """Send the form; gives what was missing by label, empty if it was taken."""
        form = await self._filling()
        response = await self._stage.http.post("/page/submit", json={"as": self.id, "message": form.id})
        if response.status_code == 409 and "missing" in response.json():
            return dict.fromkeys(response.json()["missing"], "missing")
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not submit: {response.text}\n{self._recent()}")
        self._stage.note(self.id, form.channel, f"▷ {form.card['form']['submit'] if form.card else ''}")
        act = await self._over(response.json()["act"]["n"], deadline, "the form")
        if act["state"] == "failed":
            raise NotSeen(f"sending the form failed: {act['error']}")
        self._form = None
        return {}

    async def _filling(self) -> Seen:
        if self._form is None or self._form.id not in self.sight.messages:
            await self.form()
        assert self._form is not None
        return self._form

    async def _press(self, act: str, what: str, channel: str | None, deadline: float, **asked: Any) -> None:
        done = await self._do(act, **asked)
        self._stage.note(self.id, channel, f"▷ {what}" + (f" = {asked['value']}" if "value" in asked else ""))
        over = await self._over(done["act"]["n"], max(deadline, WAIT), what)
        if over["state"] == "failed":
            raise NotSeen(f"pressing {what!r} failed: {over['error']}\n{self._recent()}")

    # ------------------------------------------------------------ groups and DINGs
    async def invite(self, channel: str, whom: str = DIRECT) -> None:
        """Bring somebody into a group; the bot by hand, as in the group's settings."""
        await self._do("invite", chat=await self.channel(channel), user=whom)

    async def rename(self, channel: str, title: str) -> None:
        """Give a group another title."""
        await self._do("rename", chat=await self.channel(channel), title=title)

    async def leave(self, channel: str) -> None:
        """Leave a group."""
        await self._do("leave", chat=await self.channel(channel))

    async def found(self, title: str, *members: str) -> str:
        """Make a group by hand; gives its id."""
        return str((await self._do("found", title=title, members=list(members)))["chat"])

    async def join(self, link: str) -> str:
        """Follow a join link; gives the group's id."""
        return str((await self._do("join", link=link))["chat"])

    async def ding(self, pattern: str = "", *, kind: int | None = None, deadline: float = WAIT) -> Raw:
        """Wait for a DING whose words match; gives it."""

        def found() -> Raw | None:
            dings = (d for d in self.sight.dings.values() if kind in (None, d["kind"]) and not d["recalled"])
            return next((d for d in dings if re.search(pattern, d["content"])), None)

        return await self._until(found, deadline, f"a DING {pattern!r}")

    async def read(self, ding: Raw) -> None:
        """Look at a DING."""
        await self._do("read", ding=ding["id"])

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

        seen = await self._until(found, deadline, f"{pattern!r} from the bot in {channel or 'the chat with it'}")
        self._stage.show(seen, self.id)
        return seen

    async def card(self, channel: str | None, pattern: str = "", *, deadline: float = WAIT) -> Seen:
        """Wait for a card of the bot that draws something matching; gives the newest."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            cards = (m for m in self.heard(ident, newest_first=True) if m.card is not None)
            return next((m for m in cards if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"a card {pattern!r} in {channel or 'the chat with the bot'}")

    async def channel(self, name: str | None, *, deadline: float = WAIT) -> str:
        """Wait for a group by title or id and give its id; None = the chat with the bot."""
        if not self.sight.version:
            await self.look()
        if name is None or name == DIRECT:
            return DIRECT

        def found() -> str | None:
            there = {i: c for i, c in self.sight.channels.items() if not c["disbanded"]}
            return next((i for i, c in there.items() if name in (i, c["title"])), None)

        return await self._until(found, deadline, f"a group {name!r}")

    async def room(self, pattern: str, *, deadline: float = WAIT) -> Raw:
        """Wait for a group whose title matches; gives it with `id` and `title`."""

        def found() -> Raw | None:
            return next((c for c in self.sight.channels.values() if re.search(pattern, c["title"])), None)

        return await self._until(found, deadline, f"a group like {pattern!r}")

    async def until(self, holds: Callable[[Sight], Any], what: str, *, deadline: float = WAIT) -> None:
        """Wait until what the player sees is as asked; `what` says it in words."""
        await self._until(lambda: True if holds(self.sight) else None, deadline, what)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the bot said in a place so far."""
        mine = (m for m in self.sight.messages.values() if m.channel == channel and m.bot)
        return sorted(mine, key=lambda m: m.ts, reverse=newest_first)

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page, waiting at most `wait` seconds for something new."""
        async with self._looking:
            params: dict[str, str | float] = {"as": self.id, "after": self.sight.version, "wait": wait}
            page = (await self._stage.http.get("/page/view", params=params, timeout=wait + 10)).raise_for_status().json()
            sight = self.sight
            sight.version, sight.tops = page["version"], page["tops"]
            sight.bot = page.get("bot", {}).get("name", sight.bot)
            sight.channels |= {chat["id"]: chat for chat in page["chats"]}
            for gone in page["gone"]:
                sight.channels.pop(gone, None)
            self._stage.learn(sight.channels)
            sight.acts |= {act["n"]: act for act in page["acts"]}
            sight.dings |= {ding["id"]: ding for ding in page["dings"]}
            for said in page["messages"]:
                if said["recalled"]:
                    sight.messages.pop(said["id"], None)
                else:
                    sight.messages[said["id"]] = seen(said)

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
        names = {i: c["title"] for i, c in self.sight.channels.items()}
        last = sorted(self.sight.messages.values(), key=lambda m: m.ts)[-15:]
        return "\n".join(f"  [{names.get(m.channel, 'direct')}] {m.user or '—'}: {m.shown} {m.buttons}" for m in last)


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
            self.note(f"bot→{whose}" if seen.channel == DIRECT or seen.private else "bot", seen.channel, words + pressed)

    def note(self, who: str, channel: str | None, text: str) -> None:
        """Put a line into the transcript."""
        if self._write is not None:
            first, *rest = text.splitlines() or [""]
            names = "→".join(self._names.get(part, part) for part in who.split("→"))
            place = self._places.get(channel or "", channel) or "—"
            self._write(f"[{place}] {names}: {first}" + "".join(f"\n      {line}" for line in rest))

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know groups by title in the transcript."""
        self._places[DIRECT] = ""
        for ident, channel in channels.items():
            self._places[ident] = channel["title"]

    async def __aenter__(self) -> Stage:
        told = (await self.http.get("/page/people")).raise_for_status().json()
        self._names = {person["id"]: person["name"] for person in told["people"]}
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.http.aclose()
