"""What reached people outside chats, in the order in which it arrived, and who they are."""

from __future__ import annotations

import email
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from typing import Any

from adapters.sandbox.watched import Watched

KEPT = 300  # of the newest


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one thing that arrived: kind mail, sms, call or hook; `to` = who or what it reached, as people call it."""

    n: int
    kind: str
    at: float
    to: str
    address: str
    subject: str
    text: str
    html: str | None = None
    files: tuple[str, ...] = ()
    change: str | None = None  # of a webhook: what became of the incident

    def told(self) -> dict[str, Any]:
        """Give what the page shows; the HTML of a mail is a page of its own."""
        return {
            "n": self.n, "kind": self.kind, "at": self.at, "to": self.to, "address": self.address, "subject": self.subject,
            "text": self.text, "html": self.html is not None, "files": list(self.files), "change": self.change,
        }  # fmt: skip


class Inbox:
    """Keep what arrived; `names` says whose an address or number is."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.items: list[Item] = []
        self.world = Watched()

    def take(self, kind: str, address: str, subject: str, text: str, **more: Any) -> None:
        """Let something arrive."""
        to = self.names.get(address, address)
        self.items.append(Item(self.world.version + 1, kind, time.time(), to, address, subject, text, **more))
        del self.items[:-KEPT]
        self.world.touch()

    def mail(self, to: list[str], raw: bytes) -> None:
        """Take a message as it came over SMTP."""
        message = email.message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        text, html = _part(message, "plain"), _part(message, "html")
        names = tuple(part.get_filename() or part.get_content_type() for part in message.iter_attachments())
        for address in to:
            self.take("mail", address, str(message["subject"] or ""), text or "", html=html, files=names)

    def hook(self, body: bytes, key: str) -> None:
        """Take what was posted to the status page; a repeat has the key of the first."""
        said = json.loads(body)
        shown = json.dumps(said, ensure_ascii=False, indent=1)
        change = said.get("change") if isinstance(said, dict) else None
        self.take("hook", "status-page", str(change or said.get("subject") or key), shown, change=change)

    def phoned(self, kind: str, number: str, words: str) -> None:
        """Take an SMS or a call."""
        self.take(kind, number, "", words)

    def item(self, n: int) -> Item | None:
        """Find one by its number."""
        return next((item for item in self.items if item.n == n), None)


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return None if part is None else re.sub(r"\r\n?", "\n", str(part.get_content()))
