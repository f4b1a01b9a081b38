"""`python -m adapters.sandbox.slack`: the stand-in alone, in a process of its own, for crash tests and measurements."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from adapters.sandbox.slack.demo import channels, users
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App


async def _serve(asked: argparse.Namespace) -> None:
    names = {"bot_token": asked.bot_token, "app_token": asked.app_token, "signing_secret": asked.signing_secret}
    app = App(**{name: value for name, value in names.items() if value})
    slack = Slack(
        users(), channels(app), app=app, request_url=asked.request_url, scale=asked.scale, limited=not asked.unlimited
    )  # fmt: skip
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with SlackSandbox(slack, asked.port) as sandbox:
        sys.stdout.write(f"ready {sandbox.url}\n")
        sys.stdout.flush()
        await ending.wait()


def main() -> None:
    """Serve until a signal; the first line on stdout is `ready <address>`."""
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox.slack", description="Slack's stand-in.")
    parser.add_argument("--port", type=int, default=0, help="0 = any free port")
    parser.add_argument("--request-url", help="where the app takes signed HTTP; none = it connects by socket")
    parser.add_argument("--bot-token", default="")
    parser.add_argument("--app-token", default="")
    parser.add_argument("--signing-secret", default="")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every wait")
    parser.add_argument("--unlimited", action="store_true", help="take calls at any rate")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
