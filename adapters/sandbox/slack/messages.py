"""The chat.* methods, and how a message that an app sends is checked and kept."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No, invalid
from adapters.sandbox.slack.blocks import named, total, wrong_in_message
from adapters.sandbox.slack.channels import Answer, found, reachable
from adapters.sandbox.slack.workspace import Channel, Message, Workspace, told

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk

_MARK = re.compile(r"<(?:[@#!][^<>\s][^<>]*|(?:https?://|mailto:|tel:|slack://)[^<>]*)>|&(?:amp|lt|gt);|[&<>]")
TS = re.compile(r"\d{9,11}\.\d{6}")


@dataclass(frozen=True, slots=True)
class Content:
    """Hold what a message says, checked."""

    text: str
    blocks: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    metadata: dict[str, Any] | None


def safe(text: str) -> str:
    """Escape what is no mark-up of Slack's, as Slack does when it keeps a text."""
    return _MARK.sub(lambda found: found[0] if len(found[0]) > 1 else html.escape(found[0], quote=False), text)


def content(args: Args, most: int | None = None) -> Content:
    """Check what a message says; `most` characters of text are refused above, otherwise cut off at 40,000."""
    blocks, attachments = args.data("blocks", "invalid_blocks_format"), args.data("attachments", "invalid_attachments")
    text = args.text("text")
    if args.has("markdown_text"):
        if text or blocks:
            raise No("markdown_text_conflict")
        text = args.text("markdown_text")
        if len(text) > at_most.MARKDOWN:
            raise No("msg_too_long")
    if blocks is not None and not isinstance(blocks, list):
        raise No("invalid_blocks_format")
    if attachments is not None and not isinstance(attachments, list):
        raise No("invalid_attachments")
    blocks, attachments = blocks or [], attachments or []
    if not text.strip() and not blocks and not attachments:
        raise No("no_text")
    if most is not None and len(text) > most:
        raise No("msg_too_long")
    if len(attachments) > at_most.ATTACHMENTS:
        raise No("too_many_attachments")
    wrong = wrong_in_message(blocks, attachments)
    if wrong:
        raise No("invalid_blocks", errors=[w.removeprefix("[ERROR] ") for w in wrong], response_metadata={"messages": wrong})
    if total(blocks) + sum(total(a.get("blocks", [])) for a in attachments) > at_most.BLOCKS_TOTAL_CHARS:
        raise No("msg_blocks_too_long")
    kept = [
        {"id": n, "fallback": "[no preview available]", **a, **({"blocks": named(a["blocks"])} if "blocks" in a else {})}
        for n, a in enumerate(attachments, 1)
    ]
    return Content(safe(text[: at_most.TEXT_CHARS]), named(blocks), kept, _metadata(args))


def _metadata(args: Args) -> dict[str, Any] | None:
    said = args.data("metadata", "invalid_metadata_format")
    if said is None:
        return None
    if not isinstance(said, dict):
        raise No("invalid_metadata_format")
    if not said:
        return {}
    kind, payload = said.get("event_type"), said.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise No("invalid_metadata_schema")
    if len(json.dumps(said).encode()) > at_most.METADATA_BYTES:
        raise No("metadata_too_large")
    return {"event_type": kind, "event_payload": payload}


def placed(desk: Desk, args: Args) -> Channel:
    """Find where a message goes: a conversation by id, a channel by name, or a person."""
    wanted = args.need("channel")
    if wanted in desk.workspace.users:
        try:
            return desk.workspace.direct(reachable(desk, wanted).id)
        except No:
            raise No("channel_not_found") from None
    by_name = next((c for c in desk.workspace.channels.values() if not c.im and c.name == wanted.removeprefix("#")), None)
    channel = by_name or found(desk, args)
    if channel.is_private and desk.bot not in channel.members:
        raise No("channel_not_found")
    if channel.archived:
        raise No("is_archived")
    if desk.bot not in channel.members and "chat:write.public" not in desk.token.scopes:
        raise No("not_in_channel")
    return channel


def _thread(args: Args, channel: Channel) -> str | None:
    thread = args.text("thread_ts") or None
    if thread is None:
        return None
    root = channel.messages.get(thread)
    if root is None or root.deleted:
        raise No("thread_not_found")
    return root.thread_ts or root.ts


def by_bot(workspace: Workspace, channel: Channel, said: Content, **more: Any) -> Message:
    """Make a message of the bot."""
    app = workspace.app
    return Message(
        workspace.stamp(), channel.id, app.bot_user, said.text, bot_id=app.bot_id, blocks=said.blocks,
        attachments=said.attachments, metadata=said.metadata, **more,
    )  # fmt: skip


def post(desk: Desk, args: Args) -> Answer:
    """Send a message."""
    channel = placed(desk, args)
    said = content(args)
    thread = _thread(args, channel)
    desk.rates.post(channel.id, desk.now)
    message = by_bot(desk.workspace, channel, said, thread_ts=thread, broadcast=args.flag("reply_broadcast"))
    desk.workspace.add(message)
    return {"channel": channel.id, "ts": message.ts, "message": told(desk.workspace, message)}


def _own(desk: Desk, args: Args, refusal: str) -> Message:
    channel = found(desk, args)
    message = channel.messages.get(args.need("ts"))
    if message is None or message.deleted:
        raise No("message_not_found")
    if channel.archived:
        raise No("is_archived")
    if message.bot_id != desk.workspace.app.bot_id:
        raise No(refusal)
    return message


def update(desk: Desk, args: Args) -> Answer:
    """Change a message of the bot; what is not given stays, except blocks under a new text."""
    message = _own(desk, args, "cant_update_message")
    said = content(args, at_most.UPDATE_TEXT_CHARS)
    new: dict[str, Any] = {}
    if args.has("text"):
        new["text"] = said.text
    if "blocks" in args.given or args.has("text"):  # a text without blocks takes the old blocks away …
        new["blocks"] = said.blocks
    if "attachments" in args.given:  # … but attachments stay until an empty list removes them
        new["attachments"] = said.attachments
    if said.metadata is not None:
        new["metadata"] = said.metadata
    if not said.blocks:  # Slack marks only texts as edited
        new["edited"] = {"user": desk.bot, "ts": desk.workspace.stamp()}
    desk.workspace.change(message, **new)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": told(desk.workspace, message)}


def delete(desk: Desk, args: Args) -> Answer:
    """Delete a message of the bot."""
    message = _own(desk, args, "cant_delete_message")
    desk.workspace.change(message, deleted=True)
    desk.workspace.channels[message.channel].pins.pop(message.ts, None)
    return {"channel": message.channel, "ts": message.ts}


def whisper(desk: Desk, args: Args) -> Answer:
    """Show a message to one person in a channel; it is in no history."""
    channel = found(desk, args)
    person = args.need("user")
    if channel.archived:
        raise No("is_archived")
    if desk.bot not in channel.members and "chat:write.public" not in desk.token.scopes:
        raise No("not_in_channel")
    if person not in desk.workspace.users or person not in channel.members:
        raise No("user_not_in_channel")
    said = content(args)
    message = by_bot(desk.workspace, channel, said, thread_ts=args.text("thread_ts") or None, only=person)
    desk.workspace.add(message)
    return {"message_ts": message.ts}


def permalink(desk: Desk, args: Args) -> Answer:
    """Give the address of a message."""
    channel = found(desk, args)
    ts = args.need("message_ts")
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        raise No("message_not_found")
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    host = f"https://{desk.workspace.domain}.slack.com"
    return {"channel": channel.id, "permalink": f"{host}/archives/{channel.id}/p{ts.replace('.', '')}{thread}"}


def there(desk: Desk, args: Args, channel: Channel, name: str = "timestamp") -> Message:
    """Find a message by its ts, as pins and reactions name it."""
    ts = args.text(name)
    if not ts:
        raise No("no_item_specified")
    if not TS.fullmatch(ts):
        raise invalid(f"[ERROR] must be a timestamp [json-pointer:/{name}]")
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        raise No("message_not_found")
    return message
