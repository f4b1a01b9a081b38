"""Which cards Feishu takes: JSON 2.0 with its tags, attributes and rules, and JSON 1.0 as far as it is still sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.refusals import No, card

Raw = dict[str, Any]

_COMMON = frozenset({"tag", "element_id", "margin"})
_BOX = frozenset({
    "elements", "direction", "padding", "horizontal_spacing", "horizontal_align", "vertical_spacing", "vertical_align",
    "background_style",
})  # fmt: skip
_FIELD = frozenset({"name", "required", "disabled", "disabled_tips", "placeholder", "width", "behaviors", "value", "confirm"})
_TEXT = frozenset({"content", "i18n_content", "text_size", "text_color", "text_align", "lines"})
_SELECT = _FIELD | {"options", "initial_option", "initial_index", "selected_values", "type"}
TAGS: dict[str, frozenset[str]] = {  # what may be in a body, and its attributes beside the common ones
    "div": frozenset({"width", "text", "fields", "icon"}),
    "markdown": frozenset({"content", "i18n_content", "text_size", "text_align", "icon"}),
    "hr": frozenset(),
    "img": frozenset({"img_key", "alt", "title", "corner_radius", "scale_type", "size", "transparent", "preview", "mode"}),
    "img_combination": frozenset({"combination_mode", "combination_transparent", "corner_radius", "img_list"}),
    "person": frozenset({"user_id", "size", "show_avatar", "show_name", "style"}),
    "person_list": frozenset({"persons", "size", "lines", "show_avatar", "show_name", "drop_invalid_user_id", "icon", "ud_icon"}),
    "chart": frozenset({"aspect_ratio", "color_theme", "chart_spec", "preview", "height"}),
    "table": frozenset({"page_size", "row_height", "row_max_height", "freeze_first_column", "header_style", "columns", "rows"}),
    "column_set": frozenset({
        "columns", "flex_mode", "horizontal_spacing", "horizontal_align", "background_style", "action",
    }),
    "column": _BOX | {"width", "weight", "action"},
    "form": _BOX | {"name", "confirm"},
    "interactive_container": _BOX | {
        "width", "height", "has_border", "border_color", "corner_radius", "behaviors", "confirm", "hover_tips", "disabled",
        "disabled_tips",
    },
    "collapsible_panel": _BOX | {"expanded", "background_color", "header", "border"},
    "button": frozenset({
        "type", "size", "width", "text", "icon", "hover_tips", "disabled", "disabled_tips", "confirm", "behaviors", "name",
        "form_action_type", "action_type", "value", "required",
    }),
    "input": _FIELD | {
        "default_value", "max_length", "input_type", "rows", "auto_resize", "max_rows", "show_icon", "label", "label_position",
    },
    "select_static": _SELECT, "multi_select_static": _SELECT, "select_person": _SELECT, "multi_select_person": _SELECT,
    "date_picker": _FIELD | {"initial_date"}, "picker_time": _FIELD | {"initial_time"},
    "picker_datetime": _FIELD | {"initial_datetime"},
    "overflow": frozenset({"width", "options", "behaviors", "confirm", "value", "disabled", "disabled_tips"}),
    "checker": frozenset({
        "name", "checked", "text", "overall_checkable", "button_area", "checked_style", "padding", "confirm", "behaviors",
        "hover_tips", "disabled", "disabled_tips", "value",
    }),
    "select_img": _FIELD | {"style", "multi_select", "layout", "can_preview", "aspect_ratio", "options"},
    "audio": frozenset({"audio_id", "file_key", "style", "show_time", "width"}),
}  # fmt: skip
GONE = ("note", "action")  # of JSON 1.0, no longer of 2.0
FIELDS = (
    "input", "select_static", "multi_select_static", "select_person", "multi_select_person", "date_picker", "picker_time",
    "picker_datetime", "checker", "select_img",
)  # fmt: skip
COLOURS = (
    "blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey", "default",
)  # fmt: skip
BUTTONS = (
    "default", "primary", "danger", "text", "primary_text", "danger_text", "primary_filled", "danger_filled", "laser",
)  # fmt: skip
_ROOT = frozenset({"schema", "config", "card_link", "header", "body"})
_CONFIG = frozenset({
    "streaming_mode", "streaming_config", "summary", "locales", "enable_forward", "update_multi", "width_mode",
    "use_custom_translation", "enable_forward_interaction", "style",
})  # fmt: skip
_HEADER = frozenset({"title", "subtitle", "text_tag_list", "i18n_text_tag_list", "template", "icon", "padding"})
_BODY = _BOX - {"background_style"} | {"background_style"}
_V1 = frozenset({"div", "markdown", "hr", "img", "note", "action", "column_set", "form", "button", "input", "table", "chart",
                 "person", "person_list", "overflow", "collapsible_panel", "interactive_container", "img_combination", "checker",
                 *FIELDS})  # fmt: skip
_AT = re.compile(r"""<(?:at|person)\s+id\s*=\s*['"]?([^'">\s]+)['"]?\s*>""")
PARSE = "parse card json err, please check whether the card json is correct"


def parsed(content: str) -> Raw:
    """Read a card's JSON; refused where it is none, as the card service does."""
    try:
        said = json.loads(content)
    except ValueError:
        raise card(200621, PARSE) from None
    if not isinstance(said, dict):
        raise card(200621, PARSE)
    return said


def shared(raw: Raw) -> bool:
    """Say whether a card is shared, so that it can be updated for everybody: always in 2.0, when asked for in 1.0."""
    config = raw.get("config") or {}
    return bool(config.get("update_multi", raw.get("schema") == "2.0"))


def check(raw: Raw, people: set[str], images: set[str]) -> None:
    """Refuse a card that Feishu would not take; `people` = known ids of every kind, `images` = uploaded keys."""
    if raw.get("type") in ("template", "card") and "data" in raw:
        raise card(200380, "template does not exist, please confirm whether this template has been released")
    if raw.get("schema") != "2.0":
        _check_old(raw, people)
        return
    _attributes(raw, _ROOT, "ROOT")
    config = _object(raw.get("config", {}), "ROOT -> config")
    _attributes(config, _CONFIG, "ROOT -> config")
    if config.get("update_multi", True) is not True:
        raise card(200861, "cards of schema V2 no longer support this capability; update_multi must be true")
    if "header" in raw:
        _header(_object(raw["header"], "ROOT -> header"))
    body = _object(raw.get("body", {}), "ROOT -> body")
    _attributes(body, _BODY, "ROOT -> body")
    _Check(people, images).body(body)


def _object(value: Any, path: str) -> Raw:
    if not isinstance(value, dict):
        raise card(200621, f"{PARSE}; ErrPath: {path}")
    return value


def _attributes(raw: Raw, known: frozenset[str], path: str) -> None:
    for name in raw:
        if name not in known:
            raise card(200621, f"{PARSE}; unknown property, property: {name}, path: {path}")


def _header(header: Raw) -> None:
    path = "ROOT -> header"
    _attributes(header, _HEADER, path)
    _words(header.get("title"), f"{path} -> title")
    if "subtitle" in header:
        _words(header["subtitle"], f"{path} -> subtitle")
    if header.get("template", "default") not in COLOURS:
        raise card(200621, f"{PARSE}; ErrPath: {path}; template is invalid")
    for tag in header.get("text_tag_list", []):
        if (
            not isinstance(tag, dict)
            or tag.get("tag") != "text_tag"
            or tag.get("color", "neutral") not in (*COLOURS, "neutral", "lime")
        ):
            raise card(200621, f"{PARSE}; ErrPath: {path} -> text_tag_list")
        _words(tag.get("text"), f"{path} -> text_tag_list")


def _words(text: Any, path: str, *, plain: bool = False, most: int = 0) -> str:
    kinds = ("plain_text",) if plain else ("plain_text", "lark_md")
    if not isinstance(text, dict) or text.get("tag") not in kinds or not isinstance(text.get("content"), str):
        raise card(200621, f"{PARSE}; ErrPath: {path}; a text is {' or '.join(kinds)} with content")
    _attributes(text, _TEXT | {"tag", "element_id", "i18n", "icon"}, path)
    if most and len(text["content"]) > most:
        raise card(200621, f"{PARSE}; ErrPath: {path}; the text is longer than {most} characters")
    return str(text["content"])


class _Check:
    def __init__(self, people: set[str], images: set[str]) -> None:
        self.people, self.images = people, images
        self.ids: set[str] = set()
        self.names: set[str] = set()
        self.count = self.tables = 0

    def body(self, body: Raw) -> None:
        self.elements(body.get("elements", []), "ROOT -> body -> elements", 0, "")

    def elements(self, elements: Any, path: str, depth: int, inside: str) -> None:
        if not isinstance(elements, list):
            raise card(200621, f"{PARSE}; ErrPath: {path}")
        if depth > at_most.CARD_NESTING:
            raise card(200621, f"{PARSE}; ErrPath: {path}; more than {at_most.CARD_NESTING} levels")
        for n, element in enumerate(elements):
            where = f"{path} -> [{n}]"
            if not isinstance(element, dict) or not isinstance(element.get("tag"), str):
                raise card(200621, f"{PARSE}; ErrPath: {where}")
            self.element(element, f"{where}(tag: {element['tag']})", depth, inside)

    def element(self, element: Raw, path: str, depth: int, inside: str) -> None:
        tag = element["tag"]
        if tag in GONE:
            words = f"cards of schema V2 no longer support this capability; ErrorValue: unsupported tag {tag}"
            raise card(200861, f"{words}; ErrPath: {path}")
        if tag not in TAGS or tag == "column":
            raise card(200621, f"{PARSE}; ErrPath: {path}; unknown tag {tag}")
        _attributes(element, TAGS[tag] | _COMMON, path)
        self.counted(element, path)
        if tag in ("form", "table") and depth:
            raise card(200621, f"{PARSE}; ErrPath: {path}; a {tag} stands at the root of a card only")
        match tag:
            case "column_set":
                for n, column in enumerate(element.get("columns") or []):
                    where = f"{path} -> columns -> [{n}]"
                    _attributes(_object(column, where), TAGS["column"] | _COMMON, where)
                    self.counted(column, where)
                    self.elements(column.get("elements", []), where, depth + 1, inside)
            case "form":
                self.form(element, path, depth)
            case "interactive_container" | "collapsible_panel":
                self.elements(element.get("elements", []), path, depth + 1, inside)
            case "table":
                self.tables += 1
                if self.tables > at_most.CARD_TABLES:
                    raise card(11310, "card table number over limit")
            case _:
                self.leaf(tag, element, path, inside)
        self.behaves(element, path)

    def counted(self, element: Raw, path: str) -> None:
        """Count an element and its texts, and hold its element_id to the rules."""
        texts = [element.get("text"), *(f.get("text") for f in element.get("fields") or [] if isinstance(f, dict))]
        self.count += 1 + sum(isinstance(text, dict) for text in texts)
        if self.count > at_most.CARD_ELEMENTS:
            raise card(11310, "element exceeds the limit")
        ident = element.get("element_id")
        if ident is None:
            return
        if not isinstance(ident, str) or not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{at_most.ELEMENT_ID - 1}}}", ident):
            raise card(200621, f"{PARSE}; ErrPath: {path}; element_id {ident!r} is invalid")
        if ident in self.ids:
            raise card(300301, f"Duplicate element_id in card component; ErrPath: {path}")
        self.ids.add(ident)

    def form(self, form: Raw, path: str, depth: int) -> None:
        self.named(form, path)
        elements = form.get("elements")
        self.elements(elements, path, depth + 1, "form")
        inside = list(walk(elements or []))
        if not any(one["tag"] == "button" and submits(one) for one in inside):
            raise card(200621, f"{PARSE}; ErrPath: {path}; a form needs a button that submits it")

    def named(self, element: Raw, path: str) -> None:
        name = element.get("name")
        if not isinstance(name, str) or not name:
            raise card(200621, f"{PARSE}; ErrPath: {path}; name is required")
        if name in self.names:
            raise card(200621, f"{PARSE}; ErrPath: {path}; name {name} is not unique")
        self.names.add(name)

    def leaf(self, tag: str, element: Raw, path: str, inside: str) -> None:
        if inside == "form" and (tag in FIELDS or tag == "button"):
            self.named(element, path)
        match tag:
            case "markdown":
                if not isinstance(element.get("content"), str):
                    raise card(200621, f"{PARSE}; ErrPath: {path}; content is required")
                self.mentioned(element["content"])
            case "div":
                for text in (element.get("text"), *(f.get("text") for f in element.get("fields") or [])):
                    if text is not None:
                        self.mentioned(_words(text, path))
            case "button":
                self.button(element, path, inside)
            case "img":
                if element.get("img_key") not in self.images:
                    raise card(200570, "card contains invalid image keys")
            case "person":
                self.person(element.get("user_id"))
            case "person_list":
                for person in element.get("persons") or []:
                    self.person(person.get("id"))
            case "input":
                longest = element.get("max_length", at_most.INPUT_MAX)
                if not isinstance(longest, int) or not 1 <= longest <= at_most.INPUT_MAX:
                    raise card(200621, f"{PARSE}; ErrPath: {path}; max_length is within 1 and {at_most.INPUT_MAX}")
                if element.get("input_type", "text") not in ("text", "multiline_text", "password"):
                    raise card(200621, f"{PARSE}; ErrPath: {path}; input_type is invalid")
                if "label" in element:
                    _words(element["label"], path, plain=True)
            case "select_static" | "multi_select_static" | "overflow":
                self.options(element, path)
            case "select_person" | "multi_select_person":
                for option in element.get("options") or []:
                    self.person(option.get("value"))
            case "date_picker" | "picker_time" | "picker_datetime":
                if "placeholder" not in element and not any(name.startswith("initial_") for name in element):
                    raise card(200621, f"{PARSE}; ErrPath: {path}; placeholder is required without an initial value")
            case _:
                pass
        if "placeholder" in element:
            _words(element["placeholder"], path, plain=True, most=100)

    def button(self, button: Raw, path: str, inside: str) -> None:
        if "text" in button:
            _words(button["text"], path, plain=True, most=at_most.BUTTON_CHARS)
        if button.get("type", "default") not in BUTTONS:
            raise card(200621, f"{PARSE}; ErrPath: {path}; type is invalid")
        action = button.get("form_action_type")
        if action is not None and (inside != "form" or action not in ("submit", "reset")):
            raise card(200621, f"{PARSE}; ErrPath: {path}; form_action_type is submit or reset, in a form only")
        if "confirm" in button:
            confirm = _object(button["confirm"], path)
            _attributes(confirm, frozenset({"title", "text"}), path)
            _words(confirm.get("title"), path, plain=True)
            _words(confirm.get("text"), path, plain=True)

    def options(self, element: Raw, path: str) -> None:
        values = []
        for option in element.get("options") or []:
            _words(_object(option, path).get("text"), path, plain=True)
            values.append(option.get("value"))
        if not values or not all(isinstance(value, str) and value for value in values) or len(set(values)) != len(values):
            raise card(200621, f"{PARSE}; ErrPath: {path}; options have a text and a value of their own")
        initial = element.get("initial_option")
        if initial is not None and initial not in values:
            raise card(200621, f"{PARSE}; ErrPath: {path}; initial_option is the value of an option")

    def behaves(self, element: Raw, path: str) -> None:
        behaviors = element.get("behaviors", [])
        if not isinstance(behaviors, list):
            raise card(200621, f"{PARSE}; ErrPath: {path}; behaviors is a list")
        for behavior in behaviors:
            kind = behavior.get("type") if isinstance(behavior, dict) else None
            if kind not in ("callback", "open_url", "form_action"):
                raise card(200621, f"{PARSE}; ErrPath: {path}; a behavior is callback or open_url")
            if kind == "open_url" and not str(behavior.get("default_url", "")).startswith(("http://", "https://", "lark://")):
                raise card(200621, f"{PARSE}; ErrPath: {path}; default_url is an address")

    def mentioned(self, text: str) -> None:
        for ident in _AT.findall(text):
            if ident != "all":
                self.person(ident)

    def person(self, ident: Any) -> None:
        if ident not in self.people:
            raise card(100290, "There is an invalid user resource(at/person) in your card")


def submits(button: Raw) -> bool:
    """Say whether a button sends the form around it."""
    return button.get("form_action_type") == "submit" or button.get("action_type") == "form_submit"


def walk(elements: list[Any]) -> Iterator[Raw]:
    """List elements as they are drawn, those inside containers too."""
    for element in elements:
        if not isinstance(element, dict):
            continue
        yield element
        for column in element.get("columns") or [] if element.get("tag") == "column_set" else []:
            yield from walk(column.get("elements") or [])
        if element.get("tag") in ("form", "interactive_container", "collapsible_panel"):
            yield from walk(element.get("elements") or [])
        if element.get("tag") == "action":
            yield from walk(element.get("actions") or [])


def body_of(raw: Raw) -> list[Any]:
    """List the elements of a card of either version."""
    elements = (raw.get("body") or {}).get("elements") if raw.get("schema") == "2.0" else raw.get("elements")
    return elements if isinstance(elements, list) else []


def _check_old(raw: Raw, people: set[str]) -> None:
    if "body" in raw:
        raise card(200621, f"{PARSE}; a body is of schema 2.0")
    elements = raw.get("elements", [])
    if not isinstance(elements, list):
        raise card(200621, PARSE)
    for element in walk(elements):
        if element.get("tag") not in _V1:
            raise card(200621, f"{PARSE}; unknown tag {element.get('tag')}")
        for ident in _AT.findall(str(element.get("content", ""))):
            if ident != "all" and ident not in people:
                raise card(100290, "There is an invalid user resource(at/person) in your card")


def heavy(content: str, kind: str) -> None:
    """Refuse a content that is longer than its kind may be, in bytes of the JSON text that was sent."""
    if len(content.encode()) > (at_most.CARD_BYTES if kind in ("interactive", "post") else at_most.TEXT_BYTES):
        raise No(230025)
