"""Neutral content as Block Kit: messages, cards and modals within every limit; pure.

The headline is a block of the message itself and the rest hangs below it in an attachment, which alone has a colour; the
message's `text` is then only the push preview. What does not fit is counted, with what to type to see it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.chat.slack.mrkdwn import cut, escaped, inert, line, mrkdwn, shortened
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.press import encode
from bot.model.text import Text
from bot.ports import Content, Limits, Reply

LIMITS = Limits(
    text_chars=3000, text_bytes=12_000, name_chars=80, per_second=20.0, burst=20, chat_per_second=1.0, chat_burst=4,
    spelled=True,
    hail="/incident ",
)  # fmt: skip

# https://docs.slack.dev/reference/block-kit; the total is undocumented: about 13,200 are refused (bolt-js #2509).
TOTAL_BYTES = 12_000
BLOCKS = 50
VIEW_BLOCKS = 100
HEADER = 150
SECTION = 3000
FIELDS = 10
FIELD = 2000
# Ours, where the platform allows more: the frame of a card must leave room for its facts.
HEADLINE = 400
LONE = 2500  # a card that is one line; an emoji has four bytes
CONTEXT = 300
ACTIONS_BYTES = 5000
BUTTONS = 6
BUTTON = 75
VALUE = 2000
OPTIONS = 100
OPTION = 75
OPTION_VALUE = 150
SELECT_BYTES = 2500  # ours: a long choice must not push out a card's facts
PLACEHOLDER = 150
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
VIEW_WORDS = 24
LABEL = 2000
HINT = 2000
INPUT = 3000
METADATA = 3000
UPDATE_CHARS = 4000

NONE = "∅"  # stands for the empty value of a choice, which Slack does not take
ELEMENT = "v"  # the action id of every input
FORM = "form"  # the callback id of every modal

COLOURS = {
    "red": "#D93026", "orange": "#E8710A", "yellow": "#F9AB00", "green": "#188038", "blue": "#1A73E8", "purple": "#8430CE",
    "grey": "#9AA0A6", "turquoise": "#12B5CB",
}  # fmt: skip
_HAN = re.compile("[\u3400-\u9fff]")
_MORE = ("more", "menu", "help")
_WIDE = 44  # columns; a longer value gets the whole width

Json = dict[str, Any]


def message(content: Content) -> Json | None:
    """Render content to the arguments of a message; None = too long."""
    if isinstance(content, Card):
        return card(content)
    words = inert("".join(span.text for span in content))
    if len(words) > LIMITS.text_chars or len(words.encode()) > LIMITS.text_bytes:
        return None
    return {"text": mrkdwn(content)}


def answer(reply: Reply) -> Json | None:
    """Render a reply's text and card; None = there is nothing to say."""
    words = mrkdwn(reply.text).strip()
    if reply.card is None:
        return {"text": words} if words else None
    body = card(reply.card)
    if words:
        body = {**body, "text": words, "blocks": [*_said(words, size_of(body["blocks"])), *body["blocks"]][:BLOCKS]}
    return body


def _said(words: str, beside: int) -> list[Json]:
    """Lay printed text out above what takes `beside` bytes, in as many sections as fit."""
    said = [{"type": "section", "text": _mrkdwn(part)} for part in _parts(words)]
    whole = len(said)
    while said and size_of(said) + beside > TOTAL_BYTES - 200:
        said.pop()
    return said if len(said) == whole else [*said, _context("…")]


def size_of(blocks: Sequence[Json]) -> int:
    """Count the bytes of blocks on the wire."""
    return len(json.dumps(list(blocks), ensure_ascii=False, separators=(",", ":")).encode())


# ---------------------------------------------------------------- cards
def card(shown: Card) -> Json:
    """Render a card to the arguments of a message."""
    chinese = shown.chinese
    if shown.text or not shown.headline:
        return _clickable(shown, chinese)
    headline = line(shown.headline) or "…"
    below: list[Json] = [_context(shown.sub)] if inert(shown.sub).strip() else []
    buttons = _actions(shown.buttons, chinese)
    footer = [_context(shown.footer)] if inert(shown.footer).strip() else []
    lone = not (below or buttons or footer or shown.fields)
    head = _head(headline, lone)
    last = [*buttons, *footer]
    room = TOTAL_BYTES - size_of([head, *below, *last]) - 200
    facts, kept = _facts(shown.fields, room, BLOCKS - 2 - len(below) - len(last))
    left = len(shown.fields) - kept
    if left:
        more = f"… 还有 {left} 项，打字：/incident 现状" if chinese else f"… {left} more, type /incident brief"
        facts.append(_context(more))
    under = [*below, *facts, *last]
    colour = COLOURS.get(shown.colour, COLOURS["grey"])
    attachments = [{"color": colour, "fallback": cut(headline, 300), "blocks": under}] if under else []
    return {"text": cut(escaped(headline), UPDATE_CHARS // 4), "blocks": [head], "attachments": attachments}


def _clickable(shown: Card, chinese: bool) -> Json:
    """Render a message with buttons below it, or the buttons alone."""
    buttons = _actions(shown.buttons, chinese)
    said = _said(mrkdwn(shown.text).strip(), size_of(buttons))
    push = cut(escaped(line(shown.headline)), UPDATE_CHARS // 4)
    return {"text": push, "blocks": [*said, *buttons], "attachments": []}


def _head(headline: str, lone: bool) -> Json:
    """A header holds 150 characters and is large: a longer headline, and a card that is one line, are text."""
    if len(headline) > HEADER or lone:
        bold = headline.replace("*", "∗")
        return {"type": "section", "text": _mrkdwn(f"*{_fitted(bold, HEADLINE)}*" if not lone else _fitted(headline, LONE))}
    return {"type": "header", "text": _plain(headline, HEADER)}


def _facts(fields: Sequence[Field], room: int, blocks: int) -> tuple[list[Json], int]:
    """Lay out as many fields as fit, short ones two in a row; gives the blocks and how many fields they hold."""
    made: list[Json] = []
    kept = 0
    for field in fields:
        label = _fitted(line(field.label), 200).replace("*", "∗")
        wide = _wide(field)
        value = shortened(field.value, 1500, 1800).strip()
        words = f"*{label}*\n{value or '—'}" if label else value or "—"
        short = _mrkdwn(words)
        if not wide and made and "fields" in made[-1] and len(made[-1]["fields"]) < FIELDS:
            made[-1]["fields"].append(short)
            if size_of(made) > room:
                made[-1]["fields"].pop()
                break
        else:
            made.append({"type": "section", "text": short} if wide else {"type": "section", "fields": [short]})
            if size_of(made) > room or len(made) > blocks:
                made.pop()
                break
        kept += 1
    return made, kept


def _wide(field: Field) -> bool:
    words = "".join(span.text for span in field.value)
    return "\n" in words or sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words) > _WIDE


def _actions(buttons: Sequence[Button], chinese: bool) -> list[Json]:
    shown, rest = _cut_from_the_right(buttons)
    family = Button("更多" if chinese else "More", "more", "", options=tuple(one for b in rest for one in (b.options or (b,))))
    everything = [*shown, family] if rest else shown
    made: list[Json] = []
    for tight in (False, True):  # long questions and long choices are shortened only where they would push out the facts
        elements = [(_choice if b.options else _button)(b, n, chinese, tight) for n, b in enumerate(everything)]
        made = [{"type": "actions", "elements": elements}] if elements else []
        if size_of(made) <= ACTIONS_BYTES:
            break
    return made


def _cut_from_the_right(buttons: Sequence[Button]) -> tuple[Sequence[Button], Sequence[Button]]:
    """Give the buttons to draw and those for the choice at the end; a button that opens the rest stays the last."""
    if len(buttons) <= BUTTONS:
        return buttons, ()
    last = buttons[-1]
    if last.command in _MORE or last.label.strip().lower() in ("更多", "more"):
        return [*buttons[: BUTTONS - 1], last], ()
    return buttons[: BUTTONS - 1], buttons[BUTTONS - 1 :]


def _button(button: Button, n: int, chinese: bool, tight: bool) -> Json:
    made: Json = {
        "type": "button", "action_id": f"{n}:{button.command}"[:255], "text": _plain(button.label, BUTTON),
        "value": encode(button),
    }  # fmt: skip
    if button.primary:
        made["style"] = "primary"
    if button.confirm:
        made["confirm"] = _confirm(button, chinese, tight)
    return made


def _choice(family: Button, n: int, chinese: bool, tight: bool) -> Json:
    made: Json = {
        "type": "static_select", "action_id": f"{n}:{family.command}"[:255],
        "placeholder": _plain(family.label, 40 if tight else PLACEHOLDER),
        "options": [],
    }  # fmt: skip
    if family.confirm:
        made["confirm"] = _confirm(family, chinese, tight)
    for button in family.options[:OPTIONS]:
        made["options"].append({"text": _plain(button.label, OPTION), "value": encode(button)})
        if size_of([made]) > (SELECT_BYTES // 3 if tight else SELECT_BYTES) and len(made["options"]) > 1:
            made["options"].pop()
            break
    left = len(family.options) - len(made["options"])
    if left:
        made["placeholder"] = _plain(f"{cut(family.label, 30 if tight else 100)} (… {left})", PLACEHOLDER)
    return made


def _confirm(button: Button, chinese: bool, tight: bool) -> Json:
    return {
        "title": _plain(button.label, CONFIRM_BUTTON if tight else CONFIRM_TITLE),
        "text": {
            "type": "plain_text",
            "text": cut(inert(button.confirm or "").strip() or line(button.label) or "…", 60 if tight else CONFIRM_TEXT),
        },
        "confirm": _plain(button.label, CONFIRM_BUTTON),
        "deny": _plain("取消" if chinese else "Cancel", CONFIRM_BUTTON),
    }


# ---------------------------------------------------------------- forms
def modal(form: Form, origin: Json) -> Json:
    """Render a form to a modal; `origin` (where the answer goes) travels in it and comes back with the sent form."""
    chinese = bool(_HAN.search(form.title + form.submit))
    metadata = json.dumps({**origin, "press": encode(form)}, ensure_ascii=False, separators=(",", ":"))
    if len(metadata) > METADATA:  # an address to answer at can be long, and there are other ways to answer
        metadata = json.dumps({"chat": origin.get("chat", ""), "press": encode(form)}, ensure_ascii=False)
    blocks = [_input(entry, chinese) for entry in form.entries[: VIEW_BLOCKS - 1]]
    if form.typed.strip():
        blocks.append(_context(f"{'也可以打字：' if chinese else 'Or type: '}{form.typed}"))
    return {
        "type": "modal", "callback_id": FORM, "private_metadata": metadata, "title": _plain(form.title, VIEW_WORDS),
        "submit": _plain(form.submit, VIEW_WORDS), "close": _plain("取消" if chinese else "Cancel", VIEW_WORDS),
        "blocks": blocks or [_context(form.title)],
    }  # fmt: skip


def _input(entry: Entry, chinese: bool) -> Json:
    element = {"action_id": ELEMENT, **_element(entry)}
    made: Json = {
        "type": "input", "block_id": entry.name[:255], "optional": not entry.required, "label": _plain(entry.label, LABEL),
        "element": element,
    }  # fmt: skip
    hint = line(entry.hint)
    left = max(len(entry.options) - OPTIONS, 0) if "options" in element else 0
    if left:
        hint = f"{hint} {f'… 还有 {left} 项' if chinese else f'… {left} more'}".strip()
    if hint and element["type"] != "checkboxes":
        made["hint"] = _plain(hint, HINT)
    return made


def _element(entry: Entry) -> Json:
    match entry.input:
        case Input.CHOICE if entry.options:
            options = [_option(option) for option in entry.options[:OPTIONS]]
            chosen = next((o for o, given in zip(options, entry.options, strict=False) if given.value == entry.value), None)
            return {"type": "static_select", "options": options} | ({"initial_option": chosen} if chosen else {})
        case Input.CHOICES if entry.options:
            options = [_option(option) for option in entry.options[:OPTIONS]]
            values = set(entry.value.split(",")) if entry.value else set()
            several = [o for o, given in zip(options, entry.options, strict=False) if given.value in values]
            return {"type": "multi_static_select", "options": options} | ({"initial_options": several} if several else {})
        case Input.PERSON:
            people = accounts_in(entry.value)
            return {"type": "users_select"} | ({"initial_user": people[0]} if people else {})
        case Input.PEOPLE:
            people = accounts_in(entry.value)
            return {"type": "multi_users_select"} | ({"initial_users": people} if people else {})
        case Input.TIME:
            return {"type": "datetimepicker"} | _instant(entry.value)
        case Input.FLAG:
            one = {"text": _plain(entry.hint or entry.label, OPTION), "value": "true"}
            return {"type": "checkboxes", "options": [one]} | ({"initial_options": [one]} if entry.value == "true" else {})
        case _:
            most = min(entry.longest or INPUT, INPUT)
            made: Json = {"type": "plain_text_input", "max_length": most}
            if entry.input is Input.TEXT:
                made["multiline"] = True
            words = inert(entry.value).strip()
            if line(entry.placeholder):
                made["placeholder"] = _plain(entry.placeholder, PLACEHOLDER)
            return made | ({"initial_value": cut(words, most)} if words else {})


def accounts_in(value: str) -> list[str]:
    """List the accounts of `account:U1,account:U2`."""
    return [part.removeprefix("account:") for part in value.split(",") if re.fullmatch(r"account:[UW][A-Z0-9]+", part)]


def _option(option: Option) -> Json:
    made: Json = {"text": _plain(option.label or option.value, OPTION), "value": option.value[:OPTION_VALUE] or NONE}
    if line(option.hint):
        made["description"] = _plain(option.hint, OPTION)
    return made


def _instant(value: str) -> Json:
    try:
        return {"initial_date_time": int(datetime.fromisoformat(value).timestamp())}
    except ValueError:
        return {}


# ---------------------------------------------------------------- pieces
def _plain(words: str, chars: int) -> Json:
    return {"type": "plain_text", "text": cut(line(words), chars) or "…", "emoji": True}


def _mrkdwn(words: str) -> Json:
    return {"type": "mrkdwn", "text": words}


def _context(words: str) -> Json:
    return {"type": "context", "elements": [_mrkdwn(_fitted(line(words), CONTEXT))]}


def _fitted(words: str, chars: int) -> str:
    """Escape words so that the result keeps the limit, cutting no entity in two."""
    while len(escaped(words)) > chars:
        words = cut(words, max(len(words) - max((len(escaped(words)) - chars) // 5, 1), 1))
    return escaped(words)


def _parts(words: str) -> list[str]:
    """Split printed text at line ends into what one section holds."""
    parts: list[str] = []
    for row in words.split("\n"):
        if parts and len(parts[-1]) + 1 + len(row) <= SECTION:
            parts[-1] += "\n" + row
        else:
            parts.append(row if len(row) <= SECTION else cut(row, SECTION))
    return [part for part in parts if part.strip()][:10]


def plain_text(content: Text) -> str:
    """Flatten text to what an error in a form can show."""
    return inert("".join(span.text for span in content)).strip()
