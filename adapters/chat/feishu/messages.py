"""Reading one message, for what people react to or answer."""

from __future__ import annotations

from adapters.chat.feishu.errors import code_of
from adapters.chat.feishu.inbound import message_of
from adapters.chat.feishu.people import People
from adapters.chat.feishu.wire import Said, Wire
from bot.errors import NotStored
from bot.ports import Clock, Message, Rejected

MEETS_WITHIN = 0.4  # seconds that a first word waits for its author's name
_ABSENT = frozenset({"not_in_room", "no_such_room"})


async def message_at(wire: Wire, people: People, clock: Clock, ident: str) -> Message | Rejected:
    """Read a message by its id; raises `NotStored` when Feishu cannot be asked now.

    https://open.feishu.cn/document/server-docs/im-v1/message/get; a recalled one is given as deleted.
    """
    heard = await wire.ask("GET", f"/im/v1/messages/{ident}", query={"user_id_type": "open_id"})
    if not isinstance(heard, Said):
        raise NotStored
    if heard.code:
        code = code_of(heard.code)
        return Rejected("absent" if code in _ABSENT else "no_scope" if code == "missing_scope" else "gone", str(heard.code))
    listed = heard.data.get("items")
    said = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    if not said or said.get("deleted") is True:
        return Rejected("gone")
    sender = said.get("sender")
    if isinstance(sender, dict) and sender.get("sender_type") == "user":
        await people.meet(str(sender.get("id")), MEETS_WITHIN)
    return message_of(said, people.speaker, clock.now()) or Rejected("kind")
