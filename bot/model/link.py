"""A link to a form on the web: for one person, for one command, for a quarter of an hour, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model.ids import ConnectionId

LASTS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class FormLink:
    """Hold a link as it is kept: `hash` stands for its secret, `press` is the encoded press that asked for the form.

    `account` is whose form it is, on the connection and in the chat where they asked for it.
    """

    hash: str
    connection: ConnectionId
    account: str
    chat: str
    press: str
    until: datetime
