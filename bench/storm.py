"""Figure 4: 10,000 alerts in 10 groups, until the chat has received the last announcement."""

from __future__ import annotations

import json
import time
from typing import Any

from bench.figures import Figure, print_now
from bench.servers import Server, chat, fetch, product

GROUPS, ALERTS = 10, 10_000
WAIT = 60.0  # seconds; afterwards whatever is missing counts as this late
QUIET = 3.0  # seconds after the last announcement, to see that no more follows


def measure(quick: bool) -> list[Figure]:
    """Post as Alertmanager does, a body of 1,000 for each group, and the same alerts in bodies of ten."""
    figures = []
    for size, how in ((1000, "10 bodies of 1,000"), (10, "1,000 bodies of 10")):
        rounds = [_storm(size) for _ in range(2 if quick else 5)]
        for took, posting, incidents, rooms, messages in rounds:
            print_now(
                f"  {how}: stored after {posting:.2f} s, announced after {took:.2f} s: {incidents} incidents, {rooms} rooms, "
                f"{messages} messages"
            )
        figures.append(
            Figure(f"storm in {how}: last announcement received", tuple(r[0] for r in rounds), 4.0, " s", at_most=True)
        )
        figures.append(
            Figure(f"storm in {how}: incidents too many or too few", tuple(abs(r[2] - GROUPS) for r in rounds), 0, at_most=True)
        )
        figures.append(Figure(f"storm in {how}: rooms", tuple(r[3] for r in rounds), 3, at_most=True))
        figures.append(Figure(f"storm in {how}: messages", tuple(r[4] for r in rounds), 40, at_most=True))
    return figures


def _storm(size: int) -> tuple[float, float, int, int, int]:
    with chat() as room, product(chat=room.port) as server:
        began = time.monotonic()
        shot = server.shoot(alerts=size, posts=ALERTS // size, groups=GROUPS, seconds=60.0, connections=8)
        if server.rows() != ALERTS:
            raise RuntimeError(f"{server.rows()} of {ALERTS} alerts are stored")
        incidents = {str(row[0]) for row in server.query("SELECT id FROM incident")}
        last = _announced(room, incidents, began)
        time.sleep(QUIET)
        calls = _calls(room)
        rooms = sum(call["method"] == "PUT" and call["path"].count("/") == 2 for call in calls)
        messages = sum(call["path"].endswith("/messages") and call["applied"] for call in calls)
        return last, shot.seconds, server.rows("incident"), rooms, messages


def _announced(room: Server, incidents: set[str], began: float) -> float:
    """Wait until the channel was told of every incident; gives the seconds from the first post to that call."""
    while time.monotonic() < began + WAIT:
        missing, last = set(incidents), 0.0
        for call in _calls(room):
            if call["path"] == "/rooms/ops/messages" and call["applied"]:
                told = {ident for ident in missing if ident in call["body"]["text"]}
                if told:
                    missing -= told
                    last = call["clock"] - began
        if incidents and not missing:
            return last
        time.sleep(0.1)
    return WAIT


def _calls(room: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(fetch(f"{room.url}/_log"))["calls"]
    return found
