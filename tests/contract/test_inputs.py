"""Each chat asks in fields of its own for what its cell of "select / free text / person / date / form" says, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from adapters.chat.dingtalk import forms as dingtalk
from adapters.chat.feishu import forms as feishu
from adapters.chat.slack import render as slack
from adapters.chat.wecom import render as wecom
from adapters.chat.wecom_bot import render as wecom_bot
from bot.abilities import profiles
from bot.model.card import Button, Card
from bot.model.form import Entry, Form, Input, Option
from bot.plugins import plugin
from bot.ports import Capability, Row

KINDS = tuple(Row.INPUT.value.split(" / "))[:-1]  # what may be asked for; the last part is the form itself
LEVELS = tuple(Option(level, level) for level in ("P1", "P2"))
FORM = Form(
    "declare", "声明故障", "声明",
    (
        Entry("select", "等级", Input.CHOICE, options=LEVELS),
        Entry("free text", "现象", Input.TEXT),
        Entry("person", "指挥官", Input.PERSON),
        Entry("date", "发生时间", Input.TIME),
    ),
    "@bot 声明",
)  # fmt: skip
CARD = Card("🔴 P1 处理中", "red", buttons=(
    Button("等级", "severity", "", options=tuple(Button(o.label, "severity", "", (("to", o.value),)) for o in LEVELS)),
))  # fmt: skip
# What is a field of that kind in each chat's own words; anything else is words that a person types.
NATIVE: Mapping[str, frozenset[str]] = {
    "select": frozenset({"static_select", "select_static", "SELECT", "button_selection"}),
    "free text": frozenset({"plain_text_input", "input", "TEXT_AREA"}),
    "person": frozenset({"users_select", "select_person"}),
    "date": frozenset({"datetimepicker", "picker_datetime", "DATETIME"}),
}


def _in_slack() -> Iterator[tuple[str, str]]:
    for block, entry in zip(slack.modal(FORM, {})["blocks"], FORM.entries, strict=False):
        yield entry.name, block["element"]["type"]


def _in_feishu() -> Iterator[tuple[str, str]]:
    def walk(value: Any) -> Iterator[tuple[str, str]]:
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(one)
        if isinstance(value, dict) and "name" in value:
            yield str(value["name"]), str(value["tag"])

    yield from walk(feishu.form_card(FORM, "f", {}))


def _in_dingtalk() -> Iterator[tuple[str, str]]:
    for field in json.loads(dingtalk.drawn(FORM, "sheet", "chat", "Asia/Shanghai"))["fields"]:
        yield str(field["name"]).removesuffix(dingtalk.TIME).removesuffix(dingtalk.PEOPLE), str(field["type"])


def _on_card(messages: Any) -> Iterator[tuple[str, str]]:
    """List what can be chosen or filled in on WeCom's cards, whose inputs these are by name (90236, 101032)."""
    for message in messages or ():
        for name in ("button_selection", "select_list", "checkbox"):
            if name in message.get("template_card", {}):
                yield "select", name


DRAWN: Mapping[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "slack": _in_slack,
    "feishu": _in_feishu,
    "dingtalk": _in_dingtalk,
    "wecom": lambda: _on_card(wecom.direct(CARD, "t")),
    "wecom_bot": lambda: _on_card(wecom_bot.messages(CARD, "t")),
    "plain": lambda: iter(()),
}


def claimed(words: str) -> dict[str, str]:
    """Read a cell: one word for all five, or one for each."""
    parts = [part.strip() for part in words.split(" / ")]
    return dict(zip((*KINDS, "form"), parts * 5 if len(parts) == 1 else parts, strict=False))


@pytest.mark.parametrize("name", sorted(profiles()))
def test_a_chat_asks_in_fields_for_exactly_what_it_claims(name: str) -> None:
    said = claimed(profiles()[name].cells[Row.INPUT].words)
    assert list(said) == [*KINDS, "form"]
    drawn = dict(DRAWN[name]())
    native = {kind: drawn.get(kind) in NATIVE[kind] for kind in KINDS}
    assert native == {kind: said[kind].startswith("●") for kind in KINDS}


@pytest.mark.parametrize("name", sorted(profiles()))
def test_where_there_is_no_form_a_link_can_be_given_to_the_person_alone(name: str) -> None:
    said = claimed(profiles()[name].cells[Row.INPUT].words)["form"]
    can = plugin("adapters.chat", name).capabilities
    assert said.startswith("●") == (Capability.FORM in can)
    if said == "link":
        assert can & {Capability.PRIVATE, Capability.DIRECT}
