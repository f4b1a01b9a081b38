"""A form as a card: Feishu has no dialogs, so what is asked for is filled in on a card for one person; pure.

Rules: open.feishu.cn, "form container" and its components (JSON 2.0): a form stands at the card's root, every input has a
name of its own, and what was typed is lost when the card is drawn again, unless it stands there as the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.chat.feishu.markup import cut, escaped, inert, line, shortened
from adapters.chat.feishu.render import CARD_BYTES, FORM, OPTION, PRESS, frame, grey, markdown, plain_text, sent_size
from bot.model.form import Entry, Form, Input
from bot.model.press import encode
from bot.model.text import Text, flat

INPUT = 1000
PEOPLE = 100
NONE = "∅"  # stands for the empty value of a choice
_HAN = re.compile("[\u3400-\u9fff]")

Json = dict[str, Any]


def form_card(
    form: Form,
    ident: str,
    marks: Mapping[str, object],
    *,
    people: Sequence[str] = (),
    wrong: str = "",
    field: str | None = None,
    said: Text = (),
    zone: str | None = None,
) -> Json:
    """Render a form; `wrong` says why it was refused, above `field` or everything; `said` stands above the form. `zone` is
    where the person is: a picker takes the clock on their wall, and without one nothing is filled in.

    `marks` travel in its button. `people` are the accounts that a person is picked from, none = the members of the chat.
    """
    chinese = bool(_HAN.search(form.title + form.submit))
    made = frame(form.title, "blue")
    for most in (100, 50, 25, 10, 3):
        elements = [part for entry in form.entries for part in _entry(entry, people, most, chinese, wrong, field, zone)]
        if wrong and field not in {entry.name for entry in form.entries}:
            elements.insert(0, _wrong(wrong))
        elements.append(_submit(form, ident, marks))
        above = [markdown(shortened(said, 1000))] if inert(flat(said)).strip() else []
        body = [*above, {"tag": "form", "name": f"form_{ident}", "elements": elements}]
        if form.typed.strip():
            body.append(grey(f"{'也可以打字：' if chinese else 'Or type: '}{form.typed}"))
        made["body"]["elements"] = body
        if sent_size(made) <= CARD_BYTES:
            break
    return made


def filled(form: Form, args: Mapping[str, str]) -> Form:
    """Put what was typed into a form, so that it stands there when the form is drawn again."""
    return replace(form, entries=tuple(replace(entry, value=args.get(entry.name, "")) for entry in form.entries))


def _submit(form: Form, ident: str, marks: Mapping[str, object]) -> Json:
    value: Json = {PRESS: encode(form), FORM: ident, **marks}
    button = {
        "tag": "button", "name": f"submit_{ident}", "type": "primary_filled", "form_action_type": "submit",
        "text": plain_text(form.submit, 40), "behaviors": [{"type": "callback", "value": value}],
    }  # fmt: skip
    return {"tag": "column_set", "columns": [{"tag": "column", "width": "auto", "elements": [button]}]}


def _entry(
    entry: Entry, people: Sequence[str], most: int, chinese: bool, wrong: str, field: str | None, zone: str | None
) -> list[Json]:
    parts = [_wrong(wrong)] if wrong and field == entry.name else []
    hint = line(entry.hint)
    left = max(len(entry.options) - most, 0) if entry.input in (Input.CHOICE, Input.CHOICES) else 0
    if left:
        hint = f"{hint} {f'… 还有 {left} 项' if chinese else f'… {left} more'}".strip()
    element = _element(entry, people, most, zone)
    if element["tag"] not in ("input", "checker"):
        star = " *" if entry.required else ""
        parts.append(markdown(f"**{escaped(cut(line(entry.label), 80) + star)}**"))
    parts.append(element | ({"required": True} if entry.required and element["tag"] != "checker" else {}))
    if hint and element["tag"] != "checker":
        parts.append(grey(hint))
    return parts


def _element(entry: Entry, people: Sequence[str], most: int, zone: str | None) -> Json:
    named: Json = {"name": entry.name}
    chosen = [part for part in entry.value.split(",") if part]
    ask = plain_text(entry.placeholder or entry.label, 60)
    match entry.input:
        case Input.CHOICE | Input.CHOICES if entry.options:
            options = [{"text": plain_text(o.label or o.value, OPTION), "value": o.value or NONE} for o in entry.options[:most]]
            values = {str(o["value"]) for o in options}
            if entry.input is Input.CHOICE:
                initial = entry.value or NONE
                start: Json = {"initial_option": initial} if initial in values else {}
                return {"tag": "select_static", **named, "placeholder": ask, "options": options, **start}
            several = [value for value in chosen if value in values]
            start = {"selected_values": several} if several else {}
            return {"tag": "multi_select_static", **named, "placeholder": ask, "options": options, **start}
        case Input.PERSON | Input.PEOPLE:
            picked = [part.removeprefix("account:") for part in chosen if part.startswith("account:ou_")]
            from_whom = list(dict.fromkeys([*picked, *people]))[:PEOPLE] if people else []
            shown: Json = {"placeholder": ask} | ({"options": [{"value": who} for who in from_whom]} if from_whom else {})
            if entry.input is Input.PERSON:
                return {"tag": "select_person", **named, **shown} | ({"initial_option": picked[0]} if picked else {})
            return {"tag": "multi_select_person", **named, **shown} | ({"selected_values": picked} if picked else {})
        case Input.TIME:
            at = _wall_clock(entry.value, zone)
            return {"tag": "picker_datetime", **named, "placeholder": ask} | ({"initial_datetime": at} if at else {})
        case Input.FLAG:
            return {
                "tag": "checker", **named, "checked": entry.value == "true",
                "text": plain_text(entry.hint or entry.label, 100),
            }  # fmt: skip
        case _:
            size = min(entry.longest or INPUT, INPUT)
            made: Json = {"tag": "input", **named, "max_length": size, "label": plain_text(entry.label, 80)}
            if entry.input is Input.TEXT:
                made["input_type"] = "multiline_text"
            if line(entry.placeholder):
                made["placeholder"] = plain_text(entry.placeholder, 60)
            words = inert(entry.value).strip()
            return made | ({"default_value": cut(words, size)} if words else {})


def _wrong(words: str) -> Json:
    return markdown(f"<font color='red'>⚠️ {escaped(cut(line(words), 400))}</font>")


def _wall_clock(value: str, zone: str | None) -> str:
    """Write an instant as the picker takes it, which has no zone: by the person's own clock."""
    try:
        return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if zone and value else ""
    except (ValueError, OverflowError, ZoneInfoNotFoundError, OSError):
        return ""
