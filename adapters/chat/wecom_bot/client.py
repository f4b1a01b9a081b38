"""The verbs of an intelligent bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from adapters.chat.wecom_bot import CAPABILITIES, LIMITS, Config, files
from adapters.chat.wecom_bot.answer import Answers
from adapters.chat.wecom_bot.inbound import direct_chat, read
from adapters.chat.wecom_bot.line import Frame, Line
from adapters.chat.wecom_bot.render import messages
from adapters.chat.wecom_bot.speaking import Speaking, task_of
from adapters.http import Http
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.ports import Clock, Content, Done, Fetched, Lost, OnInbound, Presence, Ref, Rejected, Result, Retry, Sought, Urge

FILE_SECONDS = 12.0
UNSUPPORTED = Rejected("unsupported")


class WecomBotChat:
    """Speak as one bot; a chat's address is a group's chatid, or `@<userid>`."""

    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        self._clock, self._named = clock, settings.name.lstrip("@＠").strip()
        self._line = Line(
            name, settings.url, settings.bot_id, settings.secret.get_secret_value(), ping=settings.ping_seconds,
            timeout=settings.timeout_seconds, away=settings.kicked_seconds, proxy=settings.proxy, on_frame=self._heard,
        )  # fmt: skip
        self._speaking = Speaking(name, self._line, settings.chat_per_minute)
        self._http = Http("", timeout=FILE_SECONDS, proxy=settings.proxy)
        self._plain = settings.url.startswith("ws://")
        self._answers = Answers(self.connection, self._speaking, settings.answer_seconds)
        self._on: OnInbound | None = None

    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Say something in a chat where somebody spoke to the bot before; the Ref of a card has its task_id."""
        bodies = messages(content, task_of(key))
        if bodies is None:
            return Rejected("too_long")
        if not bodies or not all("template_card" in body or body["markdown"]["content"].strip() for body in bodies):
            return Rejected("empty")
        ref: Ref | None = None
        for body in bodies:
            result = await self._speaking.push(chat, body)
            if not isinstance(result, Done):
                return result
            ref = result.ref
            if "template_card" in body:
                self._answers.show(body["template_card"])
        return Done(ref)

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Say something to one person, who must have written to the bot before."""
        return await self.post(direct_chat(account), content, key)

    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Refuse: a bot is put into groups by hand."""
        return UNSUPPORTED

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Refuse: a bot does nothing to a group."""
        return UNSUPPORTED

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Refuse: a card changes only in the answer to a click on it."""
        return UNSUPPORTED

    async def pin(self, ref: Ref) -> Result:
        """Refuse: WeCom has no pins for bots."""
        return UNSUPPORTED

    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Refuse: a bot presses nobody."""
        return UNSUPPORTED

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Say that nothing can be found; a repeated card is recognised by its task_id all the same."""
        return Presence.CANNOT_TELL, None

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Refuse: a bot knows nobody but who speaks to it."""
        return UNSUPPORTED

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Give the bytes of a picture or file that somebody quoted, within five minutes."""
        return await files.fetch(self._http, file, most, self._plain)

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List nothing: the bot needs no address of ours."""
        return []

    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold the connection until cancelled."""
        self._on = on_inbound
        await self._line.hold()

    def _heard(self, frame: Frame, number: int) -> None:
        arrived = read(self.connection, frame, number, self._named, self._clock.now())
        if arrived is not None and self._on is not None:
            self._speaking.heard(arrived)
            self._answers.take(arrived, self._on)

    async def close(self) -> None:
        """Let answers end."""
        await self._answers.close()
        await self._http.close()
