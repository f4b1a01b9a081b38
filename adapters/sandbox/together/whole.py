"""The demo organisation with everything that it has: chats on one page, an inbox beside them, and what leads through."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from adapters.sandbox.inbox.company import Outside
from adapters.sandbox.server import Listener
from adapters.sandbox.together.company import CHATS, Square, TogetherDemo


class WholeDemo(TogetherDemo):
    """Be the demo of some chats and of all that is outside them."""

    def __init__(self, lang: str = "zh", chats: Sequence[str] = CHATS) -> None:
        super().__init__(lang, chats)
        self.outside = Outside(lang)

    def serve(self, port: int) -> Listener:
        """Make what serves the page, the stand-ins and the inbox."""
        self._square = Square(self.demos, self.lang, port, self.outside)
        return self._square

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration; the bot's own pages are reached at its port, so it is chosen here."""
        return self.outside.configuration(super().organisation(url, database), url, _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
