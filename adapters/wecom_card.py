"""WeCom's template_card, which its apps and its intelligent bots show alike: cards within its limits, clicks read back; pure.

Limits: developer.work.weixin.qq.com 90236 (apps) and 101032 (bots). A card has no text input, no confirmation and no pictures
of ours; a family of choices is a drop-down with a button of its own, and a button that must be confirmed carries its question,
so that the two-step card needs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model.card import Button, Card, Field
from bot.model.press import Press, decode, encode
from bot.model.text import Text

Json = dict[str, Any]

ROWS = 6
KEYNAME = 5
VALUE = 30
BUTTONS = 6
BUTTON = 10
OPTIONS = 10
OPTION = 16
OPTION_ID = 128  # bytes
KEY_BYTES = 1024
SOURCE = 13
QUESTION = "choice"
_CHOOSE = {True: "请选择", False: "Choose"}
UNCHOSEN = "?"  # the id of the option that stands first, since WeCom takes the first as chosen
QUESTION_TITLE = 10
TASK = re.compile(r"[0-9A-Za-z_\-@]{1,128}")

# source.desc_color: 0 grey, 1 black, 2 red, 3 green; a title has none.
COLOURS = {"red": 2, "orange": 2, "yellow": 1, "green": 3, "grey": 0}
PRIMARY, RISKY, OTHER = 1, 2, 4  # button_list.style

# English labels that five characters cannot hold; the others are cut.
SHORT = {
    "impact": "Hit", "latest": "Last", "latest update": "Last", "commander": "IC", "started": "Since", "alerts": "Alert",
    "next update": "Next", "severity": "Level", "services": "Svc", "service": "Svc", "reported by": "By", "status": "State",
    "1-5-10": "Goals", "on call": "Duty", "runbook": "Book", "related": "See", "lasted": "Took",
    "no review": "NoRev", "review": "Rev.", "outcome": "End", "seen by": "Seen",
}  # fmt: skip

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_EVERYBODY = re.compile(r"[@＠](?=(?:all|here|channel|everyone|everybody|room|所有人|全体|大家)(?![A-Za-z0-9_]))", re.IGNORECASE)
_HAN = re.compile("[\u3400-\u9fff]")
_LEVEL = re.compile(r"(?<![A-Za-z0-9])P[1-4](?![A-Za-z0-9])")
_MORE = ("more", "menu", "help")


@dataclass(frozen=True, slots=True)
class Sizes:
    """State how many characters a title, the line under it and the paragraph may have, and what stands before a typed word."""

    title: int
    desc: int
    sub: int
    hail: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The click is a command for the core."""

    press: Press


@dataclass(frozen=True, slots=True)
class Asked:
    """The click must be confirmed first: `line` is the command, `label` and `question` what to ask."""

    line: str
    label: str
    question: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The confirmation was declined, on a card that was Chinese or English."""

    chinese: bool = True


@dataclass(frozen=True, slots=True)
class Idle:
    """The click is on a button that only says that there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Unchosen:
    """The button of a family of choices was pressed before one of them was chosen."""


Click = Pressed | Asked | Withdrawn | Idle | Unchosen
UNREADABLE = Press("unreadable")  # a button that is none of ours: the core refuses it in the person's words


# ---------------------------------------------------------------- words
def inert(words: str) -> str:
    """Take away what a client would obey instead of showing it."""
    return _EVERYBODY.sub("＠", _OBEYED.sub("", words.replace("\r\n", "\n").replace("\r", "\n")))


def line(words: str) -> str:
    """Make strangers' words one harmless line."""
    return " ".join(inert(words).split())


def cut(words: str, most: int) -> str:
    """Shorten words to `most` characters, an emoji counting as two; … says that more was there."""
    if width(words) <= most:
        return words
    kept = words
    while kept and width(kept) > most - 1:
        kept = kept[:-1] if width(kept) - (most - 1) < 50 else kept[: -((width(kept) - most) // 2)]
    return kept.rstrip() + "…"


def width(words: str) -> int:
    """Count characters as the strictest reading of WeCom's limits would: UTF-16 units."""
    return len(words.encode("utf-16-le", "surrogatepass")) // 2


def shortened(words: str, size: int) -> str:
    """Shorten words to `size` bytes of UTF-8; … says that more was there."""
    raw = words.encode()
    return words if len(raw) <= size else raw[: size - 3].decode(errors="ignore").rstrip() + "…"


def said(content: Text) -> str:
    """Print tokens on one line of a card, which calls nobody and links nowhere."""
    shown = "".join(f"{span.text} {span.target}" if _links(span.text, span.target, span.kind) else span.text for span in content)
    return line(shown)


def _links(words: str, target: str | None, kind: str) -> bool:
    return kind == "link" and bool(target) and target != words


# ---------------------------------------------------------------- cards
def template_card(shown: Card, sizes: Sizes, task: str, *, instead: bool = False) -> Json | None:
    """Render a card as button_interaction; None = it has no button, and WeCom no kind of card without one.

    `instead` of a card that is there already it has a grey one that says so. `task` is the card's task_id.
    """
    zh = shown.chinese
    buttons, choice = _clickable(shown.buttons, zh)
    if not buttons:
        if not instead:
            return None
        buttons = [{"text": "已更新" if zh else "Updated", "style": OTHER, "key": "0i:"}]
    headline = line(shown.headline) or ("请选择" if zh else "Choose")
    level = _LEVEL.search(headline)
    title, over = _split(headline, sizes.title)
    sub, words = line(shown.sub), said(shown.text)
    under = [sub, over] if width(f"{over} · {sub}") > sizes.desc and over and sub else []
    desc = over if under else " · ".join(filter(None, (over, sub)))
    desc, rest = _split(desc, sizes.desc)
    if words.startswith(headline):
        words = line(words[len(headline) :])
    parts = [part for part in (rest, words, *under) if part]
    bar = "｜" if zh else " | "
    rows, more = _rows(shown.fields, sizes, zh, bar.join(parts), line(shown.footer))
    made: Json = {
        "card_type": "button_interaction",
        "source": {"desc": level[0] if level else "warroom", "desc_color": COLOURS.get(shown.colour, 1)},
        "main_title": {"title": title} | ({"desc": desc} if desc else {}),
    }
    paragraph = cut(bar.join([*parts, *more]), sizes.sub)
    if paragraph:
        made["sub_title_text"] = paragraph
    if rows:
        made["horizontal_content_list"] = rows
    if choice is not None:
        made["button_selection"] = choice
    return {**made, "button_list": buttons, "task_id": task}


def confirming(card: Mapping[str, Any], asked: Asked, sizes: Sizes) -> Json:
    """Make of a card the one that asks whether it is meant: its buttons become yes and no."""
    zh = bool(_HAN.search(asked.label + asked.question))
    kept = {
        name: card[name] for name in ("card_type", "source", "main_title", "horizontal_content_list", "task_id") if name in card
    }
    return {
        **kept,
        "sub_title_text": cut(line(asked.question) or asked.label or "?", sizes.sub),
        "button_list": [
            {"text": "确认" if zh else "Confirm", "style": RISKY, "key": f"0p:{asked.line}"},
            {"text": "取消" if zh else "Cancel", "style": OTHER, "key": "1x:" if zh else "1x:en"},
        ],
    }


def question(asked: Asked, sizes: Sizes, task: str) -> Json:
    """Make the same without the card, which was shown before this process began."""
    title = cut(asked.label or "?", sizes.title)
    return confirming({"card_type": "button_interaction", "main_title": {"title": title}, "task_id": task}, asked, sizes)


def unchosen(card: Mapping[str, Any], sizes: Sizes) -> Json:
    """Make of a card the one that says to choose first."""
    zh = any(option.get("text") == _CHOOSE[True] for option in card.get("button_selection", {}).get("option_list", ()))
    said = "⚠️ 先选一项，再按按钮" if zh else "⚠️ Choose first, then press"
    bar = "｜" if zh else " | "
    before = str(card.get("sub_title_text") or "").removeprefix(said).removeprefix(bar)
    return {**card, "sub_title_text": cut(bar.join(filter(None, (said, before))), sizes.sub)}


def withdrawn(card: Mapping[str, Any] | None, task: str, zh: bool = True) -> Json:
    """Give the card back as it was; one that nobody remembers says that nothing was done."""
    if card is not None:
        return dict(card)
    button = {"text": "已取消" if zh else "Cancelled", "style": OTHER, "key": "0i:"}
    title = {"title": "已取消，没有改动" if zh else "Cancelled, nothing changed"}
    return {"card_type": "button_interaction", "main_title": title, "button_list": [button], "task_id": task}


def _split(words: str, most: int) -> tuple[str, str]:
    """Give what fits in a line and what goes on in the next; the break is at a bar, a space or a mark where there is one."""
    if width(words) <= most:
        return words, ""
    head = words[:most]
    while width(head) > most:
        head = head[:-1]
    bar = max(head.rfind("｜"), head.rfind(" "), *(head.rfind(mark) + 1 for mark in "，。；：）"), head.rfind("（"))
    at = bar if bar >= most // 3 else len(head)
    return head[:at].rstrip("｜ ") or head, words[at:].lstrip("｜ ")


def _rows(fields: Sequence[Field], sizes: Sizes, zh: bool, before: str, footer: str) -> tuple[list[Json], list[str]]:
    """Lay out six facts as rows and as many more as fit in the paragraph; the last row counts what fits nowhere."""
    named = [(_label(f.label, zh), line(f.label), said(f.value) or "—") for f in fields]
    rows = [{"keyname": key, "value": cut(value, VALUE)} for key, _, value in named[:ROWS]]
    paragraph: list[str] = []
    bar = 1 if zh else 3
    room = sizes.sub - width(before) - bar
    tail = [footer] if footer and width(footer) < room else []
    room -= width(tail[0]) + bar if tail else 0
    more = named[ROWS:]
    for _, label, value in more:
        words = f"{label}：{cut(value, 40)}" if zh else f"{label}: {cut(value, 40)}"
        if width(words) + bar > room:
            break
        paragraph.append(words)
        room -= width(words) + bar
    left = len(more) - len(paragraph)
    if left:
        way = f"… 还有 {left + 1} 项，打字：{sizes.hail}现状" if zh else f"… {left + 1} more: {sizes.hail}brief"
        rows[-1] = {"keyname": "其余" if zh else "More", "value": way}
    if footer and not tail and room > 8:
        tail = [cut(footer, room)]
    return rows, [*paragraph, *tail]


def _label(label: str, zh: bool) -> str:
    label = line(label) or "·"
    if zh and label == "1-5-10":
        return "时效"
    return label if width(label) <= KEYNAME else SHORT.get(label.lower(), cut(label, KEYNAME))


# ---------------------------------------------------------------- buttons
def _clickable(buttons: Sequence[Button], zh: bool) -> tuple[list[Json], Json | None]:
    """Give the buttons and, for the first family of choices, its drop-down; the others' choices are buttons while they fit."""
    family = next((b for b in buttons if b.options), None)
    flat: list[Button] = []
    for button in buttons:
        flat += [button] if button is family or not button.options else list(button.options)
    kept, left = _cut_from_the_right(flat)
    if family is not None and family not in kept:
        family = None
    made = [_button(b, n, b is family) for n, b in enumerate(kept)]
    if left:
        made[-1]["text"] = cut(made[-1]["text"], BUTTON - len(f" +{left}")) + f" +{left}"
    return made, _choice(family, zh) if family is not None else None


def _cut_from_the_right(buttons: list[Button]) -> tuple[list[Button], int]:
    if len(buttons) <= BUTTONS:
        return buttons, 0
    last = buttons[-1]
    if last.command in _MORE or last.label.strip().lower() in ("更多", "more"):
        return [*buttons[: BUTTONS - 1], last], len(buttons) - BUTTONS
    return buttons[:BUTTONS], len(buttons) - BUTTONS


def _button(button: Button, n: int, chooses: bool) -> Json:
    label = line(button.label) or "…"
    pressed = "" if chooses else encode(button)
    if button.confirm:
        key = f"{n}{'d' if chooses else 'c'}:{pressed}\n{cut(label, 20)}\n{line(button.confirm)}"
    else:
        key = f"{n}{'s' if chooses else 'p'}:{pressed}"
    style = PRIMARY if button.primary else RISKY if button.confirm else OTHER
    return {"text": cut(label, BUTTON), "style": style, "key": shortened(key, KEY_BYTES)}


def _choice(family: Button, zh: bool) -> Json:
    options = list({encode(one): one for one in family.options}.items())
    left = len(options) - (OPTIONS - 1)
    title = cut(line(family.label), QUESTION_TITLE - 4) + f" +{left}" if left > 0 else cut(line(family.label), QUESTION_TITLE)
    first = {"id": UNCHOSEN, "text": _CHOOSE[zh]}
    shown = [{"id": ident, "text": cut(line(one.label) or "…", OPTION)} for ident, one in options[: OPTIONS - 1]]
    return {"question_key": QUESTION, "title": title or "…", "option_list": [first, *shown], "selected_id": UNCHOSEN}


def clicked(key: str, selected: Mapping[str, Sequence[str]]) -> Click:
    """Read a click back: `key` of the button, and what was chosen by question."""
    kind, colon, payload = key.partition(":")
    chosen = next(iter(selected.get(QUESTION, ())), UNCHOSEN)
    match kind[-1:] if colon and kind[:-1].isdecimal() else "":
        case "s" | "d" if chosen == UNCHOSEN:
            return Unchosen()
        case "p":
            return Pressed(_press(payload))
        case "s":
            return Pressed(_press(chosen))
        case "c" | "d" as how:
            pressed, _, rest = payload.partition("\n")
            label, _, words = rest.partition("\n")
            return Asked(chosen if how == "d" else pressed, label, words)
        case "x":
            return Withdrawn(payload != "en")
        case "i":
            return Idle()
        case _:
            return Pressed(UNREADABLE)


def _press(typed: str) -> Press:
    try:
        return UNREADABLE if "\x00" in typed or "%00" in typed else decode(typed)
    except ValueError:
        return UNREADABLE
