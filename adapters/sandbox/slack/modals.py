"""Modals: how Slack checks them, the stack each person has open, and what was filled in."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import No, invalid
from adapters.sandbox.slack.blocks import PLAIN, check_blocks, named, pressed
from adapters.sandbox.slack.checks import Checker, Shape, anything, one_of, text, words
from adapters.sandbox.slack.workspace import Workspace

_YES_NO = one_of(True, False)
SHAPE = Shape(
    {"title": text(at_most.VIEW_WORDS, *PLAIN), "blocks": anything},
    {
        "submit": text(at_most.VIEW_WORDS, *PLAIN), "close": text(at_most.VIEW_WORDS, *PLAIN),
        "private_metadata": words(at_most.PRIVATE_METADATA, 0), "callback_id": words(at_most.ID_CHARS, 0),
        "external_id": words(at_most.ID_CHARS, 0), "clear_on_close": _YES_NO, "notify_on_close": _YES_NO,
        "submit_disabled": _YES_NO,
    },
)  # fmt: skip


KEPT = 1000  # triggers that are still told apart from made-up ones


@dataclass(slots=True)
class Modal:
    """Hold one modal that a person has open; `filled` = by block and action, as Slack sends it."""

    id: str
    person: str
    view: dict[str, Any]
    hash: str
    root: str
    previous: str | None = None
    filled: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    busy: bool = False


def checked(said: Any) -> dict[str, Any]:
    """Check a view and copy it, or refuse it."""
    if not isinstance(said, dict):
        raise invalid("[ERROR] must be an object [json-pointer:/view]")
    if len(json.dumps(said, ensure_ascii=False).encode()) > at_most.VIEW_BYTES:
        raise No("view_too_large")
    if said.get("type") != "modal":
        raise invalid(f"[ERROR] unsupported type: {said.get('type')} [json-pointer:/view/type]")
    checker = Checker("view")
    checker.shaped(said, "/view", SHAPE)
    blocks = said.get("blocks")
    check_blocks(checker, blocks, "/view/blocks", at_most.VIEW_BLOCKS)
    if isinstance(blocks, list):
        if not blocks:
            checker.no("no fewer than 1 items allowed", "/view/blocks")
        if any(isinstance(b, dict) and b.get("type") == "input" for b in blocks) and not said.get("submit"):
            checker.no("`submit` is required when an `input` block is within `blocks`", "/view/submit")
    if checker.wrong:
        raise invalid(*checker.wrong)
    return {**said, "blocks": named(said["blocks"])}


class Windows:
    """Hold the modals that people have open, and the triggers by which an app may open more."""

    def __init__(self, workspace: Workspace, scale: float = 1.0) -> None:
        self.workspace = workspace
        self.scale = scale
        self.open: dict[str, list[Modal]] = {}
        self._triggers: dict[str, list[Any]] = {}

    # ------------------------------------------------------------ triggers
    def trigger(self, person: str, modal: str | None = None) -> str:
        """Make a trigger: good once, for three seconds."""
        while len(self._triggers) > KEPT:  # the oldest are long over; a long run must not grow for ever
            del self._triggers[next(iter(self._triggers))]
        ident = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[ident] = [person, modal, self.workspace.clock() + at_most.TRIGGER_SECONDS * self.scale, False]
        return ident

    def exchange(self, ident: str) -> tuple[str, str | None]:
        """Take a trigger; gives whose it is and in which modal it arose."""
        known = self._triggers.get(ident)
        if known is None:
            raise No("invalid_trigger_id")
        person, modal, until, used = known
        if used:
            raise No("exchanged_trigger_id")
        if self.workspace.clock() > until:
            raise No("expired_trigger_id")
        known[3] = True
        return str(person), modal

    # ------------------------------------------------------------ the stack
    def show(self, person: str, view: dict[str, Any], *, push: bool = False) -> Modal:
        """Show a checked view to a person, alone or on top of what is open."""
        stack = self.open.get(person, [])
        if push and len(stack) >= at_most.VIEW_STACK:
            raise No("push_limit_reached")
        self._unique(view)
        ident = self.workspace.fresh("V")
        modal = Modal(ident, person, view, self._hash(), ident)
        if push and stack:
            modal.root, modal.previous = stack[0].id, stack[-1].id
        self.open[person] = [*stack, modal] if push else [modal]
        self.workspace.touch()
        return modal

    def change(self, modal: Modal, view: dict[str, Any]) -> None:
        """Show a checked view instead of another; what was filled in stays where the field is the same."""
        self._unique(view, modal)
        modal.view, modal.hash, modal.errors, modal.trouble = view, self._hash(), {}, ""
        there = {(block["block_id"], one["action_id"]) for block, one in elements(view)}
        modal.filled = {
            b: {a: v for a, v in actions.items() if (b, a) in there}
            for b, actions in modal.filled.items()
            if any((b, a) in there for a in actions)
        }
        self.workspace.touch()

    def find(self, ident: str = "", external: str = "") -> Modal:
        """Find an open modal by its id or by the app's own."""
        for stack in self.open.values():
            for modal in stack:
                if (ident and modal.id == ident) or (external and not ident and modal.view.get("external_id") == external):
                    return modal
        raise No("not_found")

    def close(self, modal: Modal, everything: bool = False) -> None:
        """Take a modal away, and what lies on it; or all of the person's."""
        stack = self.open.get(modal.person, [])
        at = next((n for n, one in enumerate(stack) if one is modal), None)
        if at is not None:
            self.open[modal.person] = [] if everything else stack[:at]
            self.workspace.touch()

    def _unique(self, view: dict[str, Any], own: Modal | None = None) -> None:
        external = view.get("external_id")
        others = (m for stack in self.open.values() for m in stack if m is not own)
        if external and any(m.view.get("external_id") == external for m in others):
            raise No("duplicate_external_id")

    def _hash(self) -> str:
        return f"{int(self.workspace.clock())}.{secrets.token_hex(4)}"

    def told(self, modal: Modal) -> dict[str, Any]:
        """Give a modal as Slack gives it to the app."""
        empty = {"type": "plain_text", "text": "Close", "emoji": True}
        return {
            "id": modal.id, "team_id": self.workspace.team, "type": "modal", "callback_id": "", "private_metadata": "",
            "close": empty, "submit": None, "clear_on_close": False, "notify_on_close": False, "external_id": "",
            **modal.view, "state": {"values": values(modal)}, "hash": modal.hash, "root_view_id": modal.root,
            "previous_view_id": modal.previous, "app_id": self.workspace.app.id,
            "app_installed_team_id": self.workspace.team, "bot_id": self.workspace.app.bot_id,
        }  # fmt: skip


# ------------------------------------------------------------ what is filled in
def elements(view: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """List the interactive elements of a view, each with its block."""
    for block in view["blocks"]:
        for one in pressed(block):
            yield block, one


def start(element: dict[str, Any]) -> dict[str, Any]:
    """Give what an element holds before anybody touched it, as Slack sends it."""
    kind = element["type"]
    for mark, name, key, empty in (
        ("multi_static_select", "initial_options", "selected_options", []),
        ("multi_external_select", "initial_options", "selected_options", []),
        ("multi_users_select", "initial_users", "selected_users", []),
        ("multi_channels_select", "initial_channels", "selected_channels", []),
        ("multi_conversations_select", "initial_conversations", "selected_conversations", []),
        ("checkboxes", "initial_options", "selected_options", []),
        ("static_select", "initial_option", "selected_option", None),
        ("external_select", "initial_option", "selected_option", None),
        ("radio_buttons", "initial_option", "selected_option", None),
        ("users_select", "initial_user", "selected_user", None),
        ("channels_select", "initial_channel", "selected_channel", None),
        ("conversations_select", "initial_conversation", "selected_conversation", None),
        ("datepicker", "initial_date", "selected_date", None),
        ("timepicker", "initial_time", "selected_time", None),
        ("datetimepicker", "initial_date_time", "selected_date_time", None),
    ):
        if kind == mark:
            return {"type": kind, key: element.get(name, empty)}
    return {"type": kind, "value": element.get("initial_value")}


def values(modal: Modal) -> dict[str, dict[str, dict[str, Any]]]:
    """Give everything that a modal holds."""
    held: dict[str, dict[str, dict[str, Any]]] = {}
    for block, one in elements(modal.view):
        if one["type"] not in ("button", "overflow"):
            now = modal.filled.get(block["block_id"], {}).get(one["action_id"]) or start(one)
            held.setdefault(block["block_id"], {})[one["action_id"]] = now
    return held


def unfinished(modal: Modal) -> dict[str, str]:
    """Say by block what the client does not let through."""
    wrong: dict[str, str] = {}
    held = values(modal)
    for block, one in elements(modal.view):
        if block["type"] != "input":
            continue
        value = next(v for k, v in held[block["block_id"]][one["action_id"]].items() if k != "type")
        if value in (None, "", []):
            if not block.get("optional"):
                wrong[block["block_id"]] = "Please complete this required field."
        elif one["type"] == "plain_text_input":
            most, least = one.get("max_length", at_most.INPUT), one.get("min_length", 0)
            if not least <= len(value) <= most:
                wrong[block["block_id"]] = f"Between {least} and {most} characters."
        elif one["type"] == "number_input" and not re.fullmatch(
            r"-?\d+(\.\d+)?" if one["is_decimal_allowed"] else r"-?\d+", value
        ):
            wrong[block["block_id"]] = "Please enter a number."
        elif one["type"] == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            wrong[block["block_id"]] = "Please enter a valid email address."
        elif one["type"] == "url_text_input" and not re.match(r"https?://", value):
            wrong[block["block_id"]] = "Please enter a valid URL."
    return wrong
