"""The card template that `card_template.json` is, in the format that DingTalk's card builder exports and imports; pure.

The format has no documentation; it is read off the examples that DingTalk publishes (open-dingtalk/dingtalk-card-examples):
components of `@ali/dxComponent`, each variable declared with its type, what repeats in a `Loop` over a list. The builder
compiles `widgetInfo` anew when the template is saved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.chat.dingtalk.render import BODY, BUTTONS, NOTE, PRIVATE, PUBLIC, SELECTS

FILE = Path(__file__).with_name("card_template.json")
Json = dict[str, Any]

_LISTS: dict[str, Sequence[str]] = {
    **dict.fromkeys((*BUTTONS, "offers"), ("id", "text", "color", "confirm")),
    **dict.fromkeys(SELECTS, ("id", "text", "options")),
}
_MARKDOWN = frozenset({*BODY, *NOTE})


def exported() -> Json:
    """Build what the card builder imports."""
    editor = {
        "schemaVersion": "3.0.0", "schema": _schema(),
        "mockData": {"cardData": _sample(), "cardPrivateData": {}, "richTextData": {}},
        "editVersion": 0, "customWidgetInfo": "", "useCustomWidgetInfo": False,
        "variableList": [_variable(name, private=False) for name in PUBLIC] + [_variable(name, private=True) for name in PRIVATE],
        "formList": [], "expList": [], "localList": [], "hsfList": [], "lwpList": [],
        "extension": {"extendType": "NORMAL", "fileTypeList": []},
    }  # fmt: skip
    widget = (
        '<LinearLayout width="@data{width}" height="match_content" orientation="vertical">'
        '<FastTextView width="match_parent" height="match_content" text="@toStr{@data{data.cardData.title}}"/></LinearLayout>'
    )
    return {"editorData": json.dumps(editor, ensure_ascii=False), "widgetInfo": widget, "type": "im", "mode": "card"}


def _schema() -> Json:
    children = [
        _part("CardHeaderV2", {"title": _said("${title}"), "color": _of("dynamicSelect", "colour")}),
        _part("BaseText", {"text": _said("${sub}"), "size": "small", "color": "gray", "visible": _unless_empty("sub")}),
        *(_part("Markdown", {"content": _of("dynamicMarkdown", name), "visible": _unless_empty(name)}) for name in BODY),
        *(_loop(name, _button(name)) for name in BUTTONS),
        *(_loop(name, [_select(name)]) for name in SELECTS),
        _part("BaseText", {"text": _said("${footer}"), "size": "small", "color": "gray", "visible": _unless_empty("footer")}),
        *(_part("Markdown", {"content": _of("dynamicMarkdown", name), "visible": _unless_empty(name)}) for name in NOTE),
        _loop("offers", _button("offers")),
        _part("BaseText", {"text": _said("${form_title}"), "bold": True, "visible": _unless_empty("form_title")}),
        _part("Form", {
            "id": "form", "formSchema": {"type": "variableValue", "variableType": "global", "variable": "form"},
            "submitText": _said("${form_button}"), "actionType": "request", "params": [], "visible": _unless_empty("form_title"),
        }),
    ]  # fmt: skip
    summary = {"type": "variableValue", "variableType": "global", "variable": "title"}
    card = _part("Card", {"actionType": "none", "summaryContent": summary, "autoFoldConfig": {"needFold": False}})
    names = sorted({part["componentName"] for part in _all([card | {"children": children}])})
    made = [
        {"package": "@ali/dxComponent", "version": "1.0.0", "exportName": name, "main": "./src/index.tsx", "destructuring": False,
         "subName": "", "componentName": name}
        for name in names
    ]  # fmt: skip
    return {"version": "1.0.0", "componentsMap": made, "componentsTree": [_numbered(card | {"children": children})], "i18n": {}}


# ---------------------------------------------------------------- parts
def _part(component: str, props: Json) -> Json:
    return {"componentName": component, "props": props, "hidden": False, "title": "", "isLocked": False, "condition": True,
            "conditionGroup": ""}  # fmt: skip


def _loop(variable: str, inside: list[Json]) -> Json:
    data = {"type": "variableValue", "variableType": "global", "variable": variable}
    return _part("Loop", {"listData": data, "direction": "horizontal", "flowLayout": True}) | {"children": inside}


def _button(variable: str) -> list[Json]:
    """A button that asks first is another one than a button that does not: which is drawn goes by the item."""
    press = [
        {"type": "variable", "variable": f"{variable}[0].id", "name": "press", "variableType": "loop", "id": "1", "value": ""}
    ]
    alike: Json = {"text": _said("${loop.text}"), "color": _of("dynamicSelect", f"{variable}[0].color", "loop")}
    asking = {"actionType": "confirm", "confirmMessage": _said("${loop.confirm}"), "confirmOkAction": "request",
              "confirmOkReqActionParams": press, "confirmCancelAction": "none"}  # fmt: skip
    asks, does_not = (_when(f"{variable}[0].confirm", holds) for holds in ("isTrue", "isFalse"))
    return [
        _part("SingleButton", {**alike, "actionType": "request", "params": press, "visible": does_not}),
        _part("SingleButton", {**alike, **asking, "visible": asks}),
    ]


def _select(variable: str) -> Json:
    options = {
        "type": "dynamicSelectOptions",
        "valueType": "variable",
        "variable": f"{variable}[0].options",
        "variableType": "loop",
    }
    return _part("SelectBlock", {
        "id": "select", "placeholder": _said("${loop.text}"), "title": _said(""), "options": options, "actionType": "request",
        "params": [],
    })  # fmt: skip


def _said(words: str) -> Json:
    return {"type": "dynamicString", "content": words, "i18n": False}


def _of(kind: str, variable: str, where: str = "global") -> Json:
    return {"type": kind, "valueType": "variable", "value": "", "variable": variable, "variableType": where}


def _when(variable: str, holds: str) -> Json:
    where = "loop" if "[" in variable else "global"
    one = {"type": "variable", "variable": variable, "variableType": where, "op": holds, "value": "", "valueType": "fixed"}
    return {"type": "dynamicVisible", "valueType": "condition", "value": True, "condition": {"op": "and", "conditions": [one]}}


def _unless_empty(variable: str) -> Json:
    return _when(variable, "isTrue")


def _variable(name: str, *, private: bool) -> Json:
    made: Json = {"name": name, "private": private, "id": name, "description": "", "editorVarType": "variables", "type": "string"}
    if name in _LISTS:
        parts = [
            {"id": f"{name}[0].{part}", "type": "loopArray" if part == "options" else "string", "name": part, "private": private,
             "editorVarType": "variables"}
            for part in _LISTS[name]
        ]  # fmt: skip
        return made | {"type": "loopArray", "schema": parts}
    if name == "form":
        return made | {"type": "form"}
    return made | ({"type": "markdown"} if name in _MARKDOWN else {})


def _sample() -> Json:
    return {
        "title": "🔴 P1 处理中｜支付失败", "colour": "red", "sub": "F-20240520-001", "body": "**影响**：支付服务", "footer": "v7",
        "buttons": [{"id": "commander", "text": "我来指挥", "color": "blue"}],
    }  # fmt: skip


def _all(parts: Sequence[Json]) -> list[Json]:
    return [one for part in parts for one in (part, *_all(part.get("children", ())))]


def _numbered(card: Json) -> Json:
    for number, part in enumerate(_all([card])):
        part["id"] = f"node_warroom{number:03}"
    return card
