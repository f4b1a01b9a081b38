"""What Feishu sends to an app: events and card callbacks, in Feishu's own words."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.feishu.tenant import Chat, Message, Tenant, User, ids

Payload = dict[str, Any]
CARD = "card.action.trigger"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Hold one thing to deliver; `kind` is the event's type, a callback is delivered once."""

    kind: str
    payload: Payload

    @property
    def callback(self) -> bool:
        """Say whether it is a card's callback, whose answer a person waits for."""
        return self.kind == CARD


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a delivery: `error` is empty when the app took it."""

    answer: Any = None
    error: str = ""


def event(tenant: Tenant, kind: str, what: Payload) -> Parcel:
    """Wrap an event as schema 2.0 has it; callbacks count microseconds."""
    millis = int(tenant.now * 1000)
    header = {
        "event_id": secrets.token_hex(16), "token": tenant.app.verification,
        "create_time": str(millis * 1000 if kind == CARD else millis), "event_type": kind, "tenant_key": tenant.key,
        "app_id": tenant.app.id,
    }  # fmt: skip
    return Parcel(kind, {"schema": "2.0", "header": header, "event": what})


def received(tenant: Tenant, chat: Chat, message: Message, sender: User) -> Payload:
    """Say that somebody sent a message."""
    said: Payload = {
        "message_id": message.id, "create_time": str(int(message.created * 1000)),
        "update_time": str(int(message.created * 1000)), "chat_id": chat.id, "chat_type": "p2p" if chat.p2p else "group",
        "message_type": message.kind, "content": message.content, "user_agent": "Mozilla/5.0 (Macintosh) Lark/7.50",
    }  # fmt: skip
    for name, value in (("root_id", message.root), ("parent_id", message.parent), ("thread_id", message.thread)):
        if value:
            said[name] = value
    if message.mentions:
        said["mentions"] = [_mention(tenant, mention) for mention in message.mentions]
    return {
        "sender": {"sender_id": ids(sender), "sender_type": "user", "tenant_key": tenant.key}, "message": said,
    }  # fmt: skip


def _mention(tenant: Tenant, mention: Payload) -> Payload:
    bot = mention["id"] == tenant.app.bot
    person = tenant.users.get(mention["id"])
    whose = {"open_id": tenant.app.bot, "user_id": "", "union_id": "on_bot"} if person is None else ids(person)
    return {
        "key": mention["key"], "id": whose, "name": mention["name"], "mentioned_type": "bot" if bot else "user",
        "tenant_key": tenant.key,
    }  # fmt: skip


def pressed(tenant: Tenant, message: Message, person: User, action: Payload, token: str) -> Payload:
    """Say that somebody used a card."""
    return {
        "operator": {"tenant_key": tenant.key, **ids(person)}, "token": token, "action": {**action, "timezone": "Asia/Shanghai"},
        "host": "im_message", "delivery_type": "ephemeral" if message.only else "",
        "context": {"url": "", "preview_token": "", "open_message_id": message.id, "open_chat_id": message.chat},
    }  # fmt: skip


def menu(tenant: Tenant, person: User, key: str) -> Payload:
    """Say that somebody chose in the bot's menu."""
    operator = {"operator_name": person.name, "operator_id": ids(person)}
    return {"operator": operator, "event_key": key, "timestamp": int(tenant.now)}
