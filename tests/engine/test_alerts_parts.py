"""A big posting is stored group by group: people's commands go between, and a failure leaves whole groups."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.alerts import in_parts
from bot.engine.gather import MOST
from bot.errors import NotStored
from bot.model.event import AlertsChanged, Event, IncidentDeclared
from bot.model.person import ALL_SEEING
from bot.model.routing import Action, Rule
from bot.ports import Filter, Reads, Store, UnitOfWork
from tests.engine.alert_house import HandClock, firing, house, posting
from tests.engine.test_alerts_webhook import PROOF, Front

BY_CLUSTER = (Rule("grave", action=Action.DECLARE, service="orders", severity="P1", group_by=("cluster",)),)
CLUSTERS = ("north", "south", "west")
WAIT = 30.0  # seconds


def body(status: str = "firing") -> bytes:
    """Make a posting of three groups, each so big that two do not share a job."""
    ends = "2024-05-20T06:05:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    alerts = [
        {
            "status": status, "labels": {"alertname": "Down", "cluster": cluster, "instance": f"i-{n}"}, "annotations": {},
            "startsAt": "2024-05-20T05:59:00Z", "endsAt": ends, "generatorURL": "", "fingerprint": f"{cluster}-{n}",
        }
        for n in range(MOST * 2 // 3)
        for cluster in CLUSTERS
    ]  # fmt: skip
    return json.dumps(
        {
            "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": status, "receiver": "r", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": alerts,
        }
    ).encode()  # fmt: skip


class Watched:
    """A store whose jobs for alerts are watched as they run, and refused from the `refuse`-th on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ran: list[str] = []
        self.refuse = 99
        self.during_first: Callable[[], None] = lambda: None

    async def tx(self, job: Callable[[UnitOfWork], Any], *, bulk: int = 0) -> Any:
        def watched(uow: UnitOfWork) -> Any:
            self.ran.append("part")
            if len(self.ran) == 1:
                self.during_first()
            done = job(uow)
            if self.ran.count("part") >= self.refuse:
                raise NotStored
            return done

        return await self.store.tx(watched, bulk=bulk)


async def facts(store: Store) -> list[Event]:
    """Give what was said of alerts, in the order in which it was stored for each incident."""

    def job(reads: Reads) -> list[Event]:
        found = [event for one in reads.incidents(Filter(open=None, limit=50)) for event in reads.timeline(one.id)]
        return [event for event in found if isinstance(event.payload, IncidentDeclared | AlertsChanged)]

    return await store.read(job, ALL_SEEING)


async def counts(store: Store) -> list[tuple[int, int]]:
    """Give (firing, resolved) of every group, oldest first."""

    def job(reads: Reads) -> list[tuple[int, int]]:
        groups = [group for one in reads.incidents(Filter(open=None)) for group in reads.groups_of(one.id)]
        return [(group.firing, group.resolved) for group in groups]

    return await store.read(job, ALL_SEEING)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9)), max_size=12), st.integers(1, 12), st.randoms())
def test_parts_hold_whole_groups_in_the_order_of_their_keys(sizes: list[tuple[str, int]], most: int, random: Any) -> None:
    made, source = house(HandClock(), BY_CLUSTER), "am"
    alerts = [firing(f"{n}-{i}", cluster=cluster) for n, (cluster, size) in enumerate(sizes) for i in range(size)]
    random.shuffle(alerts)
    given_one = posting(*alerts, truncated=7)
    parts = in_parts(made, source, given_one, most)
    if len(alerts) <= most:
        assert parts == [given_one]
        return
    keys = [sorted({made.routing(source, alert).key for alert in part.alerts}) for part in parts]
    assert list(itertools.chain(*keys)) == sorted({made.routing(source, alert).key for alert in alerts})
    assert sorted(a.fingerprint for part in parts for a in part.alerts) == sorted(a.fingerprint for a in alerts)
    assert all(len(part.alerts) <= most or len(some) == 1 for part, some in zip(parts, keys, strict=True))
    assert all(part.truncated == 7 for part in parts)


async def test_a_persons_command_goes_between_two_parts(store: Store) -> None:
    watched, loop = Watched(store), asyncio.get_running_loop()
    said: list[asyncio.Task[None]] = []

    def during_first() -> None:
        """Have a person say something while the first part is being stored."""
        asked = threading.Event()

        def ask() -> None:
            said.append(asyncio.ensure_future(store.tx(lambda uow: watched.ran.append("person"))))
            loop.call_soon(asked.set)  # after the command has been queued

        loop.call_soon_threadsafe(ask)
        assert asked.wait(WAIT)

    watched.during_first = during_first
    answer = await Front(store=watched, rules=BY_CLUSTER).post(body())
    await asyncio.gather(*said)
    assert answer.status == 200
    assert watched.ran.count("part") == 3
    assert watched.ran.index("person") < 3, "the person did not wait for all of it"


async def test_one_that_fails_in_its_last_part_is_refused_and_stored_by_its_repeat(store: Store) -> None:
    watched = Watched(store)
    front = Front(store=watched, rules=BY_CLUSTER)
    watched.refuse = 3
    refused = await front.post(body())
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    size = MOST * 2 // 3
    assert await counts(store) == [(size, 0), (size, 0)]
    stored = await facts(store)
    watched.refuse = 99
    for _ in range(2):
        assert (await front.post(body(), PROOF)).status == 200
        assert await counts(store) == [(size, 0)] * 3
    assert len(stored) == 1, "the second group joined the incident of the first"
    assert await facts(store) == stored
    assert (await front.post(body("resolved"))).status == 200
    assert await counts(store) == [(0, size)] * 3
    changed = [event.payload for event in await facts(store) if isinstance(event.payload, AlertsChanged)]
    assert [one.stopped for one in changed] == [size, size, size]
    assert len({one.group for one in changed}) == 3
