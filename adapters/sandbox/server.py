"""Runs a stand-in on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Self

import uvicorn

from adapters.sandbox.plain import Plain


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:  # signals belong to whoever runs us
        yield

    async def main_loop(self) -> None:  # uvicorn's own notices the end only at its next tick
        self.ending = asyncio.Event()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # at once, whoever is connected
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


class Listener:
    """Serve an ASGI application on a loopback port, from inside a running event loop; `port` 0 = any free one.

    `sockets` = whether the application takes WebSockets too.
    """

    def __init__(self, app: Any, port: int = 0, *, sockets: bool = False) -> None:
        self.app = app
        self.port = port
        self.sockets = sockets
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Give the base address, once started."""
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Listen; returns when calls are taken."""
        # With the protocol left at 0, asyncio would not set TCP_NODELAY and every answer with a body would take 40 ms.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", self.port))
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", proxy_headers=False, server_header=False,
            timeout_graceful_shutdown=1, backlog=1024, ws="websockets-sansio" if self.sockets else "none", ws_ping_interval=None,
        )  # fmt: skip
        self._server = _Server(config)
        self._task = asyncio.ensure_future(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError("the server did not start")
            await asyncio.sleep(0.005)

    async def down(self) -> None:
        """Refuse connections from now on, ending those that are open."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        self._server.ending.set()
        await self._task
        self._server = self._task = None


class Served(Listener):
    """Serve a stand-in. `down` makes the port refuse connections until `start`; what the stand-in holds stays."""

    def __init__(self, standin: Any, port: int = 0, *, sockets: bool = False) -> None:
        super().__init__(standin, port, sockets=sockets)
        self._standin = standin

    async def start(self) -> Self:
        """Listen, again or for the first time."""
        await self.listen()
        self._standin.base = self.url
        return self

    async def down(self) -> None:
        """Refuse connections from now on; whoever watches the page is let go."""
        self._standin.closing.set()
        await super().down()
        self._standin.closing.clear()

    async def stop(self) -> None:
        """End everything."""
        await self.down()
        await self._standin.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *ended: object) -> None:
        await self.stop()


class Sandbox(Served):
    """Serve the plain stand-in."""

    def __init__(self, plain: Plain, port: int = 0) -> None:
        super().__init__(plain, port)
        self.plain = plain
