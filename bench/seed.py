"""Histories made by SQL: copies of one incident that the product itself has made, old and closed but for the newest fifty."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

OPEN = 50
A_DAY = 300  # incidents
FAR = 4_000_000_000_000_000  # microseconds since 1970: no timer of the history is due while we look
_SERIES = "CREATE TABLE bench_series (id TEXT PRIMARY KEY, day TEXT, number BIGINT, at BIGINT, live BIGINT, service TEXT)"
_COPIES: dict[str, dict[str, str]] = {  # table -> column -> what stands there instead of the copied value
    "incident": {
        "id": "s.id", "day": "s.day", "number": "s.number", "declared_at": "s.at", "services": """'["' || s.service || '"]'""",
        "status": "CASE s.live WHEN 1 THEN t.status ELSE 'closed' END",
        "closed_at": "CASE s.live WHEN 1 THEN NULL ELSE s.at + 3600000000 END",
        "outcome": "CASE s.live WHEN 1 THEN NULL ELSE 'resolved' END",
    },
    "event": {"incident": "s.id", "at": "s.at + t.n", "recorded_at": "s.at + t.n", "seq": ""},
    "incident_person": {"incident": "s.id", "declared_at": "s.at", "open": "s.live = 1"},
    "incident_service": {
        "incident": "s.id", "declared_at": "s.at", "service": "s.service", "open": "s.live = 1", "live": "s.live = 1",
    },
    "deadline": {"incident": "s.id", "due": str(FAR)},
}  # fmt: skip


def seed(database: str, size: int) -> str:
    """Copy the only incident of a database until there are `size`; gives the id of one in the middle of the history."""
    with _link(database) as run:
        template = str(run("SELECT id FROM incident")[0][0])
        rows = list(_rows(size))
        run(_SERIES)
        if database.startswith("postgresql"):
            with psycopg.connect(database) as link, link.cursor().copy("COPY bench_series FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            run.many("INSERT INTO bench_series VALUES (?, ?, ?, ?, ?, ?)", rows)
        for table, other in _COPIES.items():
            names = [name for name in run.columns(table) if other.get(name) != ""]
            values = ", ".join(other.get(name, f't."{name}"') for name in names)
            columns = ", ".join(f'"{name}"' for name in names)
            key = "id" if table == "incident" else "incident"
            run(f"INSERT INTO {table} ({columns}) SELECT {values} FROM bench_series s, {table} t WHERE t.{key} = '{template}'")
        run("DROP TABLE bench_series")
    with _link(database) as run:
        run("ANALYZE")
    return rows[len(rows) // 2][0]


def due(database: str, number: int) -> None:
    """Make so many timers due now, and forget earlier ones."""
    with _link(database) as run:
        run("DELETE FROM deadline WHERE incident LIKE 'bench-%'")
        numbers = ", ".join(f"('bench-{n}', 'nag_commander', '', {n + 1})" for n in range(number))
        run(f"INSERT INTO deadline (incident, kind, slot, due) VALUES {numbers}")


def _rows(size: int) -> Iterator[tuple[str, str, int, int, int, str]]:
    began = datetime.now(UTC) - timedelta(days=2)
    for n in range(size):
        at = began - timedelta(days=n // A_DAY, seconds=n % A_DAY)
        number = n % A_DAY + 1
        day = f"{at:%Y%m%d}"
        yield f"F-{day}-{number:03d}", day, number, int(at.timestamp() * 1_000_000), int(n < OPEN), f"svc-{n % 20:02d}"


class _Run:
    """Run SQL on either database."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self.raw.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []

    def many(self, sql: str, rows: list[Any]) -> None:
        self.raw.executemany(sql, rows)

    def columns(self, table: str) -> list[str]:
        return [column[0] for column in self.raw.execute(f"SELECT * FROM {table} LIMIT 0").description]


@contextlib.contextmanager
def _link(database: str) -> Iterator[_Run]:
    if database.startswith("postgresql"):
        with psycopg.connect(database, autocommit=True) as link:
            yield _Run(link)
        return
    with contextlib.closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("PRAGMA cache_size = -400000")
        yield _Run(raw)
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
