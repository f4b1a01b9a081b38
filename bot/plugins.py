"""Find a plug-in by its config key: a module of a package, loaded only when it is configured."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter


class NoKeys(BaseModel):
    """Be the settings of a plug-in that has none: every key is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def plugin(package: str, name: str) -> ModuleType:
    """Import `<package>.<name>`; raises LookupError naming those that there are."""
    there = available(package)
    if name not in there:
        raise LookupError(f"there is no adapter '{name}'; there are: {', '.join(there) or 'none'}")
    return importlib.import_module(f"{package}.{name}")


def part(package: str, name: str, what: str) -> ModuleType:
    """Import a part of a plug-in that not every one has; raises LookupError when this one has not."""
    whole = plugin(package, name)
    there = available(whole.__name__) if hasattr(whole, "__path__") else []
    if what not in there:
        raise LookupError(f"the adapter '{name}' has no {what}")
    return importlib.import_module(f"{whole.__name__}.{what}")


def available(package: str) -> list[str]:
    """List the plug-ins of a package by name, importing none of them."""
    return sorted(m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__) if not m.name.startswith("_"))


def settings_of(package: str, name: str, keys: Mapping[str, Any]) -> Any:
    """Check a plug-in's own keys with its `Config` (a pydantic model); raises LookupError or pydantic's ValidationError."""
    model = getattr(plugin(package, name), "Config", NoKeys)
    return TypeAdapter(model).validate_python(dict(keys))
