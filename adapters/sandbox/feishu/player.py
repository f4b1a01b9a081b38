"""Plays people of a Feishu tenant over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import httpx

from adapters.sandbox.feishu.choices import elements, fields, form_of, label, submit_of
from adapters.sandbox.feishu.drawn import CHOSEN, PRESSED, Raw, Seen, called, seen
from adapters.sandbox.player import WAIT, NotSeen
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
    commands: list[str] = field(default_factory=list)


class Player:
    """Be one person. A channel is a group by name or id, None = the direct chat with the bot."""

    def __init__(self, stage: Stage, ident: str) -> None:
        self.id = ident
        self.sight = Sight()
        self._stage = stage
        self._looking = asyncio.Lock()
        self._toasts = 0  # the act whose toast was read last

    # ------------------------------------------------------------ typing
    async def says(self, text: str, channel: str | None = None, *, thread: str | None = None) -> str:
        """Type a message, answering another where `thread` names one; gives its id."""
        done = await self._do("type", chat=await self.channel(channel), text=text, parent=thread)
        self._stage.note(self.id, channel, text)
        return str(done["id"])

    async def slash(self, line: str, channel: str | None = None) -> str:
        """Choose a native command and send it; gives the id of the message that it is."""
        done = await self._do("slash", chat=await self.channel(channel), text=line)
        self._stage.note(self.id, channel, line)
        return str(done["id"])

    # ------------------------------------------------------------ cards
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> Seen:
        """Press a button on the newest message that draws it (or on this one), waiting for it; gives that message.

        A question that is asked first is answered with yes, or with `confirm` False with no: then NotSeen is raised. NotSeen
        also tells of an error that the client shows.
        """
        return await self._press(label, channel, None, on, confirm, deadline)

    async def choose(
        self, select: str, value: Any, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:
        """Choose in a select, person or date picker outside a form, named by its placeholder, name or element_id."""
        return await self._press(select, channel, value, on, True, deadline)

    async def _press(
        self, label: str, channel: str | None, value: Any, on: Seen | None, confirm: bool, deadline: float
    ) -> Seen:  # fmt: skip
        kinds = PRESSED if value is None else CHOSEN
        ends = time.monotonic() + deadline
        while True:
            message, number, element = await self._drawn(label, channel, on, kinds, max(0.0, ends - time.monotonic()))
            if element.get("confirm") and not confirm:
                raise NotSeen(f"it asks: {element['confirm']['title']['content']}")
            more = {"value": value, "confirmed": "confirm" in element}
            done = await self._try("press", message, number, **more)
            if done is not None:
                break
        self._stage.note(self.id, channel, f"▷ {label}" + (f" = {value}" if value is not None else ""))
        if "act" in done:
            await self._taken(done["act"]["n"], max(deadline, WAIT), label)
        return message

    async def fill(
        self, label: str, value: Any, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> None:
        """Fill in a field of a form on the newest card that draws it, named by its label, placeholder or name."""
        done = None
        while done is None:
            message, number, _ = await self._drawn(label, channel, on, CHOSEN, deadline, form=True)
            done = await self._try("fill", message, number, value=value)
        self._stage.note(self.id, channel, f"{label}: {value}")

    async def submit(
        self, button: str | None = None, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> dict[str, str]:
        """Send the form of the newest card that has one, by a button or its only one; gives what was missing by label."""
        wanted = channel if on is not None or channel is None else await self.channel(channel)

        def found() -> tuple[Seen, int, Raw] | None:
            for message in self._candidates(wanted, on):
                there = elements(message.raw["card"])
                for number, one in enumerate(there):
                    form = form_of(message.raw["card"], one) if one.get("tag") == "button" else None
                    if form is not None and (called(one, button) if button else one is submit_of(form)):
                        return message, number, one
            return None

        done = None
        while done is None:
            message, number, element = await self._until(found, deadline, f"a form to send in {channel or 'the direct chat'}")
            place = {"message": message.ts, "n": number, "drawn": message.raw["drawn"], "confirmed": "confirm" in element}
            response = await self._stage.http.post("/page/press", json={"as": self.id, **place})
            said = response.json()
            if response.status_code == 409 and "missing" in said:
                return dict.fromkeys(said["missing"], said["error"])
            done = self._done(response, "submit")
        self._stage.note(self.id, channel, f"▷ {label(element)}")
        await self._taken(done["act"]["n"], max(deadline, WAIT), label(element))
        return {}

    async def form(self, pattern: str = "", channel: str | None = None, *, deadline: float = WAIT) -> Seen:
        """Wait for a card with a form that draws something matching, and give it."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            cards = (m for m in self.heard(ident, newest_first=True) if m.fields)
            return next((m for m in cards if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"a form {pattern!r} in {channel or 'the direct chat'}")

    async def toast(self, pattern: str = "", *, deadline: float = WAIT) -> str:
        """Wait for a toast that no earlier call read and whose words match; gives them."""

        def found() -> Raw | None:
            fresh = (act for n, act in sorted(self.sight.acts.items()) if n > self._toasts and act["toast"])
            return next((act for act in fresh if re.search(pattern, act["toast"]["content"])), None)

        act = await self._until(found, deadline, f"a toast {pattern!r}")
        self._toasts = act["n"]
        self._stage.note(f"bot→{self.id}", act["chat"], act["toast"]["content"])
        return str(act["toast"]["content"])

    # ------------------------------------------------------------ around
    async def menu(self, key: str) -> None:
        """Choose in the bot's menu, in the direct chat."""
        await self._do("menu", key=key)
        self._stage.note(self.id, None, f"▷ {key}")

    async def react(self, on: Seen, name: str, now: bool = True) -> None:
        """Put a reaction on a message, or take it away."""
        await self._do("react", message=on.ts, emoji=name, now=now)

    async def recall(self, message: str) -> None:
        """Take one's own message back, by its id."""
        await self._do("recall", message=message)

    async def leave(self, channel: str) -> None:
        """Leave a group."""
        await self._do("leave", chat=await self.channel(channel))

    async def invite(self, channel: str, whom: str) -> None:
        """Bring somebody, or the bot, into a group."""
        await self._do("invite", chat=await self.channel(channel), user=whom)

    async def remove(self, channel: str, whom: str) -> None:
        """Put somebody, or the bot, out of a group that one owns."""
        await self._do("remove", chat=await self.channel(channel), user=whom)

    # ------------------------------------------------------------ seeing
    async def expect(
        self, channel: str | None, pattern: str, *, deadline: float = WAIT, after: str = "", private: bool | None = None
    ) -> Seen:
        """Wait for a message of the bot that draws something matching, newer than the message `after`."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            for message in self.heard(ident):
                if message.ts > after and private in (None, message.private) and re.search(pattern, message.shown):
                    return message
            return None

        got = await self._until(found, deadline, f"{pattern!r} from the bot in {channel or 'the direct chat'}")
        self._stage.show(got, self.id)
        return got

    async def card(self, channel: str | None, pattern: str = "", *, deadline: float = WAIT) -> Seen:
        """Wait for a card that draws something matching; gives the newest."""
        ident = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            cards = (m for m in self.heard(ident, newest_first=True) if m.raw["card"])
            return next((m for m in cards if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"a card {pattern!r} in {channel or 'the direct chat'}")

    async def channel(self, name: str | None, *, deadline: float = WAIT) -> str:
        """Wait for a group by name or id and give its id; None = the direct chat with the bot."""
        if name is None:
            if not self.sight.version:
                await self.look()
            return next((c["id"] for c in self.sight.channels.values() if c["p2p"]), self.sight.bot)

        def found() -> str | None:
            return next((i for i, c in self.sight.channels.items() if name in (i, c["name"])), None)

        return await self._until(found, deadline, f"a group {name!r}")

    async def room(self, pattern: str, *, deadline: float = WAIT) -> Raw:
        """Wait for a group whose name or description matches."""

        def found() -> Raw | None:
            groups = (c for c in self.sight.channels.values() if not c["p2p"])
            return next((c for c in groups if re.search(pattern, f"{c['name']}\n{c['description']}")), None)

        return await self._until(found, deadline, f"a group like {pattern!r}")

    async def until(self, holds: Callable[[Sight], Any], what: str, *, deadline: float = WAIT) -> None:
        """Wait until what the player sees is as asked; `what` says it in words."""
        await self._until(lambda: True if holds(self.sight) else None, deadline, what)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the bot said in a chat so far; the bot's id stands for the direct chat."""
        ident = channel
        if channel == self.sight.bot:
            ident = next((c["id"] for c in self.sight.channels.values() if c["p2p"]), channel)
        mine = (m for m in self.sight.messages.values() if m.channel == ident and m.bot)
        return sorted(mine, key=lambda m: m.ts, reverse=newest_first)

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page, waiting at most `wait` seconds for something new."""
        async with self._looking:
            params: dict[str, str | float] = {"as": self.id, "after": self.sight.version, "wait": wait}
            page = (await self._stage.http.get("/page/view", params=params, timeout=wait + 10)).raise_for_status().json()
            sight = self.sight
            sight.version, sight.bot, sight.commands = page["version"], page.get("bot", sight.bot), page["commands"]
            sight.channels |= {chat["id"]: chat for chat in page["chats"]}
            there = {i for i in page["there"] if not sight.channels[i]["disbanded"]}
            sight.channels = {i: chat for i, chat in sight.channels.items() if i in there}
            sight.messages = {key: message for key, message in sight.messages.items() if key[0] in there}
            self._stage.learn(sight.channels)
            sight.acts |= {act["n"]: act for act in page["acts"]}
            for said in page["messages"]:
                if said["deleted"]:
                    sight.messages.pop((said["chat"], said["id"]), None)
                elif said["chat"] in there:
                    sight.messages[said["chat"], said["id"]] = seen(said, self._stage.names)

    # ------------------------------------------------------------ how
    def _candidates(self, ident: str | None, on: Seen | None) -> list[Seen]:
        if on is not None:
            newest = self.sight.messages.get((on.channel, on.ts))
            return [newest] if newest is not None else []
        return self.heard(ident or self.sight.bot, newest_first=True)

    async def _drawn(
        self, name: str, channel: str | None, on: Seen | None, kinds: tuple[str, ...], deadline: float, *, form: bool = False
    ) -> tuple[Seen, int, Raw]:
        ident = None if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, int, Raw] | None:
            for message in self._candidates(ident, on):
                card = message.raw["card"]
                inside = [one for f in elements(card) if f.get("tag") == "form" for one in fields(f)]
                for number, element in enumerate(elements(card)):
                    if element.get("tag") in kinds and called(element, name) and any(one is element for one in inside) == form:
                        return message, number, element
            return None

        return await self._until(found, deadline, f"{name!r} to use in {channel or 'the direct chat'}")

    async def _try(self, act: str, message: Seen, number: int, **more: Any) -> Raw | None:
        """Do something on a card as it was seen; None = it has changed meanwhile."""
        place = {"message": message.ts, "n": number, "drawn": message.raw["drawn"]}
        return self._done(await self._stage.http.post(f"/page/{act}", json={"as": self.id, **place, **more}), act)

    def _done(self, response: httpx.Response, act: str) -> Raw | None:
        said: Raw = response.json()
        if response.status_code == 409 and said.get("changed"):
            return None
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not {act}: {response.text}\n{self._recent()}")
        return said

    async def _do(self, act: str, **asked: Any) -> Raw:
        return self._done(await self._stage.http.post(f"/page/{act}", json={"as": self.id, **asked}), act) or {}

    async def _taken(self, number: int, deadline: float, what: str) -> None:
        def found() -> Raw | None:
            act = self.sight.acts.get(number)
            return act if act is not None and act["state"] != "waiting" else None

        act = await self._until(found, deadline, f"the bot to take {what!r}")
        if act["state"] == "failed":
            raise NotSeen(f"using {what!r} failed: {act['error']}")

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
        return "\n".join(
            f"  [{names.get(m.channel)}] {m.user}{' (private)' if m.private else ''}: {m.shown} {m.buttons} {m.fields}"
            for m in last
        )


class Stage:
    """Open a stand-in for any number of players; `write` is told the transcript, line by line."""

    def __init__(self, url: str, write: Callable[[str], None] | None = None) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=15, trust_env=False, limits=IDLE)
        self.names: dict[str, str] = {}
        self._write = write
        self._players: dict[str, Player] = {}
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
            first, *rest = text.splitlines() or [""]
            names = "→".join(self.names.get(part, part) for part in who.split("→"))
            place = self._places.get(channel or "", channel) or "—"
            self._write(f"[{place}] {names}: {first}" + "".join(f"\n      {line}" for line in rest))

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know groups by name in the transcript."""
        for ident, channel in channels.items():
            self._places[ident] = self._places[channel["name"]] = "" if channel["p2p"] else channel["name"]

    async def __aenter__(self) -> Stage:
        told = (await self.http.get("/page/people")).raise_for_status().json()
        self.names = {person["id"]: person["real_name"] for person in told["people"]}
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.http.aclose()
