"""`python -m adapters.sandbox.dingtalk`: the stand-in alone, in a process of its own, for crash tests and measurements."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

from adapters.sandbox.dingtalk.company import app_of, chats, people
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import App


async def _serve(asked: argparse.Namespace, app: App) -> None:
    names = {"client_id": asked.client_id, "client_secret": asked.client_secret}
    app = replace(app, **{name: value for name, value in names.items() if value})
    dingtalk = DingTalk(
        people(), chats(app), app=app, message_url=asked.message_url, scale=asked.scale, limited=not asked.unlimited
    )  # fmt: skip
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with DingTalkSandbox(dingtalk, asked.port) as sandbox:
        sys.stdout.write(f"ready {sandbox.url}\n")
        sys.stdout.flush()
        await ending.wait()


def main() -> None:
    """Serve until a signal; the first line on stdout is `ready <address>`."""
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox.dingtalk", description="DingTalk's stand-in.")
    parser.add_argument("--port", type=int, default=0, help="0 = any free port")
    parser.add_argument("--cards", help="a JSON file with the registry of card templates")
    parser.add_argument("--message-url", help="where the bot takes signed HTTP; none = it connects by Stream")
    parser.add_argument("--client-id", default="")
    parser.add_argument("--client-secret", default="")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every wait")
    parser.add_argument("--unlimited", action="store_true", help="take calls at any rate")
    asked = parser.parse_args()
    cards = json.loads(Path(asked.cards).read_text("utf-8")) if asked.cards else {}
    asyncio.run(_serve(asked, app_of("zh", cards)))


if __name__ == "__main__":
    main()
