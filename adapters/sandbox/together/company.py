"""The demo organisation on four platforms at once: every stand-in with its people, and one bot that is on all of them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.sandbox.demo import Demo, chat_of
from adapters.sandbox.inbox.company import Outside
from adapters.sandbox.server import Listener
from adapters.sandbox.together.front import front

CHATS = ("slack", "feishu", "dingtalk", "wecom")
TITLES: Mapping[str, tuple[str, str]] = {
    "plain": ("纯文字群聊", "Plain chat"),
    "slack": ("Slack", "Slack"), "feishu": ("飞书", "Feishu"), "dingtalk": ("钉钉", "DingTalk"), "wecom": ("企业微信", "WeCom"),
    "wecom-bot": ("企业微信机器人", "WeCom bot"),
}  # fmt: skip


class Square(Listener):
    """Serve the page around the stand-ins, and each of them on a port of its own; on the page's own, what is outside them."""

    def __init__(self, demos: Mapping[str, Demo], lang: str, port: int, outside: Outside | None = None) -> None:
        self.stands: dict[str, Any] = {name: demo.serve(0) for name, demo in demos.items()}
        at = 1 if lang == "en" else 0
        self._outside = outside
        pages = [(name, TITLES[name][at], stand) for name, stand in self.stands.items()]
        super().__init__(
            front(
                lambda: [{"name": n, "title": title, "url": f"{stand.url}/"} for n, title, stand in pages], lang,
                outside.routes() if outside is not None else [],
            ),
            port,
        )  # fmt: skip

    async def start(self) -> Square:
        """Listen, everywhere or nowhere."""
        await self.listen()
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.down)
            for stand in self.stands.values():
                await stand.start()
                undo.push_async_callback(stand.stop)
            if self._outside is not None:
                await self._outside.post.start()
            undo.pop_all()
        return self

    async def stop(self) -> None:
        """End everything."""
        if self._outside is not None:
            self._outside.closing.set()
            await self._outside.post.stop()
        await self.down()
        for stand in self.stands.values():
            await stand.stop()


class TogetherDemo:
    """Be the demo of all four at once; alerts open their rooms on the first."""

    def __init__(self, lang: str = "zh", chats: Sequence[str] = CHATS) -> None:
        self.lang = lang
        self.token = secrets.token_hex(16)
        self.demos: dict[str, Any] = {name: chat_of(name, lang) for name in chats}
        for demo in self.demos.values():
            demo.token = self.token
        self._square: Square | None = None

    def serve(self, port: int) -> Listener:
        """Make what serves the page and the stand-ins."""
        self._square = Square(self.demos, self.lang, port)
        return self._square

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration: the first stand-in's organisation with the chats and accounts of the others."""
        assert self._square is not None, "it is served before the bot is configured"
        whole: dict[str, Any] = {}
        people: dict[str, dict[str, Any]] = {}
        for name, demo in self.demos.items():
            said = demo.organisation(self._square.stands[name].url, database)
            for person in said["people"]:
                known = people.setdefault(person["id"], {})
                accounts = {**known.get("accounts", {}), **person.get("accounts", {})}
                known |= person | ({"accounts": accounts} if accounts else {})
            for connection, keys in said["chats"].items():
                keys["title"], keys["title_en"] = TITLES[connection]
                if connection != name:  # WeCom's bot, which hears in the app's rooms once somebody puts it there
                    keys["hears_for"] = name
            if not whole:
                whole = {**said, "default_chat": next(iter(said["chats"]))}
            else:
                whole["chats"] |= said["chats"]
                whole["announce"] += said["announce"]
        return {**whole, "people": list(people.values())}

    def meet(self, bot_url: str) -> None:
        """Tell every stand-in where the bot listens."""
        for demo in self.demos.values():
            demo.meet(bot_url)

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident on the first."""
        assert self._square is not None, "it is served before it is played"
        name, demo = next(iter(self.demos.items()))
        missed: list[str] = await demo.play(self._square.stands[name].url, write)
        return missed
