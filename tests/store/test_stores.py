"""What a store promises: durable before it answers, one job's failure is its own, and no two processes on one file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.errors import ConfigError, NotStored, Refused, refuse
from bot.model import event as ev
from bot.model.event import NoteAdded
from bot.model.ids import IncidentId, PersonId
from bot.model.person import ALL_SEEING, PUBLIC, Person, Viewer
from bot.model.text import plain
from bot.ports import Filter, Store, UnitOfWork
from store.open import open_store
from tests.store.world import CHAT, SECOND, T0, Ticking, declared, then, wish

IDENT = IncidentId("F-20240520-001")


def say(name: str) -> Any:
    return lambda uow: uow.save_person(Person(PersonId(name), name))


def known(*names: str) -> Any:
    return lambda uow: [uow.person(PersonId(name)) is not None for name in names]


def count(url: str, table: str) -> int:
    """Count rows over a connection of its own, as a process that starts after a crash would."""
    if url.startswith("sqlite"):
        raw = sqlite3.connect(url.removeprefix("sqlite:///"))
        found = raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        raw.close()
        return int(found)
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
        return int(row[0]) if row else 0


class Busy:
    """Hold the writer in a job, so that what comes meanwhile waits for it or shares its commit."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.go_on = threading.Event()

    async def __aenter__(self) -> Busy:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait(uow: UnitOfWork) -> None:
            loop.call_soon_threadsafe(started.set)
            assert self.go_on.wait(10)

        self.job = asyncio.create_task(self.store.tx(wait))
        await started.wait()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.go_on.set()
        await asyncio.wait([self.job])


async def gathered(busy: Busy, *jobs: Any, bulk: int = 0) -> list[Any]:
    """Queue jobs while the writer is busy, let it go on, and give their outcomes."""
    async with busy:
        tasks = [asyncio.create_task(busy.store.tx(job, bulk=bulk)) for job in jobs]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_was_answered_is_on_the_disk(store: Store, url: str) -> None:
    await store.tx(say("zhang"))
    assert count(url, "person") == 1


async def test_a_failing_job_undoes_only_itself(store: Store) -> None:
    def fails(error: Exception) -> Any:
        def job(uow: UnitOfWork) -> None:
            uow.save_person(Person(PersonId("half"), "half"))
            raise error

        return job

    jobs = (fails(refuse("no")), say("a"), fails(ZeroDivisionError()), say("b"), fails(StopIteration()))
    outcomes = await gathered(Busy(store), *jobs)
    assert [type(outcome) for outcome in outcomes] == [Refused, type(None), ZeroDivisionError, type(None), RuntimeError]
    assert await store.tx(known("a", "b", "half")) == [True, True, False]


async def test_jobs_see_what_those_before_them_wrote(store: Store) -> None:
    outcomes = await gathered(Busy(store), *[lambda uow: uow.new_incident_id("20240520") for _ in range(50)])
    assert sorted(outcomes) == [f"F-20240520-{n:03d}" for n in range(1, 51)]


async def test_concurrent_declarations_draw_ids_of_their_own(store: Store, second: Store) -> None:
    def declare(uow: UnitOfWork) -> str:
        ident = uow.new_incident_id("20240520")
        incident, event = declared(ident)
        uow.save_incident(incident, [event])
        return ident

    drawn = await asyncio.gather(*[one.tx(declare) for one in (store, second) * 15])
    assert sorted(drawn) == [f"F-20240520-{n:03d}" for n in range(1, 31)]


async def test_concurrent_facts_of_one_incident_are_numbered_without_a_gap(store: Store, second: Store) -> None:
    incident, event = declared()
    await store.tx(lambda uow: uow.save_incident(incident, [event]))

    def note(uow: UnitOfWork) -> None:
        before = uow.lock_incident(IDENT)
        assert before is not None
        uow.save_incident(*then(before, NoteAdded(text=plain("一"))))

    await asyncio.gather(*[one.tx(note) for one in (store, second) * 20])
    events = await store.read(lambda reads: reads.timeline(IDENT), ALL_SEEING)
    assert [event.n for event in events] == list(range(1, 42))


async def test_a_delivery_that_two_replicas_get_is_handled_once(store: Store, second: Store) -> None:
    def handle(uow: UnitOfWork) -> bytes:
        answer = uow.delivered(CHAT, "e1")
        if answer is None:
            answer = uow.new_incident_id("20240520").encode()
            uow.keep_delivery(CHAT, "e1", answer, T0)
        return answer

    answers = await asyncio.gather(*[one.tx(handle) for one in (store, second) * 4])
    assert set(answers) == {b"F-20240520-001"}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_people_go_before_alerts(store: Store) -> None:
    order: list[str] = []
    async with Busy(store):
        jobs = [asyncio.create_task(store.tx(lambda uow, n=n: order.append(f"alerts {n}"), bulk=10)) for n in range(3)]
        await asyncio.sleep(0)
        jobs.append(asyncio.create_task(store.tx(lambda uow: order.append("person"))))
        await asyncio.sleep(0)
    await asyncio.gather(*jobs)
    assert order == ["person", "alerts 0", "alerts 1", "alerts 2"]


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_storm_of_alert_jobs_leaves_room_for_people(store: Store) -> None:
    go_on = threading.Event()
    storm = [asyncio.create_task(store.tx(lambda uow: go_on.wait(10), bulk=10)) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.wait_for(store.tx(say("zhang")), 5)
    go_on.set()
    assert all(await asyncio.gather(*storm))


async def test_nobody_waits_for_the_commit_of_a_big_alert_job_that_came_later(store: Store) -> None:
    answered, in_time = threading.Event(), []

    async def ask() -> None:
        await store.tx(say("zhang"))
        answered.set()

    async with Busy(store) as busy:
        big = asyncio.create_task(store.tx(lambda uow: in_time.append(answered.wait(10)), bulk=1000))
        asked = asyncio.create_task(ask())
        await asyncio.sleep(0)
        busy.go_on.set()
        await asyncio.gather(big, asked)
    assert in_time == [True]


async def test_a_commit_that_fails_fails_every_job_in_it(store: Store, url: str) -> None:
    # A constraint that is looked at no earlier than the commit stands in for a disk that fails there.
    later = [
        "CREATE TABLE owner (id INTEGER PRIMARY KEY)",
        "CREATE TABLE owned (id INTEGER REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED)",
    ]
    await store.tx(lambda uow: [uow.link.text(sql) for sql in later])  # type: ignore[attr-defined]
    woken: list[int] = []
    store.on_commit(lambda: woken.append(1))
    if url.startswith("sqlite"):
        store._writer.slice = 10  # type: ignore[attr-defined]  # however slow the machine: one commit

    def poisons(uow: Any) -> None:
        uow.want([wish()], T0)
        uow.link.text("INSERT INTO owned VALUES (7)")

    outcomes = await gathered(Busy(store), say("a"), poisons, say("b"))
    assert isinstance(outcomes[1], NotStored)
    if url.startswith("sqlite"):
        assert [type(outcome) for outcome in outcomes] == [NotStored] * 3
        assert await store.tx(known("a", "b")) == [False, False]
    assert woken == []
    assert (await store.tx(lambda uow: uow.effect_counts()))["todo"] == 0
    await store.tx(say("c"))
    assert await store.tx(known("c")) == [True]


async def test_the_outbox_is_woken_by_commits_that_gave_it_something(store: Store) -> None:
    woken = asyncio.Event()
    store.on_commit(woken.set)
    await store.tx(say("zhang"))
    await asyncio.sleep(0)
    assert not woken.is_set()
    await store.tx(lambda uow: uow.want([wish()], T0))
    await asyncio.wait_for(woken.wait(), 5)
    taken = await store.tx(lambda uow: uow.claim("me", [CHAT], T0, SECOND, 9))
    woken.clear()
    await store.tx(lambda uow: uow.finish(taken[0], "me", T0))
    await asyncio.wait_for(woken.wait(), 5)


async def test_a_caller_that_leaves_does_not_take_the_others_along(store: Store) -> None:
    busy = Busy(store)
    async with busy:
        left = asyncio.create_task(store.tx(say("left")))
        stays = asyncio.create_task(store.tx(say("stays")))
        await asyncio.sleep(0)
        left.cancel()
    await stays
    assert await store.tx(known("stays")) == [True]
    with pytest.raises(asyncio.CancelledError):
        await left


async def test_a_job_that_ends_by_a_stop_iteration_is_not_waited_for_for_ever(store: Store) -> None:
    for asked in (store.tx(lambda uow: next(iter(()))), store.read(lambda reads: next(iter(())), PUBLIC)):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(asked, 30)


async def test_reads_go_on_beside_the_writer_and_write_nothing(store: Store) -> None:
    await store.tx(say("zhang"))
    async with Busy(store):
        assert await asyncio.wait_for(store.read(known("zhang"), PUBLIC), 5) == [True]
    with pytest.raises((NotStored, sqlite3.Error, psycopg.Error)):
        await store.read(lambda reads: reads.link.text("DELETE FROM person"), PUBLIC)  # type: ignore[attr-defined]
    assert await store.read(known("zhang"), PUBLIC) == [True]


async def test_a_read_job_sees_one_state(store: Store) -> None:
    first, looked, changed = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def twice(reads: Any) -> list[int]:
        before = reads.count(Filter(open=None))
        first.call_soon_threadsafe(looked.set)
        assert changed.wait(10)
        return [before, reads.count(Filter(open=None))]

    reading = asyncio.create_task(store.read(twice, ALL_SEEING))
    await looked.wait()
    incident, event = declared()
    await store.tx(lambda uow: uow.save_incident(incident, [event]))
    changed.set()
    assert await reading == [0, 0]
    assert await store.read(lambda reads: reads.count(Filter(open=None)), ALL_SEEING) == 1


async def test_a_job_reads_as_somebody_else_within_its_transaction(store: Store) -> None:
    def job(uow: UnitOfWork) -> tuple[bool, bool]:
        incident, event = declared(private=True)
        uow.save_incident(incident, [event])
        return uow.incident(IDENT) is not None, uow.reads(Viewer(PersonId("li"))).incident(IDENT) is not None

    assert await store.tx(job) == (True, False)


async def test_a_store_says_that_it_can_be_written(store: Store, url: str) -> None:
    await store.ready()
    if url.startswith("sqlite"):
        assert abs(await store.clock_offset()) == 0 * SECOND  # type: ignore[attr-defined]
    else:
        assert abs(await store.clock_offset()) < 5 * SECOND  # type: ignore[attr-defined]


async def test_a_closed_store_takes_nothing_more(url: str) -> None:
    store = open_store(url, clock=Ticking())
    jobs = [asyncio.create_task(store.tx(say(f"p{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*jobs)  # what was asked before is done
    assert count(url, "person") == 5
    with pytest.raises(NotStored):
        await store.tx(say("late"))


# ---------------------------------------------------------------- SQLite
async def test_a_second_running_process_on_a_file_is_refused(tmp_path: Path, sqlite_template: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(url, clock=Ticking())
    with pytest.raises(ConfigError, match="in use by another running warroom"):
        open_store(url, clock=Ticking())
    cli = open_store(url, clock=Ticking(), lock=False)
    await asyncio.gather(*[one.tx(lambda uow: uow.new_person_id()) for one in (store, cli) * 10])
    assert await cli.tx(lambda uow: uow.new_person_id()) == "p-21"
    await cli.close()
    await store.close()
    again = open_store(url, clock=Ticking())
    await again.close()


async def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(url, clock=Ticking())
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    store._writer._raw.execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotStored):
        await store.ready()
    holder.execute("ROLLBACK")
    await store.ready()
    holder.close()
    await store.close()


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(url, clock=Ticking())
    raw = store._writer._raw  # type: ignore[attr-defined]
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {pages + 2}")

    def keep(n: int) -> Any:
        return lambda uow: uow.keep_delivery(CHAT, f"e{n}", b"x" * 1000, T0)

    outcomes = await asyncio.gather(*[store.tx(keep(n)) for n in range(200)], return_exceptions=True)
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert failed
    assert {type(outcome) for outcome in failed} == {NotStored}
    stored = count(url, "delivery")
    assert stored == 200 - len(failed)
    raw.execute("PRAGMA max_page_count = 100000")
    await store.tx(lambda uow: uow.keep_delivery(CHAT, "later", b"", T0))
    assert count(url, "delivery") == stored + 1
    await store.close()


def test_durability_is_not_traded_for_speed(tmp_path: Path) -> None:
    from store.sqlite import connect

    raw = connect(tmp_path / "x.db")
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
    raw.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not a URL"),
        ("mysql://u:hunter2@h/d", "not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_an_address_that_cannot_work_is_refused_in_words(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        open_store(url, clock=Ticking())
    assert "hunter2" not in str(refused.value)


# ---------------------------------------------------------------- PostgreSQL
async def test_a_server_that_restarts_costs_nothing_but_time(pg_template: str, pg_server: str) -> None:
    from tests import postgres

    with postgres.database(pg_server, template=pg_template) as url:
        store = open_store(url, clock=Ticking())
        await store.tx(say("a"))
        await store.read(known("a"), PUBLIC)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.gather(*[store.tx(say(f"b{n}")) for n in range(8)])
        assert await store.read(known("a", "b0", "b7"), PUBLIC) == [True, True, True]
        await store.close()


async def test_a_server_that_is_gone_is_said(pg_template: str, pg_server: str) -> None:
    from tests import postgres

    with postgres.database(pg_server, template=pg_template) as url:
        store = open_store(url, clock=Ticking())
        await store.tx(say("a"))
    with pytest.raises(NotStored) as failed:
        await store.tx(say("b"))
    assert "password" not in str(failed.value)
    with pytest.raises(NotStored):
        await store.read(known("a"), PUBLIC)
    with pytest.raises(NotStored):
        await store.ready()
    await store.close()
    with pytest.raises(NotStored):
        open_store(url, clock=Ticking())


async def test_jobs_that_lock_each_other_out_are_run_again(pg_template: str, pg_server: str) -> None:
    from tests import postgres

    with postgres.database(pg_server, template=pg_template) as url:
        store = open_store(url, clock=Ticking())
        for n in (1, 2):
            incident, event = declared(f"F-20240520-00{n}")
            await store.tx(lambda uow, i=incident, e=event: uow.save_incident(i, [e]))
        both = threading.Barrier(2)
        runs: list[str] = []

        def crosswise(first: str, then_: str) -> Any:
            def job(uow: UnitOfWork) -> str:
                runs.append(first)
                uow.lock_incident(IncidentId(first))
                if len(runs) <= 2:
                    both.wait(10)
                other = uow.lock_incident(IncidentId(then_))
                assert other is not None
                uow.save_incident(*then(other, ev.NoteAdded(text=plain("一"))))
                return "done"

            return job

        one, two = "F-20240520-001", "F-20240520-002"
        assert await asyncio.gather(store.tx(crosswise(one, two)), store.tx(crosswise(two, one))) == ["done", "done"]
        assert len(runs) == 3
        for ident in (one, two):
            assert len(await store.read(lambda reads, i=ident: reads.timeline(IncidentId(i)), ALL_SEEING)) == 2
        await store.close()
