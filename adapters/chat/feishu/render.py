"""Neutral content as Feishu's messages: rich posts, and cards of JSON 2.0 within every limit; pure.

Rules: open.feishu.cn, "card JSON 2.0"; https://open.feishu.cn/document/server-docs/im-v1/message/create for sizes.
What does not fit is counted, with what to type to see it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.chat.feishu.markup import cut, cut_bytes, escaped, inert, lark_md, line, paragraphs, shortened
from bot.model.card import Button, Card, Field
from bot.model.press import encode
from bot.model.text import Text, flat
from bot.ports import Content, Limits

# 50 calls a second and 1,000 a minute of one interface; 5 a second to one group, which all its bots share.
LIMITS = Limits(
    text_chars=4000, text_bytes=16_000, name_chars=50, per_second=16.0, burst=45, chat_per_second=4.0, chat_burst=4, hail="@bot ",
)  # fmt: skip

# The platform's.
BODY_BYTES = 30_000  # of the request of a card or post; 30 KB, taken as thousands
ELEMENTS = 200
TITLE_LINES = 4
BUTTON = 100
# Ours, where the platform allows more: the frame of a card must leave room for its facts.
CARD_BYTES = 28_500  # of the whole request, so that its other parts fit beside the card
HEADLINE = 300
SUB = 200
PUSH = 300
LABEL = 200
VALUE_BYTES = 3000
LONG_BYTES = 9000  # of a text with buttons below it
FOOTER = 300
BUTTONS = 6
ACTIONS_BYTES = 9000
SELECT_BYTES = 5000
OPTIONS = 100
OPTION = 80
CONFIRM_TITLE, CONFIRM_TEXT = 60, 300
BESIDE = 12  # elements that a card has beside its facts, at most, each button with its column counted

# Keys of what a click brings back.
PRESS = "p"  # the command
WHISPER = "w"  # the card was for one person only
DIRECT = "d"  # the card stands in a direct chat, which the event does not say
FORM = "f"  # the form's own id
NAMED = "n"  # the argument that a lone picker fills

COLOURS = frozenset({"red", "orange", "yellow", "green", "blue", "purple", "grey", "turquoise"})
_MORE = ("more", "menu", "help")
_WIDE = 40  # columns; a longer value gets the whole width

Json = dict[str, Any]


def message(content: Content, marks: Mapping[str, object] | None = None) -> tuple[str, str] | None:
    """Render content to (msg_type, content), `marks` travelling in its buttons; None = too long."""
    if isinstance(content, Card):
        return "interactive", dumps(card(content, marks))
    words = inert(flat(content))
    if len(words) > LIMITS.text_chars or len(words.encode()) > LIMITS.text_bytes:
        return None
    return "post", dumps(post(content))


def post(content: Text) -> Json:
    """Render text as a rich post: its elements are structure, so nothing that a stranger typed is mark-up."""
    made = paragraphs(content)
    if sent_size({"zh_cn": {"title": "", "content": made}}) > BODY_BYTES - 500:  # a thousand empty lines
        words = [{"tag": "text", "text": inert(flat(content))}]
        made = [words]
    return {"zh_cn": {"title": "", "content": made}}


def dumps(value: object) -> str:
    """Write JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sent_size(value: object) -> int:
    """Count the bytes of content as it stands in a request: JSON inside JSON."""
    return len(dumps(dumps(value)).encode())


# ---------------------------------------------------------------- cards
def card(shown: Card, marks: Mapping[str, object] | None = None, said: Text = ()) -> Json:
    """Render a card; `marks` travel in its buttons, `said` is a text above it."""
    chinese = shown.chinese
    above = [markdown(shortened(text, LONG_BYTES // 2)) for text in (said, shown.text) if inert(flat(text)).strip()]
    headed = not shown.text and bool(line(shown.headline))
    buttons = actions(shown.buttons, chinese, marks)
    footer = [grey(shown.footer)] if inert(shown.footer).strip() else []
    made = frame(shown.headline, shown.colour if headed else "", shown.sub if headed else "")
    if not headed:
        del made["header"]
    room = CARD_BYTES - sent_size({**made, "body": {"elements": [*above, *buttons, *footer]}}) - 300
    facts, kept = _facts(shown.fields, room, ELEMENTS - BESIDE - 3 * BUTTONS)
    left = len(shown.fields) - kept
    if left:
        facts.append(grey(f"… 还有 {left} 项，打字：@bot 现状" if chinese else f"… {left} more, type @bot brief"))
    elements = [*above, *facts, *buttons, *footer]
    made["body"]["elements"] = elements or [markdown("…")]
    return made


def frame(headline: str, colour: str, sub: str = "") -> Json:
    """Make a card's frame, with its push preview."""
    header: Json = {"template": colour if colour in COLOURS else "grey", "title": plain_text(headline, HEADLINE)}
    if line(sub):
        header["subtitle"] = plain_text(sub, SUB)
    return {
        "schema": "2.0",
        "config": {
            "update_multi": True, "enable_forward": False, "width_mode": "fill",
            "summary": {"content": cut(line(headline), PUSH) or "…"},
        },
        "header": header,
        "body": {"direction": "vertical", "elements": []},
    }  # fmt: skip


def _facts(fields: Sequence[Field], room: int, most: int) -> tuple[list[Json], int]:
    """Lay out as many fields as fit, short ones two in a row; gives the elements and how many fields they hold."""
    made: list[Json] = []
    kept = size = 0
    for field in fields:
        label = escaped(cut(line(field.label), LABEL))
        value = shortened(field.value, VALUE_BYTES).strip()
        words = f"**{label}**\n{value or '—'}" if label else value or "—"
        part = {"is_short": not _wide(field), "text": {"tag": "lark_md", "content": words}}
        size += sent_size(part) + 60
        if size > room or 2 * (kept + 1) > most:
            break
        if part["is_short"] and made and made[-1]["fields"][-1]["is_short"] and len(made[-1]["fields"]) < 2:
            made[-1]["fields"].append(part)
        else:
            made.append({"tag": "div", "fields": [part]})
        kept += 1
    return made, kept


def _wide(field: Field) -> bool:
    words = flat(field.value)
    return "\n" in words or sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words) > _WIDE


# ---------------------------------------------------------------- what can be clicked
def actions(buttons: Sequence[Button], chinese: bool, marks: Mapping[str, object] | None = None) -> list[Json]:
    """Lay out buttons in one row that wraps; more than fit hang in a choice at its end."""
    shown, rest = _cut_from_the_right(buttons)
    family = Button("更多" if chinese else "More", "more", "", options=tuple(one for b in rest for one in (b.options or (b,))))
    everything = [*shown, family] if rest else list(shown)
    if not everything:
        return []
    made: list[Json] = []
    for tight in (False, True):  # long questions and long choices are shortened only where they would push out the facts
        elements = [(_choice if b.options else _button)(b, tight, dict(marks or {})) for b in everything]
        columns = [{"tag": "column", "width": "auto", "elements": [element]} for element in elements]
        made = [{"tag": "column_set", "flex_mode": "flow", "horizontal_spacing": "8px", "columns": columns}]
        if sent_size(made) <= ACTIONS_BYTES:
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


def _button(button: Button, tight: bool, marks: Json) -> Json:
    made: Json = {
        "tag": "button", "type": "primary_filled" if button.primary else "default",
        "text": plain_text(button.label, 30 if tight else BUTTON),
        "behaviors": [{"type": "callback", "value": {PRESS: encode(button), **marks}}],
    }  # fmt: skip
    return made | _confirm(button, tight)


def _choice(family: Button, tight: bool, marks: Json) -> Json:
    options: list[Json] = []
    different = list({encode(button): button for button in reversed(family.options)}.values())[::-1]  # values must be
    for button in different[:OPTIONS]:
        options.append({"text": plain_text(button.label, 30 if tight else OPTION), "value": encode(button)})
        if sent_size(options) > (SELECT_BYTES // 4 if tight else SELECT_BYTES) and len(options) > 1:
            options.pop()
            break
    left = len(different) - len(options)
    label = f"{cut(line(family.label), 30)} (… {left})" if left else family.label
    return {
        "tag": "select_static", "placeholder": plain_text(label, 60), "options": options,
        "behaviors": [{"type": "callback", "value": {"o": 1, **marks}}],
    } | _confirm(family, tight)  # fmt: skip


def _confirm(button: Button, tight: bool) -> Json:
    if not button.confirm:
        return {}
    words = cut(inert(button.confirm).strip() or line(button.label) or "…", 60 if tight else CONFIRM_TEXT)
    return {"confirm": {"title": plain_text(button.label, CONFIRM_TITLE), "text": {"tag": "plain_text", "content": words}}}


# ---------------------------------------------------------------- pieces
def plain_text(words: str, chars: int) -> Json:
    """Make a text without mark-up, one line of at most so many characters."""
    return {"tag": "plain_text", "content": cut(line(words), chars) or "…"}


def markdown(words: str) -> Json:
    """Make an element of printed mark-up."""
    return {"tag": "markdown", "content": words or "…"}


def grey(words: str) -> Json:
    """Make a small grey line, as there is no footer in JSON 2.0."""
    shown = escaped(cut(line(words), FOOTER))
    return {"tag": "markdown", "text_size": "notation", "content": f"<font color='grey'>{shown}</font>"}


def told(words: str) -> str:
    """Make strangers' words what a toast can show."""
    return cut_bytes(line(words), 300)


def printed(content: Text) -> str:
    """Print text for a markdown element."""
    return lark_md(content).strip()
