"""Plays people of the DingTalk stand-in over its page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.dingtalk.shown import DIRECT, Seen, pressable, seen
from adapters.sandbox.players import WAIT, ChatPlayer, ChatSight, ChatStage, Drawn, NotSeen, Raw


@dataclass(slots=True)
class Sight(ChatSight):
    """Hold everything that one player sees so far; `channels` are groups, by id, `bot` = its name."""

    messages: dict[str, Seen] = field(default_factory=dict)
    dings: dict[str, Raw] = field(default_factory=dict)
    tops: list[Raw] = field(default_factory=list)


class Player(ChatPlayer[Seen]):
    """Be one person. A group is given by title or id, None = the chat with the bot."""

    sight: Sight
    titled = ("title",)

    def __init__(self, stage: Stage, ident: str) -> None:
        super().__init__(stage, ident)
        self.sight = Sight()
        self._form: Seen | None = None  # the card whose form is being filled in

    # ------------------------------------------------------------ speaking
    async def says(
        self, text: str, channel: str | None = None, *, deadline: float = WAIT, quote: str | None = None
    ) -> Raw:  # fmt: skip
        """Type a message and give what became of it once the bot took it, or was not meant; `ts` is the message's."""
        done = await self._do("type", chat=await self.channel(channel), text=text, quote=quote)
        self._stage.note(self.id, channel, text)
        act = await self._over(done, deadline, text)
        mine = next((m for m in self.sight.messages.values() if m.act == act["n"]), None)
        return act | {"ts": mine.ts if mine is not None else "", "id": mine.id if mine is not None else ""}

    async def share(self, name: str, kind: str, body: bytes, channel: str) -> str:
        """Send a picture or a file; gives the message's id."""
        given = {"name": name, "type": kind, "body": b64encode(body).decode()}
        done = await self._do("share", chat=await self.channel(channel), **given)
        self._stage.note(self.id, channel, f"[{name}]")
        return str(done["id"])

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
        response = await self._post("submit", message=form.id)
        if response.status_code == 409 and "missing" in response.json():
            return dict.fromkeys(response.json()["missing"], "missing")
        done = self._done(response, "submit")
        self._stage.note(self.id, form.channel, f"▷ {form.card['form']['submit'] if form.card else ''}")
        await self._taken(done, deadline, "the form")
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
        await self._taken(done, max(deadline, WAIT), what)

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
    def _direct(self) -> str:
        return DIRECT

    def _goes_by(self, channel: Raw, name: str) -> bool:
        return super()._goes_by(channel, name) and not channel["disbanded"]

    def _take(self, page: Raw) -> None:
        sight = self.sight
        sight.bot, sight.tops = page.get("bot", {}).get("name", sight.bot), page["tops"]
        sight.channels |= {chat["id"]: chat for chat in page["chats"]}
        for gone in page["gone"]:
            sight.channels.pop(gone, None)
        sight.dings |= {ding["id"]: ding for ding in page["dings"]}
        for said in page["messages"]:
            if said["recalled"]:
                sight.messages.pop(said["id"], None)
            else:
                sight.messages[said["id"]] = seen(said)
        super()._take(page)


class Stage(ChatStage[Player]):
    """Open a stand-in for any number of players; `write` is told the transcript, line by line."""

    def _enter(self, ident: str) -> Player:
        return Player(self, ident)

    def _alone(self, message: Drawn) -> bool:
        return message.private or message.channel == DIRECT

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know groups by title in the transcript."""
        self._places[DIRECT] = ""
        for ident, channel in channels.items():
            self._places[ident] = channel["title"]
