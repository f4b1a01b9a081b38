"""What one person sees of a company in WeCom, as data for a page or a player."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from adapters.sandbox.wecom import calls, cards
from adapters.sandbox.wecom.acts import People
from adapters.sandbox.wecom.corp import APP, BOT, Group, Message


def sight(people: People, person: str, after: int = 0) -> dict[str, Any]:
    """Give what a person sees that is newer than a version; with 0 also the people."""
    corp = people.corp
    inside = [group for group in corp.groups.values() if person in group.members]
    places = {group.id: group.members[person] for group in inside} | {f"{APP}:{person}": 0, f"{BOT}:{person}": 0}
    for call in people.desk.calls.values():
        calls.settle(people.desk, call)
    seen: dict[str, Any] = {
        "version": corp.version,
        "chats": [
            {"id": APP, "name": corp.app.name, "direct": True}, {"id": BOT, "name": corp.bot.name, "direct": True},
            *(_group(group) for group in inside),
        ],
        "messages": [
            _message(people, message, person)
            for message in corp.messages
            if message.chat in places and person not in message.hidden
            and (after == 0 or max(message.version, places[message.chat]) > after)
        ],
        "calls": [
            {"callid": c.callid, "rings": c.reason == calls.RINGING, "talked": c.talked, "reason": c.reason, "at": c.at}
            for c in people.desk.calls.values() if c.person == person and c.reason != calls.TOO_MANY
        ],
        "acts": [asdict(act) for act in people.acts if act.person == person and (act.version > after or after == 0)],
    }  # fmt: skip
    if after == 0:
        seen |= {"me": person, "app": corp.app.name, "bot": corp.bot.name, "users": cast(people)}
    return seen


def cast(people: People) -> list[dict[str, Any]]:
    """List everybody, as anybody sees them."""
    return [
        {"id": u.id, "name": u.name, "duty": u.duty, "lang": u.lang, "visible": u.visible}
        for u in people.corp.users.values() if not u.gone
    ]  # fmt: skip


def _group(group: Group) -> dict[str, Any]:
    return {
        "id": group.id, "name": group.name, "direct": False, "owner": group.owner, "members": list(group.members),
        "bot": group.bot, "active": group.active, "push_only": group.push_only, "by_app": group.appchat is not None,
    }  # fmt: skip


def _message(people: People, message: Message, person: str) -> dict[str, Any]:
    chat = message.chat.partition(":")[0] if ":" in message.chat else message.chat
    if message.deleted:
        return {"n": message.n, "chat": chat, "deleted": True}
    card = message.card_of(person)
    return {
        "n": message.n, "chat": chat, "author": message.author, "bot": message.author in (APP, BOT), "kind": message.kind,
        "text": _legible(people, message), "at": message.at, "quote": message.quote, "deleted": False,
        "card": cards.drawn(card, message.author == BOT) if card is not None else None,
        "chosen": cards.answers(card, message.chosen.get(person, {})) if card is not None else {},
    }  # fmt: skip


def _legible(people: People, message: Message) -> str:
    """Show mentions as names: `<@userid>` where it stands, a mentioned list at the end."""
    users = people.corp.users

    def named(ident: str) -> str:
        return "@所有人" if ident == "@all" else f"@{users[ident].name}" if ident in users else f"@{ident}"

    text = message.text
    if message.author in (APP, BOT):
        text = re.sub(r"<@([^<>\s]+)>", lambda found: named(found[1]), text)
    return " ".join([text, *(named(ident) for ident in message.mentions)])
