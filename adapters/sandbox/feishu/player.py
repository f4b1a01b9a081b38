"""Plays people of a Feishu tenant over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.sandbox.feishu.choices import elements, fields, form_of, label, submit_of
from adapters.sandbox.feishu.drawn import CHOSEN, PRESSED, Seen, called, seen
from adapters.sandbox.players import WAIT, ChatPlayer, ChatSight, ChatStage, NotSeen, Raw


@dataclass(slots=True)
class Sight(ChatSight):
    """Hold everything that one player sees so far."""

    messages: dict[tuple[str, str], Seen] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)


class Player(ChatPlayer[Seen]):
    """Be one person. A channel is a group by name or id, None = the direct chat with the bot."""

    sight: Sight
    titled = ("name", "description")
    alone = "p2p"

    def __init__(self, stage: Stage, ident: str) -> None:
        super().__init__(stage, ident)
        self.sight = Sight()
        self._toasts = 0  # the act whose toast was read last

    # ------------------------------------------------------------ typing
    async def says(self, text: str, channel: str | None = None, *, thread: str | None = None) -> str:
        """Type a message, answering another where `thread` names one; gives its id."""
        done = await self._do("type", chat=await self.channel(channel), text=text, parent=thread)
        self._stage.note(self.id, channel, text)
        return str(done["id"])

    async def share(self, name: str, kind: str, body: bytes, channel: str | None = None, *, text: str = "") -> str:
        """Send a picture, or a file; gives the message's id."""
        given = {"name": name, "type": kind, "body": b64encode(body).decode(), "text": text}
        done = await self._do("share", chat=await self.channel(channel), **given)
        self._stage.note(self.id, channel, f"{text} [{name}]".strip())
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
            await self._taken(done, max(deadline, WAIT), label)
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
            response = await self._post("press", **place)
            said = response.json()
            if response.status_code == 409 and "missing" in said:
                return dict.fromkeys(said["missing"], said["error"])
            done = None if said.get("changed") else self._done(response, "submit")
        self._stage.note(self.id, channel, f"▷ {label(element)}")
        await self._taken(done, max(deadline, WAIT), label(element))
        return {}

    async def form(self, pattern: str = "", channel: str | None = None, *, deadline: float = WAIT) -> Seen:
        """Wait for a card with a form that draws something matching, and give it."""
        return await self._newest(lambda message: message.fields, channel, pattern, deadline, "a form")

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
    def _take(self, page: Raw) -> None:
        sight = self.sight
        sight.bot, sight.commands = page.get("bot", sight.bot), page["commands"]
        sight.channels |= {chat["id"]: chat for chat in page["chats"]}
        there = {i for i in page["there"] if not sight.channels[i]["disbanded"]}
        sight.channels = {i: chat for i, chat in sight.channels.items() if i in there}
        sight.messages = {key: message for key, message in sight.messages.items() if key[0] in there}
        for said in page["messages"]:
            if said["deleted"]:
                sight.messages.pop((said["chat"], said["id"]), None)
            elif said["chat"] in there:
                sight.messages[said["chat"], said["id"]] = seen(said, self._stage.names)
        super()._take(page)

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
        response = await self._post(act, **place, **more)
        return None if response.status_code == 409 and response.json().get("changed") else self._done(response, act)


class Stage(ChatStage[Player]):
    """Open a stand-in for any number of players; `write` is told the transcript, line by line."""

    called: ClassVar = "real_name"

    def _enter(self, ident: str) -> Player:
        return Player(self, ident)

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know groups by name in the transcript."""
        for ident, channel in channels.items():
            self._places[ident] = self._places[channel["name"]] = "" if channel["p2p"] else channel["name"]
