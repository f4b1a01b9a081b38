"""What must hold at the end of a life, read from the database by a connection of our own and off what people saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.crash.scene import Failed
from tests.crash.timeless import timeless
from tests.crash.world import World

STATE = (
    "status", "severity", "title", "services", "commander", "roles", "involved", "invited", "firing", "resolved", "groups",
    "n", "outcome", "waiver", "waived_by", "undelivered", "waiting_rooms", "recovery", "latest",
    "review", "actions", "muting",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """Hold what a life came to, without its instants: the same for every life, killed or not."""

    incident: tuple[tuple[str, str], ...]
    facts: tuple[tuple[tuple[str, str], int], ...]  # (kind, kind of actor): how many
    seen: dict[str, Any]  # by the people of the chat


def ending(world: World) -> Ending:
    """Read what a life came to."""
    (incident,) = world.rows("SELECT * FROM incident")
    events = world.rows("SELECT * FROM event WHERE incident IS NOT NULL ORDER BY n")
    return Ending(
        tuple((name, timeless(str(incident[name]))) for name in STATE),
        tuple(sorted(Counter((e["kind"], str(e["actor"]).split(":")[0]) for e in events).items())),
        world.scene.seen(world),
    )


def check(world: World, clean: Ending | None) -> list[Failed]:
    """List everything that does not hold; `clean` is the ending of a life that nobody cut short."""
    found = [*_database(world), *world.scene.wrong(world)]
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
    rooms = world.rows("SELECT state FROM room ORDER BY id")
    if tuple(room["state"] for room in rooms) != world.scene.room_rows:
        yield Failed("one room", f"the rows are {rooms}")
    undone = world.rows("SELECT kind, lane, state, code FROM effect WHERE state <> 'done'")
    if undone:
        yield Failed("effects done", f"not done: {undone}")
    events = world.rows("SELECT n, kind, actor, cause FROM event WHERE incident IS NOT NULL ORDER BY n")
    if [event["n"] for event in events] != list(range(1, incidents[0]["n"] + 1)):
        yield Failed("log", f"the numbers are {[event['n'] for event in events]}, the row says {incidents[0]['n']}")
    yield from world.scene.wrong_deliveries(world, events)
    alerts = world.rows("SELECT state FROM alert")
    if [alert["state"] for alert in alerts] != ["resolved"] * len(world.outage.alerts):
        yield Failed("accepted once", f"the alerts are {alerts}")
    yield from _timers(world, events)


def _timers(world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
    for kind, fact in (("end_observation", "ObservationEnded"), ("close_rooms", "RoomClosed")):
        rows = world.rows(f"SELECT due, fired_for FROM deadline WHERE kind = '{kind}'")
        if len(rows) != 1 or rows[0]["fired_for"] != rows[0]["due"]:
            yield Failed("timers once", f"{kind} is {rows}")
        times = sum(event["kind"] == fact for event in events)
        if times != 1:
            yield Failed("timers once", f"{kind} led to {times} {fact}")


def _same(found: Ending, clean: Ending) -> Iterator[Failed]:
    for name in ("incident", "facts"):
        mine, theirs = getattr(found, name), getattr(clean, name)
        if mine != theirs:
            yield Failed("same ending", f"{name} is {mine!r}, and without a kill {theirs!r}")
    for name in sorted(found.seen | clean.seen):
        mine, theirs = found.seen.get(name), clean.seen.get(name)
        if mine != theirs:
            yield Failed("same ending", f"{name} is {mine!r}, and without a kill {theirs!r}")
