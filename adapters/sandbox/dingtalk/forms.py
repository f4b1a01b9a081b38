"""Filling in what a card's form draws, and what is sent of it."""

from __future__ import annotations

import time
from typing import Any

from adapters.sandbox.dingtalk.world import Data
from adapters.sandbox.pages import Cannot

_DATES = {"DATE": "%Y-%m-%d", "TIME": "%H:%M", "DATETIME": "%Y-%m-%d %H:%M"}


def field(form: Data, name: str) -> Data:
    """Find a field that is drawn, by its name or label."""
    for one in form["fields"]:
        if name in (one["name"], one["label"]) and not one["hidden"]:
            return dict(one)
    raise Cannot(f"there is no field {name!r}; there are {[one['label'] for one in form['fields']]}")


def taken(into: Data, value: Any) -> Any:
    """Give what a field holds when a person puts something in, as the form sends it."""
    kind = into["type"]
    if into["fixed"]:
        raise Cannot(f"{into['label']} cannot be changed")
    if kind in ("CHECKBOX", "SWITCH"):
        if not isinstance(value, bool):
            raise Cannot(f"{into['label']} is on or off")
        return value
    if kind in ("SELECT", "CHECKBOX_GROUP"):
        index = _index(into, value)
        return {"index": index, "value": into["options"][index]["value"]}
    if kind in ("MULTI_SELECT", "MULTI_CHECKBOX_GROUP"):
        several = [_index(into, one) for one in (value if isinstance(value, list) else [value])]
        return {"index": several, "value": [into["options"][i]["value"] for i in several]}
    if kind == "TEXT_ARRAY":
        return [str(one) for one in value] if isinstance(value, list) else [str(value)]
    text = str(value)
    if kind in _DATES:
        try:
            time.strptime(text, _DATES[kind])
        except ValueError:
            raise Cannot(f"{into['label']} is written {_DATES[kind]}") from None
    if kind == "NUMBER" and not text.lstrip("-").replace(".", "", 1).isdigit():
        raise Cannot(f"{into['label']} is a number")
    if kind == "TEXT" and "\n" in text:
        raise Cannot(f"{into['label']} has one line")
    return text


def _index(into: Data, value: Any) -> int:
    for index, option in enumerate(into["options"]):
        if value in (option.get("value"), option.get("text")):
            return index
    raise Cannot(f"{into['label']} offers {[option.get('text') for option in into['options']]}")


def sent(form: Data) -> tuple[Data, list[str]]:
    """Give what the form sends and the labels of what is missing."""
    values = {one["name"]: one["filled"] for one in form["fields"] if one["filled"] not in (None, "", [])}
    missing = [one["label"] for one in form["fields"] if one["required"] and one["name"] not in values]
    return values, missing
