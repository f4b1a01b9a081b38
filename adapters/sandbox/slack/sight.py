"""What one person sees of a workspace, as data for a page or a player."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.slack.acts import People
from adapters.sandbox.slack.modals import values
from adapters.sandbox.slack.workspace import Channel, File, Message


def sight(people: People, person: str, after: int = 0) -> dict[str, Any]:
    """Give what a person sees that is newer than a version; with 0 also the people, commands and shortcuts."""
    workspace = people.workspace
    rooms = [c for c in workspace.channels.values() if person in c.members or not (c.is_private or c.im)]
    inside = [c for c in rooms if person in c.members]
    seen: dict[str, Any] = {
        "version": workspace.version,
        "channels": [_channel(c, person) for c in rooms if max(c.version, c.members.get(person, 0)) > after or after == 0],
        "messages": [
            _message(message, channel, workspace.app.bot_user, [workspace.files[one] for one in message.files])
            for channel in inside
            for message in (*channel.messages.values(), *channel.ephemerals.values())
            if message.only in (None, person) and (after == 0 or max(message.version, channel.members[person]) > after)
        ],
        "modal": _modal(people, person),
        "acts": [
            {"n": a.n, "what": a.what, "channel": a.channel, "state": a.state, "error": a.error}
            for a in people.acts
            if a.person == person and (a.version > after or after == 0)
        ],
    }
    if after == 0:
        seen |= {
            "me": person,
            "team": {"id": workspace.team, "name": workspace.name, "domain": workspace.domain},
            "bot": workspace.app.bot_user,
            "users": cast(people),
            "commands": [{"command": c, "hint": hint, "description": words} for c, hint, words in workspace.app.commands],
            "shortcuts": [{"callback_id": c, "kind": kind, "name": name} for c, kind, name in workspace.app.shortcuts],
        }
    return seen


def cast(people: People) -> list[dict[str, Any]]:
    """List everybody, as anybody sees them."""
    return [
        {
            "id": u.id, "name": u.name, "real_name": u.real_name, "is_bot": u.is_bot, "deleted": u.deleted,
            "guest": u.restricted or u.ultra_restricted, "duty": u.duty, "locale": u.locale, "tz": u.tz,
        }
        for u in people.workspace.users.values()
    ]  # fmt: skip


def _channel(channel: Channel, person: str) -> dict[str, Any]:
    return {
        "id": channel.id, "name": channel.name, "topic": channel.topic["value"], "purpose": channel.purpose["value"],
        "private": channel.is_private, "archived": channel.archived, "member": person in channel.members,
        "members": list(channel.members), "creator": channel.creator, "im": channel.im, "pins": list(channel.pins),
        "bookmarks": list(channel.bookmarks.values()),
    }  # fmt: skip


def _message(message: Message, channel: Channel, bot: str, files: list[File]) -> dict[str, Any]:
    if message.deleted:
        return {"channel": message.channel, "ts": message.ts, "deleted": True}
    return {
        "channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts, "user": message.user,
        "bot": message.user == bot and message.bot_id is not None, "text": message.text, "blocks": message.blocks,
        "attachments": message.attachments, "subtype": message.subtype, "edited": message.edited is not None,
        "reactions": message.reactions, "private": message.only is not None, "act": message.act,
        "pinned": message.ts in channel.pins, "broadcast": message.broadcast, "state": message.state, "deleted": False,
        "files": [{"name": f.name, "type": f.mimetype, "size": len(f.body)} for f in files if not f.deleted],
    }  # fmt: skip


def _modal(people: People, person: str) -> dict[str, Any] | None:
    stack = people.windows.open.get(person)
    if not stack:
        return None
    top = stack[-1]
    return {
        "id": top.id, "view": top.view, "values": values(top), "errors": top.errors, "trouble": top.trouble,
        "busy": top.busy, "depth": len(stack),
    }  # fmt: skip
