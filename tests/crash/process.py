"""One `warroom run` that is killed and started again on the same data."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.crash.build import command, environment

STARTS_WITHIN = 30.0  # seconds
ENDS_WITHIN = 20.0  # seconds


class Process:
    """Keep `warroom run` running until `stop`: whenever it was killed, it is started again.

    `listening(url)` is told of each start. `killed` holds the instant of each kill (time.monotonic); `problems` what a
    process must not do: end by itself, not start, log an error, refuse to stop.
    """

    def __init__(self, build: Path, config: Path, listening: Callable[[str], None]) -> None:
        self._build, self._config, self._listening = build, config, listening
        self.killed: list[float] = []
        self.problems: list[str] = []
        self.ready = asyncio.Event()
        self.starting_took: list[float] = []
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._words: deque[str] = deque(maxlen=60)  # what it last said that is no log entry, such as a fatal error

    def start(self) -> None:
        """Start it, and watch it from now on."""
        self._task = asyncio.create_task(self._watch())

    def kill(self) -> bool:
        """Send SIGKILL now; False = there is nothing to kill."""
        running = self._process
        if running is None or running.returncode is not None or self._stopping:
            return False
        with contextlib.suppress(ProcessLookupError):
            running.kill()
            self.killed.append(time.monotonic())
            self.ready.clear()
            return True
        return False

    async def stop(self) -> None:
        """Ask it to end as a service manager does."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        if self._task is not None:
            try:
                await asyncio.wait_for(self._task, ENDS_WITHIN)
            except TimeoutError:
                self.problems.append(f"it did not end within {ENDS_WITHIN:g} s of SIGTERM")
                self._end()
            else:
                if self._process is not None and self._process.returncode != 0:
                    self.problems.append(f"it ended with {self._process.returncode} after SIGTERM")

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _watch(self) -> None:
        try:
            while not self._stopping:
                kills = len(self.killed)
                await self._live()
                if not self._stopping and len(self.killed) == kills:
                    code = self._process.returncode if self._process else None
                    self.problems.append("\n".join((f"it ended by itself with {code}", *self._words)))
                    return
        finally:
            self._end()

    async def _live(self) -> None:
        began = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            str(command()), "run", "-c", str(self._config), cwd=self._config.parent, env=environment(self._build),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            said = _entry(raw)
            if said.get("event") == "ready":
                self.starting_took.append(time.monotonic() - began)
                self._listening(said["url"])
                self.ready.set()
            elif not said:
                self._words.append(raw.decode(errors="replace").rstrip())
            elif said.get("level") not in ("info", "debug", "warning"):
                self.problems.append(f"it logged {raw.decode(errors='replace').strip()[:400]}")
        await self._process.wait()


def _entry(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
