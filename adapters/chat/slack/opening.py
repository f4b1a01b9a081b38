"""When a socket may be asked for: apps.connections.open is of tier 1, and an outage is no reason to ask all the time."""

from __future__ import annotations

import asyncio
import random
import time

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.chat.slack.errors import THROTTLED
from adapters.chat.slack.wire import retry_after

FIRST_PAUSE = 1.0  # seconds between one asking and the next, doubled each time
LONGEST_PAUSE = 10.0  # six a minute; tier 1 is "1+" (https://docs.slack.dev/apis/web-api/rate-limits)
SPREAD = 0.2  # of a pause, so that what went away together does not come back together
GOOD_AFTER = 10.0  # seconds after which a socket that holds makes up for all the askings before it


class Opening:
    """Ask for one connection's sockets, whichever client of the SDK wants one: spaced out, and never before a Retry-After."""

    def __init__(self) -> None:
        self._due, self._pause, self._waiting = 0.0, FIRST_PAUSE, 0

    @property
    def waits(self) -> bool:
        """Say whether somebody wants a socket and may not ask yet."""
        return self._waiting > 0

    def holds(self, seconds: float) -> None:
        """Note for how long the socket has been good."""
        if seconds > GOOD_AFTER:
            self._pause = FIRST_PAUSE

    async def ask(self, web: AsyncWebClient, token: str) -> str:
        """Give the address of a socket; raises what the SDK raises when there is none."""
        while True:
            await self._turn()
            try:
                answer = await web.apps_connections_open(app_token=token)
            except SlackApiError as error:
                wait = _throttled(error)
                if wait is None:
                    raise
                self._due = max(self._due, time.monotonic() + wait)
                continue
            return str(answer["url"])

    async def _turn(self) -> None:
        self._waiting += 1
        try:
            while (wait := self._due - time.monotonic()) > 0:  # noqa: ASYNC110  (it may be put off meanwhile)
                await asyncio.sleep(wait)
        finally:
            self._waiting -= 1
        self._due = time.monotonic() + self._pause * random.uniform(1, 1 + SPREAD)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def _throttled(error: SlackApiError) -> float | None:
    """Give for how many seconds Slack wants to be left alone; None = that is not what it says."""
    response = error.response
    if getattr(response, "status_code", 0) != 429 and response.get("error") not in THROTTLED:
        return None
    return retry_after({str(name).lower(): str(value) for name, value in dict(getattr(response, "headers", {})).items()})
