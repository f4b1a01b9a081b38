"""A real SMTP server on this machine, which says what a test wants and keeps what it took."""

from __future__ import annotations

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session


@dataclass
class Postman:
    """Decide what the server says, and keep what it took."""

    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    rcpt: str = "250 OK"
    data: str = "250 OK queued as 4711"
    cut: bool = False  # after it took the text
    silent: bool = False
    connections: int = 0
    most: int = 0

    async def handle_RCPT(self, server: Server, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        if self.silent:
            await asyncio.sleep(30)
        if self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients += envelope.rcpt_tos
            assert server.transport is not None
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        if self.cut:
            assert server.transport is not None
            server.transport.abort()
        return self.data

    def authenticate(self, server: Server, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append(given.login)
        return AuthResult(success=given.password == b"right-password", handled=False)


@contextlib.asynccontextmanager
async def serving(postman: Postman, security: str = "none", tls: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    """Serve SMTP on a loopback port."""
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)

    class Counted(Server):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            postman.connections += 1
            postman.most = max(postman.most, postman.connections)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            postman.connections -= 1
            super().connection_lost(error)

    def protocol() -> Server:
        return Counted(
            postman, tls_context=context if security == "starttls" else None, require_starttls=security == "starttls",
            authenticator=postman.authenticate, auth_require_tls=False, loop=asyncio.get_running_loop(),
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None
    )  # fmt: skip
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
