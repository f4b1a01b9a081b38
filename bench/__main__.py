"""`make bench`, or parts of it: `python -m bench intake storm --quick`. Exit code 1 below 0.7 of a goal."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sqlite3
import sys
import time

from bench.figures import Figure, print_now, table

PARTS = {
    "intake": "intake of alerts beside a ceiling",
    "storm": "10,000 alerts in 10 groups",
    "busy": "a person's command while a storm is taken in",
    "slack": "acknowledgements, rooms and connections in Slack",
    "chats": "rooms, a change told in them, start and memory on Slack, Feishu, DingTalk and WeCom",
    "history": "commands at 100, 100,000 and 1,000,000 incidents, and the timer's tick",
    "footprint": "start and memory",
}


def machine() -> str:
    """Describe where this ran."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, {platform.python_implementation()} "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f} at the start"
    )


def main() -> int:
    """Run the parts that are asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product beside a ceiling.")
    parser.add_argument("parts", nargs="*", metavar="part", help="; ".join(f"{name}: {what}" for name, what in PARTS.items()))
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and smaller histories: figures for work, not for print"
    )
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print_now(machine())
    figures: list[Figure] = []
    for name in asked.parts or PARTS:
        began = time.perf_counter()
        print_now(f"{name}: {PARTS[name]}")
        figures += importlib.import_module(f"bench.{name}").measure(asked.quick)
        print_now(f"  ({time.perf_counter() - began:.0f} s)")
    print_now("\n" + table(figures))
    return 0 if all(figure.tolerable for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
