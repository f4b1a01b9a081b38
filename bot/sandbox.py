"""Run the bot and a stand-in chat in one process, with a demo organisation: what a newcomer tries first."""

from __future__ import annotations

import asyncio
import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.app import serve
from bot.config import build, secrets_of
from bot.document import Filled
from bot.log import configure
from bot.plugins import plugin

FAILED = 1
PORT = 8765
FOLDER = Path(".warroom/sandbox")
PACKAGE = "adapters.sandbox"

Write = Callable[[str], None]


async def sandbox(
    *, once: bool, lang: str, chat: str, port: int | None, data: Path | None, write: Write, demo: Any = None
) -> int:
    """Serve the page until a signal, or with `once` play an incident and give 1 when a step of it was not seen.

    `chat` = the key of the stand-in that the bot is tried on. Its rooms live in memory, so the bot's database starts anew,
    too. `demo` is the organisation to play.
    """
    demo = demo or plugin(PACKAGE, "demo").of(chat, lang)
    if not once:
        return await _run(demo, PORT if port is None else port, port is None, data or FOLDER, write, once=False)
    with tempfile.TemporaryDirectory(prefix="warroom-") as folder:
        return await _run(demo, port or 0, False, data or Path(folder), write, once=True)


async def _run(demo: Any, port: int, or_any: bool, folder: Path, write: Write, *, once: bool) -> int:
    page = await _listening(demo, port, or_any)
    try:
        config = build(demo.organisation(page.url, _anew(folder)), folder, Filled({}))
        configure("warning", "console", secrets_of(config))
        opened, stop = asyncio.Event(), asyncio.Event()

        def ready(url: str) -> None:
            demo.meet(url)
            opened.set()
            if not once:
                write(f"Open {page.url} in a browser; Ctrl-C ends.")

        if not once:
            return await serve(config, ready=ready)
        serving = asyncio.create_task(serve(config, ready=ready, stop=stop))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        missed = await demo.play(page.url, write) if opened.is_set() else ["the bot did not start"]
        stop.set()
        code = await serving
        write(f"{len(missed)} step not seen" if missed else "every step was seen")
        return FAILED if missed else code
    finally:
        await page.stop()


async def _listening(demo: Any, port: int, or_any: bool) -> Any:
    try:
        return await demo.serve(port).start()
    except OSError as error:
        if not or_any:
            raise OSError(f"port {port} cannot be used ({error.strerror}); give another with --port") from None
        return await demo.serve(0).start()


def _anew(folder: Path) -> str:
    """Give the URL of an empty database; refuses a folder in which another sandbox runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / "sandbox.db"
    with path.with_name(path.name + ".lock").open("a") as held:  # the store's own lock, which it takes right after
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OSError(f"another sandbox runs in {folder}; stop it, or give another folder with --data") from None
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return f"sqlite:///{path}"
