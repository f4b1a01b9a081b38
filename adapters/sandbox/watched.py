"""What changes under the eyes of others: a version that grows, and waiting for it to."""

from __future__ import annotations

import asyncio


class Watched:
    """Count the changes and tell those who watch."""

    def __init__(self) -> None:
        self.version = 0
        self._changed = asyncio.Event()

    def touch(self) -> int:
        """Count one change and wake everybody who watches; gives the new version."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return self.version

    async def changed(self, after: int, wait: float) -> None:
        """Return when something changed after a version, or when `wait` seconds are over."""
        if self.version > after:
            return
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            return
