"""A form as a web page: what stands on it, and what a browser sends back; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.engine.intake import Reader
from bot.model.form import Entry, Form, Input
from bot.model.text import Span, Text, plain
from bot.prose import Prose
from bot.show import clean

Fields = Mapping[str, Sequence[str]]
_BETWEEN = re.compile(r"[,，、;；\n]")
_WEB = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filled:
    """Hold what somebody filled in: the arguments as a press carries them, and what is wrong by entry."""

    values: Mapping[str, str]
    errors: Mapping[str, Text] = field(default_factory=dict)


def read_filled(form: Form, reader: Reader, fields: Fields, prose: Prose) -> Filled:
    """Read the fields of a browser's form, those of its entries only; times are in the person's zone."""
    values, errors = {}, {}
    for entry in form.entries:
        value = _read(entry, reader, fields.get(entry.name, ()))
        if entry.required and not value.strip():
            errors[entry.name] = plain(prose.label("web.missing", reader.lang))
        elif entry.longest and entry.input in (Input.LINE, Input.TEXT) and len(value) > entry.longest:
            errors[entry.name] = plain(prose.label("web.longest", reader.lang).replace("#", str(entry.longest)))
        values[entry.name] = value
    return Filled(values, errors)


def _read(entry: Entry, reader: Reader, sent: Sequence[str]) -> str:
    first = sent[0].replace("\r\n", "\n").replace("\r", "\n") if sent else ""
    match entry.input:
        case Input.CHOICE | Input.CHOICES:
            known = {option.value for option in entry.options}
            chosen = [value for value in dict.fromkeys(sent) if value in known]
            return ",".join(chosen if entry.input is Input.CHOICES else chosen[:1])
        case Input.FLAG:
            return "true" if first else ""
        case Input.TIME:
            return _instant(first.strip(), reader.tz)
        case Input.PERSON:
            return _person(first, reader)
        case Input.PEOPLE:
            return ",".join(_person(part, reader) for part in _BETWEEN.split(first) if part.strip())
        case Input.LINE:
            return " ".join(first.split("\n"))
        case _:
            return first


def _person(typed: str, reader: Reader) -> str:
    """Turn the name of one of those who stand in the list to their id; any other name is resolved as a typed one."""
    name = typed.strip().removeprefix("@")
    meant = [ident for ident, known in reader.people if known == name]
    return meant[0] if len(meant) == 1 else name


def _instant(typed: str, tz: str) -> str:
    """Turn a browser's local time to an instant; what it is not stays as typed."""
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        return typed
    return (local if local.tzinfo is not None else local.replace(tzinfo=ZoneInfo(tz))).astimezone(UTC).isoformat()


# ---------------------------------------------------------------- what stands on it
def form_page(
    form: Form, reader: Reader, prose: Prose, nonce: str, *, fields: Fields | None = None,
    errors: Mapping[str, Text] | None = None, refused: Text = (),
) -> str:  # fmt: skip
    """Write the page of a form, with what was sent before in its `fields` where it is to be corrected."""
    wrong = errors or {}
    entries = [_entry(e, reader, prose, fields, wrong.get(e.name, ())) for e in form.entries]
    asks_people = any(e.input in (Input.PERSON, Input.PEOPLE) for e in form.entries)
    return prose.page(
        "form", lang=reader.lang, nonce=nonce, state="form", title=form.title, about=reader.about,
        refused=spans(refused), entries=entries, submit=form.submit, words=_words(prose, reader.lang), said=(), kept=(),
        people=[clean(name) for _, name in reader.people] if asks_people else [], foot=prose.label("web.once", reader.lang),
    )  # fmt: skip


def notice_page(
    prose: Prose, lang: str, nonce: str, *, title: str, said: Text, done: bool = False, about: str = "",
    kept: Sequence[tuple[str, str]] = (), foot: str = "",
) -> str:  # fmt: skip
    """Write a page that says something: what became of a form, or why there is none; `kept` is what was typed into it."""
    return prose.page(
        "form", lang=lang, nonce=nonce, state="done" if done else "notice", title=title, about=about, said=spans(said),
        kept=[{"label": label, "value": value} for label, value in kept], refused=(), entries=(), submit="", people=(),
        words=_words(prose, lang), foot=foot,
    )  # fmt: skip


def spans(text: Text) -> list[dict[str, str]]:
    """Give the pieces of a text, with the address of those that are links on the web."""
    return [{"text": span.text, "href": _address(span)} for span in text]


def _address(span: Span) -> str:
    return span.target if span.kind == "link" and span.target and _WEB.fullmatch(span.target) else ""


def _words(prose: Prose, lang: str) -> Mapping[str, str]:
    return {name: prose.label(f"web.{name}", lang) for name in ("required", "choose")}


def _entry(entry: Entry, reader: Reader, prose: Prose, fields: Fields | None, error: Text) -> dict[str, Any]:
    sent = list(fields.get(entry.name, ())) if fields is not None else [_shown(entry, reader)]
    value = sent[0] if sent else ""
    chosen = set(sent) if fields is not None else set(value.split(",")) if entry.input is Input.CHOICES else {value}
    hint = entry.hint
    if entry.input is Input.TIME:
        hint = f"{hint} {prose.label('web.zone', reader.lang).replace('#', reader.tz)}".strip()
    if entry.input is Input.PEOPLE:
        hint = f"{hint} {prose.label('web.people', reader.lang)}".strip()
    options = [
        {"value": o.value, "label": o.label, "hint": o.hint, "chosen": o.value in chosen and o.value != ""} for o in entry.options
    ]
    return {
        "name": entry.name, "label": entry.label, "kind": entry.input.value, "required": entry.required, "hint": hint,
        "placeholder": entry.placeholder, "longest": entry.longest, "options": options, "value": value, "error": spans(error),
        "type": "datetime-local" if entry.input is Input.TIME else "text",
    }  # fmt: skip


def _shown(entry: Entry, reader: Reader) -> str:
    """Give what stands in an entry from the start, as a browser's field takes it."""
    names = {str(ident): name for ident, name in reader.people}
    match entry.input:
        case Input.TIME if entry.value:
            return datetime.fromisoformat(entry.value).astimezone(ZoneInfo(reader.tz)).strftime("%Y-%m-%dT%H:%M")
        case Input.PERSON:
            return names.get(entry.value, entry.value)
        case Input.PEOPLE:
            return "、".join(names.get(part, part) for part in entry.value.split(",") if part)
        case _:
            return entry.value
