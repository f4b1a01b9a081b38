"""What each chat can do, as one table: rows are abilities, columns the adapters that there are."""

from __future__ import annotations

from bot.plugins import available, plugin
from bot.ports import Profile, Row

CHATS = "adapters.chat"


def profiles() -> dict[str, Profile]:
    """Give what every adapter says of itself, by its name in the configuration; loads no platform's SDK."""
    return {name: plugin(CHATS, name).profile for name in available(CHATS)}


def table(known: dict[str, Profile]) -> list[tuple[str, ...]]:
    """Build the table, its head first."""
    head = ("", *(profile.title for profile in known.values()))
    return [head, *((row.value, *(profile.cells[row].words for profile in known.values())) for row in Row)]


def markdown(known: dict[str, Profile]) -> str:
    """Write the table in Markdown."""
    head, *rows = table(known)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
