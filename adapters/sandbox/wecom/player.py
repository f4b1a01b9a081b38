"""Plays people of a company in WeCom over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.sandbox.players import WAIT, ChatPlayer, ChatSight, ChatStage, NotSeen, Raw
from adapters.sandbox.wecom.drawn import Seen, pressed, questions, seen


@dataclass(slots=True)
class Sight(ChatSight):
    """Hold everything that one player sees so far."""

    messages: dict[str, Seen] = field(default_factory=dict)  # by ts
    calls: dict[str, Raw] = field(default_factory=dict)


class Player(ChatPlayer[Seen]):
    """Be one person. A channel is `app`, `bot`, or a group by name or id; None = the stage's direct chat."""

    sight: Sight
    alone = "direct"

    def __init__(self, stage: Stage, ident: str) -> None:
        super().__init__(stage, ident)
        self.sight = Sight()

    # ------------------------------------------------------------ writing
    async def says(self, text: str, channel: str | None = None, *, quote: Seen | None = None) -> str:
        """Write something as it stands; gives its ts."""
        said = {"quote": quote.n} if quote is not None else {}
        done = await self._do("type", chat=await self.channel(channel), text=text, **said)
        self._stage.note(self.id, channel, text)
        return f"{done['act']['message']:08d}"

    async def share(self, name: str, kind: str, body: bytes, channel: str) -> str:
        """Send a picture or a file; gives its ts."""
        given = {"name": name, "type": kind, "body": b64encode(body).decode()}
        done = await self._do("share", chat=await self.channel(channel), **given)
        self._stage.note(self.id, channel, f"[{name}]")
        return f"{done['n']:08d}"

    async def asks(self, text: str, channel: str | None = None) -> str:
        """Write to the bot: in a group with its mention before; gives the message's ts."""
        chat = await self.channel(channel)
        direct = self.sight.channels[chat]["direct"]
        return await self.says(text if direct else f"@{self._stage.bot} {text}", channel)

    async def slash(self, line: str, channel: str | None = None, *, deadline: float = WAIT) -> str:
        """Write a command to the bot and give what it answers first, there."""
        ts = await self.asks(line, channel)
        return (await self.expect(channel, "", after=ts, deadline=deadline)).shown

    async def opens(self, channel: str | None = None) -> None:
        """Open a direct chat; the app is told each time, the bot once a day."""
        await self._do("open", chat=await self.channel(channel))

    # ------------------------------------------------------------ cards
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:  # fmt: skip
        """Press what is called so (or has this key) on the newest card that draws it (or on this one), waiting for it."""
        chat = on.channel if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, str] | None:
            for message in self._cards(chat, on):
                for text, key in pressed(message.raw):
                    if label in (text, key):
                        return message, key
            return None

        message, key = await self._until(found, deadline, f"{label!r} to press in {channel or chat}")
        done = await self._do("press", n=message.n, key=key)
        self._stage.note(self.id, chat, f"▷ {label}")
        await self._taken(done, max(deadline, WAIT), label)
        return message

    async def choose(
        self,
        select: str,
        value: str | Sequence[str],
        channel: str | None = None,
        *,
        on: Seen | None = None,
        deadline: float = WAIT,
    ) -> Seen:
        """Choose in a card, by title or question_key, and by text or id; heard of only when something is pressed."""
        chat = on.channel if on is not None else await self.channel(channel)
        wanted = [value] if isinstance(value, str) else list(value)

        def found() -> tuple[Seen, str, list[str]] | None:
            for message in self._cards(chat, on):
                for title, key, options in questions(message.raw):
                    ids = [o["id"] for one in wanted for o in options if one in (o["text"], o["id"])]
                    if select in (title, key) and len(ids) == len(wanted):
                        return message, key, ids
            return None

        message, key, ids = await self._until(found, deadline, f"{wanted} to choose in {select!r} in {channel or chat}")
        await self._do("choose", n=message.n, question=key, options=ids)
        self._stage.note(self.id, chat, f"▷ {select} = {value}")
        await self.look()
        return message

    async def submit(self, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT) -> dict[str, str]:
        """Send in the newest card that can be; gives what was wrong, which is never anything: the client asks no questions."""
        chat = on.channel if on is not None else await self.channel(channel)

        def found() -> Seen | None:
            ready = (m for m in self._cards(chat, on) if m.raw["card"]["submit"] and not m.raw["card"]["replace_text"])
            return next(ready, None)

        card = await self._until(found, deadline, f"a card to send in in {channel or chat}")
        await self.click(card.raw["card"]["submit"]["key"], on=card, deadline=deadline)
        return {}

    # ------------------------------------------------------------ groups and calls
    async def gathers(self, name: str, *members: str) -> str:
        """Make a group by hand; gives its id."""
        done = await self._do("gather", name=name, members=list(members))
        return str(done["chat"])

    async def invites(self, whom: str, channel: str) -> None:
        """Bring somebody into a group; `bot` = the intelligent bot."""
        await self._do("invite", chat=await self.channel(channel), user=whom)

    async def removes(self, whom: str, channel: str) -> None:
        """Take somebody, or `bot`, out of a group."""
        await self._do("remove", chat=await self.channel(channel), user=whom)

    async def rings(self, *, deadline: float = WAIT) -> str:
        """Wait until one's phone rings; gives the call's id."""

        def found() -> str | None:
            return next((ident for ident, call in self.sight.calls.items() if call["rings"]), None)

        return await self._until(found, deadline, "a call")

    async def takes(self, callid: str, seconds: int = 5) -> None:
        """Take a call and talk so long."""
        await self._do("take", callid=callid, seconds=seconds)

    async def declines(self, callid: str) -> None:
        """Decline a call."""
        await self._do("decline", callid=callid)

    # ------------------------------------------------------------ seeing
    def _direct(self) -> str:
        return str(self._stage.direct)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the app and the bot said in a chat so far."""
        return [m for m in super().heard(channel, newest_first=newest_first) if m.raw["kind"] != "note"]

    def _cards(self, chat: str, on: Seen | None = None) -> list[Seen]:
        newest = self.heard(chat, newest_first=True)
        return [m for m in newest if m.raw["card"] and (on is None or m.ts == on.ts)]

    def _take(self, page: Raw) -> None:
        sight = self.sight
        sight.channels = {chat["id"]: chat for chat in page["chats"]}
        sight.calls = {call["callid"]: call for call in page["calls"]}
        for said in page["messages"]:
            if said["deleted"]:
                sight.messages.pop(f"{said['n']:08d}", None)
            else:
                sight.messages[f"{said['n']:08d}"] = seen(said)
        super()._take(page)

    async def _taken(self, done: Raw, deadline: float, what: str) -> Raw:
        act = await super()._taken(done, deadline, what)
        if act["state"] != "done":
            raise NotSeen(f"{what!r} of {self.id} is {act['state']}: {act['error'] or 'nobody hears it there'}")
        return act


class Stage(ChatStage[Player]):
    """Open a stand-in for any number of players; `direct` = app or bot: which direct chat None stands for.

    `write` is told the transcript, line by line.
    """

    def __init__(self, url: str, write: Callable[[str], None] | None = None, *, direct: str = "app") -> None:
        super().__init__(url, write)
        self.direct = direct
        self.bot = ""

    def _enter(self, ident: str) -> Player:
        return Player(self, ident)

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know chats by name in the transcript; an incident's room by its number."""
        for ident, channel in channels.items():
            found = re.search(r"F-\d{8}-\d{3}", channel["name"])
            self._places[ident] = "" if channel["direct"] else f"#{found[0] if found else channel['name']}"
            self._places[channel["name"]] = self._places[ident]
            if ident == "bot":
                self.bot = channel["name"]
