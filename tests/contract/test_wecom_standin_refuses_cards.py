"""The WeCom stand-in refuses template cards over a limit or of another shape, and a client draws only so much."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.wecom_standin_rig import BUTTONS, FORM, NOTICE, VOTE, Rig, called_back, rigged

NEWS = NOTICE | {"card_type": "news_notice", "card_image": {"url": "https://example.com/x.png"}}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with called_back() as (rig, _):
        yield rig


def with_(card: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a card with something else at a path; None = without it."""
    changed = copy.deepcopy(card)
    *way, last = path.split(".")
    part: Any = changed
    for step in way:
        part = part[int(step) if step.isdigit() else step]
    if value is None:
        del part[last]
    else:
        part[int(last) if last.isdigit() else last] = value
    return changed


def button(n: int, **more: Any) -> dict[str, Any]:
    return {"text": f"b{n}", "key": f"k{n}", **more}


def option(n: int) -> dict[str, Any]:
    return {"id": f"o{n}", "text": f"t{n}"}


JUMP = {"title": "看板", "type": 1, "url": "https://example.com"}
ROW = {"keyname": "状态", "value": "x"}
WRONG = [
    (BUTTONS, "card_type", "other"),
    (BUTTONS, "main_title", {"desc": "x"}),
    (BUTTONS, "main_title", {"title": 5}),
    (NOTICE, "main_title", {"desc": "x"}),
    (NOTICE, "card_action", None),
    (NOTICE, "card_action", {"type": 0}),
    (NOTICE, "card_action", {"type": 1}),
    (NOTICE, "card_action", {"type": 2}),
    (NEWS, "card_image", None),
    (BUTTONS, "button_list", []),
    (BUTTONS, "button_list", [button(n) for n in range(7)]),
    (BUTTONS, "button_list", [button(1), button(1)]),
    (BUTTONS, "button_list", [button(1, text="")]),
    (BUTTONS, "button_list", [button(1, style=5)]),
    (BUTTONS, "button_list", [button(1, style="1")]),
    (BUTTONS, "button_list", [button(1, type=1)]),
    (BUTTONS, "button_list", [{"text": "x"}]),
    (BUTTONS, "button_list", [button(1, key="故" * 342)]),
    (BUTTONS, "button_selection.option_list", []),
    (BUTTONS, "button_selection.option_list", [option(n) for n in range(11)]),
    (BUTTONS, "button_selection.option_list", [option(1), option(1)]),
    (BUTTONS, "button_selection.option_list", [{"id": "故" * 43, "text": "x"}]),
    (BUTTONS, "button_selection.selected_id", "3"),
    (BUTTONS, "button_selection.question_key", "q" * 1_025),
    (BUTTONS, "horizontal_content_list", [ROW] * 7),
    (BUTTONS, "horizontal_content_list", [{"value": "x"}]),
    (BUTTONS, "horizontal_content_list", [ROW | {"type": 1}]),
    (BUTTONS, "horizontal_content_list", [ROW | {"type": 3}]),
    (NOTICE, "vertical_content_list", [{"title": "x"}] * 5),
    (NOTICE, "jump_list", [JUMP] * 4),
    (NOTICE, "jump_list", [{"title": "x", "type": 1}]),
    (FORM, "select_list", []),
    (FORM, "select_list", [FORM["select_list"][0] | {"question_key": f"q{n}"} for n in range(4)]),
    (FORM, "select_list", [FORM["select_list"][0]] * 2),
    (FORM, "submit_button", None),
    (FORM, "submit_button.key", ""),
    (VOTE, "checkbox.option_list", [option(n) for n in range(21)]),
    (VOTE, "checkbox.mode", 2),
    (VOTE, "checkbox", None),
    (BUTTONS, "source", {"desc_color": 4}),
    (BUTTONS, "action_menu", {"action_list": [{"text": str(n), "key": str(n)} for n in range(4)]}),
    (BUTTONS, "action_menu", {"desc": "nothing"}),
]


async def test_refuses_a_card_over_a_limit() -> None:
    async with called_back(limited=False) as (rig, _):
        for n, (card, path, value) in enumerate(WRONG):
            assert (await rig.sent(with_(card, path, value)))["errcode"] == 40058, (card["card_type"], path, value)
            assert (await rig.sent(card | {"task_id": f"t{n}"}))["errcode"] == 0
        assert len(await rig.shown("zhang")) == len(WRONG)


async def test_takes_a_card_at_its_limits(rig: Rig) -> None:
    full = BUTTONS | {
        "button_list": [button(n, style=4) for n in range(5)] + [{"text": "看板", "type": 1, "url": "https://example.com"}],
        "horizontal_content_list": [ROW] * 6,
        "jump_list": [JUMP] * 3,
        "action_menu": {"action_list": [{"text": str(n), "key": str(n)} for n in range(3)]},
        "task_id": "a" * 128,
    }
    assert (await rig.sent(with_(full, "button_list.0", button(0, key="故" * 341))))["errcode"] == 0
    options = [{"id": "故" * 42 + "ab", "text": "x"}, *(option(n) for n in range(9))]
    selection = {"question_key": "q" * 1_024, "option_list": options}
    assert (await rig.sent(BUTTONS | {"button_selection": selection}))["errcode"] == 0
    selects = [FORM["select_list"][0] | {"question_key": f"q{n}"} for n in range(3)]
    assert (await rig.sent(FORM | {"select_list": selects}))["errcode"] == 0
    assert (await rig.sent(with_(VOTE, "checkbox.option_list", [option(n) for n in range(20)])))["errcode"] == 0
    assert (await rig.sent(NEWS))["errcode"] == 0


async def test_unknown_keys_do_no_harm(rig: Rig) -> None:
    assert (await rig.sent(BUTTONS | {"surprise": {"x": 1}, "feedback": {"id": "f"}}))["errcode"] == 0


async def test_refuses_a_bad_task_id(rig: Rig) -> None:
    for bad in ("", "a" * 129, "群", "a b", "a:b", 5):
        assert (await rig.sent(BUTTONS | {"task_id": bad}))["errcode"] == 42014, bad
    assert (await rig.sent(with_(BUTTONS, "task_id", None)))["errcode"] == 42014
    assert (await rig.sent(NOTICE))["errcode"] == 0
    menu = NOTICE | {"action_menu": {"action_list": [{"text": "x", "key": "x"}]}}
    assert (await rig.sent(menu))["errcode"] == 42014


async def test_refuses_a_task_id_twice(rig: Rig) -> None:
    assert (await rig.sent(BUTTONS))["errcode"] == 0
    assert (await rig.sent(FORM | {"task_id": "f-1"}))["errcode"] == 42014
    assert "taskid has existed" in (await rig.sent(BUTTONS))["errmsg"]
    assert len(await rig.shown("zhang")) == 1


async def test_gives_a_code_only_for_what_calls_back(rig: Rig) -> None:
    assert "response_code" in await rig.sent(BUTTONS)
    assert "response_code" not in await rig.sent(NOTICE)
    menu = NOTICE | {"action_menu": {"action_list": [{"text": "x", "key": "x"}]}, "task_id": "m"}
    assert "response_code" in await rig.sent(menu)


async def test_refuses_a_card_that_calls_back_without_a_callback() -> None:
    async with rigged() as rig:
        assert (await rig.sent(BUTTONS))["errcode"] == 43012
        assert (await rig.sent(NOTICE))["errcode"] == 0


async def test_a_client_draws_only_so_much(rig: Rig) -> None:
    long = BUTTONS | {
        "main_title": {"title": "题" * 37, "desc": "述" * 45},
        "sub_title_text": "文" * 161,
        "horizontal_content_list": [
            {"keyname": "很长的名字", "value": "值" * 31},
            {"keyname": "更加长的名字", "value": "值" * 30},
        ],
        "button_list": [button(0, text="十一个字的按钮就是太长了")],
    }
    assert (await rig.sent(long))["errcode"] == 0
    card = await rig.player("zhang").card("app")
    for words in ("题" * 36, "述" * 44, "文" * 160, "很长的名字 " + "值" * 30, "更加长的名…"):
        assert words in card.shown
    assert not any(words in card.shown for words in ("题" * 37, "述" * 45, "文" * 161, "值" * 31))
    assert card.buttons == ["十一个字的按钮就是太…"]


async def test_the_bots_cards_are_drawn_shorter() -> None:
    async with rigged() as rig:
        group = rig.wecom.corp.groups["g1"]
        rig.wecom.hub.mouth.push(
            {"chatid": group.chatid, "msgtype": "template_card", "template_card": BUTTONS | {"main_title": {"title": "题" * 27}}}
        )
        card = await rig.player("zhang").card("ops")
        assert "题" * 26 + "…" in card.shown
