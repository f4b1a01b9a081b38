"""The verbs of a Slack workspace."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.chat.slack import CAPABILITIES, Config, files
from adapters.chat.slack.answer import Answers
from adapters.chat.slack.inbound import Home, permalink
from adapters.chat.slack.listen import Listening
from adapters.chat.slack.mrkdwn import cut, line
from adapters.chat.slack.people import People
from adapters.chat.slack.render import LIMITS, UPDATE_CHARS, Json, message
from adapters.chat.slack.rooms import Rooms, Unreachable
from adapters.chat.slack.wire import Said, Wire, outcome
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

log = structlog.get_logger(__name__)

TOPIC_CHARS = 250
EVENT = "warroom"
FOUND_PAGES = 10
CLOCKS = timedelta(minutes=1)  # that ours and Slack's may differ
UNSUPPORTED = Rejected("unsupported")


class SlackChat:
    """Speak to one workspace; a chat's address is a channel's id."""

    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        secrets = [
            s.get_secret_value() for s in (settings.bot_token, settings.app_token, settings.signing_secret) if s is not None
        ]
        token = settings.bot_token.get_secret_value()
        self._wire = Wire(name, token, str(settings.api_url), settings.timeout_seconds, settings.proxy, secrets)
        self._rooms = Rooms(self._wire)
        self._people = People(self._wire)
        self._identifying = asyncio.Lock()
        answers = Answers(self.connection, self._wire, self._people, settings.answer_seconds)
        self._listening = Listening(self.connection, settings, clock, self._wire, self._people, answers, self.identify)

    # ------------------------------------------------------------ messages
    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Post a message that carries its key, by which it is found again after an unknown outcome."""
        body = message(content)
        if body is None:
            return Rejected("too_long")
        if not body["text"].strip():
            return Rejected("empty")
        metadata = {"event_type": EVENT, "event_payload": {"key": key}}
        args = {"channel": chat, **body, "metadata": metadata, "unfurl_links": False, "unfurl_media": False}
        heard = await self._wire.ask("chat.postMessage", args, repeat=False, hold=chat, bucket=f"{self.connection}:{chat}")
        if isinstance(heard, Said) and heard.error == "not_in_channel" and await self._join(chat):
            return Retry(0.1, "busy")
        result = outcome(heard)
        if not isinstance(result, Said):
            return result
        where, ts = str(result.data.get("channel") or chat), str(result.data.get("ts") or "")
        return Done(Ref(where, ts, permalink(self._people.home.url, where, ts) or None))

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Post to one person; the Ref names the direct channel."""
        return await self.post(account, content, key)

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Change a message; again is the same as once."""
        body = message(content)
        if body is None or len(body["text"]) > UPDATE_CHARS:
            return Rejected("too_long")
        args: Json = {"channel": ref.chat, "ts": ref.id, "blocks": [], "attachments": [], **body}
        return self._done(await self._wire.ask("chat.update", args), ref)

    async def pin(self, ref: Ref) -> Result:
        """Pin a message; pinning a pinned one is done already."""
        heard = await self._wire.ask("pins.add", {"channel": ref.chat, "timestamp": ref.id})
        return self._done(heard, ref, "already_pinned")

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Refuse: a channel's name is its address in people's heads; the level stands in the topic."""
        return UNSUPPORTED

    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Refuse: Slack presses nobody."""
        return UNSUPPORTED

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Look for the message, or with no chat the room, of a key; raises TimeoutError when Slack cannot be asked now."""
        key, chat, since = sought.key, sought.chat, sought.since
        if sought.what is Sent.ROOM:
            return await self._find_room(key, since)
        where: str | None = chat
        if re.match(r"[UW]", chat):
            where = await self._direct_channel(chat)
        if where is None:
            return Presence.CANNOT_TELL, None
        args: Json = {
            "channel": where,
            "oldest": f"{(since - CLOCKS).timestamp():.6f}",
            "include_all_metadata": True,
            "limit": 100,
        }
        for _ in range(FOUND_PAGES):
            heard = await self._wire.ask("conversations.history", args)
            if isinstance(heard, Said) and heard.error == "not_in_channel" and await self._join(where):
                heard = await self._wire.ask("conversations.history", args)
            if not isinstance(heard, Said):
                raise TimeoutError("cannot look")
            if heard.error:
                log.warning("cannot_look_for_a_message", chat=self.connection, code=heard.error)
                return Presence.CANNOT_TELL, None
            for said in heard.data.get("messages") or ():
                if isinstance(said, dict) and _key_of(said) == key:
                    ts = str(said.get("ts") or "")
                    return Presence.FOUND, Ref(where, ts, permalink(self._people.home.url, where, ts) or None)
            cursor = str((heard.data.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return Presence.ABSENT, None
            args["cursor"] = cursor
        return Presence.CANNOT_TELL, None

    async def _direct_channel(self, account: str) -> str | None:
        heard = await self._wire.ask("conversations.open", {"users": account})
        if not isinstance(heard, Said):
            raise TimeoutError("cannot look")
        channel = heard.data.get("channel")
        return str(channel["id"]) if not heard.error and isinstance(channel, dict) and channel.get("id") else None

    async def _join(self, chat: str) -> bool:
        heard = await self._wire.ask("conversations.join", {"channel": chat})
        return isinstance(heard, Said) and not heard.error

    # ------------------------------------------------------------ rooms
    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Make the channel that the slug names; the bot is inside, and nothing here waits for people.

        The core adds them, founders included, by a call of their own beside the first messages.
        """
        home = await self.identify()
        if not home.user:
            return Retry(2.0, "unreachable")
        found = await self._rooms.open(slug, key, home.user, private)
        if not isinstance(found, Mapping):
            return found
        return Done(self._room(found))

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Archive a channel; archiving an archived one is done already."""
        heard = await self._wire.ask("conversations.archive", {"channel": chat})
        return self._done(heard, Ref(chat), "already_archived", "is_archived")

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Refuse: a bot token cannot unarchive."""
        return UNSUPPORTED

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Set a channel's topic."""
        args = {"channel": chat, "topic": cut(line(topic), TOPIC_CHARS)}
        return self._done(await self._wire.ask("conversations.setTopic", args), Ref(chat))

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Refuse: the runbook is linked on the card."""
        return UNSUPPORTED

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Invite people; who was refused, and why, stands in the Ref."""
        return await self._rooms.add(chat, accounts)

    async def _find_room(self, key: str, since: datetime) -> tuple[Presence, Ref | None]:
        home = await self.identify()
        if not home.user:
            raise TimeoutError("cannot look")
        try:
            presence, found = await self._rooms.find(key, home.user, since)
        except Unreachable:
            raise TimeoutError("cannot look") from None
        return presence, self._room(found) if found is not None else None

    def _room(self, channel: Mapping[str, Any]) -> Ref:
        ident, home = str(channel.get("id") or ""), self._people.home
        link = f"{home.url}archives/{ident}" if home.url else f"https://slack.com/app_redirect?team={home.team}&channel={ident}"
        return Ref(ident, link=link)

    # ------------------------------------------------------------ people
    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find an account by e-mail; Slack tells nobody by their number."""
        if not email:
            return Rejected("unknown_person")
        result = outcome(await self._wire.ask("users.lookupByEmail", {"email": email}))
        if not isinstance(result, Said):
            return result
        user = result.data.get("user")
        known = self._people.learn(user) if isinstance(user, dict) and not user.get("deleted") else None
        return Done(Ref(known.id)) if known is not None and not known.bot else Rejected("unknown_person")

    async def identify(self) -> Home:
        """Learn who we are here, once; an empty `Home` = Slack could not be asked."""
        async with self._identifying:
            if not self._people.home.user:
                heard = await self._wire.ask("auth.test", {})
                if isinstance(heard, Said) and not heard.error:
                    names = ("team_id", "enterprise_id", "user_id", "bot_id", "app_id", "url")
                    self._people.home = Home(*(str(heard.data.get(name) or "") for name in names))
            return self._people.home

    def _done(self, heard: Any, ref: Ref, *already: str) -> Result:
        result = outcome(heard, frozenset(already))
        return Done(ref) if isinstance(result, Said) else result

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Give the bytes of a file; Slack knows it by its own id wherever it was shared."""
        return await files.fetch(self._wire, file, most)

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address where Slack delivers in HTTP mode: POST `/chat/<connection>`."""
        return self._listening.routes(on_inbound)

    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold the socket until cancelled; in HTTP mode only learn who we and the people are."""
        await self._listening.listen(on_inbound)

    async def close(self) -> None:
        """Close the connections."""
        await self._listening.close()
        self._people.close()
        await self._wire.close()


def _key_of(said: Mapping[str, Any]) -> str | None:
    metadata = said.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return str(payload["key"]) if isinstance(payload, dict) and "key" in payload else None
