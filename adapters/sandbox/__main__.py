"""`python -m adapters.sandbox`: the stand-in alone, in a process of its own, for crash tests and measurements."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from adapters.sandbox.demo import CONNECTION, halls, outage, people
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox


async def _serve(asked: argparse.Namespace) -> None:
    plain = Plain(
        people(asked.lang), halls(asked.lang), asked.bot_url, asked.secret, connection=asked.connection, scale=asked.scale,
        limited=not asked.unlimited, outage=outage(asked.bot_url, asked.token, asked.lang) if asked.token else None,
    )  # fmt: skip
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with Sandbox(plain, asked.port) as sandbox:
        sys.stdout.write(f"ready {sandbox.url}\n")
        sys.stdout.flush()
        await ending.wait()


def main() -> None:
    """Serve until a signal; the first line on stdout is `ready <address>`."""
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox", description="The plain chat's stand-in.")
    parser.add_argument("--port", type=int, default=0, help="0 = any free port")
    parser.add_argument("--bot-url", required=True, help="where the bot listens")
    parser.add_argument("--secret", required=True, help="the secret of the plain connection")
    parser.add_argument("--token", default="", help="bearer token of the bot's alert webhook; none = no sample outage")
    parser.add_argument("--connection", default=CONNECTION, help="the bot's name for this chat")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the waits between deliveries")
    parser.add_argument("--unlimited", action="store_true", help="take messages at any rate")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
