"""Template cards: what WeCom refuses in one, what a client draws of it, and what can be pressed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.errors import No

Card = dict[str, Any]
TYPES = ("text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction")
INTERACTIVE = TYPES[2:]
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]+")
_TEXTS = {"source": ("desc",), "main_title": ("title", "desc"), "emphasis_content": ("title", "desc")}


def calls_back(card: Card) -> bool:
    """Say whether a card raises events and can be updated: an interactive one, or a notice with a menu."""
    return card["card_type"] in INTERACTIVE or bool(card.get("action_menu"))


def check(card: Any, *, task_id: bool = True) -> Card:
    """Refuse a card that WeCom would not take (90236, 101032); keys that it does not know do no harm.

    `task_id` = False where it is not needed: in updates it is ignored.
    """
    if not isinstance(card, dict):
        raise No(40058, "template_card")
    kind = card.get("card_type")
    if kind not in TYPES:
        raise No(40058, "template_card.card_type")
    for part, names in _TEXTS.items():
        whole = _object(card, part)
        for name in names:
            _string(whole, name, part)
    _string(card, "sub_title_text", "template_card")
    _string(_object(card, "quote_area"), "quote_text", "quote_area")
    titled = _object(card, "main_title").get("title")
    if not (titled or (kind == "text_notice" and card.get("sub_title_text"))):
        raise No(40058, "template_card.main_title.title")
    if kind == "news_notice" and not (_object(card, "card_image") or _object(card, "image_text_area")):
        raise No(40058, "template_card.card_image")
    _rows(card)
    _jumps(card, kind)
    _menu(card)
    if kind == "button_interaction":
        _buttons(card)
    if kind == "vote_interaction":
        _ticks(card)
    if kind == "multiple_interaction":
        selects = _list(card, "select_list", *at_most.SELECTS)
        for n, select in enumerate(selects):
            _select(select, f"select_list[{n}]")
        _distinct([s["question_key"] for s in selects], "select_list.question_key")
    if kind in ("vote_interaction", "multiple_interaction"):
        button = _object(card, "submit_button", needed=True)
        _key(button, "key", "submit_button", at_most.KEY_BYTES)
        _needed(button, "text", "submit_button")
    if task_id and calls_back(card):
        check_task_id(card.get("task_id"))
    return card


def check_task_id(task_id: Any) -> str:
    """Refuse a task_id that is missing, too long or of other characters."""
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id) or len(task_id.encode()) > at_most.TASK_ID_BYTES:
        raise No(42014)
    return task_id


# ------------------------------------------------------------ the parts
def _rows(card: Card) -> None:
    for n, row in enumerate(_list(card, "horizontal_content_list", 0, at_most.ROWS)):
        where = f"horizontal_content_list[{n}]"
        _needed(row, "keyname", where)
        _string(row, "value", where)
        needs = {1: "url", 2: "media_id", 3: "userid"}.get(_integer(row, "type", where, 0, 3))
        if needs is not None:
            _needed(row, needs, where)
    for n, row in enumerate(_list(card, "vertical_content_list", 0, at_most.VERTICAL_ROWS)):
        _needed(row, "title", f"vertical_content_list[{n}]")
    if "desc_color" in _object(card, "source"):
        _integer(card["source"], "desc_color", "source", 0, 3)


def _jumps(card: Card, kind: str) -> None:
    for n, jump in enumerate(_list(card, "jump_list", 0, at_most.JUMPS)):
        _needed(jump, "title", f"jump_list[{n}]")
        _leads(jump, f"jump_list[{n}]", 0)
    if kind in ("text_notice", "news_notice"):
        _leads(_object(card, "card_action", needed=True), "card_action", 1)
    elif "card_action" in card:
        _leads(_object(card, "card_action"), "card_action", 0)


def _leads(part: Card, where: str, least: int) -> None:
    needs = {1: "url", 2: "appid"}.get(_integer(part, "type", where, least, 3))
    if needs is not None:
        _needed(part, needs, where)


def _menu(card: Card) -> None:
    if "action_menu" not in card:
        return
    menu = _object(card, "action_menu", needed=True)
    actions = _list(menu, "action_list", *at_most.MENU, within="action_menu.")
    for n, action in enumerate(actions):
        _needed(action, "text", f"action_list[{n}]")
        _key(action, "key", f"action_list[{n}]", at_most.KEY_BYTES)
    _distinct([a["key"] for a in actions], "action_menu.action_list.key")


def _buttons(card: Card) -> None:
    buttons = _list(card, "button_list", *at_most.BUTTONS)
    for n, button in enumerate(buttons):
        where = f"button_list[{n}]"
        _needed(button, "text", where)
        _integer(button, "style", where, 1, 4, default=1)
        if _integer(button, "type", where, 0, 1) == 1:
            _needed(button, "url", where)
        else:
            _key(button, "key", where, at_most.KEY_BYTES)
    _distinct([b["key"] for b in buttons if b.get("type", 0) == 0], "button_list.key")
    if "button_selection" in card:
        _select(_object(card, "button_selection", needed=True), "button_selection")


def _select(select: Card, where: str) -> None:
    _key(select, "question_key", where, at_most.KEY_BYTES)
    _string(select, "title", where)
    options = _list(select, "option_list", *at_most.OPTIONS, within=f"{where}.")
    for n, option in enumerate(options):
        _key(option, "id", f"{where}.option_list[{n}]", at_most.OPTION_ID_BYTES)
        _needed(option, "text", f"{where}.option_list[{n}]")
    _distinct([o["id"] for o in options], f"{where}.option_list.id")
    if select.get("selected_id") and select["selected_id"] not in [o["id"] for o in options]:
        raise No(40058, f"{where}.selected_id")


def _ticks(card: Card) -> None:
    box = _object(card, "checkbox", needed=True)
    _key(box, "question_key", "checkbox", at_most.KEY_BYTES)
    _integer(box, "mode", "checkbox", 0, 1)
    options = _list(box, "option_list", *at_most.TICKS, within="checkbox.")
    for n, option in enumerate(options):
        _key(option, "id", f"checkbox.option_list[{n}]", at_most.OPTION_ID_BYTES)
        _needed(option, "text", f"checkbox.option_list[{n}]")
    _distinct([o["id"] for o in options], "checkbox.option_list.id")


# ------------------------------------------------------------ shapes
def _object(whole: Card, name: str, *, needed: bool = False) -> Card:
    value = whole.get(name)
    if value is None and not needed:
        return {}
    if not isinstance(value, dict):
        raise No(40058, f"template_card.{name}")
    return value


def _list(whole: Card, name: str, least: int, most: int, within: str = "template_card.") -> list[Card]:
    value = whole.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise No(40058, f"{within}{name}")
    if not least <= len(value) <= most:
        raise No(40058, f"{within}{name} exceed size {least}..{most}")
    return value


def _string(part: Card, name: str, where: str) -> None:
    if part.get(name) is not None and not isinstance(part[name], str):
        raise No(40058, f"{where}.{name}")


def _needed(part: Card, name: str, where: str) -> None:
    if not isinstance(part.get(name), str) or not part[name]:
        raise No(40058, f"{where}.{name}")


def _key(part: Card, name: str, where: str, most: int) -> None:
    _needed(part, name, where)
    if len(part[name].encode()) > most:
        raise No(40058, f"{where}.{name} exceed max length {most}")


def _integer(part: Card, name: str, where: str, least: int, most: int, default: int = 0) -> int:
    value = part.get(name, max(least, default) if name == "style" else default)
    if type(value) is not int or not least <= value <= most:
        raise No(40058, f"{where}.{name}")
    return value


def _distinct(keys: list[str], where: str) -> None:
    if len(set(keys)) != len(keys):
        raise No(40058, f"{where} is not unique")


# ------------------------------------------------------------ what is drawn
def drawn(card: Card, by_bot: bool) -> Card:
    """Give a card as a client draws it: every text cut to the length that the documentation recommends."""
    most = at_most.DRAWN_BY_BOT if by_bot else at_most.DRAWN
    shown: Card = {"card_type": card["card_type"], "task_id": card.get("task_id", ""), "replace_text": ""}
    if card.get("replace_text"):
        shown["replace_text"] = cut(card["replace_text"], most["replace"])
    source, title = card.get("source") or {}, card.get("main_title") or {}
    shown["source"] = {"desc": cut(source.get("desc", ""), most["source"]), "desc_color": source.get("desc_color", 0)}
    shown["title"], shown["desc"] = cut(title.get("title", ""), most["title"]), cut(title.get("desc", ""), most["desc"])
    shown["sub_title_text"] = cut(card.get("sub_title_text", ""), most["sub_title_text"])
    emphasis, quote = card.get("emphasis_content") or {}, card.get("quote_area") or {}
    shown["emphasis"] = [emphasis.get("title", ""), emphasis.get("desc", "")]
    shown["quote"] = [cut(quote.get("title", ""), most["quote_title"]), cut(quote.get("quote_text", ""), most["quote_text"])]
    shown["rows"] = [
        {**row, "keyname": cut(row["keyname"], most["keyname"]), "value": cut(row.get("value", ""), most["value"])}
        for row in card.get("horizontal_content_list") or []
    ]
    shown["paragraphs"] = [
        [cut(row["title"], most["vertical_title"]), cut(row.get("desc", ""), most["vertical_desc"])]
        for row in card.get("vertical_content_list") or []
    ]
    shown["jumps"] = [{**jump, "title": cut(jump["title"], most["jump"])} for jump in card.get("jump_list") or []]
    shown["card_action"] = card.get("card_action")
    menu = (card.get("action_menu") or {}).get("action_list") or []
    shown["menu"] = [{**action, "text": cut(action["text"], most["menu"])} for action in menu]
    shown["buttons"] = [{**button, "text": cut(button["text"], most["button"])} for button in card.get("button_list") or []]
    shown["selects"] = [
        _select_drawn(select, most) for select in [card.get("button_selection"), *(card.get("select_list") or [])] if select
    ]
    box = card.get("checkbox") if card["card_type"] == "vote_interaction" else None
    shown["checkbox"] = box and {
        **box, "option_list": [{**o, "text": cut(o["text"], most["tick"])} for o in box["option_list"]]
    }  # fmt: skip
    submit = card.get("submit_button")
    shown["submit"] = submit and {**submit, "text": cut(submit["text"], most["submit"])}
    return shown


def _select_drawn(select: Card, most: Mapping[str, int]) -> Card:
    options = [{**option, "text": cut(option["text"], most["option"])} for option in select["option_list"]]
    return {**select, "title": cut(select.get("title", ""), most["select"]), "option_list": options}


def cut(text: str, most: int) -> str:
    """Cut a text as a client does."""
    return text if len(text) <= most else text[:most] + "…"


def cut_bytes(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8, never inside a character."""
    return text.encode()[:most].decode("utf-8", "ignore")


# ------------------------------------------------------------ what can be pressed
def keys(card: Card) -> Iterator[tuple[str, str]]:
    """List the keys that can be pressed, each with its kind: button, menu or submit."""
    for action in (card.get("action_menu") or {}).get("action_list") or []:
        yield action["key"], "menu"
    if card.get("replace_text"):  # a card that was answered has one grey button with this text
        return
    for button in card.get("button_list") or []:
        if button.get("type", 0) == 0:
            yield button["key"], "button"
    if card.get("submit_button"):
        yield card["submit_button"]["key"], "submit"


def questions(card: Card) -> dict[str, tuple[list[str], bool]]:
    """List what can be chosen, by question: the options, and whether several may be."""
    found: dict[str, tuple[list[str], bool]] = {}
    if card.get("replace_text"):
        return found
    for select in [card.get("button_selection"), *(card.get("select_list") or [])]:
        if select and not select.get("disable"):
            found[select["question_key"]] = ([o["id"] for o in select["option_list"]], False)
    box = card.get("checkbox")
    if box and not box.get("disable"):
        found[box["question_key"]] = ([o["id"] for o in box["option_list"]], box.get("mode", 0) == 1)
    return found


def answers(card: Card, chosen: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Give what a press sends along: what was chosen, else what was chosen from the start."""
    given: dict[str, list[str]] = {}
    for select in [card.get("button_selection"), *(card.get("select_list") or [])]:
        if select:
            first = select.get("selected_id") or select["option_list"][0]["id"]
            given[select["question_key"]] = chosen.get(select["question_key"], [first])
    box = card.get("checkbox")
    if box:
        ticked = [o["id"] for o in box["option_list"] if o.get("is_checked")]
        given[box["question_key"]] = chosen.get(box["question_key"], ticked)
    return given
