"""Neutral content as messages and as the variables of our card template, every value a string within its limit; pure.

The variables are those of `card_template.json`; README.md lists them. Public ones are what everybody sees; private ones are
what one person sees below the card: an answer, offers, a form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adapters.chat.dingtalk.limits import LIMITS, PARAM_BYTES, VALUE_BYTES
from adapters.chat.dingtalk.markdown import called, cut, cut_bytes, escaped, inert, lavish, line, markdown, spoken
from bot.model.card import Button, Card
from bot.model.form import Form
from bot.model.press import encode
from bot.model.text import Span, Text, flat, plain
from bot.ports import Content, Reply

BODY = ("body", "body2", "body3", "body4", "body5", "body6")
BUTTONS = ("buttons", "buttons2")
SELECTS = ("selects", "selects2")
NOTE = ("note", "note2")
PUBLIC = ("title", "colour", "sub", *BODY, *BUTTONS, *SELECTS, "footer")
PRIVATE = (*NOTE, "offers", "form", "form_title", "form_button")
NO_FORM = '{"fields":[]}'

MOST_BUTTONS = 6  # ours; more would push a card's facts out of sight
LABEL, CONFIRM, ALERT, TITLE = 20, 60, 100, 60  # characters, ours
COLOURS = frozenset({"red", "orange", "yellow", "green", "blue", "purple", "grey", "turquoise"})
_MORE = frozenset({"more", "menu", "help"})
_HAN = re.compile("[\u3400-\u9fff]")

Json = dict[str, Any]
Variables = dict[str, str]


def dumped(value: object) -> str:
    """Write JSON without spaces, Han characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ---------------------------------------------------------------- messages
def message(content: Text) -> tuple[str, str] | None:
    """Render text to (msgKey, msgParam): plain words as they are, markdown only for what needs it; None = too long."""
    words = inert(flat(content))
    if len(words) > LIMITS.text_chars or len(words.encode()) > LIMITS.text_bytes:
        return None
    if lavish(content):
        param = dumped({"title": cut(line(words), TITLE) or "…", "text": markdown(content)})
        if len(param.encode()) <= PARAM_BYTES:
            return "sampleMarkdown", param
    param = dumped({"content": spoken(content)})  # has the addresses of links in it
    return "sampleText", param if len(param.encode()) <= PARAM_BYTES else dumped({"content": words})


def lines_of(card: Card) -> Text:
    """Say a card in lines, for where there is no template: what may be clicked stands there as what to type."""
    colon = "：" if chinese(card) else ": "
    bar = "｜" if chinese(card) else " · "
    head = card.text or plain(f"{card.headline}{bar}{card.sub}" if card.sub else card.headline)
    rows: list[Text] = [head] if head else []
    rows += [(Span(f"{field.label}{colon}"), *field.value) for field in card.fields]
    typed = typed_of(card.buttons)
    rows += [plain(("打字：" if chinese(card) else "Type: ") + " | ".join(typed))] if typed else []
    rows += [plain(card.footer)] if card.footer else []
    return tuple(span for place, row in enumerate(rows) for span in ((Span("\n"), *row) if place else row))


def typed_of(buttons: Sequence[Button]) -> list[str]:
    """List what can be typed in place of buttons, each once."""
    clicks = [click for button in buttons for click in (button.options or (button,))]
    return list(dict.fromkeys(click.typed for click in clicks if click.typed))


def chinese(card: Card) -> bool:
    """Say which language a card speaks, by what is ours on it."""
    words = "".join([f.label for f in card.fields] + [b.label for b in card.buttons])
    return bool(_HAN.search(words or card.headline or flat(card.text)))


# ---------------------------------------------------------------- cards
def public(content: Content) -> Variables:
    """Render a card (or text, as one without a headline) to every public variable."""
    card = content if isinstance(content, Card) else Card("", "grey", text=content)
    said = dict.fromkeys(PUBLIC, "")
    headline = "" if card.text else line(card.headline)
    said["title"] = cut_bytes(headline, VALUE_BYTES)
    said["colour"] = card.colour if card.colour in COLOURS else "grey"
    said["sub"] = "" if card.text else cut_bytes(line(card.sub), VALUE_BYTES)
    said["footer"] = cut_bytes(line(card.footer), VALUE_BYTES)
    drawn, left = _buttons([b for b in card.buttons if not b.options], len(BUTTONS), MOST_BUTTONS)
    said |= dict(zip(BUTTONS, drawn, strict=True))
    chosen, cropped = _choices([b for b in card.buttons if b.options])
    said |= dict(zip(SELECTS, chosen, strict=True))
    said |= dict(zip(BODY, _body(card, typed_of([*left, *cropped])), strict=True))
    return said


def alert(content: Content) -> str:
    """Give the line of the notification and of the list of chats."""
    words = content.headline or flat(content.text) if isinstance(content, Card) else flat(content)
    return cut(line(words), ALERT) or "…"


def mentions(content: Content) -> dict[str, str]:
    """List whom a card calls when it is sent: those named in its text, and nobody in its facts, which are edited."""
    return called(content.text if isinstance(content, Card) else content)


def fits(content: Text) -> bool:
    """Say whether text has room on a card."""
    blocks, kept = _packed([markdown(content)], len(BODY), VALUE_BYTES)
    return kept == 1 and len(blocks) <= len(BODY)


def _body(card: Card, typed: Sequence[str]) -> list[str]:
    """Lay the facts out in blocks; what does not fit is counted, with what to type to see it."""
    han = chinese(card)
    colon = "：" if han else ": "
    rows = [markdown(card.text)] if card.text else []
    rows += [f"**{escaped(line(field.label))}**{colon}{markdown(field.value)}" for field in card.fields]
    last = [cut_bytes(escaped(("也可打字：" if han else "Or type: ") + " | ".join(typed)), 400)] if typed else []
    blocks, kept = _packed([*rows, *last], len(BODY), VALUE_BYTES)
    if kept < len(rows) + len(last):
        room = VALUE_BYTES - 500 if last else VALUE_BYTES - 90
        blocks, kept = _packed(rows, len(BODY), VALUE_BYTES, room)
        left = len(rows) - kept
        more = [f"… 还有 {left} 项，打字：@bot 现状" if han else f"… {left} more, type: @bot brief"] if left else []
        blocks = blocks or [""]
        blocks[-1] = "  \n".join([part for part in (blocks[-1], *last, *more) if part])
    return [*blocks, *[""] * (len(BODY) - len(blocks))]


def _packed(rows: Sequence[str], most: int, size: int, of_last: int | None = None) -> tuple[list[str], int]:
    """Fill at most `most` blocks of `size` bytes (the last one of `of_last`) with rows; gives them and how many rows fit."""
    blocks: list[str] = []
    for done, row in enumerate(rows):
        pieces = _pieces(row, size if of_last is None else min(size, of_last))
        trial = list(blocks)
        for piece in pieces:
            joined = f"{trial[-1]}  \n{piece}" if trial else piece
            limit = of_last if of_last is not None and len(trial) == most else size
            if trial and len(joined.encode()) <= limit and len(pieces) == 1:
                trial[-1] = joined
            else:
                trial.append(piece)
        if len(trial) > most or (of_last is not None and len(trial) == most and len(trial[-1].encode()) > of_last):
            return blocks, done
        blocks = trial
    return blocks, len(rows)


def _pieces(row: str, size: int) -> list[str]:
    """Cut a row that is longer than a block, at line ends where there are some."""
    pieces: list[str] = []
    rest = row
    while len(rest.encode()) > size:
        head = rest.encode()[:size].decode(errors="ignore")
        end = head.rfind("\n") + 1
        head = head[:end] if end > len(head) // 2 else head
        pieces.append(head.rstrip("\n "))
        rest = rest[len(head) :]
    return [*pieces, rest]


def _shown(button: Button) -> Json:
    made: Json = {"id": encode(button), "text": cut(line(button.label), LABEL) or "…"}
    if button.primary:
        made["color"] = "blue"
    if button.confirm:
        made["confirm"] = cut(line(button.confirm), CONFIRM)
    return made


def _buttons(buttons: Sequence[Button], lists: int, most: int) -> tuple[list[str], list[Button]]:
    """Draw buttons in lists of at most a variable each, cut from the right but for the one that opens the rest."""
    kept, left = list(buttons), []
    if len(kept) > most:
        more = [b for b in kept if b.command in _MORE][-1:]
        head = [b for b in kept if b not in more]
        kept, left = head[: most - len(more)] + more, head[most - len(more) :]
    while True:
        rows: list[list[Json]] = [[]]
        for one in map(_shown, kept):
            if rows[-1] and len(dumped([*rows[-1], one]).encode()) > VALUE_BYTES:
                rows.append([])
            rows[-1].append(one)
        if len(rows) <= lists:
            return [dumped(row) for row in rows] + ["[]"] * (lists - len(rows)), left
        place = len(kept) - (2 if kept[-1].command in _MORE else 1)
        left.insert(0, kept.pop(place))


def _choices(families: Sequence[Button]) -> tuple[list[str], list[Button]]:
    """Draw choices, one list after the other; options that have no room are counted on the label and can be typed."""
    rows: list[list[Json]] = []
    left: list[Button] = []
    for family in families:
        label = cut(line(family.label), LABEL) or "…"
        options = [{"value": encode(o), "text": cut(line(o.label), LABEL) or "…"} for o in family.options]
        ident = f"select{len(left) + sum(map(len, rows))}"
        whole: Json = {"id": ident, "text": label, "options": options}
        if rows and len(dumped([*rows[-1], whole]).encode()) <= VALUE_BYTES:
            rows[-1].append(whole)
            continue
        if len(rows) == len(SELECTS):
            left.append(family)
            continue
        cropped = list(options)
        while len(dumped([{"id": ident, "text": f"{label} (… {len(options)})", "options": cropped}]).encode()) > VALUE_BYTES:
            cropped.pop()
        if len(cropped) < len(options):
            whole = {"id": ident, "text": f"{label} (… {len(options) - len(cropped)})", "options": cropped}
            left += family.options[len(cropped) :]
        rows.append([whole])
    return [dumped(row) for row in rows] + ["[]"] * (len(SELECTS) - len(rows)), left


# ---------------------------------------------------------------- answers
def private(reply: Reply, form: str = NO_FORM) -> tuple[Variables, bool]:
    """Render an answer to every private variable; False = it is longer than they hold. `form` is the drawn form."""
    offered = [click for button in (reply.card.buttons if reply.card else ()) for click in _in_a_row(button)]
    drawn, left = _buttons(offered, 1, 2 * MOST_BUTTONS)
    words = answer_words(reply)
    if left:
        instead = " | ".join(typed_of(left))
        words = f"{words}  \n{escaped(('也可打字：' if _HAN.search(words) else 'Or type: ') + instead)}" if instead else words
    blocks, kept = _packed([words], len(NOTE), VALUE_BYTES) if words else ([], 1)
    if not kept:
        pieces = _pieces(words, VALUE_BYTES - 4)[: len(NOTE)]
        blocks = [*pieces[:-1], pieces[-1] + "…"]
    said = dict.fromkeys(PRIVATE, "") | dict(zip(NOTE, [*blocks, "", ""][: len(NOTE)], strict=True))
    said["offers"] = drawn[0]
    said["form"] = form
    if reply.form is not None:
        said["form_title"] = cut(line(reply.form.title), 60) or "…"
        said["form_button"] = cut(line(reply.form.submit), LABEL) or "OK"
    return said, bool(kept)


def _in_a_row(button: Button) -> Sequence[Button]:
    """Spread a choice into buttons; where all give one command its value, `P1` alone would not say of what."""
    if len({option.command for option in button.options}) != 1:
        return button.options or (button,)
    return [replace(option, label=f"{button.label} {option.label}") for option in button.options]


def answer_words(reply: Reply) -> str:
    """Print what an answer says, with what to type where a form is shown that may have had to be shortened."""
    parts = [markdown(reply.text).strip()]
    if reply.card is not None and not reply.card.text:
        facts = Card(
            reply.card.headline, reply.card.colour, sub=reply.card.sub, fields=reply.card.fields, footer=reply.card.footer
        )
        parts.append(markdown(lines_of(facts)).strip())
    elif reply.card is not None:
        parts.append(markdown(reply.card.text).strip())
    if reply.form is not None and not any(parts) and reply.form.typed:
        parts.append(escaped(typed_instead(reply.form)))
    # A field of DingTalk has one hint, which stands in it while it is empty: what should stand below it is said above the form.
    parts += [
        escaped(line(entry.hint)) for entry in (reply.form.entries if reply.form else ()) if entry.hint and entry.placeholder
    ]
    return "  \n".join(part for part in parts if part)


def typed_instead(form: Form) -> str:
    """Say what to type in place of a form."""
    return ("也可以打字：" if _HAN.search(form.title + form.submit) else "Or type: ") + inert(form.typed)
