"""The processes that are measured, each started on a fresh port with fresh data and stopped again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench.bodies import a_minute_ago
from bench.load import Load, Shot

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "token-of-the-bench"
SECRET = "secret-of-the-bench-chat"
STARTS_WITHIN = 30.0  # seconds
ALERTMANAGER = shutil.which("prometheus-alertmanager")


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str) -> bytes:
    """GET a page of a server of ours."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        page: bytes = answer.read()
        return page


@dataclass
class Server:
    """Hold a running server: where it listens, where its rows are, which process it is, how long its start took."""

    name: str
    port: int
    path: str = "/webhooks/alertmanager"
    database: str = ""
    kind: str = "webhook"
    pid: int = 0
    started: float = 0.0
    start_cpu: float = 0.0
    log: Path = field(default_factory=Path)
    next: int = 0
    began: str = field(default_factory=a_minute_ago)
    command: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Give the base address."""
        return f"http://127.0.0.1:{self.port}"

    def shoot(self, **asked: Any) -> Shot:
        """Run the load generator against it and wait for its end; raises RuntimeError when anything was refused."""
        shot = self.aim(**asked)()
        if shot.refused:
            raise RuntimeError(
                f"{self.name} refused {shot.refused}: {self.log.read_text()[-2000:] if self.log.is_file() else ''}"
            )
        return shot

    def aim(self, **asked: Any) -> Any:
        """Start the load generator; calling what is given waits for the result."""
        load = Load(port=self.port, path=self.path, kind=self.kind, first=self.next, token=TOKEN, started=self.began, **asked)
        command = [sys.executable, "-m", "bench.load", msgspec.json.encode(load).decode()]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

        def result() -> Shot:
            said, _ = process.communicate()
            if process.returncode:
                raise RuntimeError("the load generator failed")
            shot = msgspec.json.decode(said, type=Shot)
            self.next = shot.first
            return shot

        return result

    def rows(self, table: str = "alert", where: str = "") -> int:
        """Count the rows that another connection sees."""
        if self.kind == "api":
            lines = fetch(f"{self.url}/metrics").decode().splitlines()
            received = [line for line in lines if line.startswith("alertmanager_alerts_received_total")]
            return sum(int(float(line.rpartition(" ")[2])) for line in received if 'status="firing"' in line)
        return int(self.query(f"SELECT count(*) FROM {table} {where}")[0][0])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read with a connection of our own."""
        if self.database.startswith("postgresql"):
            with psycopg.connect(self.database) as link:
                return list(link.execute(sql.encode()).fetchall())
        with contextlib.closing(sqlite3.connect(self.database)) as raw:
            return list(raw.execute(sql).fetchall())

    def again(self) -> float:
        """Stop it, start it once more on the same data, and give how long that took."""
        folder, ready = self.log.parent, "/healthz"
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        with _running(self, self.command, folder, ready):
            return self.started

    def memory(self) -> float:
        """Give its resident memory in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextlib.contextmanager
def _running(server: Server, command: list[str], folder: Path, ready: str) -> Iterator[Server]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARROOM_", "PYTHON"))}
    server.log = folder / f"{server.name}.log"
    with server.log.open("wb") as sink:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, env=kept)
    server.pid, server.command = process.pid, command
    try:
        while True:
            try:
                fetch(server.url + ready)
                break
            except OSError as error:
                if getattr(error, "code", None) in (404, 405):
                    break
                if process.poll() is not None or time.perf_counter() - began > STARTS_WITHIN:
                    raise RuntimeError(f"{server.name} did not start: {server.log.read_text()[-2000:]}") from None
            time.sleep(0.002)
        server.started = time.perf_counter() - began
        spent = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        server.start_cpu = (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)  # does nothing where `again` has ended it
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a new folder for a server's data."""
    with tempfile.TemporaryDirectory(prefix="warroom-bench-") as made:
        yield Path(made)


@contextlib.contextmanager
def ceiling() -> Iterator[Server]:
    """Run the ceiling."""
    with folder() as at:
        server = Server("ceiling", free_port(), database=str(at / "ceiling.db"))
        command = [sys.executable, "-m", "bench.ceiling", str(server.port), server.database]
        with _running(server, command, at, "/"):
            yield server


@contextlib.contextmanager
def product(
    url: str | None = None, chat: int = 1, name: str = "product", change: Mapping[str, Any] | None = None, port: int = 0
) -> Iterator[Server]:
    """Run `warroom run` with twenty rules and its default log; `url` = its database if not a new SQLite file.

    `change` replaces whole keys of the configuration, such as the chats; `port` 0 = any free one.
    """
    with folder() as at:
        port = port or free_port()
        where = url or f"sqlite:///{at / 'warroom.db'}"
        (at / "config.yaml").write_text(json.dumps({**_config(port, where, chat), **(change or {})}), encoding="utf-8")
        server = Server(name, port, database=where.removeprefix("sqlite:///"))
        command = [str(Path(sys.executable).with_name("warroom")), "run", "-c", str(at / "config.yaml")]
        with _running(server, command, at, "/healthz"):
            yield server


def _config(port: int, database: str, chat: int) -> dict[str, Any]:
    services = [f"svc-{n:02d}" for n in range(20)]
    return {
        "http": {"port": port},
        "database": {"url": database},
        "chats": {"plain": {"adapter": "plain", "base_url": f"http://127.0.0.1:{chat}", "secret": SECRET}},
        "announce": [{"chat": "plain", "channel": "ops"}],
        "monitoring": {"alertmanager": {"adapter": "alertmanager", "auth": {"bearer": TOKEN}}},
        "services": {name: {"name": f"服务 {name[4:]}", "name_en": f"Service {name[4:]}"} for name in services},
        "people": [{"id": "anna", "name": "Anna", "accounts": {"plain": "anna"}}],
        "admins": ["anna"],
        "routing": [
            {
                "name": f"rule-{name}", "match": ['severity="critical"', f'service=~"{name}|{name}-.*"'], "action": "declare",
                "service": "{service}", "severity": "P1",
            }
            for name in services
        ],
    }  # fmt: skip


@contextlib.contextmanager
def chat() -> Iterator[Server]:
    """Run the stand-in chat."""
    with folder() as at:
        server = Server("chat", free_port())
        command = [sys.executable, "-m", "bench.chat", str(server.port), SECRET]
        with _running(server, command, at, "/_shown"):
            yield server


@contextlib.contextmanager
def slack(*options: str) -> Iterator[Server]:
    """Run the stand-in for Slack; its limits on rates are on unless an option says otherwise."""
    with folder() as at:
        server = Server("slack", free_port())
        command = [sys.executable, "-m", "adapters.sandbox.slack", "--port", str(server.port), *options]
        with _running(server, command, at, "/_sockets"):
            yield server


@contextlib.contextmanager
def square(bot_port: int, chats: Sequence[str]) -> Iterator[tuple[Server, dict[str, Any]]]:
    """Run the stand-ins of several platforms; gives what a bot on that port is to be configured with as well."""
    with folder() as at:
        server, said = Server("square", free_port()), at / "said.json"
        command = [sys.executable, "-m", "bench.square", str(server.port), str(bot_port), str(said), *chats]
        with _running(server, command, at, "/chats"):
            ends = time.perf_counter() + STARTS_WITHIN
            while not said.exists():
                if time.perf_counter() > ends:
                    raise RuntimeError(f"the stand-ins did not start: {server.log.read_text()[-2000:]}")
                time.sleep(0.01)
            yield server, json.loads(said.read_text("utf-8"))


@contextlib.contextmanager
def alertmanager() -> Iterator[Server]:
    """Run a real Alertmanager that notifies nobody."""
    assert ALERTMANAGER is not None
    with folder() as at:
        server = Server("alertmanager", free_port(), path="/api/v2/alerts", kind="api")
        (at / "config.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n", encoding="utf-8")
        command = [
            ALERTMANAGER, f"--config.file={at / 'config.yml'}", f"--storage.path={at / 'data'}",
            f"--web.listen-address=127.0.0.1:{server.port}", "--cluster.listen-address=",
        ]  # fmt: skip
        with _running(server, command, at, "/-/ready"):
            yield server
