"""The Feishu stand-in holds cards to JSON 2.0's rules, shown by the stock lark_oapi client."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.feishu_rig import Rig, button, card, form, nested, options, plain, rigged

SENT = "POST /im/v1/messages"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def bad(rig: Rig, raw: Any, error: int, words: str = "") -> None:
    """Show that a card is refused with the card service's own code."""
    body = rig.body(raw, kind="interactive")
    answer = await rig.refused(230099, SENT, body, receive_id_type="chat_id")
    assert re.search(rf"ext=ErrCode: {error}; ErrMsg: .*{words}", answer.body["msg"]), answer.body["msg"]


def md(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"tag": "markdown", "content": text, **more}


SELECT = {"tag": "select_static", "placeholder": plain("Level"), "options": options("p1", "p2")}
INPUT = {"tag": "input", "name": "title", "label": plain("Title")}


# ------------------------------------------------------------ what is taken
async def test_takes_every_documented_element(rig: Rig) -> None:
    person = {"tag": "select_person", "placeholder": plain("Who"), "options": []}
    everything = card(
        md("**b** <at id=ou_zhang></at> <at id=all></at>", element_id="m1", text_size="notation"),
        {"tag": "div", "fields": [{"is_short": True, "text": {"tag": "lark_md", "content": "**k**\nv"}}]},
        {"tag": "hr"},
        {"tag": "column_set", "flex_mode": "flow", "columns": [{"tag": "column", "width": "auto", "elements": [button("Go")]}]},
        SELECT,
        person,
        {"tag": "date_picker", "placeholder": plain("When")},
        {"tag": "overflow", "options": options("a")},
        {"tag": "checker", "text": plain("Done"), "behaviors": [{"type": "callback", "value": {"a": "x"}}]},
        {"tag": "collapsible_panel", "header": {"title": plain("More")}, "elements": [md()]},
        {"tag": "person_list", "persons": [{"id": "ou_zhang"}]},
        {"tag": "table", "columns": [], "rows": []},
        form(
            INPUT,
            {**SELECT, "name": "sev", "required": True},
            {**person, "name": "who"},
            {"tag": "multi_select_person", "name": "all"},
            {"tag": "picker_datetime", "name": "at", "placeholder": plain("At")},
        ),
    )
    message = await rig.card(everything)
    assert (await rig.player("ou_zhang").card("incidents", "Title")).ts == message


async def test_takes_a_card_of_json_1_and_refuses_what_it_lacks(rig: Rig) -> None:
    await rig.card({"elements": [md(), {"tag": "action", "actions": [button("Go")]}, {"tag": "note", "elements": [plain("n")]}]})
    await bad(rig, {"elements": [{"tag": "nonsense"}]}, 200621)
    await bad(rig, {"body": {"elements": []}}, 200621, "schema 2.0")


# ------------------------------------------------------------ what is refused
async def test_refuses_tags_that_schema_2_has_no_more(rig: Rig) -> None:
    for tag in ("note", "action"):
        await bad(
            rig,
            card({"tag": tag, "elements": []}),
            200861,
            f"cards of schema V2 no longer support this capability.*unsupported tag {tag}",
        )


@pytest.mark.parametrize(
    "raw",
    [
        card({"tag": "blink"}),
        card({"content": "x"}),
        card(md(colour="red")),
        card(button("Go", url="https://example.com")),
        {**card(), "i18n_elements": {}},
        {**card(), "fallback": {}},
        card(wide_screen_mode=True),
        {**card(), "elements": []},
        {"schema": "2.0", "header": {"title": plain("x"), "ud_icon": {}}, "body": {"elements": []}},
        {"schema": "2.0", "header": {"title": plain("x"), "template": "#ff0000"}},
        {"schema": "2.0", "header": {"title": "x"}},
    ],
)
async def test_refuses_unknown_tags_and_attributes(rig: Rig, raw: dict[str, Any]) -> None:
    await bad(rig, raw, 200621)


async def test_refuses_what_is_no_json(rig: Rig) -> None:
    body = {**rig.body(), "msg_type": "interactive"}
    for content in ("{", "[]", '"x"'):
        answer = await rig.refused(230099, SENT, {**body, "content": content}, receive_id_type="chat_id")
        assert "ErrCode: 200621" in answer.body["msg"]


async def test_refuses_an_unshared_card(rig: Rig) -> None:
    await bad(rig, card(update_multi=False), 200861)


async def test_refuses_a_template_that_is_not_there(rig: Rig) -> None:
    await bad(rig, {"type": "template", "data": {"template_id": "AAq"}}, 200380)


async def test_refuses_more_than_two_hundred_elements(rig: Rig) -> None:
    await rig.card(card(*[md() for _ in range(200)]))
    await bad(rig, card(*[md() for _ in range(201)]), 11310, "element exceeds the limit")
    texts = [{"tag": "div", "text": plain("x")} for _ in range(101)]  # a text counts as an element, too
    await bad(rig, card(*texts), 11310)


async def test_refuses_a_card_over_thirty_kilobytes(rig: Rig) -> None:
    left = 30 * 1024 - len(json.dumps(card(md("")), ensure_ascii=False))
    await rig.card(card(md("x" * left)))
    for words in ("x" * (left + 1), "障" * 10_240):  # bytes are counted, not characters
        await rig.refused(230025, SENT, rig.body(card(md(words)), kind="interactive"), receive_id_type="chat_id")
    message = await rig.card(card())
    await rig.refused(230025, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card(md("x" * 30_720)))})


async def test_refuses_more_than_five_levels_or_tables(rig: Rig) -> None:
    await rig.card(card(*nested(5)))
    await bad(rig, card(*nested(6)), 200621, "levels")
    table = {"tag": "table", "columns": [], "rows": []}
    await rig.card(card(*[table] * 5))
    await bad(rig, card(*[table] * 6), 11310)


async def test_forms_and_tables_stand_at_the_root(rig: Rig) -> None:
    for inner in (form(INPUT), {"tag": "table", "columns": [], "rows": []}):
        await bad(rig, card({"tag": "column_set", "columns": [{"tag": "column", "elements": [inner]}]}), 200621, "root")
    sending = button("S", name="s", form_action_type="submit")
    await bad(rig, card({"tag": "form", "name": "f", "elements": [form(INPUT, name="g"), sending]}), 200621, "root")


@pytest.mark.parametrize("ident", ["1a", "a-b", "a" * 21, "障", ""])
async def test_refuses_a_bad_element_id(rig: Rig, ident: str) -> None:
    await bad(rig, card(md(element_id=ident)), 200621, "element_id")


async def test_refuses_one_element_id_twice(rig: Rig) -> None:
    await bad(rig, card(md(element_id="a"), md(element_id="a")), 300301)


@pytest.mark.parametrize(
    "element",
    [
        {"tag": "form", "name": "f", "elements": [INPUT]},
        {"tag": "form", "name": "f", "elements": [INPUT, button("Go", name="b")]},
        {"tag": "form", "elements": [button("Send", name="s", form_action_type="submit")]},
        form({"tag": "input", "label": plain("x")}),
        form(INPUT, INPUT),
        form({**INPUT, "name": "send"}),
        form(button("Go")),
        button("Send", name="s", form_action_type="submit"),
    ],
)
async def test_refuses_forms_without_names_or_a_way_to_send(rig: Rig, element: dict[str, Any]) -> None:
    await bad(rig, card(element), 200621)


@pytest.mark.parametrize(
    "element",
    [
        button("x" * 101),
        button("Go", type="fancy"),
        {"tag": "button", "text": {"tag": "lark_md", "content": "x"}},
        button("Go", confirm={"title": plain("Sure?")}),
        button("Go", confirm={"title": plain("?"), "text": plain("?"), "confirm": plain("Yes")}),
        {**INPUT, "max_length": 1001},
        {**INPUT, "max_length": 0},
        {**INPUT, "input_type": "number"},
        {**SELECT, "placeholder": plain("x" * 101)},
        {**SELECT, "options": []},
        {**SELECT, "options": options("a", "a")},
        {**SELECT, "initial_option": "p9"},
        {"tag": "date_picker"},
        {"tag": "markdown"},
        {"tag": "div", "text": {"tag": "markdown", "content": "x"}},
        {**button("Go"), "behaviors": [{"type": "open_url", "default_url": "javascript:x"}]},
        {**button("Go"), "behaviors": [{"type": "submit"}]},
    ],
)
async def test_refuses_elements_over_a_limit_or_of_another_shape(rig: Rig, element: dict[str, Any]) -> None:
    await bad(rig, card(element), 200621)


@pytest.mark.parametrize(
    "element",
    [
        md("<at id=ou_nobody></at>"),
        md("<at id='ou_nobody'></at>"),
        {"tag": "div", "text": {"tag": "lark_md", "content": "<at id=ou_nobody></at>"}},
        {"tag": "person", "user_id": "ou_nobody"},
        {"tag": "person_list", "persons": [{"id": "ou_nobody"}]},
        {"tag": "select_person", "placeholder": plain("x"), "options": [{"value": "ou_nobody"}]},
    ],
)
async def test_refuses_people_who_are_not_there(rig: Rig, element: dict[str, Any]) -> None:
    await bad(rig, card(element), 100290, "invalid user resource")


async def test_refuses_pictures_that_were_not_uploaded(rig: Rig) -> None:
    await bad(rig, card({"tag": "img", "img_key": "img_none", "alt": plain("x")}), 200570)


async def test_a_changed_card_obeys_the_same_rules(rig: Rig) -> None:
    message = await rig.card(card(md("before")))
    path = f"PATCH /im/v1/messages/{message}"
    await rig.refused(230099, path, {"content": json.dumps(card({"tag": "note", "elements": []}))})
    await rig.refused(230099, path, {"content": "{"})
    assert (await rig.player("ou_zhang").card("incidents")).shown == "Card\nbefore"
    await rig.ok(path, {"content": json.dumps(card(md("after")))})
    await rig.player("ou_zhang").card("incidents", "after")
