"""Something to tell one person, as a key and facts; worded per language only when shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Name a text of `templates/<lang>/say.yaml` and its parameters (ids, enums, instants, Text; never prose)."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


def say(key: str, **params: Any) -> Say:
    """Build a Say from keyword parameters."""
    return Say(key, params)
