"""What is put on messages: reactions, pins and urgent notices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask
from adapters.sandbox.feishu.chats import ID_TYPES, Answer, found, user
from adapters.sandbox.feishu.messages import seen
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import Message, ids

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

EMOJI = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def _reactable(desk: Desk, ask: Ask) -> Message:
    message = desk.tenant.messages.get(ask.path["message_id"])
    if message is None or message.recalled or message.only is not None:
        raise No(231003)
    chat = desk.tenant.chats[message.chat]
    if chat.disbanded:
        raise No(232009)
    if not chat.bot:
        raise No(231002)
    return message


def _told(desk: Desk, message: Message, ident: str) -> Answer:
    emoji, who, at = message.reactions[ident]
    app = who == desk.tenant.app.id
    return {
        "reaction_id": ident, "operator": {"operator_id": who, "operator_type": "app" if app else "user"},
        "action_time": str(int(at * 1000)), "reaction_type": {"emoji_type": emoji},
    }  # fmt: skip


def react(desk: Desk, ask: Ask) -> Answer:
    """Put a reaction on a message; the same one twice is one."""
    message = _reactable(desk, ask)
    kind = ask.body.get("reaction_type")
    emoji = kind.get("emoji_type") if isinstance(kind, dict) else None
    if not isinstance(emoji, str) or not EMOJI.fullmatch(emoji):
        raise No(231001)
    ident = reacted(desk, message, desk.tenant.app.id, emoji)
    return _told(desk, message, ident)


def reacted(desk: Desk, message: Message, who: str, emoji: str) -> str:
    """Put a reaction on a message, whoever does it; gives its id."""
    for ident, (name, whose, _) in message.reactions.items():
        if (name, whose) == (emoji, who):
            return ident
    ident = desk.tenant.fresh("Z")
    message.reactions[ident] = (emoji, who, desk.tenant.now)
    message.version = desk.tenant.touch()
    _tell(desk, message, who, emoji, "im.message.reaction.created_v1")
    return ident


def unreacted(desk: Desk, message: Message, ident: str) -> None:
    """Take a reaction away, whoever does it."""
    emoji, who, _ = message.reactions.pop(ident)
    message.version = desk.tenant.touch()
    _tell(desk, message, who, emoji, "im.message.reaction.deleted_v1")


def _tell(desk: Desk, message: Message, who: str, emoji: str, event: str) -> None:
    person = desk.tenant.users.get(who)
    whose = {"user_id": ids(person), "operator_type": "user"} if person else {"app_id": who, "operator_type": "app"}
    told = {
        "message_id": message.id, "reaction_type": {"emoji_type": emoji}, **whose,
        "action_time": str(int(desk.tenant.now * 1000)),
    }  # fmt: skip
    desk.tenant.tell(event, told, desk.tenant.chats[message.chat])


def unreact(desk: Desk, ask: Ask) -> Answer:
    """Take one's own reaction away."""
    message = _reactable(desk, ask)
    ident = ask.path["reaction_id"]
    if ident not in message.reactions:
        elsewhere = any(ident in other.reactions for other in desk.tenant.messages.values())
        raise No(231010 if elsewhere else 231011)
    if message.reactions[ident][1] != desk.tenant.app.id:
        raise No(231007)
    said = _told(desk, message, ident)
    unreacted(desk, message, ident)
    return said


def reactions(desk: Desk, ask: Ask) -> Answer:
    """List the reactions on a message."""
    message = _reactable(desk, ask)
    wanted = ask.query.get("reaction_type", "")
    shown, page = ask.page([i for i, (e, _, _) in message.reactions.items() if wanted in ("", e)], at_most.REACTION_PAGE)
    return {"items": [_told(desk, message, ident) for ident in shown], **page}


# ------------------------------------------------------------ pins
def _pin(desk: Desk, message: Message) -> Answer:
    who, at = desk.tenant.chats[message.chat].pins[message.id]
    kind = "app_id" if who == desk.tenant.app.id else "open_id"
    return {
        "message_id": message.id, "chat_id": message.chat, "operator_id": who, "operator_id_type": kind,
        "create_time": str(int(at * 1000)),
    }  # fmt: skip


def pin(desk: Desk, ask: Ask) -> Answer:
    """Pin a message; one that is pinned stays so."""
    message = seen(desk, ask.need("message_id"))
    chat = desk.tenant.chats[message.chat]
    if chat.settings.get("pin_manage_setting") == "only_owner" and desk.tenant.app.id not in (chat.owner, *chat.managers):
        raise No(230046)
    chat.pins.setdefault(message.id, (desk.tenant.app.id, desk.tenant.now))
    chat.version = message.version = desk.tenant.touch()
    return {"pin": _pin(desk, message)}


def unpin(desk: Desk, ask: Ask) -> Answer:
    """Unpin a message; one that is not pinned stays so."""
    message = seen(desk, ask.path["message_id"])
    chat = desk.tenant.chats[message.chat]
    chat.pins.pop(message.id, None)
    chat.version = message.version = desk.tenant.touch()
    return {}


def pins(desk: Desk, ask: Ask) -> Answer:
    """List the pins of a group."""
    chat = found(desk, ask.query.get("chat_id", ""))
    shown, page = ask.page(list(chat.pins), 50)
    return {"items": [_pin(desk, desk.tenant.messages[ident]) for ident in shown], **page}


# ------------------------------------------------------------ urgent notices
def urgent_app(desk: Desk, ask: Ask) -> Answer:
    """Notify people of a message inside Feishu, until they look."""
    return _urgent(desk, ask, "app")


def urgent_sms(desk: Desk, ask: Ask) -> Answer:
    """Notify people of a message by a short message, too."""
    return _urgent(desk, ask, "sms")


def urgent_phone(desk: Desk, ask: Ask) -> Answer:
    """Notify people of a message by a call, too."""
    return _urgent(desk, ask, "phone")


def _urgent(desk: Desk, ask: Ask, how: str) -> Answer:
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    message = seen(desk, ask.path["message_id"])
    listed = ask.items("user_id_list")
    if not listed or len(listed) > at_most.URGENT_USERS:
        raise No(230001)
    if message.sender != desk.tenant.app.id:
        raise No(230012)
    chat, bad = desk.tenant.chats[message.chat], []
    for ident in listed:
        person = user(desk, ident, kind)
        if person is None or person.id not in chat.members or person.resigned or (how != "app" and not person.mobile):
            bad.append(ident)
        elif person.id not in message.urgent.setdefault(how, []):
            message.urgent[how].append(person.id)
    if len(bad) == len(listed):
        raise No(230001)
    message.version = desk.tenant.touch()
    return {"invalid_user_id_list": bad}
