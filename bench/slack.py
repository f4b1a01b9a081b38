"""Figure 5: Slack: acknowledgements as the stand-in measures them, rooms off its own log, connections that it counts."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from adapters.sandbox.slack.workspace import App
from bench.figures import Figure, print_now
from bench.servers import Server, fetch, product, slack

ANNA, ROOM = "U0ALICE", "f-"
ANNOUNCED = 1.2  # seconds between two declarations: a channel takes a message a second
TRANSIT = 0.02  # seconds that an answer may take to be read
CLOCKED = ("conversations.create", "conversations.invite", "conversations.setTopic", "chat.postMessage", "pins.add")


class Stage:
    """Play people at the stand-in, and ask it what it saw."""

    def __init__(self, server: Server) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.server = server
        self.channels = {channel["name"]: channel["id"] for channel in self.ask("/_state")["channels"]}

    def ask(self, path: str) -> Any:
        """GET something of the tests' side."""
        return json.loads(fetch(self.server.url + path))

    def tell(self, path: str, method: str = "POST", **asked: Any) -> Any:
        """POST something; raises RuntimeError when it is refused."""
        self._link.request(method, path, json.dumps(asked), {"Content-Type": "application/json"})
        answer = self._link.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} {asked} was answered {answer.status}: {said[:300]!r}")
        return json.loads(said)

    def slash(self, line: str, channel: str) -> None:
        """Call a slash command, waiting for nothing."""
        self.tell("/page/slash", **{"as": ANNA, "channel": channel, "text": line})

    def deliveries(self, kind: str, after: int = 0) -> list[dict[str, Any]]:
        """List the tries to deliver of one kind."""
        found: list[dict[str, Any]] = [a for a in self.ask("/_deliveries")["attempts"] if a["kind"] == kind]
        return found[after:]

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """List the calls of the bot."""
        found: list[dict[str, Any]] = self.ask(f"/_log?after={after}")["calls"]
        return found

    def until(self, holds: Any, what: str, seconds: float = 30.0) -> Any:
        """Wait until something is so; raises RuntimeError when it does not come."""
        ends = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > ends:
                raise RuntimeError(f"waited in vain for {what}")
            time.sleep(0.05)
        return found

    def delay(self, seconds: float) -> None:
        """Let every call of the Web API take so long, 0 = as it is."""
        self.tell("/_faults", "DELETE")
        if seconds:
            self.tell("/_faults", do="delay", match="/api/", times=None, seconds=seconds)


@contextlib.contextmanager
def staged(*options: str) -> Iterator[tuple[Stage, Server]]:
    """Run the stand-in and the product in processes of their own, connected by a socket."""
    with slack(*options) as server:
        stage = Stage(server)
        app = App()
        keys = {"adapter": "slack", "bot_token": app.bot_token, "app_token": app.app_token, "api_url": f"{server.url}/api/"}
        change = {
            "chats": {"slack": keys},
            "announce": [{"chat": "slack", "channel": stage.channels["incidents"]}],
            "people": [{"id": "anna", "name": "Alice Adams", "accounts": {"slack": ANNA}}],
        }
        with product(change=change) as bot:
            stage.until(lambda: stage.ask("/_sockets")["sockets"], "the socket")
            stage.until(lambda: [c for c in stage.calls() if c["path"] == "/api/users.list"], "the list of people")
            yield stage, bot


def measure(quick: bool) -> list[Figure]:
    """Measure acknowledgements in three moods, rooms at three latencies, and fifty declarations at once."""
    return [*_acknowledgements(quick), *_rooms(quick), *_fifty(quick)]


# ------------------------------------------------------------ acknowledgements
def _acknowledgements(quick: bool) -> list[Figure]:
    rounds, number = (2, 100) if quick else (5, 300)
    moods: dict[str, list[tuple[float, float]]] = {"": [], ", the Web API at 10 s a call": [], ", in a storm of alerts": []}
    for _ in range(rounds):
        with staged() as (stage, bot):
            room = _room(stage)
            for mood, found in moods.items():
                shot = None
                if "10 s" in mood:
                    stage.delay(10.0)
                if "storm" in mood:
                    stage.delay(0)
                    shot = bot.aim(alerts=10, connections=8, groups=20, seconds=number * 0.02 + 1)
                    time.sleep(0.4)
                took = _notes(stage, room, number)
                found.append((took[len(took) // 2], took[len(took) * 99 // 100]))
                stored = f"; {(done := shot()).posted / done.seconds * 10:.0f} alerts/s" if shot is not None else ""
                words = f"p50 {found[-1][0]:.1f} ms, p99 {found[-1][1]:.1f} ms, longest {took[-1]:.1f} ms"
                print_now(f"  {number} acknowledgements{mood}: {words}{stored}")
            notes = bot.query("SELECT count(*) FROM event WHERE kind = 'NoteAdded'")[0][0]
            if notes != number * len(moods):
                raise RuntimeError(f"{notes} notes are stored")
    figures = []
    for mood, found in moods.items():
        if "storm" not in mood:
            figures.append(Figure(f"Slack: acknowledgement{mood}, p50", tuple(f[0] for f in found), 5, " ms", at_most=True))
        goal = 50 if "storm" in mood else 25
        figures.append(Figure(f"Slack: acknowledgement{mood}, p99", tuple(f[1] for f in found), goal, " ms", at_most=True))
    return figures


def _notes(stage: Stage, room: str, number: int) -> list[float]:
    """Write notes, one after the other; gives how long each acknowledgement took in ms, sorted."""
    before = len(stage.deliveries("slash_commands"))
    for n in range(number):
        stage.slash(f"/incident note it is still bad {n}", room)
        time.sleep(0.02)
    done = stage.until(lambda: _done(stage.deliveries("slash_commands", before), number), "the acknowledgements")
    return sorted(attempt["took"] * 1000 for attempt in done)


def _done(attempts: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]] | None:
    if wrong := [a for a in attempts if a["outcome"] not in (None, "acknowledged")]:
        raise RuntimeError(f"not acknowledged: {wrong[0]}")
    return list(attempts) if sum(a["took"] is not None for a in attempts) == number else None


def _room(stage: Stage) -> str:
    """Declare an incident and give its channel, once Anna is in it."""
    stage.slash("/incident declare P1 the bench has begun", stage.channels["incidents"])

    def there() -> str | None:
        rooms = [c for c in stage.ask("/_state")["channels"] if c["name"].startswith(ROOM) and ANNA in c["members"] and c["pins"]]
        return str(rooms[0]["id"]) if rooms else None

    found: str = stage.until(there, "the room")
    return found


# ------------------------------------------------------------ rooms
def _rooms(quick: bool) -> list[Figure]:
    """Open rooms one after the other, without the limits that would refuse the twenty-first in a minute."""
    rounds, figures = (5 if quick else 20), []
    with staged("--unlimited") as (stage, _):
        _room(stage)
        for latency in (0.0, 0.05, 0.2):
            stage.delay(latency)
            found = [_opened(stage, f"{latency * 1000:.0f} ms, round {n}") for n in range(rounds)]
            announced, complete = (tuple(one[n] * 1000 for one in found) for n in (0, 1))
            name = f"{latency * 1000:.0f} ms"
            for what, took, goal in (
                ("announced", announced, 2 * latency * 1000 + 30),
                ("complete", complete, 3 * latency * 1000 + 50),
            ):
                print_now(
                    f"  room {what} at {name} a call: median {sorted(took)[rounds // 2]:.0f} ms, longest {max(took):.0f} ms"
                )
                figures.append(Figure(f"Slack: room {what}, {name} a call", took, goal, " ms", at_most=True))
        calls = [call for call in stage.calls() if call["path"].startswith("/api/")]
        peers = len({call["peer"] for call in calls})
        print_now(f"  {len(calls)} calls over {peers} TCP connections")
        figures.append(Figure("Slack: calls a TCP connection", (len(calls) / peers,), 5))
    return figures


def _opened(stage: Stage, title: str) -> tuple[float, float]:
    """Declare, and give the seconds from the envelope until the announcement and until everything was there."""
    before, sent = len(stage.calls()), len(stage.deliveries("slash_commands"))
    stage.slash(f"/incident declare P1 {title}", stage.channels["incidents"])
    began = stage.until(lambda: stage.deliveries("slash_commands", sent), "the envelope")[0]["clock"]
    announcements = stage.channels["incidents"]

    def there() -> list[dict[str, Any]] | None:
        mine = [
            c for c in stage.calls(before) if c["path"].removeprefix("/api/") in CLOCKED and c["applied"] and c["answered_at"]
        ]
        made = [c for c in mine if c["path"].endswith("create")]
        pinned = [c for c in mine if c["path"] == "/api/pins.add"]
        posts = [c for c in mine if c["path"] == "/api/chat.postMessage"]
        told = [c for c in posts if c["body"]["channel"] not in (announcements, ANNA)]
        announced = [c for c in posts if c["body"]["channel"] == announcements]
        others = {c["path"] for c in mine}
        whole = made and pinned and announced and told and {"/api/conversations.invite", "/api/conversations.setTopic"} <= others
        return mine if whole else None

    mine = stage.until(there, "the room")
    announced = min(_seen(c) for c in mine if c["path"] == "/api/chat.postMessage" and c["body"]["channel"] == announcements)
    pinned = next(c for c in mine if c["path"] == "/api/pins.add")
    first = {name: next(c for c in mine if c["path"] == f"/api/{name}") for name in CLOCKED if name != "chat.postMessage"}
    complete = max(announced, _seen(pinned), *(_seen(call) for call in first.values()))
    time.sleep(ANNOUNCED)
    return announced - began, complete - began


def _seen(call: dict[str, Any]) -> float:
    """Give when a call was done and answered, by the clock of its log."""
    took = datetime.fromisoformat(call["answered_at"]) - datetime.fromisoformat(call["at"])
    return float(call["clock"]) + took.total_seconds()


# ------------------------------------------------------------ fifty at once
def _fifty(quick: bool) -> list[Figure]:
    """Declare fifty incidents at once with every limit on; quick: a tier's minute lasts six seconds."""
    number, scale = 50, 0.1 if quick else 1.0
    with staged() as (stage, bot):
        stage.tell("/_limits", scale=scale)
        began = time.monotonic()
        for n in range(number):
            stage.slash(f"/incident declare P2 outage number {n}", stage.channels["incidents"])
        done = stage.until(lambda: _done(stage.deliveries("slash_commands"), number), "the acknowledgements")
        took = sorted(a["took"] * 1000 for a in done)
        first = max(a["clock"] for a in done) - min(a["clock"] for a in done)
        print_now(
            f"  {number} declarations within {first * 1000:.0f} ms: acknowledged p50 {took[25]:.0f} ms, last {took[-1]:.0f} ms"
        )
        rooms = stage.until(lambda: _made(stage, number), "fifty rooms", 240.0)
        least = (number - 1) // 20 * 60 * scale  # tier 2: twenty a minute
        last = max(c["clock"] for c in rooms) - began
        refused = [c for c in stage.calls() if c["outcome"] == 429]
        early = _too_early(stage.calls())
        print_now(
            f"  fifty rooms after {last:.1f} s (the tiers allow {least:.0f} s); {len(refused)} calls refused, {early} too early"
        )
        incidents = bot.rows("incident")
        if incidents != number:
            raise RuntimeError(f"{incidents} incidents are stored")
    return [
        Figure("Slack: 50 declarations at once: the last acknowledgement", (took[-1],), 300, " ms", at_most=True),
        Figure(
            "Slack: 50 declarations at once: rooms after what the tiers allow", (max(last - least, 0.0),), 10, " s", at_most=True
        ),
        Figure("Slack: calls sent while a Retry-After was pending", (early,), 0, at_most=True),
    ]


def _made(stage: Stage, number: int) -> list[dict[str, Any]] | None:
    made = [c for c in stage.calls() if c["path"] == "/api/conversations.create" and c["applied"]]
    return made if len(made) == number else None


def _too_early(calls: Sequence[dict[str, Any]]) -> int:
    """Count the calls that left after a refusal of their method (for messages: in their channel) was read, and before its end."""
    early, pending = 0, dict[str, tuple[float, float]]()
    for call in calls:
        where = f"{call['path']} {call['body'].get('channel', '') if call['path'] == '/api/chat.postMessage' else ''}"
        begins, ends = pending.get(where, (0.0, 0.0))
        early += begins + TRANSIT < call["clock"] < ends
        if call["outcome"] == 429:
            pending[where] = (_seen(call), _seen(call) + call["retry_after"])
    return early
