"""What a person may put into an element: only what it offers, in the form in which Slack sends it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from adapters.sandbox.pages import Cannot
from adapters.sandbox.slack.blocks import offers
from adapters.sandbox.slack.workspace import Workspace


def taken(workspace: Workspace, element: dict[str, Any], value: Any) -> dict[str, Any]:
    """Give an element's new content, e.g. {type, selected_option}."""
    kind: str = element["type"]
    if kind.startswith("multi_") or kind == "checkboxes":
        several = value if isinstance(value, list) else [value]
        if len(several) > element.get("max_selected_items", len(several)):
            raise Cannot(f"no more than {element['max_selected_items']} can be chosen")
        single = {**element, "type": kind.removeprefix("multi_") if kind != "checkboxes" else "radio_buttons"}
        chosen = [next(v for k, v in taken(workspace, single, one).items() if k != "type") for one in several]
        return {"type": kind, f"selected_{_noun(single['type'])}s": chosen}
    noun = _noun(kind)
    match noun:
        case "option":
            offered = list(offers(element))
            found = next((o for o in offered if value in (o.get("value"), o["text"]["text"])), None)
            if found is None:
                raise Cannot(f"{value!r} is not offered; there are {[o['text']['text'] for o in offered]}")
            return {"type": kind, "selected_option": found}
        case "user":
            user = workspace.users.get(str(value))
            if user is None or user.deleted:
                raise Cannot(f"there is nobody {value!r} to choose")
        case "channel" | "conversation":
            if str(value) not in workspace.channels:
                raise Cannot(f"there is no channel {value!r} to choose")
        case "date":
            _date(value)
        case "time":
            if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
                raise Cannot(f"{value!r} is no time of a day")
        case "date_time":
            if not isinstance(value, int) or not 10**9 <= value < 10**10:
                raise Cannot(f"{value!r} is no moment")
        case _:
            return {"type": kind, "value": _typed(element, value)}
    return {"type": kind, f"selected_{noun}": value}


def _noun(kind: str) -> str:
    return {
        "static_select": "option", "external_select": "option", "radio_buttons": "option", "overflow": "option",
        "users_select": "user", "channels_select": "channel", "conversations_select": "conversation", "datepicker": "date",
        "timepicker": "time", "datetimepicker": "date_time",
    }.get(kind, "")  # fmt: skip


def _date(value: Any) -> None:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        raise Cannot(f"{value!r} is no date") from None


def _typed(element: dict[str, Any], value: Any) -> str | None:
    if not isinstance(value, str):
        raise Cannot("only words can be typed there")
    if element["type"] == "plain_text_input" and not element.get("multiline") and "\n" in value:
        raise Cannot("it has only one line")
    if len(value) > element.get("max_length", 3000):
        raise Cannot(f"no more than {element.get('max_length', 3000)} characters can be typed there")
    return value or None
