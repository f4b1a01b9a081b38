"""The verbs of a self-built app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.chat.wecom import CAPABILITIES, LIMITS, Config
from adapters.chat.wecom.answer import Answers
from adapters.chat.wecom.callback import Callback
from adapters.chat.wecom.cards import Cards
from adapters.chat.wecom.envelope import Envelopes
from adapters.chat.wecom.errors import code_of
from adapters.chat.wecom.inbound import account_in
from adapters.chat.wecom.outgoing import Outgoing
from adapters.chat.wecom.people import People
from adapters.chat.wecom.rooms import Rooms, chatid
from adapters.chat.wecom.wire import Said, Wire, outcome
from adapters.http import Http
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.ports import (
    Clock,
    Content,
    Done,
    Fetched,
    Lost,
    OnInbound,
    Presence,
    Ref,
    Rejected,
    Result,
    Retry,
    Sent,
    Sought,
    Urge,
)

UNSUPPORTED = Rejected("unsupported")
CALLED_AT_ONCE = 10


class WecomChat:
    """Speak to one company as one app; `@<userid>` is a direct chat, any other address a room of ours."""

    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        secret, token, aes = (s.get_secret_value() for s in (settings.secret, settings.token, settings.aes_key))
        http = Http(settings.api_url, secrets=(secret, token, aes), timeout=settings.timeout_seconds, proxy=settings.proxy)
        self._clock = clock
        self._wire = Wire(name, http, settings.corp_id, secret)
        self._people = People(self._wire)
        self._rooms = Rooms(self._wire, self._people, settings.company)
        cards = Cards()
        self._outgoing = Outgoing(name, self._wire, settings.agent_id, cards)
        self._answers = Answers(self.connection, self._outgoing, cards, settings.answer_seconds)
        envelopes = Envelopes(token, aes, settings.corp_id)
        self._callback = Callback(
            self.connection, settings.corp_id, settings.agent_id, envelopes, clock, cards, self._answers, self._people.speaker
        )
        self._introducing: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ messages
    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Post to a room (text and markdown only, without an id) or to a direct chat."""
        account = account_in(chat)
        if account is not None:
            return await self._outgoing.to_person(account, content, key)
        return await self._outgoing.to_room(chat, content)

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Send to one person; the Ref names the direct chat, and of a card its task_id and first code."""
        return await self._outgoing.to_person(account, content, key)

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Change a card in a direct chat while there is an unused code for it, else show it again as a new message."""
        account = account_in(ref.chat)
        if account is None or not ref.id:
            return Rejected("not_editable")
        return await self._outgoing.instead(ref, account, content)

    async def pin(self, ref: Ref) -> Result:
        """Refuse: WeCom has no pins for apps."""
        return UNSUPPORTED

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Say what became of an attempt: a room is looked for; a direct message may be repeated; a post cannot be told.

        Raises TimeoutError when WeCom cannot be asked now.
        """
        if sought.what is Sent.ROOM:
            return await self._rooms.find(chatid(sought.key))
        if sought.what is Sent.DIRECT or account_in(sought.chat) is not None:
            return self._outgoing.repeatable(sought.key, sought.since, sought.card, self._clock.now()), None
        return Presence.CANNOT_TELL, None

    # ------------------------------------------------------------ rooms
    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Make the room whose chatid is the key's; who could not be added stands in the Ref."""
        return await self._rooms.open(name, founders, key)

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Name a room as closed; WeCom can neither archive nor disband it."""
        return await self._rooms.rename(chat, name) if name else Done(Ref(chat))

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Name a room as open."""
        return await self._rooms.rename(chat, name) if name else Done(Ref(chat))

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Refuse: rooms have no topic; the level stands in the name."""
        return UNSUPPORTED

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Name a room."""
        return await self._rooms.rename(chat, name)

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Refuse: rooms have no tabs."""
        return UNSUPPORTED

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Add people; who was refused, and why, stands in the Ref."""
        return await self._rooms.add(chat, accounts)

    # ------------------------------------------------------------ people
    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Ring people up (pstncc); the call carries no words. Who could not be rung stands in the Ref."""
        if how is not Urge.PHONE:
            return UNSUPPORTED
        refused: dict[str, str] = {}
        for start in range(0, len(accounts), CALLED_AT_ONCE):
            some = list(accounts[start : start + CALLED_AT_ONCE])
            result = outcome(await self._wire.ask("pstncc/call", {"callee_userid": some}))
            if not isinstance(result, Said):
                return result
            for state in result.data.get("states") or ():
                if isinstance(state, dict) and isinstance(state.get("code"), int) and state["code"]:
                    refused[str(state.get("userid") or "")] = code_of(state["code"])
        if accounts and len(refused) >= len(set(accounts)):
            return Rejected(next(iter(refused.values())))
        return Done(Ref("", refused=tuple(refused.items())))

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find an account by mobile number or company e-mail; the core remembers whom it asked for in vain."""
        return await self._people.look_up(email, mobile)

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Refuse: nobody points at a message of a room of the app."""
        return Rejected("unsupported")

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address where WeCom delivers: `/chat/<connection>`."""

        async def endpoint(request: Request) -> Response:
            return await self._callback.answer(request, on_inbound)

        return [(f"/chat/{self.connection}", endpoint)]

    async def listen(self, on_inbound: OnInbound) -> None:
        """Learn who the people are, and return: WeCom delivers over HTTP."""
        self._people.asks = True
        self._introducing = asyncio.ensure_future(self._people.learn_all())

    async def close(self) -> None:
        """Let answers end, and close the connections."""
        if self._introducing is not None:
            self._introducing.cancel()
        self._people.close()
        await self._answers.close()
        await self._wire.close()
