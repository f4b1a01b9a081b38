"""`python -m adapters.sandbox.wecom`: the stand-in alone, in a process of its own, for crash tests and measurements."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from adapters.sandbox.wecom.company import chats, users
from adapters.sandbox.wecom.corp import App, Bot
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox


async def _serve(asked: argparse.Namespace) -> None:
    secrets = {"secret": asked.secret, "token": asked.token, "aes_key": asked.aes_key}
    app = App(**{name: value for name, value in secrets.items() if value})
    bot = Bot(**({"secret": asked.bot_secret} if asked.bot_secret else {}))
    wecom = WeCom(
        users(), chats(), app=app, bot=bot, request_url=asked.request_url, scale=asked.scale, limited=not asked.unlimited
    )  # fmt: skip
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with WeComSandbox(wecom, asked.port) as sandbox:
        sys.stdout.write(f"ready {sandbox.url}\n")
        sys.stdout.flush()
        await ending.wait()


def main() -> None:
    """Serve until a signal; the first line on stdout is `ready <address>`."""
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox.wecom", description="WeCom's stand-in.")
    parser.add_argument("--port", type=int, default=0, help="0 = any free port")
    parser.add_argument("--request-url", help="where the app's callback is; none = it has none")
    parser.add_argument("--secret", default="", help="of the self-built app")
    parser.add_argument("--token", default="", help="of the callback")
    parser.add_argument("--aes-key", default="", help="EncodingAESKey of the callback")
    parser.add_argument("--bot-secret", default="", help="of the intelligent bot")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every wait")
    parser.add_argument("--unlimited", action="store_true", help="take calls at any rate")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
