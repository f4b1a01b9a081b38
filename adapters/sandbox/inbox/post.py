"""A mail server that takes everything and delivers it to one place: as much of SMTP (RFC 5321) as a sender needs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

LARGEST = 20 * 1024 * 1024  # bytes of one message
LINE = 64 * 1024  # bytes; a line of a message has 1,000 at most
PATIENCE = 30.0  # seconds without a word from the sender


class PostOffice:
    """Listen on a loopback port, any free one, and give each message to `deliver(to, raw)`."""

    def __init__(self, deliver: Callable[[list[str], bytes], None]) -> None:
        self._deliver = deliver
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen; the port is known then."""
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=LINE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._session(reader, writer)
        writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(words: str) -> None:
            writer.write(f"{words}\r\n".encode())
            await writer.drain()

        sender: str | None = None
        to: list[str] = []
        await say("220 sandbox ESMTP")
        while True:
            async with asyncio.timeout(PATIENCE):
                line = (await reader.readuntil(b"\n")).decode("utf-8", "replace").strip()
            verb = line[:4].upper()
            if verb in ("EHLO", "HELO"):
                await say(f"250-sandbox\r\n250 SIZE {LARGEST}" if verb == "EHLO" else "250 sandbox")
            elif verb == "MAIL":
                sender, to = _address(line), []
                await say("250 OK")
            elif verb == "RCPT":
                if sender is None:
                    await say("503 MAIL first")
                elif "@" not in _address(line):
                    await say("550 no such mailbox")
                else:
                    to.append(_address(line))
                    await say("250 OK")
            elif verb == "DATA" and to:
                await say("354 end with a dot")
                async with asyncio.timeout(PATIENCE):
                    raw = await _text(reader)
                if raw is None:
                    await say("552 too large")
                else:
                    self._deliver(to, raw)
                    await say("250 OK")
                sender, to = None, []
            elif verb in ("RSET", "NOOP"):
                sender, to = (None, []) if verb == "RSET" else (sender, to)
                await say("250 OK")
            elif verb == "QUIT":
                return await say("221 bye")
            else:
                await say("503 recipients first" if verb == "DATA" else "502 not here")


async def _text(reader: asyncio.StreamReader) -> bytes | None:
    """Read to the dot that stands alone; None = it was too much, and was read all the same."""
    lines: list[bytes] = []
    size = 0
    while (line := await reader.readuntil(b"\n")).rstrip(b"\r\n") != b".":
        size += len(line)
        if size <= LARGEST:
            lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines) if size <= LARGEST else None


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]
