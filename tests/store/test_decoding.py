"""Threads that read for the first time at once: msgspec is not safe there, so what they decode is prepared at import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_START = """
import dataclasses, sys, threading
import msgspec
from bot.engine.intake import Reply
from bot.model.event import KINDS
from bot.model.incident import Incident
from store import tables as t

columns = [c.type for row in t.Row.__subclasses__() for c in t.table(row).columns if type(c.type).__name__ == "Json"]
"""
# msgspec keeps what it learned of a class on the class itself.
LEARNED = f"""{_START}
kinds = [column.kind for column in columns if dataclasses.is_dataclass(column.kind)]
print([k.__name__ for k in (*KINDS.values(), *kinds, Reply, Incident) if "__msgspec_cache__" not in vars(k)])
"""
# Without the preparation this process died of SIGSEGV in every fourth run.
FIRST_READS = f"""{_START}
together = threading.Barrier(4)
sys.setswitchinterval(1e-6)

def attempt(decode, *given):
    try:
        decode(*given)
    except msgspec.ValidationError:
        pass

def read():
    for column in columns:
        decode = column._from()
        together.wait(30)
        for shape in ("[]", "{{}}", '[{{"text": "x"}}]', '{{"text": [{{"text": "a"}}], "by": "x"}}'):
            attempt(decode, shape)
    for known in (*KINDS.values(), Reply, Incident):
        together.wait(30)
        attempt(msgspec.convert, {{}}, known)

threads = [threading.Thread(target=read) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(columns))
"""


def in_a_new_process(script: str) -> str:
    """Run a script where nothing was decoded before; gives what it printed."""
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout.strip()


def test_everything_that_threads_decode_is_learned_at_import() -> None:
    assert in_a_new_process(LEARNED) == "[]"


def test_threads_that_first_read_at_once_do_not_end_the_process() -> None:
    assert int(in_a_new_process(FIRST_READS)) > 15
