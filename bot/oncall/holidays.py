"""The statutory holidays of mainland China and the weekend days worked for them (调休), as the State Council announces them.

A year is announced in the autumn before; `holidays_cn.json` beside this file holds the years that are published, each with
the notice that it was taken from. A year that is not in it can be given in the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import resources

from bot.model.oncall import Holidays, Year


@lru_cache(maxsize=1)
def published() -> Mapping[int, Year]:
    """Read the years that come with the project."""
    written = json.loads(resources.files("bot.oncall").joinpath("holidays_cn.json").read_text(encoding="utf-8"))
    return {
        int(year): Year(_days(year, known["off"]), _days(year, known["on"]), known["source"]) for year, known in written.items()
    }


def holidays(own: Mapping[int, Year]) -> Holidays:
    """Give the published years with the organisation's own in their place."""
    return Holidays({**published(), **own})


def _days(year: str, days: list[str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{day}") for day in days)
