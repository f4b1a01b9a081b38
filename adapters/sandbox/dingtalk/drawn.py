"""What a client draws of a card for one person: what the template makes of its variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.sandbox.dingtalk.world import Card, Data, World

SLOTS = ("title", "colour", "body", "footer", "buttons", "selects", "form")
TYPES = (
    "TEXT", "TEXT_AREA", "NUMBER", "SELECT", "MULTI_SELECT", "DATE", "TIME", "DATETIME", "CHECKBOX", "SWITCH", "CHECKBOX_GROUP",
    "MULTI_CHECKBOX_GROUP", "TEXT_ARRAY",
)  # fmt: skip


def seen(card: Card, person: str) -> dict[str, str]:
    """Give the variables as one person has them: their private ones stand before the public ones."""
    return {**card.public, **card.private.get(person, {})}


def draw(world: World, card: Card, person: str) -> Data:
    """Draw a card for a person.

    A registry entry may name the variable of each slot (`{"buttons": "btns"}`), and `variables` lists those that the template
    has: others are not drawn. Buttons, selects and the form are JSON in strings; what does not read as such is not drawn, and
    stands in `trouble`.
    """
    entry, given = world.app.cards.get(card.template, {}), seen(card, person)
    known = entry.get("variables")
    if isinstance(known, list | tuple):
        given = {name: value for name, value in given.items() if name in known}
    shown: Data = {"track": card.track, "template": card.template, "trouble": []}
    for slot in SLOTS:
        value = given.get(str(entry.get(slot, slot)), "")
        if slot in ("buttons", "selects"):
            shown[slot] = _list(slot, value, shown["trouble"])
        elif slot == "form":
            shown[slot] = _form(entry, value, shown["trouble"])
        else:
            shown[slot] = value
    if shown["form"] is not None:
        filled = card.filled.get(person, {})
        for field in shown["form"]["fields"]:
            field["filled"] = filled.get(field["name"], field["filled"])
    return shown


def echoed(world: World, card: Card, person: str) -> Data:
    """Give the variables that the template sends along with each press."""
    entry, given = world.app.cards.get(card.template, {}), seen(card, person)
    return {name: given.get(name, "") for name in entry.get("echo", ())}


def _list(slot: str, value: str, trouble: list[str]) -> list[Data]:
    if not value:
        return []
    try:
        items = json.loads(value)
    except ValueError:
        items = None
    if not isinstance(items, list) or not all(isinstance(i, dict) and isinstance(i.get("id"), str) for i in items):
        trouble.append(f"{slot} is no list of things with an id")
        return []
    return items


def _form(entry: Mapping[str, Any], value: str, trouble: list[str]) -> Data | None:
    if not value:
        return None
    try:
        given = json.loads(value)
    except ValueError:
        given = None
    fields = given.get("fields") if isinstance(given, dict) else None
    if fields == [] or given == {}:
        return None
    if not isinstance(fields, list) or not all(
        isinstance(f, dict) and isinstance(f.get("name"), str) and f.get("type") in TYPES for f in fields
    ):  # fmt: skip
        trouble.append("the form has no list of fields with name and type")
        return None
    drawn = [
        {
            "name": f["name"], "label": str(f.get("label") or f["name"]), "type": f["type"],
            "required": f.get("required") is True, "placeholder": str(f.get("placeholder") or ""), "options": list(f.get("options") or []),
            "fixed": f.get("readOnly") is True or f.get("readonly") is True,
            "filled": f.get("defaultValue", f.get("defautValue")), "hidden": f.get("hidden") is True,
        }
        for f in fields
    ]  # fmt: skip
    submit = str(given.get("submit") or entry.get("submit") or "提交")
    return {"title": str(given.get("title") or ""), "fields": drawn, "submit": submit}
