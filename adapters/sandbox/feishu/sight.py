"""What one person sees of a tenant, as data for a page or a player."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from adapters.sandbox.feishu.acts import People
from adapters.sandbox.feishu.tenant import Chat, Message


def sight(people: People, person: str, after: int = 0) -> dict[str, Any]:
    """Give what a person sees that is newer than a version; with 0 also the people, commands and the menu."""
    tenant = people.tenant
    there = [chat for chat in tenant.chats.values() if person in chat.members]
    seen: dict[str, Any] = {
        "version": tenant.version,
        "there": [chat.id for chat in there],
        "chats": [_chat(c, people) for c in there if after == 0 or max(c.version, c.members[person]) > after],
        "messages": [
            _message(people, person, message, chat)
            for chat in there
            for message in chat.messages.values()
            if message.only in (None, person) and (after == 0 or max(message.version, chat.members[person]) > after)
        ],
        "acts": [asdict(a) for a in people.clicks.acts if a.person == person and (a.version > after or after == 0)],
    }
    if after == 0:
        seen |= {
            "me": person, "tenant": tenant.key, "bot": people.bot, "bot_name": tenant.app.name, "users": cast(people),
            "menu": [{"key": key, "name": name} for key, name in tenant.app.menu],
        }  # fmt: skip
    return seen | {"commands": [one["command"] for one in tenant.commands.values()]}


def cast(people: People) -> list[dict[str, Any]]:
    """List everybody, as anybody sees them."""
    return [
        {
            "id": u.id, "name": u.name, "real_name": u.name, "en_name": u.en_name, "duty": u.duty, "locale": u.locale,
            "resigned": u.resigned,
        }
        for u in people.tenant.users.values()
    ]  # fmt: skip


def _chat(chat: Chat, people: People) -> dict[str, Any]:
    owner = people.bot if chat.owner == people.tenant.app.id else chat.owner
    return {
        "id": chat.id, "name": chat.name, "description": chat.description, "p2p": chat.p2p, "owner": owner,
        "members": list(chat.members), "bot": chat.bot, "moderation": chat.moderation, "pins": list(chat.pins),
        "tabs": list(chat.tabs.values()), "notices": chat.notices, "disbanded": chat.disbanded, "topics": chat.topics,
    }  # fmt: skip


def _message(people: People, person: str, message: Message, chat: Chat) -> dict[str, Any]:
    head = {"chat": message.chat, "id": message.id, "deleted": message.recalled}
    if message.recalled:
        return head
    return head | {
        "root": message.root, "parent": message.parent, "thread": message.thread, "created": message.created,
        "sender": message.sender, "bot": message.sender == people.tenant.app.id, "kind": message.kind,
        "text": text_of(message), "card": message.card, "drawn": message.drawn, "draft": message.drafts.get(person, {}),
        "private": message.only is not None, "pinned": message.id in chat.pins, "edited": message.updated > 0,
        "urgent": [how for how, whom in message.urgent.items() if person in whom],
        "reactions": [{"emoji": emoji, "who": who} for emoji, who, _ in message.reactions.values()],
    }  # fmt: skip


def text_of(message: Message) -> str:
    """Give what a text or post says, with names in place of keys; a card says nothing here."""
    if message.kind == "interactive":
        return ""
    said = json.loads(message.content)
    if message.kind == "post":
        text = _post(said)
    else:
        text = str(said.get("text", f"[{message.kind}]"))
    for mention in message.mentions:
        text = text.replace(mention["key"], "@" + mention["name"])
    return text.replace("@_all", "@所有人")


def _post(said: dict[str, Any]) -> str:
    post = said if "content" in said else next(iter(said.values()))
    lines = [post.get("title") or ""]
    for line in post["content"]:
        lines.append("".join(str(one.get("text") or (one.get("user_id") and "@" + one["user_id"]) or "") for one in line))
    return "\n".join(line for line in lines if line)
