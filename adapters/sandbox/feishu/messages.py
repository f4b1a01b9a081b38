"""The im/v1/messages calls: send, reply, change, recall, read; ephemeral cards; cards changed by a click's token."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from adapters.sandbox.feishu import cards
from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask, invalid
from adapters.sandbox.feishu.chats import NOT_THERE, Answer, found, user
from adapters.sandbox.feishu.refusals import No, card
from adapters.sandbox.feishu.tenant import Chat, Message

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

KINDS = ("text", "post", "interactive", "image")
RECEIVERS = ("chat_id", "open_id", "user_id", "union_id", "email")
_POST_TAGS = ("text", "a", "at", "img", "media", "emotion", "hr", "code_block", "md")
_AT = re.compile(r'<at user_id="([^"]+)">([^<]*)</at>')


def key(desk: Desk, ask: Ask) -> str:
    """Give what makes two calls the same message: the uuid."""
    uuid = ask.text("uuid")
    if len(uuid) > at_most.UUID_CHARS:
        raise invalid("uuid", f"the max len is {at_most.UUID_CHARS}")
    return f"message {uuid}" if uuid else ""


# ------------------------------------------------------------ finding
def place(desk: Desk, ask: Ask) -> Chat:
    """Find where a message goes: a group, or the direct chat with a person."""
    kind = ask.one_of("receive_id_type", RECEIVERS)
    ident = ask.need("receive_id")
    if kind == "chat_id":
        chat = desk.tenant.chats.get(ident)
        if chat is None:
            raise No(230034)
        reachable(desk, chat)
        return chat
    person = user(desk, ident, kind)
    if person is None:
        raise No(NOT_THERE.get(kind, 230034))
    if person.resigned or not person.available:
        raise No(230013)
    return desk.tenant.direct(person.id)


def reachable(desk: Desk, chat: Chat) -> None:
    """Refuse where the bot cannot speak."""
    app = desk.tenant.app.id
    if chat.disbanded:
        raise No(232009)
    if not chat.bot:
        raise No(230002)
    if chat.p2p:
        person = desk.tenant.users[chat.p2p]
        if person.resigned or not person.available:
            raise No(230013)
    elif chat.moderation != "all_members" and app not in (chat.owner, *chat.managers):
        raise No(230018)


def seen(desk: Desk, ident: str) -> Message:
    """Find a message that the bot sees."""
    message = desk.tenant.messages.get(ident)
    if message is None or message.only is not None:
        raise No(230001, "Your request contains an invalid request parameter, ext=invalid message_id.")
    chat = desk.tenant.chats[message.chat]
    if chat.disbanded:
        raise No(232009)
    if not chat.bot:
        raise No(230002)
    if message.recalled:
        raise No(230011)
    return message


# ------------------------------------------------------------ content
def checked(desk: Desk, kind: str, content: str, size: bool = True) -> tuple[str, list[dict[str, Any]], dict[str, Any] | None]:
    """Hold a content to its kind; gives it as kept, the people that it mentions, and the card."""
    if kind not in KINDS:
        raise No(230001, "Your request contains an invalid request parameter, ext=invalid msg_type.")
    if size:
        cards.heavy(content, kind)
    if kind == "interactive":
        raw = cards.parsed(content)
        cards.check(raw, desk.people(), set(desk.tenant.images))
        return content, [], raw
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise No(230001, "Your request contains an invalid request parameter, ext=invalid content, it must be a JSON object.")
    match kind:
        case "text":
            if not isinstance(said.get("text"), str) or not said["text"]:
                raise No(230001, "Your request contains an invalid request parameter, ext=text content is empty.")
            text, mentions = _mentions(desk, said["text"])
            return json.dumps({"text": text}, ensure_ascii=False), mentions, None
        case "image":
            if said.get("image_key") not in desk.tenant.images:
                raise No(230001, "Your request contains an invalid request parameter, ext=invalid image_key.")
        case _:
            _check_post(said)
    return content, [], None


def _mentions(desk: Desk, text: str) -> tuple[str, list[dict[str, Any]]]:
    """Replace <at> tags by keys, as Feishu keeps them; who is not known stays as written."""
    mentions: list[dict[str, Any]] = []

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "all":
            return "@_all"
        person = desk.tenant.users.get(match[1])
        if person is None:
            return match[0]
        name = f"@_user_{len(mentions) + 1}"
        mentions.append({
            "key": name, "id": person.id, "id_type": "open_id", "name": person.name, "tenant_key": desk.tenant.key,
        })  # fmt: skip
        return name

    return _AT.sub(replaced, text), mentions


def _check_post(said: dict[str, Any]) -> None:
    posts = [value for value in said.values() if isinstance(value, dict)] if "content" not in said else [said]
    for post in posts:
        lines = post.get("content")
        good = isinstance(lines, list) and all(isinstance(line, list) for line in lines)
        tags = [
            one.get("tag") if isinstance(one, dict) else None for line in lines or [] if isinstance(line, list) for one in line
        ]
        if not good or any(tag not in _POST_TAGS for tag in tags):
            raise No(230001, "Your request contains an invalid request parameter, ext=invalid post content.")
    if not posts:
        raise No(230001, "Your request contains an invalid request parameter, ext=post content is empty.")


def told(desk: Desk, message: Message) -> Answer:
    """Give a message as Feishu gives it."""
    app = message.sender == desk.tenant.app.id
    said: Answer = {
        "message_id": message.id, "msg_type": message.kind, "create_time": str(int(message.created * 1000)),
        "update_time": str(int((message.updated or message.created) * 1000)), "deleted": message.recalled,
        "updated": message.updated > 0, "chat_id": message.chat,
        "sender": {
            "id": message.sender, "id_type": "app_id" if app else "open_id", "sender_type": "app" if app else "user",
            "tenant_key": desk.tenant.key,
        },
        "body": {"content": "This message was recalled" if message.recalled else message.content},
    }  # fmt: skip
    for name, value in (("root_id", message.root), ("parent_id", message.parent), ("thread_id", message.thread)):
        if value:
            said[name] = value
    if message.mentions:
        said["mentions"] = message.mentions
    return said


# ------------------------------------------------------------ sending
def create(desk: Desk, ask: Ask) -> Answer:
    """Send a message to a group or a person."""
    chat = place(desk, ask)
    content, mentions, raw = checked(desk, ask.need("msg_type"), ask.need("content"))
    desk.rates.post(f"to {chat.id}", at_most.POSTS_PER_SECOND, desk.tenant.now)
    message = Message(
        desk.tenant.fresh("om_"), chat.id, desk.tenant.app.id, ask.need("msg_type"), content, desk.tenant.stamp(),
        mentions=mentions, card=raw,
    )  # fmt: skip
    if chat.topics:
        message.thread = desk.tenant.fresh("omt_")
    return told(desk, desk.tenant.add(message))


def reply(desk: Desk, ask: Ask) -> Answer:
    """Answer a message, in its topic where one is asked for or there."""
    first = seen(desk, ask.path["message_id"])
    chat = desk.tenant.chats[first.chat]
    reachable(desk, chat)
    content, mentions, raw = checked(desk, ask.need("msg_type"), ask.need("content"))
    if ask.body.get("reply_in_thread") and chat.p2p:
        raise No(230071)
    desk.rates.post(f"to {chat.id}", at_most.POSTS_PER_SECOND, desk.tenant.now)
    message = Message(
        desk.tenant.fresh("om_"), chat.id, desk.tenant.app.id, ask.need("msg_type"), content, desk.tenant.stamp(),
        root=first.root or first.id, parent=first.id, thread=first.thread, mentions=mentions, card=raw,
    )  # fmt: skip
    if ask.body.get("reply_in_thread") and not message.thread:
        message.thread = desk.tenant.fresh("omt_")
    return told(desk, desk.tenant.add(message))


# ------------------------------------------------------------ changing
def _own(desk: Desk, ask: Ask, code: int) -> Message:
    message = seen(desk, ask.path["message_id"])
    if message.sender != desk.tenant.app.id:
        raise No(code)
    if desk.tenant.now - message.created > at_most.PATCH_SECONDS:
        raise No(230031)
    return message


def patch(desk: Desk, ask: Ask) -> Answer:
    """Change a card for everybody: its own, shared before and after, within fourteen days, and not while it is clicked."""
    message = _own(desk, ask, 230012)
    content = ask.need("content")
    if message.card is None:
        raise No(230001, "Your request contains an invalid request parameter, ext=This message is NOT a card.")
    cards.heavy(content, "interactive")
    raw = cards.parsed(content)
    if not cards.shared(message.card) or not cards.shared(raw):
        raise No(230001, "Your request contains an invalid request parameter, ext=update_multi must be true.")
    cards.check(raw, desk.people(), set(desk.tenant.images))
    desk.rates.post(f"patch {message.id}", at_most.PATCHES_PER_SECOND, desk.tenant.now)
    if desk.clicked.get(message.id) and raw.get("schema") == "2.0":
        raise card(11310, "card action is lock")
    redrawn(desk, message, raw, content)
    return {}


def redrawn(desk: Desk, message: Message, raw: dict[str, Any], content: str) -> None:
    """Draw another card in a message; what people typed in the old one is gone."""
    desk.tenant.change(message, card=raw, content=content, updated=desk.tenant.now, drafts={}, drawn=message.drawn + 1)


def edit(desk: Desk, ask: Ask) -> Answer:
    """Change a text or post, at most twenty times."""
    message = _own(desk, ask, 230071)
    kind = ask.one_of("msg_type", ("text", "post"), of="body")
    if message.kind not in ("text", "post"):
        raise No(230054)
    content, mentions, _ = checked(desk, kind, ask.need("content"))
    if message.edits >= at_most.EDITS:
        raise No(230072)
    desk.tenant.change(
        message, kind=kind, content=content, mentions=mentions, updated=desk.tenant.now, edits=message.edits + 1
    )  # fmt: skip
    return told(desk, message)


def recall(desk: Desk, ask: Ask) -> Answer:
    """Take a message back; somebody else's only as owner or manager of its group."""
    message = seen(desk, ask.path["message_id"])
    chat = desk.tenant.chats[message.chat]
    app = desk.tenant.app.id
    if message.sender != app and (chat.p2p or app not in (chat.owner, *chat.managers)):
        raise No(230026)
    recalled(desk, message, "message_owner" if message.sender == app else "group_owner")
    return {}


def recalled(desk: Desk, message: Message, kind: str) -> None:
    """Take a message back, whoever does it."""
    chat = desk.tenant.chats[message.chat]
    chat.pins.pop(message.id, None)
    desk.tenant.change(message, recalled=True)
    event = {
        "message_id": message.id, "chat_id": chat.id, "recall_time": str(int(desk.tenant.now * 1000)), "recall_type": kind,
    }  # fmt: skip
    desk.tenant.tell("im.message.recalled_v1", event, chat)


# ------------------------------------------------------------ reading
def get(desk: Desk, ask: Ask) -> Answer:
    """Read one message."""
    message = desk.tenant.messages.get(ask.path["message_id"])
    if message is None or not message.recalled:
        message = seen(desk, ask.path["message_id"])
    return {"items": [told(desk, message)]}


def history(desk: Desk, ask: Ask) -> Answer:
    """Read what was said in a group or direct chat where the bot is."""
    ask.one_of("container_id_type", ("chat",))
    chat = desk.tenant.chats.get(ask.query.get("container_id", ""))
    if chat is None:
        raise No(230001)
    if chat.disbanded:
        raise No(232009)
    if not chat.bot:
        raise No(230002)
    start, end = (ask.number(name, other, 1 << 62, 0) for name, other in (("start_time", 0), ("end_time", 1 << 61)))
    said = [m for m in chat.messages.values() if m.only is None and start <= m.created <= end]
    order = ask.one_of("sort_type", ("ByCreateTimeAsc", "ByCreateTimeDesc"), "ByCreateTimeAsc")
    shown, page = ask.page(said if order == "ByCreateTimeAsc" else said[::-1], 50)
    return {"items": [told(desk, m) for m in shown], **page}


def resource(desk: Desk, ask: Ask) -> bytes:
    """Give the bytes of a picture or file of a message, of a kind, by a key that this message has."""
    kind = ask.query.get("type", "")
    message = desk.tenant.messages.get(ask.path["message_id"])
    if kind not in ("image", "file") or message is None:
        raise No(234001)
    chat = desk.tenant.chats[message.chat]
    if not chat.bot or chat.disbanded:
        raise No(234004)
    if message.only is not None or message.recalled:
        raise No(234040)
    if message.kind in ("interactive", "merge_forward", "sticker"):
        raise No(234043)
    key, held = ask.path["file_key"], desk.tenant.images if kind == "image" else desk.tenant.files
    if key not in keys_of(message) or key not in held:
        raise No(234003)
    if len(held[key]) > at_most.RESOURCE_BYTES:
        raise No(234037)
    return held[key]


def keys_of(message: Message) -> set[str]:
    """List the keys that stand in a message."""
    return set(re.findall(r'"(?:image|file)_key": ?"([^"]+)"', message.content))


# ------------------------------------------------------------ ephemeral cards
def whisper(desk: Desk, ask: Ask) -> Answer:
    """Show a card in a group to one person who is there and online."""
    chat = found(desk, ask.need("chat_id"), inside=False)
    raw = ask.body.get("card")
    if ask.text("msg_type") != "interactive" or not isinstance(raw, dict) or chat.p2p or chat.topics:
        raise No(230001)
    reachable(desk, chat)
    person = user(desk, ask.text("open_id"), "open_id") or user(desk, ask.text("email"), "email")
    if person is None or person.id not in chat.members:
        raise No(230001)
    if not person.available:
        raise No(230013)
    content = json.dumps(raw, ensure_ascii=False)
    cards.heavy(content, "interactive")
    cards.check(raw, desk.people(), set(desk.tenant.images))
    desk.rates.post(f"ephemeral {chat.id}", at_most.EPHEMERAL_PER_SECOND, desk.tenant.now)
    message = Message(
        desk.tenant.fresh("om_e"), chat.id, desk.tenant.app.id, "interactive", content, desk.tenant.stamp(),
        only=person.id, card=raw,
    )  # fmt: skip
    if person.online:
        desk.tenant.add(message)
    return {"message_id": message.id}


def unwhisper(desk: Desk, ask: Ask) -> Answer:
    """Take an ephemeral card away."""
    message = desk.tenant.messages.get(ask.need("message_id"))
    if message is None or message.only is None or message.recalled:
        raise No(230001)
    desk.tenant.change(message, recalled=True)
    return {}


def by_token(desk: Desk, ask: Ask) -> Answer:
    """Change a card by the token of a click: after its answer, at most twice, within half an hour."""
    word = ask.need("token")
    token, raw = desk.clicks.get(word), ask.body.get("card")
    if not word.startswith("c-"):
        raise No(300020)
    if token is None or desk.tenant.now - token.at > at_most.CARD_TOKEN_SECONDS:
        raise No(300030)
    if token.uses >= at_most.CARD_TOKEN_USES:
        raise No(300040)
    if desk.clicked.get(token.message):
        raise No(11310)
    message = desk.tenant.messages.get(token.message)
    if message is None or message.recalled:
        raise No(200000)
    if not isinstance(raw, dict):
        raise No(10002)
    raw = {k: v for k, v in raw.items() if k != "open_ids"}
    cards.check(raw, desk.people(), set(desk.tenant.images))
    token.uses += 1
    redrawn(desk, message, raw, json.dumps(raw, ensure_ascii=False))
    return {}
