"""A real Alertmanager posts to a running warroom: firing, repeated, resolved, truncated, a storm, and while we are away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from bot.model.event import Event, Status
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING
from bot.model.severity import Severity
from bot.ports import Filter, Reads, Store
from store.open import open_store
from tests.conftest import unavailable

pytestmark = pytest.mark.alertmanager
BINARY = shutil.which("prometheus-alertmanager")
PATIENCE = 60.0  # seconds; everything here takes about one
TOKEN, STRANGER = "right-token-of-the-test", "wrong-token-of-the-test"
T = TypeVar("T")

WARROOM = """
chats:
  plain: {{adapter: plain, base_url: "http://127.0.0.1:{nowhere}", secret: not-a-secret-at-all}}
database: {{url: "{store}"}}
http: {{port: {port}}}
monitoring:
  alertmanager: {{adapter: alertmanager, auth: {{bearer: {token}}}, api: {{url: "{api}"}}}}
services:
  orders: {{name: 订单服务}}
routing:
  - {{name: grave, match: ['severity="critical"'], action: declare, service: "{{service}}", severity: "{{severity}}"}}
"""
ALERTMANAGER = """
route:
  receiver: warroom
  group_by: [alertname, service]
  group_wait: 500ms
  group_interval: 300ms
  repeat_interval: 300ms
  routes:
  - {{matchers: ['few="yes"'], receiver: warroom-few}}
  - {{matchers: ['to="stranger"'], receiver: stranger}}
receivers:
- name: warroom
  webhook_configs:
  - {{url: "{url}", http_config: {{authorization: {{credentials: {token}}}}}}}
- name: warroom-few
  webhook_configs:
  - {{url: "{url}", max_alerts: 20, http_config: {{authorization: {{credentials: {token}}}}}}}
- name: stranger
  webhook_configs:
  - {{url: "{url}", http_config: {{authorization: {{credentials: {stranger}}}}}}}
"""


class Clock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(ask: Callable[[], Awaitable[T]], what: str) -> T:
    """Wait until something is true and give it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := await ask()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        await asyncio.sleep(0.05)
    return found


class Site:
    """An Alertmanager, a warroom that is started and stopped as users do, and its store to look into."""

    def __init__(self, folder: Path, url: str, api_port: int | None = None) -> None:
        self.folder, self.store_url = folder, url
        self.port, self.alerts_port = free_port(), free_port()
        api = f"http://127.0.0.1:{api_port or self.alerts_port}"
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "config.yaml").write_text(
            WARROOM.format(store=url, port=self.port, token=TOKEN, nowhere=free_port(), api=api), encoding="utf-8"
        )
        (folder / "alertmanager.yml").write_text(
            ALERTMANAGER.format(url=f"{self.url}/webhooks/alertmanager", token=TOKEN, stranger=STRANGER), encoding="utf-8"
        )
        self.http = httpx.AsyncClient(timeout=30)
        self.bot: subprocess.Popen[bytes] | None = None
        self.store: Store | None = None

    def launch(self) -> None:
        """Run `warroom run`."""
        command = [sys.executable, "-m", "bot", "run", "-c", str(self.folder / "config.yaml")]
        with (self.folder / "warroom.log").open("ab") as log:
            self.bot = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(Path.cwd())})

    async def start(self) -> None:
        """Run `warroom run` until it is ready."""
        self.launch()

        async def ready() -> bool:
            assert self.bot is not None
            assert self.bot.poll() is None, (self.folder / "warroom.log").read_text()[-3000:]
            with contextlib.suppress(httpx.TransportError):
                return (await self.http.get(f"{self.url}/readyz")).status_code == 200
            return False

        await until(ready, "warroom to be ready")

    def stop(self) -> None:
        """Ask warroom to end and see that it does, in order."""
        if self.bot is not None:
            self.bot.send_signal(signal.SIGTERM)
            assert self.bot.wait(15) == 0, (self.folder / "warroom.log").read_text()[-3000:]
            self.bot = None

    @contextlib.contextmanager
    def alertmanager(self) -> Iterator[None]:
        assert BINARY is not None
        command = [
            BINARY, f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={self.folder / 'am'}",
            f"--web.listen-address=127.0.0.1:{self.alerts_port}", "--cluster.listen-address=",
        ]  # fmt: skip
        with (self.folder / "alertmanager.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)

    async def fires(self, *alerts: dict[str, Any]) -> None:
        """Post alerts to Alertmanager's own API, as Prometheus does."""

        async def posted() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answer = await self.http.post(f"http://127.0.0.1:{self.alerts_port}/api/v2/alerts", json=alerts)
                assert answer.status_code == 200, answer.text
                return True
            return False

        await until(posted, "Alertmanager to take alerts")

    async def read(self, job: Callable[[Reads], T]) -> T:
        if self.store is None:
            self.store = await asyncio.to_thread(open_store, self.store_url, clock=Clock(), lock=False)
        return await self.store.read(job, ALL_SEEING)

    async def incidents(self) -> list[Incident]:
        return await self.read(lambda r: r.incidents(Filter(open=None, limit=100)))

    async def events(self, incident: Incident) -> list[Event]:
        return await self.read(lambda r: r.timeline(incident.id))

    async def postings(self, outcome: str) -> int:
        text = (await self.http.get(f"{self.url}/metrics")).text
        found = [line for line in text.splitlines() if line.startswith("warroom_postings_total") and f'"{outcome}"' in line]
        return int(float(found[0].split()[-1])) if found else 0

    async def close(self) -> None:
        if self.bot is not None:
            self.bot.kill()
            self.bot.wait()
        if self.store is not None:
            await self.store.close()
        await self.http.aclose()


@pytest.fixture
async def site(tmp_path: Path, store_url: str) -> AsyncIterator[Site]:
    if BINARY is None:
        unavailable(
            "Alertmanager", "there is no prometheus-alertmanager on the PATH (Debian: apt-get install prometheus-alertmanager)"
        )
    made = Site(tmp_path, store_url)
    try:
        with made.alertmanager():
            yield made
    finally:
        await made.close()


def alert(name: str, *, ended: bool = False, starts: datetime | None = None, **labels: str) -> dict[str, Any]:
    labels = {"alertname": "HighErrorRate", "instance": name, "severity": "critical", "service": "orders", **labels}
    said: dict[str, Any] = {"labels": labels, "annotations": {"summary": f"下单接口 5xx 35%（{name}）"}}
    if starts is not None:
        said["startsAt"] = starts.isoformat()
    if ended:
        said["endsAt"] = datetime.now(UTC).isoformat()
    return said


async def test_an_alert_fires_is_repeated_and_resolves(site: Site) -> None:
    await site.start()
    starts = datetime.now(UTC)  # of one that is older than group_wait Alertmanager tells at once, and alone
    await site.fires(alert("a", starts=starts), alert("b", starts=starts))

    (incident,) = await until(site.incidents, "an incident")
    assert (incident.status, incident.severity, incident.services) == (Status.PENDING, Severity.P1, ("orders",))
    assert (incident.firing, incident.resolved, incident.automatic) == (2, 0, True)
    assert incident.title[0].text == "下单接口 5xx 35%（a）"
    stored = await site.postings("stored")

    async def repeated() -> bool:
        return await site.postings("stored") >= stored + 3

    log = [e for e in await site.events(incident) if e.kind.startswith(("Incident", "Alerts"))]
    await until(repeated, "three repeats")
    assert [e for e in await site.events(incident) if e.kind.startswith(("Incident", "Alerts"))] == log

    await site.fires(alert("a", starts=starts, ended=True))
    await until(lambda: one_with(site, resolved=1), "the first end")
    await site.fires(alert("b", starts=starts, ended=True))
    (incident,) = await until(lambda: one_with(site, firing=0), "the last end")
    kinds = [e.kind for e in await site.events(incident) if e.kind.startswith(("Incident", "Alerts", "Recovery"))]
    assert kinds == ["IncidentDeclared", "AlertsChanged", "AlertsChanged", "RecoverySuggested"]
    assert (incident.status, incident.resolved) == (Status.PENDING, 2)  # an offer, not a decision
    site.stop()


async def one_with(site: Site, **fields: int) -> list[Incident]:
    return [i for i in await site.incidents() if all(getattr(i, name) == value for name, value in fields.items())]


async def test_a_storm_of_ten_thousand_alerts_is_ten_incidents(site: Site) -> None:
    await site.start()
    starts = datetime.now(UTC) - timedelta(seconds=5)
    for group in range(10):
        labels = {"alertname": f"Down{group}", "service": f"unknown-{group}"}
        await site.fires(*(alert(f"n{i}", starts=starts, **labels) for i in range(1000)))

    async def all_in() -> bool:
        found = await site.incidents()
        return len(found) >= 10 and sum(i.firing for i in found) == 10_000

    await until(all_in, "10,000 alerts")
    incidents = await site.incidents()
    assert [i.firing for i in incidents] == [1000] * 10
    assert sum(i.held_back for i in incidents) == 7


async def test_alerts_that_alertmanager_left_out_are_counted(site: Site) -> None:
    await site.start()
    starts = datetime.now(UTC)
    await site.fires(*(alert(f"n{i:02}", starts=starts, few="yes") for i in range(50)))
    (incident,) = await until(site.incidents, "an incident")

    async def counted() -> bool:
        (group,) = await site.read(lambda r: r.groups_of(incident.id))
        return group.truncated == 30

    await until(counted, "the number of those left out")
    assert (await site.incidents())[0].firing == 20


async def test_whoever_has_another_token_is_refused_and_stores_nothing(site: Site) -> None:
    await site.start()
    await site.fires(alert("a", to="stranger"))

    async def refused() -> bool:
        return await site.postings("401") > 0

    await until(refused, "a refusal")
    assert await site.incidents() == []
    assert STRANGER not in (site.folder / "warroom.log").read_text()
    assert TOKEN not in (site.folder / "warroom.log").read_text()


async def test_alerts_that_fire_while_we_are_away_arrive_when_we_are_back(site: Site) -> None:
    await site.start()
    site.stop()
    await site.fires(alert("a", starts=datetime.now(UTC)))

    async def tried() -> bool:
        url = f"http://127.0.0.1:{site.alerts_port}/metrics"
        text = (await site.http.get(url)).text
        failed = [
            line for line in text.splitlines() if "notification_requests_failed_total" in line and 'integration="webhook"' in line
        ]
        return any(float(line.split()[-1]) > 0 for line in failed)

    await until(tried, "Alertmanager to find nobody")
    await site.start()
    (incident,) = await until(site.incidents, "an incident")
    assert incident.firing == 1
