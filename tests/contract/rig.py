"""What the contract suite needs of each chat plug-in: the adapter connected to its stand-in, and what people see there.

A plug-in `adapters/chat/<name>` has its rig in `tests/contract/rigs/<name>.py`: an async context manager `rig()`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.ports import ChatAdapter


class SystemClock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Rig:
    """Hold an adapter, a chat and an account that exist, and what people see.

    `texts(chat)` lists what the bot has said in a chat, oldest first; `calls()` counts the requests that reached the
    stand-in; `pinged()` lists the people whom messages so far called by name. `push_only` = messages in `room` can be neither
    found nor changed again, though those of other chats can.
    """

    chat: ChatAdapter
    room: str
    account: str
    texts: Callable[[str], list[str]]
    calls: Callable[[], int]
    pinged: Callable[[], set[str]]
    push_only: bool = False
