"""What a person may put into a card's element: only what it offers, in the form in which Feishu sends it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.cards import FIELDS, Raw, body_of, submits, walk
from adapters.sandbox.feishu.tenant import Chat, Tenant
from adapters.sandbox.pages import Cannot

OFFSET = "+0800"
_SHAPES = {"date_picker": "%Y-%m-%d", "picker_time": "%H:%M", "picker_datetime": "%Y-%m-%d %H:%M"}


def elements(card: Raw | None) -> list[Raw]:
    """List everything that a card draws, in order; the place in this list is an element's number."""
    return list(walk(body_of(card))) if card else []


def form_of(card: Raw | None, element: Raw) -> Raw | None:
    """Find the form in which an element stands."""
    forms = (one for one in elements(card) if one.get("tag") == "form")
    return next((form for form in forms if any(one is element for one in walk(form.get("elements") or []))), None)


def fields(form: Raw) -> list[Raw]:
    """List the fields of a form."""
    return [one for one in walk(form.get("elements") or []) if one.get("tag") in FIELDS]


def submit_of(form: Raw) -> Raw:
    """Give the button that sends a form."""
    return next(one for one in walk(form.get("elements") or []) if one.get("tag") == "button" and submits(one))


def label(element: Raw) -> str:
    """Give the words by which a person knows an element."""
    for name in ("label", "text", "placeholder"):
        words = element.get(name)
        if isinstance(words, dict) and words.get("content"):
            return str(words["content"])
    return str(element.get("name") or element.get("element_id") or element.get("tag"))


def initial(element: Raw) -> Any:
    """Give what stands in a field before anybody touches it."""
    match element["tag"]:
        case "input":
            return element.get("default_value") or None
        case "select_static" | "select_person":
            return element.get("initial_option")
        case "multi_select_static" | "multi_select_person":
            return element.get("selected_values")
        case "checker":
            return bool(element.get("checked"))
        case "date_picker" | "picker_time" | "picker_datetime":
            given = next((element[k] for k in ("initial_date", "initial_time", "initial_datetime") if element.get(k)), None)
            return f"{given} {OFFSET}" if given else None
        case _:
            return None


def taken(tenant: Tenant, chat: Chat, element: Raw, value: Any) -> Any:
    """Give an element's new content as Feishu sends it, refusing what it does not offer."""
    kind: str = element["tag"]
    if element.get("disabled"):
        raise Cannot("it is switched off")
    if kind.startswith("multi_"):
        several = value if isinstance(value, list) else [value]
        return [taken(tenant, chat, {**element, "tag": kind.removeprefix("multi_")}, one) for one in several]
    match kind:
        case "select_static" | "overflow":
            offered = element.get("options") or []
            found = next((o for o in offered if value in (o.get("value"), o["text"]["content"])), None)
            if found is None:
                raise Cannot(f"{value!r} is not offered; there are {[o['text']['content'] for o in offered]}")
            return found["value"]
        case "select_person":
            offered = [o["value"] for o in element.get("options") or []] or list(chat.members)
            if value not in offered:
                raise Cannot(f"{value!r} is not offered; there are {offered}")
            return value
        case "date_picker" | "picker_time" | "picker_datetime":
            try:
                datetime.strptime(str(value), _SHAPES[kind])  # noqa: DTZ007 - the offset is put behind it
            except ValueError:
                raise Cannot(f"{value!r} is not like {_SHAPES[kind]}") from None
            return f"{value} {OFFSET}"
        case "checker":
            return bool(value)
        case "input":
            return _typed(element, value)
        case _:
            raise Cannot(f"nothing can be put into a {kind}")


def _typed(element: Raw, value: Any) -> str | None:
    if not isinstance(value, str):
        raise Cannot("only words can be typed there")
    if element.get("input_type", "text") != "multiline_text" and "\n" in value:
        raise Cannot("it has only one line")
    most = element.get("max_length", at_most.INPUT_MAX)
    if len(value) > most:
        raise Cannot(f"no more than {most} characters can be typed there")
    return value or None


def chosen(element: Raw, value: Any) -> Raw:
    """Say in a callback's words what was put into an element outside a form."""
    kind: str = element["tag"]
    if kind == "input":
        return {"input_value": value}
    if kind == "checker":
        return {"checked": value}
    return {"options": value} if kind.startswith("multi_") else {"option": value}


def value_of(element: Raw) -> Raw | None:
    """Give the value that a callback of an element carries."""
    behaviors = element.get("behaviors") or []
    found = next((b.get("value") for b in behaviors if b.get("type") == "callback"), element.get("value"))
    return found if found is not None else None


def address(element: Raw) -> str:
    """Give where an element leads, empty if nowhere."""
    behaviors = element.get("behaviors") or []
    return str(next((b.get("default_url") for b in behaviors if b.get("type") == "open_url"), element.get("url") or ""))
