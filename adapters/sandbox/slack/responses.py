"""Response URLs: what an app may still say to a person after an interaction, five times in half an hour."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.messages import Content, by_bot, content
from adapters.sandbox.slack.workspace import Message, Workspace

PATH = "/response/"


@dataclass(slots=True)
class Ticket:
    """Hold what one response URL is good for; `message` = the one that was pressed."""

    person: str
    channel: str
    until: float
    message: Message | None = None
    act: int | None = None
    left: int = at_most.RESPONSES


class Responses:
    """Issue response URLs and take what is posted to them."""

    def __init__(self, workspace: Workspace, scale: float = 1.0) -> None:
        self.workspace = workspace
        self.scale = scale
        self.base = "http://127.0.0.1"
        self._issued: dict[str, Ticket] = {}

    def issue(self, person: str, channel: str, message: Message | None = None, act: int | None = None) -> str:
        """Make an address for one interaction."""
        ident = secrets.token_urlsafe(18)
        now = self.workspace.clock()
        for old in [
            name for name, ticket in itertools.islice(self._issued.items(), 2) if ticket.until < now - at_most.RESPONSE_SECONDS
        ]:
            del self._issued[old]  # long over; a long run must not grow for ever
        until = now + at_most.RESPONSE_SECONDS * self.scale
        self._issued[ident] = Ticket(person, channel, until, message, act)
        return f"{self.base}{PATH}{self.workspace.team}/{ident}"

    def take(self, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, or refuse with the status 404 once the address is spent."""
        ticket = self._issued.get(path.rsplit("/", 1)[-1])
        if ticket is None:
            raise No("no_such_url", status=404)
        if self.workspace.clock() > ticket.until:
            raise No("expired_url", status=404)
        if ticket.left <= 0:
            raise No("used_url", status=404)
        try:
            self.say(ticket, Args(given))
        except No as no:
            raise No(no.error, status=400, **no.more) from None
        ticket.left -= 1
        return {"ok": True}

    def say(self, ticket: Ticket, args: Args) -> None:
        """Show, replace or delete, as the answer to an interaction asks."""
        message = ticket.message
        if args.flag("delete_original"):
            if message is None or message.deleted:
                raise No("message_not_found")
            self.workspace.change(message, deleted=True)
            return
        said = content(args)
        if args.flag("replace_original") and message is not None:
            if message.deleted:
                raise No("message_not_found")
            parts = {"text": said.text, "blocks": said.blocks, "attachments": said.attachments}
            self.workspace.change(message, **parts)
            return
        self._add(ticket, args, said)

    def _add(self, ticket: Ticket, args: Args, said: Content) -> None:
        channel = self.workspace.channels[ticket.channel]
        if channel.archived:
            raise No("is_archived")
        kind = args.text("response_type", "ephemeral")
        if kind not in ("ephemeral", "in_channel"):
            raise No("invalid_arguments")
        thread = args.text("thread_ts") or (ticket.message.thread_ts if ticket.message is not None else None)
        only = ticket.person if kind == "ephemeral" else None
        self.workspace.add(by_bot(self.workspace, channel, said, thread_ts=thread, only=only, act=ticket.act))
