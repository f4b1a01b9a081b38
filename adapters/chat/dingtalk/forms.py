"""Forms as the template's form variable, and what people filled into them; pure.

A form is one variable of at most 1 KB, so what is long goes first: hints, long options, then optional entries from the end.
What a field holds stands in its name, as a callback does not say it. DingTalk has no field for people: names are typed.
https://open.dingtalk.com/document/isvapp/form-variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.chat.dingtalk.limits import VALUE_BYTES
from adapters.chat.dingtalk.markdown import cut, inert, line
from adapters.chat.dingtalk.render import Json, dumped
from bot.model.form import Entry, Form, Input
from bot.model.press import encode

PRESS, CHAT, SHEET = "press", "chat", "sheet"  # hidden fields: what is pressed, where it was opened, which sheet it is
NONE = "∅"  # stands for the empty value of a choice
TIME, PEOPLE = "__time", "__people"
_CLOSER = ((True, 40), (False, 24), (False, 12))  # with hints or without, and an option's length in characters
_TIMES = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?")
_HIDDEN = frozenset({PRESS, CHAT, SHEET})
_EMPTY: tuple[object, ...] = (None, "", False, [])


def drawn(form: Form, sheet: str, chat: str, zone: str) -> str:
    """Draw a form within a variable; `sheet` tells this opening of it from others, `chat` is where its answer belongs."""
    entries = [e for e in form.entries if e.name not in _HIDDEN]
    hidden = _unseen(form, sheet, chat)
    for hints, label in _CLOSER:
        said = dumped({"fields": [*hidden, *(_field(e, zone, hints, label) for e in entries)]})
        if len(said.encode()) <= VALUE_BYTES:
            return said
    while True:
        said = dumped({"fields": [*hidden, *(_field(e, zone, False, 12) for e in entries)]})
        if len(said.encode()) <= VALUE_BYTES or not entries:
            return said
        entries = _fewer(entries, hidden, zone)


def refilled(form: Form, values: Mapping[str, Any], zone: str) -> str | None:
    """Draw a form that was sent again, with everything that was filled in; None = a variable has no room for that.

    What was left empty and may be, makes room from the end.
    """
    unseen = _unseen(form, hidden(values, SHEET), hidden(values, CHAT))
    entries = [e for e in form.entries if e.name not in _HIDDEN]
    while True:
        for hints, label in _CLOSER:
            fields = [_field(e, zone, hints, label) for e in entries]
            for one in fields:
                one.pop("defaultValue", None)
                if values.get(one["name"]) not in _EMPTY:
                    one["defaultValue"] = values[one["name"]]
            said = dumped({"fields": [*unseen, *fields]})
            if len(said.encode()) <= VALUE_BYTES:
                return said
        spare = [place for place, entry in enumerate(entries) if not entry.required and "defaultValue" not in fields[place]]
        if not spare:
            return None
        del entries[spare[-1]]


def _unseen(form: Form, sheet: str, chat: str) -> list[Json]:
    return [{"name": name, "type": "TEXT", "hidden": True, "defaultValue": value} for name, value in (
        (PRESS, encode(form)), (SHEET, sheet), (CHAT, chat),
    ) if value]  # fmt: skip


def _fewer(entries: Sequence[Entry], hidden: Sequence[Json], zone: str) -> list[Entry]:
    """Leave out what a form can do best without: the last optional entry, else options of the longest choice."""
    optional = [place for place, entry in enumerate(entries) if not entry.required]
    if optional:
        return [e for place, e in enumerate(entries) if place != optional[-1]]
    longest = max(range(len(entries)), key=lambda place: len(dumped(_field(entries[place], zone, False, 12))))
    entry = entries[longest]
    if len(entry.options) > 1:
        fewer = Entry(entry.name, entry.label, entry.input, True, options=entry.options[:-1])
    elif entry.value:
        fewer = Entry(entry.name, entry.label, entry.input, True, options=entry.options)
    else:
        return [e for place, e in enumerate(entries) if place != longest]
    return [fewer if place == longest else e for place, e in enumerate(entries)]


def _field(entry: Entry, zone: str, hints: bool, chars: int) -> Json:
    made: Json = {"name": entry.name, "label": cut(line(entry.label), 30) or entry.name, "type": "TEXT"}
    if entry.required:
        made["required"] = True
    words = line(entry.placeholder) or line(entry.hint)
    if hints and words:
        made["placeholder"] = cut(words, chars)
    values = entry.value.split(",") if entry.value else []
    match entry.input:
        case Input.CHOICE | Input.CHOICES if entry.options:
            several = entry.input is Input.CHOICES
            texts = [line(f"{o.label or o.value} {o.hint}") if hints else line(o.label or o.value) for o in entry.options]
            made["type"] = "MULTI_SELECT" if several else "SELECT"
            made["options"] = [
                {"value": o.value or NONE, "text": cut(text, chars)} for o, text in zip(entry.options, texts, strict=True)
            ]
            chosen = [
                (at, o.value or NONE) for at, o in enumerate(entry.options) if o.value in (values if several else [entry.value])
            ]
            if chosen and several:
                made["defaultValue"] = {"index": [at for at, _ in chosen], "value": [value for _, value in chosen]}
            elif chosen and (entry.value or not entry.options[0].value):
                made["defaultValue"] = {"index": chosen[0][0], "value": chosen[0][1]}
        case Input.TIME:
            made |= {"name": entry.name + TIME, "type": "DATETIME"}
            local = _local(entry.value, zone)
            if local:
                made["defaultValue"] = local
        case Input.FLAG:
            made["type"] = "CHECKBOX"
            if entry.value == "true":
                made["defaultValue"] = True
        case _:
            people = entry.input in (Input.PERSON, Input.PEOPLE)
            made["type"] = "TEXT_AREA" if entry.input is Input.TEXT else "TEXT"
            made["name"] = entry.name + PEOPLE if people else entry.name
            if entry.value.strip() and not people:  # an account's id says nothing to a person
                made["defaultValue"] = inert(entry.value).strip()
    return made


def _local(value: str, zone: str) -> str:
    try:
        return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""


# ---------------------------------------------------------------- filled in
def filled(values: Mapping[str, Any], zone: str) -> dict[str, str]:
    """Read what was filled in, by the entry's name; what was left empty is left out, as are our own hidden fields."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name in _HIDDEN or not isinstance(name, str):
            continue
        words = _filled_in(value)
        if name.endswith(TIME):
            name, words = name.removesuffix(TIME), _instant(words, zone)
        elif name.endswith(PEOPLE):
            name, words = (
                name.removesuffix(PEOPLE),
                ",".join(part.strip("@＠ ") for part in re.split(r"[,，、;；]+", words) if part.strip()),
            )
        if words and name.isidentifier():
            found[name] = words
    return found


def hidden(values: Mapping[str, Any], name: str) -> str:
    """Read one of our own hidden fields."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _filled_in(value: object) -> str:
    match value:
        case True:
            return "true"
        case str():
            return value.replace("\x00", "").strip()
        case int() | float() if not isinstance(value, bool):
            return str(value)
        case {"value": str(one)}:
            return "" if one == NONE else one
        case {"value": list(several)}:
            return ",".join(one for one in several if isinstance(one, str) and one != NONE)
        case _:
            return ""


def _instant(words: str, zone: str) -> str:
    if not _TIMES.fullmatch(words):
        return words
    try:
        return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except ValueError:
        return ""
