"""`python -m adapters.sandbox.feishu`: the stand-in alone, in a process of its own, for crash tests and measurements."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App


async def _serve(asked: argparse.Namespace) -> None:
    names = {"id": asked.app_id, "secret": asked.app_secret, "encrypt_key": asked.encrypt_key, "verification": asked.verification}
    app = App(**{name: value for name, value in names.items() if value})
    feishu = Feishu(
        people(), chats(app), app=app, request_url=asked.request_url, scale=asked.scale, limited=not asked.unlimited
    )  # fmt: skip
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with FeishuSandbox(feishu, asked.port) as sandbox:
        sys.stdout.write(f"ready {sandbox.url}\n")
        sys.stdout.flush()
        await ending.wait()


def main() -> None:
    """Serve until a signal; the first line on stdout is `ready <address>`."""
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox.feishu", description="Feishu's stand-in.")
    parser.add_argument("--port", type=int, default=0, help="0 = any free port")
    parser.add_argument("--request-url", help="where the app takes HTTP; none = it keeps long connections")
    parser.add_argument("--app-id", default="")
    parser.add_argument("--app-secret", default="")
    parser.add_argument("--encrypt-key", default="", help="encrypts and signs what is posted to the request URL")
    parser.add_argument("--verification", default="", help="the verification token")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every wait")
    parser.add_argument("--unlimited", action="store_true", help="take calls at any rate")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
