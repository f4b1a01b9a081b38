"""The pins.*, reactions.* and bookmarks.* methods."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.channels import Answer, found, inside
from adapters.sandbox.slack.messages import there
from adapters.sandbox.slack.workspace import Message, Workspace, told

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk

EMOJI = re.compile(r"[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?")


def pin(desk: Desk, args: Args) -> Answer:
    """Pin a message."""
    channel = inside(desk, args)
    message = there(desk, args, channel)
    if message.subtype:
        raise No("not_pinnable")
    if message.ts in channel.pins:
        raise No("already_pinned")
    if len(channel.pins) >= at_most.PINS:
        raise No("too_many_pins")
    pinned(desk.workspace, message, desk.bot)
    return {}


def pinned(workspace: Workspace, message: Message, who: str) -> None:
    """Pin a message, whoever does it, and say so with the message itself."""
    channel, now = workspace.channels[message.channel], int(workspace.clock())
    channel.pins[message.ts] = (who, now)
    channel.version = message.version = workspace.touch()
    item = {
        "type": "message", "channel": channel.id, "message": told(workspace, message), "created": now, "created_by": who,
    }  # fmt: skip
    event = {"type": "pin_added", "user": who, "channel_id": channel.id, "item": item, "pin_count": len(channel.pins)}
    workspace.tell("pin_added", channel, event)


def unpin(desk: Desk, args: Args) -> Answer:
    """Take a pin away."""
    channel = inside(desk, args)
    message = there(desk, args, channel)
    if message.ts not in channel.pins:
        raise No("no_pin")
    del channel.pins[message.ts]
    channel.version = message.version = desk.workspace.touch()
    desk.workspace.tell("pin_removed", channel, {"type": "pin_removed", "user": desk.bot, "channel_id": channel.id})
    return {}


def pins(desk: Desk, args: Args) -> Answer:
    """List what is pinned."""
    channel = found(desk, args)
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": when,
            "created_by": who,
            "message": told(desk.workspace, channel.messages[ts]),
        }
        for ts, (who, when) in channel.pins.items()
    ]
    return {"items": items}


def react(desk: Desk, args: Args) -> Answer:
    """Add a reaction."""
    channel = found(desk, args)
    if channel.archived:
        raise No("is_archived")
    name = _emoji(args)
    message = there(desk, args, channel)
    if desk.bot not in channel.members and not channel.im:
        raise No("not_in_channel")
    if desk.bot in message.reactions.get(name, []):
        raise No("already_reacted")
    reacted(desk.workspace, message, desk.bot, name, True)
    return {}


def unreact(desk: Desk, args: Args) -> Answer:
    """Take a reaction away."""
    channel = found(desk, args)
    name = _emoji(args)
    message = there(desk, args, channel)
    if desk.bot not in message.reactions.get(name, []):
        raise No("no_reaction")
    reacted(desk.workspace, message, desk.bot, name, False)
    return {}


def reactions(desk: Desk, args: Args) -> Answer:
    """Give a message with its reactions."""
    channel = found(desk, args)
    return {"type": "message", "channel": channel.id, "message": told(desk.workspace, there(desk, args, channel))}


def _emoji(args: Args) -> str:
    name = args.text("name").strip(":")
    if not EMOJI.fullmatch(name):
        raise No("invalid_name")
    return name


def reacted(workspace: Workspace, message: Message, who: str, name: str, now: bool) -> None:
    """Put somebody's reaction on a message or take it away, and say so."""
    kept = {emoji: list(people) for emoji, people in message.reactions.items()}
    if now:
        kept.setdefault(name, []).append(who)
    else:
        kept[name].remove(who)
        kept = {emoji: people for emoji, people in kept.items() if people}
    workspace.change(message, reactions=kept)
    event = {"type": f"reaction_{'added' if now else 'removed'}", "user": who, "reaction": name, "item_user": message.user}
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    workspace.tell(str(event["type"]), workspace.channels[message.channel], {**event, "item": item})


def bookmark(desk: Desk, args: Args) -> Answer:
    """Add a link to a channel's head."""
    channel = inside(desk, args, "channel_id")
    if args.need("type") != "link":
        raise No("invalid_bookmark_type")
    if not re.match(r"https?://", args.text("link")):
        raise No("invalid_link")
    if len(channel.bookmarks) >= at_most.BOOKMARKS:
        raise No("too_many_bookmarks")
    ident = desk.workspace.fresh("Bk")
    channel.bookmarks[ident] = {
        "id": ident, "channel_id": channel.id, "title": args.need("title"), "link": args.text("link"), "type": "link",
        "emoji": args.text("emoji"), "date_created": int(desk.now),
    }  # fmt: skip
    channel.version = desk.workspace.touch()
    return {"bookmark": channel.bookmarks[ident]}


def bookmarks(desk: Desk, args: Args) -> Answer:
    """List a channel's links."""
    return {"bookmarks": list(found(desk, args, "channel_id").bookmarks.values())}


def unbookmark(desk: Desk, args: Args) -> Answer:
    """Take a link away."""
    channel = inside(desk, args, "channel_id")
    if channel.bookmarks.pop(args.need("bookmark_id"), None) is None:
        raise No("not_found")
    channel.version = desk.workspace.touch()
    return {}
