"""Reading one message of a channel, for what people pin, react to or answer."""

from __future__ import annotations

from adapters.chat.slack.inbound import message_of
from adapters.chat.slack.people import People
from adapters.chat.slack.wire import Said, Wire
from bot.errors import NotStored
from bot.ports import Clock, Message, Rejected

_ABSENT = frozenset({"not_in_channel", "channel_not_found"})
_NO_SCOPE = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})


async def message_at(wire: Wire, people: People, clock: Clock, chat: str, ts: str) -> Message | Rejected:
    """Read a message by its ts, be it in a thread or not; raises `NotStored` when Slack cannot be asked now.

    https://docs.slack.dev/reference/methods/conversations.replies takes the ts of any message; the root of a thread may come
    before the one that is asked for.
    """
    args = {"channel": chat, "ts": ts, "oldest": ts, "latest": ts, "inclusive": "true", "limit": 5}
    heard = await wire.ask("conversations.replies", args, hold=chat)
    if not isinstance(heard, Said):
        raise NotStored
    if heard.error:
        return Rejected("absent" if heard.error in _ABSENT else "no_scope" if heard.error in _NO_SCOPE else "gone", heard.error)
    listed = heard.data.get("messages")
    found = next((m for m in listed if isinstance(m, dict) and m.get("ts") == ts), None) if isinstance(listed, list) else None
    if found is None or found.get("subtype") == "tombstone":
        return Rejected("gone")
    return message_of(found, chat, people.home, people.speaker, clock.now())
