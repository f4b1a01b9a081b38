"""What must hold at the end of a life, read from the database by a connection of our own and off what people saw."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.sandbox import demo
from adapters.sandbox.chat import BOT, Said
from tests.crash.world import FACTS, Failed, World

MARK = "（重发） "
ENTRY = re.compile(r"(?m)^#(\d+) \d\d:\d\d")
LATER = re.compile(r"应急群(：.*|正在建。)$")  # a call names the room as soon as there is one, so a repeat may know more
STATE = (
    "status", "severity", "title", "services", "commander", "roles", "involved", "invited", "firing", "resolved", "groups",
    "n", "outcome", "waiver", "waived_by", "undelivered", "waiting_rooms", "recovery", "latest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """Hold what a life came to, without its instants: the same for every life, killed or not."""

    incident: tuple[tuple[str, str], ...]
    facts: tuple[tuple[tuple[str, str], int], ...]  # (kind, kind of actor): how many
    told: tuple[str, ...]  # kinds of facts that the room was told
    direct: tuple[tuple[str, str], ...]  # (person, text) that people were told directly
    announced: str
    topic: str
    answers: tuple[str, ...]
    people: tuple[str, ...]


def ending(world: World) -> Ending:
    """Read what a life came to."""
    (incident,) = world.rows("SELECT * FROM incident")
    events = world.rows("SELECT * FROM event WHERE incident IS NOT NULL ORDER BY n")
    kind_of = {event["n"]: event["kind"] for event in events}
    said = [s for s in world.plain.chat.said if s.author == BOT]
    numbers = {int(n) for s in said if s.room == world.room and s.answers is None for n in ENTRY.findall(_plain(s.text))}
    room = world.plain.chat.rooms[world.room]
    return Ending(
        tuple((name, _timeless(str(incident[name]))) for name in STATE),
        tuple(sorted(Counter((e["kind"], str(e["actor"]).split(":")[0]) for e in events).items())),
        tuple(sorted(kind_of.get(n, f"no fact {n}") for n in numbers)),
        tuple(sorted({(str(s.whom), _timeless(_thing(s.text))) for s in said if s.whom is not None and s.answers is None})),
        _timeless(next((_plain(s.text) for s in reversed(said) if s.room == "hall"), "")),
        _timeless(room.topic),
        tuple(_timeless(s.text) for s in said if s.answers is not None),
        tuple(sorted(room.people)),
    )


def check(world: World, clean: Ending | None) -> list[Failed]:
    """List everything that does not hold; `clean` is the ending of a life that nobody cut short."""
    found = [*_database(world), *_chat(world)]
    if clean is not None and not found:
        found += _same(ending(world), clean)
    return found


def _database(world: World) -> Iterator[Failed]:
    if world.one("PRAGMA integrity_check") != "ok":
        yield Failed("database", "its integrity is broken")
    incidents = world.rows("SELECT id, status, n FROM incident")
    if len(incidents) != 1:
        yield Failed("one incident", f"there are {len(incidents)}")
        return
    if incidents[0]["status"] != "closed":
        yield Failed("status", f"it is {incidents[0]['status']}")
    rooms = world.rows("SELECT state FROM room")
    if [room["state"] for room in rooms] != ["closed"]:
        yield Failed("one room", f"the rows are {rooms}")
    undone = world.rows("SELECT kind, lane, state, code FROM effect WHERE state <> 'done'")
    if undone:
        yield Failed("effects done", f"not done: {undone}")
    events = world.rows("SELECT n, kind, actor, cause FROM event WHERE incident IS NOT NULL ORDER BY n")
    if [event["n"] for event in events] != list(range(1, incidents[0]["n"] + 1)):
        yield Failed("log", f"the numbers are {[event['n'] for event in events]}, the row says {incidents[0]['n']}")
    yield from _deliveries(world, events)
    yield from _timers(world, events)


def _deliveries(world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
    """Every accepted line is in the log exactly once, with exactly what it says."""
    if len(world.courier.bodies) != len(FACTS) or len(world.courier.given) != len(FACTS):
        yield Failed(
            "accepted", f"of {len(world.courier.bodies)} lines {len(world.courier.given)} were accepted, not {len(FACTS)}"
        )
    for ident, kind in zip(world.courier.given, FACTS, strict=False):
        causes = [event["kind"] for event in events if event["cause"] == f"{demo.CONNECTION}:{ident}"]
        if causes.count(kind) != 1:
            yield Failed("accepted once", f"{ident} should be one {kind} in the log, which has {causes} of it")
        if world.one(f"SELECT count(*) FROM delivery WHERE key = '{ident}'") != 1:
            yield Failed("accepted is stored", f"{ident} was accepted and its answer is not kept")
    alerts = world.rows("SELECT state FROM alert")
    if [alert["state"] for alert in alerts] != ["resolved"] * len(world.outage.alerts):
        yield Failed("accepted once", f"the alerts are {alerts}")


def _timers(world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
    for kind, fact in (("end_observation", "ObservationEnded"), ("close_rooms", "RoomClosed")):
        rows = world.rows(f"SELECT due, fired_for FROM deadline WHERE kind = '{kind}'")
        if len(rows) != 1 or rows[0]["fired_for"] != rows[0]["due"]:
            yield Failed("timers once", f"{kind} is {rows}")
        times = sum(event["kind"] == fact for event in events)
        if times != 1:
            yield Failed("timers once", f"{kind} led to {times} {fact}")


def _chat(world: World) -> Iterator[Failed]:
    rooms = [room for room in world.plain.chat.rooms.values() if room.name.startswith("f-")]
    if len(rooms) != 1 or not rooms[0].closed:
        yield Failed("one room", f"the chat has {[(room.name, room.closed) for room in rooms]}")
    kills = len(world.process.killed)
    said = [s for s in world.plain.chat.said if s.author == BOT and s.answers is None]
    spots: dict[tuple[str | None, str | None], list[Said]] = {}
    for s in said:
        spots.setdefault((s.room, s.whom), []).append(s)
    for spot, messages in spots.items():
        yield from _repeats(spot, messages, kills)
    yield from _entries([s.text for s in said if s.room == world.room])
    if kills == 0 and any(s.text.startswith(MARK) for s in said):
        yield Failed("marked", "something is marked as sent again though nothing was cut short")


def _repeats(spot: tuple[str | None, str | None], messages: list[Said], kills: int) -> Iterator[Failed]:
    """What is said again is marked, and is said again once for each kill at most."""
    times: Counter[str] = Counter()
    for message in messages:
        core = _thing(message.text)
        times[core] += 1
        if times[core] > 1 and not message.text.startswith(MARK):
            yield Failed("marked", f"said again without a mark in {spot}: {message.text[:200]!r}")
    for core, number in times.items():
        if number > 1 + kills:
            yield Failed("repeats", f"said {number} times with {kills} kills in {spot}: {core[:200]!r}")


def _entries(texts: list[str]) -> Iterator[Failed]:
    """Each entry first appears after those before it, and only ever in the same message."""
    home: dict[int, str] = {}
    newest = 0
    for text in texts:
        core = _plain(text)
        for n in map(int, ENTRY.findall(core)):
            if n not in home:
                if n < newest:
                    yield Failed("in order", f"#{n} was told after #{newest}")
                newest = max(newest, n)
                home[n] = core
            elif home[n] != core:
                yield Failed("repeats", f"#{n} was told in two messages: {home[n]!r} and {core!r}")


def _same(found: Ending, clean: Ending) -> Iterator[Failed]:
    for name in Ending.__dataclass_fields__:
        mine, theirs = getattr(found, name), getattr(clean, name)
        if mine != theirs:
            yield Failed("same ending", f"{name} is {mine!r}, and without a kill {theirs!r}")


def _plain(text: str) -> str:
    return text.removeprefix(MARK)


def _thing(text: str) -> str:
    """Give what a message is about, the same for its repeat."""
    return LATER.sub("", _plain(text))


def _timeless(text: str) -> str:
    """Leave out what depends on the instant: digits, and the units of lengths of time."""
    return re.sub(r"（晚了 [^）]*）", "", re.sub(r"\d+( (秒|分钟|小时))?", "0", text))
