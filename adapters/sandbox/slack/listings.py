"""The conversations.* methods that list: channels, members, messages; page by page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.channels import Answer, channel_told, found
from adapters.sandbox.slack.workspace import told

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk


def page(desk: Desk, args: Args, items: list[Any], most: int = 1000) -> tuple[list[Any], str]:
    """Cut one page out of a list; gives it and the cursor of the next."""
    limit = args.number("limit", 100)
    if not 1 <= limit <= most:
        raise No("invalid_limit")
    start = 0
    if args.has("cursor"):
        try:
            kind, _, number = base64.b64decode(args.text("cursor"), validate=True).decode().partition(":")
            start = int(number)
        except ValueError:
            raise No("invalid_cursor") from None
        if kind != "next":
            raise No("invalid_cursor")
    after = base64.b64encode(f"next:{start + limit}".encode()).decode() if start + limit < len(items) else ""
    return items[start : start + limit], after


def listed(desk: Desk, args: Args) -> Answer:
    """List channels: public ones, and of the private ones those with the bot."""
    kinds = args.items("types") or ["public_channel"]
    if not set(kinds) <= {"public_channel", "private_channel", "im", "mpim"}:
        raise No("invalid_types")
    return _some(desk, args, kinds, everywhere=True)


def own(desk: Desk, args: Args) -> Answer:
    """List the channels in which the bot (or one person) is: users.conversations."""
    kinds = args.items("types") or ["public_channel"]
    if not set(kinds) <= {"public_channel", "private_channel", "im", "mpim"}:
        raise No("invalid_types")
    return _some(desk, args, kinds, everywhere=False)


def _some(desk: Desk, args: Args, kinds: list[str], *, everywhere: bool) -> Answer:
    whose = args.text("user") or desk.bot
    if whose not in desk.workspace.users:
        raise No("user_not_found")
    chosen = [
        channel_told(desk.workspace, c)
        for c in desk.workspace.channels.values()
        if ("im" if c.im else "private_channel" if c.is_private else "public_channel") in kinds
        and (whose in c.members or (everywhere and not c.is_private and not c.im))
        and (desk.bot in c.members or not (c.is_private or c.im))
        and not (c.archived and args.flag("exclude_archived"))
    ]
    shown, after = page(desk, args, chosen)
    return {"channels": shown, "response_metadata": {"next_cursor": after}}


def members(desk: Desk, args: Args) -> Answer:
    """List who is in a channel."""
    shown, after = page(desk, args, list(found(desk, args).members))
    return {"members": shown, "response_metadata": {"next_cursor": after}}


def history(desk: Desk, args: Args) -> Answer:
    """List messages, newest first; replies only if they were sent to the channel too."""
    channel = found(desk, args)
    if desk.bot not in channel.members:
        raise No("not_in_channel")
    chosen = [m for m in channel.messages.values() if not m.thread_ts or m.thread_ts == m.ts or m.broadcast]
    return _messages(desk, args, list(reversed(chosen)), "0")


def replies(desk: Desk, args: Args) -> Answer:
    """List a thread, its root first."""
    channel = found(desk, args)
    if desk.bot not in channel.members:
        raise No("not_in_channel")
    root = channel.messages.get(args.need("ts"))
    if root is None:
        raise No("thread_not_found")
    root = channel.messages.get(root.thread_ts or root.ts, root)
    return _messages(desk, args, [root, *(m for m in channel.threads.get(root.ts, []) if not m.deleted)], "0")


def _messages(desk: Desk, args: Args, chosen: list[Any], start: str) -> Answer:
    oldest, latest = args.text("oldest", start), args.text("latest", "9999999999.0")
    both = args.flag("inclusive")
    try:
        low, high = float(oldest), float(latest)
    except ValueError:
        raise No("invalid_ts_oldest") from None
    kept = [
        m
        for m in chosen
        if not m.deleted and (low < float(m.ts) < high or (both and float(m.ts) in (low, high)))
    ]  # fmt: skip
    shown, after = page(desk, args, kept)
    extra = {"response_metadata": {"next_cursor": after}} if after else {}
    meta = args.flag("include_all_metadata")
    return {"messages": [told(desk.workspace, m, meta) for m in shown], "has_more": bool(after), **extra}
