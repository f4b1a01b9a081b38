"""Block Kit as Slack checks it: which blocks and elements there are, what they hold and how much."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.checks import (
    Check,
    Checker,
    Shape,
    an_action_id,
    an_object,
    anything,
    like,
    one_of,
    several,
    text,
    whole,
    words,
)  # fmt: skip

SELECTS = ("static_select", "users_select", "conversations_select", "channels_select", "external_select")
MULTI = tuple(f"multi_{kind}" for kind in SELECTS)
PICKERS = ("datepicker", "timepicker", "datetimepicker")
CHOICES = ("checkboxes", "radio_buttons")
INPUTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
PRESSED = ("button", "overflow", *SELECTS, *MULTI, *PICKERS, *CHOICES)
IN_ACTIONS = ("button", "overflow", *SELECTS, *PICKERS, *CHOICES, *MULTI)
IN_SECTION = (*IN_ACTIONS, "image")
IN_INPUT = (*SELECTS, *MULTI, *PICKERS, *CHOICES, *INPUTS)

# ------------------------------------------------------------ tables
PLAIN = ("plain_text",)
YES_NO = one_of(True, False)
CONFIRM = an_object(
    Shape(
        {
            "title": text(at_most.CONFIRM_TITLE, *PLAIN),
            "text": text(at_most.CONFIRM_TEXT),
            "confirm": text(at_most.CONFIRM_BUTTON, *PLAIN),
            "deny": text(at_most.CONFIRM_BUTTON, *PLAIN),
        },
        {"style": one_of("primary", "danger")},
    )
)


def option(*kinds: str) -> Check:
    """Check one thing to choose."""
    described = {"description": text(at_most.OPTION, *kinds), "url": words(at_most.URL)}
    return an_object(Shape({"text": text(at_most.OPTION, *kinds), "value": words(at_most.OPTION_VALUE)}, described))


GROUP = an_object(Shape({"label": text(at_most.OPTION, *PLAIN), "options": several(at_most.OPTIONS, option(*PLAIN))}, {}))
COMMON: dict[str, Check] = {"action_id": an_action_id, "confirm": CONFIRM, "focus_on_load": YES_NO}
HINTED: dict[str, Check] = {**COMMON, "placeholder": text(at_most.PLACEHOLDER, *PLAIN)}
_OPTIONS = {"options": several(at_most.OPTIONS, option(*PLAIN)), "option_groups": several(at_most.OPTIONS, GROUP)}
_CHOICES = several(at_most.CHOICES, option())
_SEVERAL = several(at_most.OPTIONS, option(*PLAIN))
_BOUNDS: dict[str, Check] = {"initial_value": words(50), "min_value": words(50), "max_value": words(50)}
_DISPATCH = {"dispatch_action_config": anything}
_FILTER = {"filter": anything, "default_to_current_conversation": YES_NO, "response_url_enabled": YES_NO}
_PICTURE: dict[str, Check] = {"image_url": words(at_most.URL), "slack_file": anything}
_ID = words(at_most.ID_CHARS)
_TYPED = {**HINTED, **_DISPATCH}
_LENGTHS: dict[str, Check] = {"min_length": whole, "max_length": whole, "multiline": YES_NO}
_LIST = several(at_most.OPTIONS, _ID)
ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        {"text": text(at_most.BUTTON, *PLAIN)},
        {
            **COMMON, "value": words(at_most.VALUE), "url": words(at_most.URL), "style": one_of("primary", "danger"),
            "accessibility_label": words(at_most.BUTTON),
        },
    ),
    "overflow": Shape({"options": several(at_most.OVERFLOW[1], option(*PLAIN), at_most.OVERFLOW[0])}, COMMON),
    "static_select": Shape({}, {**HINTED, **_OPTIONS, "initial_option": option(*PLAIN)}),
    "users_select": Shape({}, {**HINTED, "initial_user": _ID}),
    "channels_select": Shape({}, {**HINTED, "initial_channel": _ID, "response_url_enabled": YES_NO}),
    "conversations_select": Shape({}, {**HINTED, **_FILTER, "initial_conversation": _ID}),
    "external_select": Shape({}, {**HINTED, "min_query_length": whole, "initial_option": option(*PLAIN)}),
    "multi_static_select": Shape({}, {**HINTED, **_OPTIONS, "max_selected_items": whole, "initial_options": _SEVERAL}),
    "multi_users_select": Shape({}, {**HINTED, "initial_users": _LIST, "max_selected_items": whole}),
    "multi_channels_select": Shape({}, {**HINTED, "initial_channels": _LIST, "max_selected_items": whole}),
    "multi_conversations_select": Shape({}, {**HINTED, **_FILTER, "initial_conversations": _LIST, "max_selected_items": whole}),
    "multi_external_select": Shape({}, {**HINTED, "min_query_length": whole, "max_selected_items": whole}),
    "datepicker": Shape({}, {**HINTED, "initial_date": like(r"\d{4}-\d{2}-\d{2}")}),
    "timepicker": Shape({}, {**HINTED, "initial_time": like(r"\d{2}:\d{2}"), "timezone": words(100)}),
    "datetimepicker": Shape({}, {**COMMON, "initial_date_time": whole}),
    "checkboxes": Shape({"options": _CHOICES}, {**COMMON, "initial_options": _CHOICES}),
    "radio_buttons": Shape({"options": _CHOICES}, {**COMMON, "initial_option": option()}),
    "plain_text_input": Shape({}, {**_TYPED, **_LENGTHS, "initial_value": words(at_most.INPUT, 0)}),
    "number_input": Shape({"is_decimal_allowed": YES_NO}, {**_TYPED, **_BOUNDS}),
    "email_text_input": Shape({}, {**_TYPED, "initial_value": words(at_most.INPUT)}),
    "url_text_input": Shape({}, {**_TYPED, "initial_value": words(at_most.INPUT)}),
    "image": Shape({"alt_text": words(at_most.ALT)}, _PICTURE),
}  # fmt: skip


def element(*kinds: str) -> Check:
    """Check an element of one of these kinds."""

    def check(checker: Checker, value: Any, where: str) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind not in kinds:
            checker.no(f"unsupported type: {kind}", f"{where}/type")
            return
        checker.shaped(value, where, ELEMENTS[str(kind)])
        if str(kind).endswith("static_select") and ("options" in value) == ("option_groups" in value):
            checker.no("either options or option_groups is required", where)
        most = value.get("max_length", 1)
        if isinstance(most, int) and not 1 <= most <= at_most.INPUT:
            checker.no(f"must be between 1 and {at_most.INPUT}", f"{where}/max_length")
        if kind in (*SELECTS, *CHOICES) and not _offered(value):
            checker.no("initial option must be one of the options", where)

    return check


def _offered(value: dict[str, Any]) -> bool:
    initial, options = value.get("initial_option"), list(offers(value))
    return initial is None or not options or initial in options


def offers(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List what an element offers to choose from, in all its groups."""
    yield from value.get("options") or []
    for group in value.get("option_groups") or []:
        yield from group.get("options") or []


def small(checker: Checker, value: Any, where: str) -> None:
    """Check one thing of a context: a text or a picture."""
    if isinstance(value, dict) and value.get("type") == "image":
        element("image")(checker, value, where)
    else:
        text(at_most.SECTION)(checker, value, where)


BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {},
        {
            "text": text(at_most.SECTION), "fields": several(at_most.FIELDS, text(at_most.FIELD)),
            "accessory": element(*IN_SECTION), "expand": YES_NO,
        },
    ),
    "divider": Shape({}, {}),
    "header": Shape({"text": text(at_most.HEADER, *PLAIN)}, {}),
    "context": Shape({"elements": several(at_most.CONTEXT, small)}, {}),
    "actions": Shape({"elements": several(at_most.ACTIONS, element(*IN_ACTIONS))}, {}),
    "image": Shape({"alt_text": words(at_most.ALT)}, {**_PICTURE, "title": text(2000, *PLAIN)}),
    "markdown": Shape({"text": words(at_most.MARKDOWN)}, {}),
    "rich_text": Shape({"elements": anything}, {}),
    "input": Shape(
        {"label": text(at_most.LABEL, *PLAIN), "element": element(*IN_INPUT)},
        {"hint": text(at_most.LABEL, *PLAIN), "optional": YES_NO, "dispatch_action": YES_NO},
    ),
}  # fmt: skip
NOT_IN_VIEWS = ("markdown",)


def check_blocks(checker: Checker, blocks: Any, where: str, most: int) -> None:
    """Check a list of blocks."""
    if not isinstance(blocks, list):
        checker.no("must be an array", where)
        return
    if len(blocks) > most:
        checker.no(f"no more than {most} items allowed", where)
    for n, block in enumerate(blocks):
        at = f"{where}/{n}"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in BLOCKS or (checker.surface == "view" and kind in NOT_IN_VIEWS):
            checker.no(f"unsupported type: {kind}", f"{at}/type")
            continue
        checker.action_ids = set()
        shape = BLOCKS[str(kind)]
        checker.shaped(block, at, Shape(shape.must, {**shape.may, "block_id": _ID}))
        if kind == "section" and not block.get("text") and not block.get("fields"):
            checker.no("either text or fields is required", at)
        ident = block.get("block_id")
        if ident is not None and ident in checker.block_ids:
            checker.no(f"`block_id`s must be unique: {ident}", f"{at}/block_id")
        checker.block_ids.add(str(ident)) if ident is not None else None


def wrong_in_message(blocks: list[Any], attachments: list[Any]) -> list[str]:
    """List what is wrong with a message's blocks, those of its attachments too."""
    checker = Checker("message")
    check_blocks(checker, blocks, "/blocks", at_most.MESSAGE_BLOCKS)
    for n, attachment in enumerate(attachments):
        if not isinstance(attachment, dict):
            checker.no("must be an object", f"/attachments/{n}")
        elif "blocks" in attachment:
            checker.block_ids = set()
            check_blocks(checker, attachment["blocks"], f"/attachments/{n}/blocks", at_most.MESSAGE_BLOCKS)
    marked = sum(len(str(b.get("text", ""))) for b in blocks if isinstance(b, dict) and b.get("type") == "markdown")
    if marked > at_most.MARKDOWN:
        checker.no(f"markdown blocks may hold {at_most.MARKDOWN} characters together", "/blocks")
    return checker.wrong


def total(value: Any) -> int:
    """Count the characters of all texts in blocks."""
    if isinstance(value, list):
        return sum(total(item) for item in value)
    if isinstance(value, dict):
        return sum(len(v) if k == "text" and isinstance(v, str) else total(v) for k, v in value.items())
    return 0


def named(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copy blocks, giving a block_id and action_ids to those that have none, as Slack does."""
    kept: list[dict[str, Any]] = json.loads(json.dumps(blocks))
    for block in kept:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for one in pressed(block):
            one.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return kept


def pressed(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List the interactive elements of one block."""
    for one in (block.get("accessory"), block.get("element"), *(block.get("elements") or [])):
        if isinstance(one, dict) and one.get("type") in (*PRESSED, *INPUTS):
            yield one
