"""The stand-in chat as a process: `python -m bench.chat <port> <secret>`. Its limits on rates are on."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from adapters.sandbox.chat import ChatRoom, Resident
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox


async def serve(port: int, secret: str) -> None:
    """Listen until SIGTERM."""
    plain = Plain([Resident("anna", "Anna", locale="en")], [ChatRoom("ops", "ops", hall=True)], "http://127.0.0.1:1", secret)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Sandbox(plain, port):
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
