"""Silences at a real Alertmanager: set, ended, set again, never two, never one left behind, and no echo of ours."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.alertmanager_api import Api
from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.server import Listener
from bot.app import house_of
from bot.config import load
from bot.engine.house import House
from bot.engine.run import execute
from bot.model.event import Status
from bot.model.incident import Incident
from bot.model.muting import Matcher
from bot.model.person import Actor, ActorKind, Person
from bot.model.text import plain
from bot.ports import Done, Rejected, UnitOfWork
from tests.conftest import unavailable
from tests.live.test_real_alertmanager import BINARY, Clock, Site, alert, free_port, until

LI = Actor(ActorKind.PERSON, "li")


class Silencing(Site):
    """Let somebody act on the store of the running warroom, and look at what Alertmanager keeps silent."""

    house: House | None = None

    async def does(self, name: str, incident: Incident, **given: Any) -> None:
        """Give a command as 李四."""
        if self.house is None:
            self.house = house_of(load(self.folder / "config.yaml"), Clock(), {}, {})
        house = self.house

        def job(uow: UnitOfWork) -> None:
            uow.save_person(Person(LI.id, "李四"))  # type: ignore[arg-type]
            found = uow.lock_incident(incident.id)
            execute(uow, house, name, LI, now=datetime.now(UTC), arguments=given, incident=found)

        await self.incidents()  # opens the store
        assert self.store is not None
        await self.store.tx(job)

    async def silences(self, state: str = "active") -> list[dict[str, Any]]:
        answer = await self.http.get(f"http://127.0.0.1:{self.alerts_port}/api/v2/silences")
        return [one for one in answer.json() if one["status"]["state"] == state]

    async def suppressed(self) -> list[str]:
        answer = await self.http.get(f"http://127.0.0.1:{self.alerts_port}/api/v2/alerts")
        return sorted(one["labels"]["instance"] for one in answer.json() if one["status"]["state"] == "suppressed")

    async def fought(self) -> Incident:
        """Make an incident of two alerts that people handle."""
        starts = datetime.now(UTC)
        await self.fires(alert("a", starts=starts), alert("b", starts=starts))

        async def both() -> list[Incident]:
            return [i for i in await self.incidents() if i.firing == 2]

        (incident,) = await until(both, "an incident")
        await self.does("confirm", incident)
        return incident

    async def kinds(self, incident: Incident) -> list[str]:
        said = ("Incident", "Alerts", "Recovery", "Silence")
        return [e.kind for e in await self.events(incident) if e.kind.startswith(said)]


@pytest.fixture
def here(tmp_path: Path) -> str:
    if BINARY is None:
        unavailable(
            "Alertmanager", "there is no prometheus-alertmanager on the PATH (Debian: apt-get install prometheus-alertmanager)"
        )
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.mark.alertmanager
async def test_silences_follow_an_incident_through_its_life(tmp_path: Path, here: str) -> None:
    site = Silencing(tmp_path, here)
    try:
        with site.alertmanager():
            await site.start()
            incident = await site.fought()
            await site.does("silence", incident, text=plain("2h"))
            (silence,) = await until(site.silences, "a silence")
            assert silence["createdBy"] == "李四"
            assert silence["comment"].startswith(f"{incident.id} P1 下单接口 5xx 35%（a） · 处理中先静默")
            ends = datetime.fromisoformat(silence["endsAt"]) - datetime.now(UTC)
            assert timedelta(minutes=29) < ends < timedelta(minutes=31)
            assert await until(site.suppressed, "silent alerts") == ["a", "b"]
            await _settles(site)

            before, log = await site.postings("stored"), await site.kinds(incident)
            assert log[-2:] == ["SilenceWanted", "SilenceSet"]
            await asyncio.sleep(1)  # three repeat_intervals, in which nothing is to happen
            assert await site.postings("stored") == before

            await site.does("recover", incident)
            await until(lambda: _is_gone(site), "the end of the silence")
            stored = await site.postings("stored")

            async def repeated() -> bool:
                return await site.postings("stored") >= stored + 3

            await until(repeated, "three repeats of what was silent")  # which are echoes of our own change
            assert (await site.kinds(incident))[len(log) :] == ["IncidentRecovered", "SilenceEnded"]
            assert [i.status for i in await site.incidents()] == [Status.RECOVERED]

            await site.does("reopen", incident)
            await until(site.silences, "the silence again")
            await site.does("dismiss", incident, reason=plain("演练"))
            await until(lambda: _is_gone(site), "no silence")
            site.stop()
            assert await site.silences() == []
    finally:
        await site.close()


async def _is_gone(site: Silencing) -> bool:
    return await site.silences() == []


async def _settles(site: Silencing) -> None:
    """Wait until what Alertmanager had begun to send before the silence has come."""
    last = -1
    while (now := await site.postings("stored")) != last:
        last = now
        await asyncio.sleep(0.7)


@pytest.mark.alertmanager
async def test_a_process_killed_between_a_silence_and_its_answer_leaves_exactly_one(tmp_path: Path, here: str) -> None:
    gate_port = free_port()
    site = Silencing(tmp_path, here, gate_port)
    made = asyncio.Event()

    async def back(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry answers, but not the first to a new silence."""
        while answer := await there.read(65536):
            if b"silenceID" in answer and not made.is_set():
                made.set()
                return  # the connection stays open, and silent
            writer.write(answer)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to Alertmanager."""
        with contextlib.suppress(OSError):
            there, to = await asyncio.open_connection("127.0.0.1", site.alerts_port)
            answers = asyncio.create_task(back(there, writer))
            while data := await reader.read(65536):
                to.write(data)
            to.close()
            answers.cancel()

    gate = await asyncio.start_server(carry, "127.0.0.1", gate_port)
    try:
        with site.alertmanager():
            await site.start()
            incident = await site.fought()
            await site.does("silence", incident, text=plain("2h"))
            await asyncio.wait_for(made.wait(), 30)
            assert site.bot is not None
            site.bot.send_signal(signal.SIGKILL)
            site.bot.wait()
            await site.start()

            async def known() -> bool:
                return (await site.incidents())[0].muting.on != ()

            await until(known, "the silence to be known")
            assert len(await site.silences()) == 1
            assert await site.silences("expired") == []
            site.stop()
    finally:
        gate.close()
        await site.close()


@pytest.fixture(params=["real", "stand-in"])
async def alertmanager(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a real Alertmanager, and of what stands for one elsewhere: they must answer alike."""
    if request.param == "stand-in":
        listener = Listener(Alertmanager().app())
        await listener.listen()
        yield listener.url
        await listener.down()
        return
    if BINARY is None:
        unavailable("Alertmanager", "there is no prometheus-alertmanager on the PATH")
    site = Site(tmp_path, f"sqlite:///{tmp_path}/none.db")
    with _running(site):
        await site.fires()
        yield f"http://127.0.0.1:{site.alerts_port}"
    await site.close()


@contextlib.contextmanager
def _running(site: Site) -> Iterator[None]:
    with site.alertmanager():
        yield


@pytest.mark.alertmanager
async def test_alertmanager_and_its_stand_in_take_and_refuse_the_same(alertmanager: str) -> None:
    api = Api(alertmanager, {})
    odd = Matcher("pod", ("a.b|c", "d e", '"q"', "中"))
    name = Matcher("alertname", ("Down",))
    soon = datetime.now(UTC) + timedelta(minutes=30)
    assert await api.find("w/A-1") == ()
    made = await api.silence((name, odd), soon, "甲", "张三", "w/A-1")
    assert isinstance(made, Done) and made.ref is not None
    await api.silence((name,), soon, "别人的", "张三", "w/A-11")
    (known,) = await api.find("w/A-1")  # type: ignore[misc]
    assert (known.id, known.active, known.comment) == (made.ref.id, True, "甲")
    assert known.matchers == (name, odd)
    assert abs(known.starts_at - datetime.now(UTC)) < timedelta(seconds=5)  # not 1970

    await api.silence((name, odd), soon + timedelta(minutes=30), "乙", "李四", "w/A-1", known)
    (longer,) = await api.find("w/A-1")  # type: ignore[misc]
    assert (longer.id, longer.comment) == (known.id, "乙")
    assert longer.ends_at - known.ends_at == timedelta(minutes=30)

    await api.silence((name,), soon, "丙", "李四", "w/A-1", longer)
    now, before = sorted(await api.find("w/A-1"), key=lambda one: not one.active)  # type: ignore[type-var,arg-type]
    assert (now.active, before.active, before.id) == (True, False, known.id)
    assert now.id != known.id

    for _ in range(2):
        assert await api.expire(now.id) == Done()
    assert not isinstance(await api.expire("00000000-0000-0000-0000-000000000000"), Rejected)  # nobody needs to look
    assert [one.active for one in await api.find("w/A-1")] == [False, False]  # type: ignore[union-attr]
    refused = await api.silence((Matcher("pod", ("", "a")),), soon, "丁", "张三", "w/A-2")
    assert isinstance(refused, Rejected) and refused.code == "silence_invalid"
    firing = await api.firing((name, odd))
    assert firing.alerts == ()  # type: ignore[union-attr]
    assert datetime.now(UTC) - firing.up_since < timedelta(minutes=1)  # type: ignore[union-attr]
    await api.close()


@pytest.mark.alertmanager
async def test_what_fires_is_asked_for_by_the_very_labels(tmp_path: Path, here: str) -> None:
    site = Site(tmp_path, here)
    labels = {"note": 'a "b" \\c|d.*', "pod": "p.1"}
    try:
        with site.alertmanager():
            await site.fires(alert("a", **labels), alert("b", **labels), alert("c", note="x", pod="pX1"))
            api = Api(f"http://127.0.0.1:{site.alerts_port}", {})
            asked = (Matcher("note", (labels["note"],)), Matcher("pod", ("p.1", "zz")), Matcher("nowhere", ("",)))

            async def seen() -> list[str]:
                found = await api.firing(asked)
                return sorted(one.labels["instance"] for one in found.alerts)  # type: ignore[union-attr]

            assert await until(seen, "the alerts") == ["a", "b"]
            await api.close()
    finally:
        await site.close()


async def test_one_who_is_not_known_there_is_refused_and_shows_no_secret() -> None:
    am = Alertmanager("right-token")
    api = Api(
        "http://am", {"authorization": "Bearer wrong-token"}, secrets=("wrong-token",),
        transport=httpx.ASGITransport(am.app()),
    )  # fmt: skip
    for outcome in (await api.find("k"), await api.expire("1"), await api.firing(())):
        assert isinstance(outcome, Rejected) and outcome.code == "source_denied"
        assert "wrong-token" not in repr(outcome)
    await api.close()
