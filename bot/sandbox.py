"""Run the bot and a stand-in chat in one process, with a demo organisation: what a newcomer tries first."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
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
NOWHERE = "http://127.0.0.1:1"  # until the bot listens

Write = Callable[[str], None]


async def sandbox(*, once: bool, lang: str, port: int | None, data: Path | None, write: Write, demo: Any = None) -> int:
    """Serve the page until a signal, or with `once` play an incident and give 1 when a step of it was not seen.

    The stand-in's rooms live in memory, so the bot's database starts anew, too. `demo` is the organisation to play.
    """
    demo = demo or plugin(PACKAGE, "demo")
    if not once:
        return await _run(demo, lang, PORT if port is None else port, port is None, data or FOLDER, write, once=False)
    with tempfile.TemporaryDirectory(prefix="warroom-") as folder:
        return await _run(demo, lang, port or 0, False, data or Path(folder), write, once=True)


async def _run(demo: Any, lang: str, port: int, or_any: bool, folder: Path, write: Write, *, once: bool) -> int:
    secret, token = secrets.token_hex(16), secrets.token_hex(16)
    plain = demo.stand_in(NOWHERE, secret, token, lang=lang)
    chat = await _listening(plain, port, or_any)
    try:
        config = build(
            demo.organisation(chat_url=chat.url, secret=secret, token=token, database=_anew(folder), lang=lang),
            folder,
            Filled({}),
        )
        configure("warning", "console", secrets_of(config))
        opened, stop = asyncio.Event(), asyncio.Event()

        def ready(url: str) -> None:
            plain.courier.bot_url = url
            plain.outage = demo.outage(url, token, lang)
            opened.set()
            if not once:
                write(f"Open {chat.url} in a browser; Ctrl-C ends.")

        if not once:
            return await serve(config, ready=ready)
        serving = asyncio.create_task(serve(config, ready=ready, stop=stop))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        missed = await demo.play(chat.url, lang=lang, write=write) if opened.is_set() else ["the bot did not start"]
        stop.set()
        code = await serving
        write(f"{len(missed)} step not seen" if missed else "every step was seen")
        return FAILED if missed else code
    finally:
        await chat.stop()


async def _listening(plain: Any, port: int, or_any: bool) -> Any:
    made = plugin(PACKAGE, "server").Sandbox
    try:
        return await made(plain, port).start()
    except OSError as error:
        if not or_any:
            raise OSError(f"port {port} cannot be used ({error.strerror}); give another with --port") from None
        return await made(plain, 0).start()


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
