"""A company with the adapter connected to it, people who act there, and a core that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.chat import dingtalk
from adapters.chat.dingtalk.client import DingTalkChat
from adapters.sandbox.dingtalk import company
from adapters.sandbox.dingtalk.acts import BOT, Act
from adapters.sandbox.dingtalk.drawn import draw, seen
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import Card, Group, Message, User
from bot.model.text import plain
from bot.ports import Inbound, Reply
from tests.contract.rig import SystemClock
from tests.contract.rigs.dingtalk import app, settings, shown


@dataclass
class Core:
    """Hear what arrives and answer by `reply`, once it is allowed to."""

    reply: Callable[[Inbound], Reply | Awaitable[Reply]] = lambda inbound: Reply(plain("done"))
    heard: list[Inbound] = field(default_factory=list)

    async def handle(self, inbound: Inbound) -> Reply:
        self.heard.append(inbound)
        answer = self.reply(inbound)
        return answer if isinstance(answer, Reply) else await answer


@dataclass
class Person:
    """Act as one person, on what they see only."""

    standin: DingTalk
    id: str

    def says(self, text: str, group: Group | None = None) -> Act:
        """Type a line, to the bot or in a group."""
        return self.standin.people.type(self.id, group.cid if group else BOT, text)

    def messages(self, group: Group | None = None) -> list[Message]:
        """List what the bot said where this person reads it, oldest first."""
        place = group.cid if group else self.id
        mine = [m for m in self.standin.world.messages.values() if m.place == place and m.user == self.standin.app.robot]
        return [m for m in mine if m.kind != "notice"]

    def reads(self, group: Group | None = None) -> list[str]:
        """List the same as it is drawn."""
        return [shown(self.standin, m) for m in self.messages(group)]

    def card(self, group: Group | None = None, saying: str = "") -> Message:
        """Find the newest card, or the newest that says something."""
        for message in reversed(self.messages(group)):
            if message.kind == "card" and saying in shown(self.standin, message):
                return message
        raise AssertionError(f"{self.id} sees no card saying {saying!r}: {self.reads(group)}")

    def sees(self, message: Message) -> dict[str, str]:
        """Give the variables of a card as this person has them."""
        return seen(self.standin.world.cards[message.track], self.id)

    def buttons(self, message: Message) -> list[str]:
        """List what can be pressed, by label."""
        card = self.standin.world.cards[message.track]
        return [str(one["text"]) for one in draw(self.standin.world, card, self.id)["buttons"]]

    def clicks(self, label: str, message: Message, confirmed: bool = True) -> Act:
        """Press a button that is drawn."""
        return self.standin.people.press(self.id, message.id, label, confirmed)

    def chooses(self, label: str, option: str, message: Message) -> Act:
        """Choose in a select."""
        return self.standin.people.choose(self.id, message.id, label, option)

    def fills(self, message: Message, **values: Any) -> None:
        """Fill fields of the form that is drawn, by label."""
        for label, value in values.items():
            self.standin.people.fill(self.id, message.id, label, value)

    def submits(self, message: Message) -> Act:
        """Send the form."""
        return self.standin.people.submit(self.id, message.id)

    def fields(self, message: Message) -> list[str]:
        """List the labels of the form that is drawn."""
        form = json.loads(self.sees(message).get("form") or '{"fields":[]}')
        return [one["label"] for one in form["fields"] if not one.get("hidden")]


@dataclass
class World:
    """Hold the stand-in, the adapter and the people."""

    standin: DingTalk
    sandbox: DingTalkSandbox
    chat: DingTalkChat
    core: Core
    listening: asyncio.Task[None]

    def person(self, ident: str = "zhang") -> Person:
        return Person(self.standin, ident)

    def group(self, title: str = "incidents") -> Group:
        return next(g for g in self.standin.world.groups.values() if g.title == title)

    def cards(self) -> list[Card]:
        return list(self.standin.world.cards.values())

    def calls(self, path: str) -> list[Any]:
        return [call.body for call in self.standin.log.calls if call.path == path]

    async def until(self, holds: Callable[[], object], what: str, deadline: float = 8.0) -> None:
        await until(holds, what, deadline)

    async def over(self, act: Act) -> Act:
        """Wait until an act is over."""
        await until(lambda: act.state != "waiting", f"the end of {act.what!r}")
        return act


async def until(holds: Callable[[], object], what: str, deadline: float = 8.0) -> None:
    ends = asyncio.get_running_loop().time() + deadline
    while not holds():
        assert asyncio.get_running_loop().time() < ends, f"waited for {what}"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def world(*, limited: bool = False, cards: bool = True, scenes: bool = True, **more: Any) -> AsyncIterator[World]:
    """Run everything; ready when the adapter is connected."""
    made = app()
    people = [*company.people(), User("guest", "外人", outsider=True)]
    chats = {"incidents": ["zhang", "li", "guest", made.robot], "quiet": ["zhang", "li"]}
    standin = DingTalk(people, chats, app=made, limited=limited, scale=0.2)
    standin.courier.scale = 0.02
    async with DingTalkSandbox(standin) as sandbox:
        given = settings(sandbox.url, made, answer_seconds=0.3, **more)
        given |= {} if cards else {"card_template": None}
        given |= {} if scenes else {"scene_template": None}
        chat = dingtalk.connect("dingtalk", dingtalk.Config.model_validate(given), SystemClock())
        assert isinstance(chat, DingTalkChat)
        core = Core()
        listening = asyncio.create_task(chat.listen(core.handle))
        try:
            await until(lambda: standin.hub.sockets, "the connection")
            yield World(standin, sandbox, chat, core, listening)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
            await chat.close()
