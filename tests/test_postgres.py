"""The test databases themselves: fresh, on both engines, and gone when their owner is."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests import postgres


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def eventually(fact: object, seconds: float = 20.0) -> bool:
    assert callable(fact)
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(store_url: str, turn: int) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (turn INTEGER)"))  # fails if the turn before is still there
        connection.execute(text("INSERT INTO mine VALUES (:turn)"), {"turn": turn})
        assert connection.execute(text("SELECT turn FROM mine")).scalars().all() == [turn]
    engine.dispose()


def test_store_url_names_the_engine_it_says(store_url: str, request: pytest.FixtureRequest) -> None:
    engine = create_engine(store_url)
    with engine.connect() as connection:
        asked = "sqlite_version()" if "sqlite" in request.node.name else "version()"
        version = str(connection.execute(text(f"SELECT {asked}")).scalar_one())
    engine.dispose()
    assert version == sqlite3.sqlite_version if "sqlite" in request.node.name else version.startswith("PostgreSQL")


def test_a_database_can_be_copied_from_a_template(pg_server: str, pg_url: str) -> None:
    with psycopg.connect(pg_url) as connection:
        connection.execute("CREATE TABLE made_once (id int)")
    with postgres.database(pg_server, template=pg_url) as copy, psycopg.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM made_once").fetchone() == (0,)


def test_a_database_is_dropped_even_while_somebody_is_connected(pg_server: str) -> None:
    with postgres.database(pg_server) as url:
        left_open = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


@pytest.mark.postgres
@pytest.mark.skipif(bool(os.environ.get("WARROOM_TEST_PG_URL")), reason="a server named from outside is not ours to end")
def test_a_killed_owner_leaves_neither_process_nor_file(pg_server: str) -> None:
    owner = "from tests import postgres\nwith postgres.server() as url:\n  print(url, flush=True)\n  input()"
    process = subprocess.Popen(
        [sys.executable, "-c", owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=postgres.ROOT
    )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        url = process.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        assert row is not None
        data = Path(row[0])
        server = int((data / "postmaster.pid").read_text().splitlines()[0])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert eventually(lambda: not alive(server)), "PostgreSQL outlived the process that asked for it"
        assert eventually(lambda: not data.parent.exists()), "its directory was left behind"


def test_urls_lose_their_driver_and_change_their_database() -> None:
    assert postgres.plain("postgresql+psycopg://u:p@h:1/d") == "postgresql://u:p@h:1/d"
    assert postgres.named("postgresql://u@/postgres?host=%2Ftmp", "t_1") == "postgresql://u@/t_1?host=%2Ftmp"
