"""The stand-ins of several platforms as one process: `python -m bench.square <port> <the bot's port> <file> <chat>...`.

What the bot is to be configured with is written to the file once all of them listen. Their limits on rates are on.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from adapters.sandbox.together.company import Square, TogetherDemo


async def serve(port: int, bot_port: int, said: Path, chats: Sequence[str]) -> None:
    """Listen until SIGTERM."""
    demo = TogetherDemo("zh", chats)
    square = demo.serve(port)
    assert isinstance(square, Square)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    demo.meet(f"http://127.0.0.1:{bot_port}")
    await square.start()
    _write(said, {"config": demo.organisation(square.url, ""), "stands": {n: s.url for n, s in square.stands.items()}})
    await stop.wait()
    await square.stop()


def _write(said: Path, what: dict[str, Any]) -> None:
    half = said.with_suffix(".half")
    half.write_text(json.dumps(what), "utf-8")
    half.rename(said)  # whole, or not there


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
