"""What a client draws of a card for one person: what the template makes of its variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.sandbox.dingtalk.world import Card, Data, World

SLOTS = ("title", "sub", "colour", "body", "footer", "note", "form_title", "form_button")  # in words
LISTS = ("buttons", "selects")
TYPES = (
    "TEXT", "TEXT_AREA", "NUMBER", "SELECT", "MULTI_SELECT", "DATE", "TIME", "DATETIME", "CHECKBOX", "SWITCH", "CHECKBOX_GROUP",
    "MULTI_CHECKBOX_GROUP", "TEXT_ARRAY",
)  # fmt: skip


def seen(card: Card, person: str) -> dict[str, str]:
    """Give the variables as one person has them: their private ones stand before the public ones."""
    return {**card.public, **card.private.get(person, {})}


def draw(world: World, card: Card, person: str) -> Data:
    """Draw a card for a person.

    A registry entry may name the variables of each slot (`{"buttons": ["btns", "more"]}`), and `variables` lists those that
    the template has: others are not drawn. Buttons, selects and the form are JSON in strings; what does not read as such is
    not drawn, and stands in `trouble`.
    """
    entry, given = world.app.cards.get(card.template, {}), drawable(world, card, person)
    shown: Data = {"track": card.track, "template": card.template, "trouble": []}
    for slot in SLOTS:
        shown[slot] = "\n".join(text for name in _names(entry, slot) if (text := given.get(name)))
    for slot in LISTS:
        shown[slot] = [one for name in _names(entry, slot) for one in _list(name, given.get(name, ""), shown["trouble"])]
    raw = form_of(world, card, person)
    shown["form"] = _form(raw, shown["trouble"])
    if shown["form"] is not None:
        shown["form"]["title"] = shown["form"]["title"] or shown["form_title"]
        shown["form"]["submit"] = shown["form"]["submit"] or shown["form_button"] or str(entry.get("submit") or "提交")
        filled = card.filled.get(person, {})
        for field in shown["form"]["fields"] if filled.get("form") == raw else ():
            field["filled"] = filled["values"].get(field["name"], field["filled"])
    return shown


def drawable(world: World, card: Card, person: str) -> dict[str, str]:
    """Give the variables that one person has and the template knows."""
    known = world.app.cards.get(card.template, {}).get("variables")
    return {name: value for name, value in seen(card, person).items() if not isinstance(known, list | tuple) or name in known}


def form_of(world: World, card: Card, person: str) -> str:
    """Give the form variable as it is: another one is another form, with nothing filled in."""
    given = drawable(world, card, person)
    names = _names(world.app.cards.get(card.template, {}), "form")
    return next((given[name] for name in names if given.get(name)), "")


def _names(entry: Mapping[str, Any], slot: str) -> list[str]:
    names = entry.get(slot, slot)
    return [names] if isinstance(names, str) else [str(name) for name in names]


def echoed(world: World, card: Card, person: str) -> Data:
    """Give the variables that the template sends along with each press."""
    entry, given = world.app.cards.get(card.template, {}), seen(card, person)
    return {name: given.get(name, "") for name in entry.get("echo", ())}


def bound(entry: Mapping[str, Any], button: Data) -> tuple[list[str], Data]:
    """Give the action ids and params of a press, as the template binds them to the button's own fields.

    Without a binding the action is the button's id, and the params are all its fields that are not drawn.
    """
    params = entry.get("button_params")
    if isinstance(params, Mapping):
        given = {str(name): button.get(field, "") for name, field in params.items()}
    else:
        given = {k: v for k, v in button.items() if k not in ("id", "text", "status", "color", "confirm", "url")}
    return [str(entry.get("button_action", button["id"]))], given


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


def _form(value: str, trouble: list[str]) -> Data | None:
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
            "required": f.get("required") is True, "placeholder": str(f.get("placeholder") or ""),
            "options": list(f.get("options") or []),
            "fixed": f.get("readOnly") is True or f.get("readonly") is True,
            "filled": f.get("defaultValue", f.get("defautValue")), "hidden": f.get("hidden") is True,
        }
        for f in fields
    ]  # fmt: skip
    return {"title": str(given.get("title") or ""), "fields": drawn, "submit": str(given.get("submit") or "")}
