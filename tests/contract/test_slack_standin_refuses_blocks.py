"""The Slack stand-in refuses blocks and modals over Slack's limits, shown by the stock slack_sdk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, ContextBlock, HeaderBlock, MarkdownTextObject, SectionBlock

from tests.contract.slack_rig import Rig, refused, rigged

Raw = dict[str, Any]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def plain(length: int, letter: str = "x") -> Raw:
    return {"type": "plain_text", "text": letter * length}


def mrkdwn(length: int, letter: str = "x") -> Raw:
    return {"type": "mrkdwn", "text": letter * length}


def section(**more: Any) -> Raw:
    return {"type": "section", "text": mrkdwn(1), **more}


def actions(*elements: Raw) -> Raw:
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> Raw:
    return {"type": "button", "text": plain(1), **more}


def options(number: int, text: int = 1, value: int = 3) -> list[Raw]:
    return [{"text": plain(text), "value": str(n).rjust(value, "0")} for n in range(number)]


def select(**more: Any) -> Raw:
    return {"type": "static_select", "placeholder": plain(1), "options": options(2), **more}


def question(title: int = 1, text: int = 1, yes: int = 1) -> Raw:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(yes)}


def pressed(**more: Any) -> list[Raw]:
    return [actions(button(**more))]


def chosen(**more: Any) -> list[Raw]:
    return [actions(select(**more))]


# (what, blocks with so much, how much is taken, where Slack finds one more)
LIMITS: list[tuple[str, Callable[[int], list[Raw]], int, str]] = [
    ("blocks", lambda n: [{"type": "divider"}] * n, 50, ""),
    ("header", lambda n: [{"type": "header", "text": plain(n, "题")}], 150, "/0/text/text"),
    ("section", lambda n: [section(text=mrkdwn(n, "题"))], 3000, "/0/text/text"),
    ("fields", lambda n: [section(fields=[mrkdwn(1)] * n)], 10, "/0/fields"),
    ("field", lambda n: [section(fields=[mrkdwn(n)])], 2000, "/0/fields/0/text"),
    ("actions", lambda n: [actions(*[button()] * n)], 25, "/0/elements"),
    ("context", lambda n: [{"type": "context", "elements": [mrkdwn(1)] * n}], 10, "/0/elements"),
    ("button", lambda n: pressed(text=plain(n)), 75, "/0/elements/0/text/text"),
    ("value", lambda n: pressed(value="x" * n), 2000, "/0/elements/0/value"),
    ("url", lambda n: pressed(url="x" * n), 3000, "/0/elements/0/url"),
    ("action_id", lambda n: pressed(action_id="x" * n), 255, "/0/elements/0/action_id"),
    ("block_id", lambda n: [section(block_id="x" * n)], 255, "/0/block_id"),
    ("confirm title", lambda n: pressed(confirm=question(n)), 100, "/0/elements/0/confirm/title/text"),
    ("confirm text", lambda n: pressed(confirm=question(1, n)), 300, "/0/elements/0/confirm/text/text"),
    ("confirm button", lambda n: pressed(confirm=question(1, 1, n)), 30, "/0/elements/0/confirm/confirm/text"),
    ("option", lambda n: chosen(options=options(1, n)), 75, "/0/elements/0/options/0/text/text"),
    ("option value", lambda n: chosen(options=options(1, 1, n)), 150, "/0/elements/0/options/0/value"),
    ("options", lambda n: chosen(options=options(n)), 100, "/0/elements/0/options"),
    ("overflow", lambda n: [actions({"type": "overflow", "options": options(n)})], 5, "/0/elements/0/options"),
    ("checkboxes", lambda n: [actions({"type": "checkboxes", "options": options(n)})], 10, "/0/elements/0/options"),
    ("placeholder", lambda n: chosen(placeholder=plain(n)), 150, "/0/elements/0/placeholder/text"),
    ("markdown", lambda n: [{"type": "markdown", "text": "x" * n}], 12_000, "/0/text"),
]
WRONG: list[tuple[str, list[Raw]]] = [
    ("an unknown block", [{"type": "note"}]),
    ("an unknown element", [actions({"type": "knob"})]),
    ("an unknown field", [section(colour="red")]),
    ("a header in mrkdwn", [{"type": "header", "text": mrkdwn(1)}]),
    ("a button in mrkdwn", [actions(button(text=mrkdwn(1)))]),
    ("an option in mrkdwn", [actions(select(options=[{"text": mrkdwn(1), "value": "1"}]))]),
    ("an empty text", [section(text=mrkdwn(0))]),
    ("an overflow of one", [actions({"type": "overflow", "options": options(1)})]),
    ("actions without any", [actions()]),
    ("a section of nothing", [{"type": "section"}]),
    ("a button without words", [actions({"type": "button"})]),
    ("a style of its own", [actions(button(style="warning"))]),
    ("one action_id twice in a block", [actions(button(action_id="a"), button(action_id="a"))]),
    ("one block_id twice", [section(block_id="b"), section(block_id="b")]),
    ("an initial option that is not offered", [actions(select(initial_option={"text": plain(1), "value": "other"}))]),
    ("a date that is none", [actions({"type": "datepicker", "initial_date": "31.1.2026"})]),
    ("an input that is only for forms", [actions({"type": "plain_text_input", "action_id": "a"})]),
    ("a select without options", [actions({"type": "static_select", "placeholder": plain(1)})]),
]


def stock() -> list[Raw]:
    """Let the stock model classes build a card."""
    blocks = [
        HeaderBlock(text="INC-1"),
        SectionBlock(text=MarkdownTextObject(text="*down*"), fields=["*Status*\nopen", "*Commander*\n<@U1>"]),
        ActionsBlock(elements=[ButtonElement(text="Take it", action_id="ack", value="1", style="primary")]),
        ContextBlock(elements=[MarkdownTextObject(text="rev 7")]),
    ]
    return [block.to_dict() for block in blocks]


async def test_takes_what_the_models_build(rig: Rig) -> None:
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=stock())
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x", attachments=[{"color": "#d93026", "blocks": stock()}])


@pytest.mark.parametrize(("what", "make", "most", "where"), LIMITS, ids=[one[0] for one in LIMITS])
async def test_refuses_blocks_over_a_limit(rig: Rig, what: str, make: Callable[[int], list[Raw]], most: int, where: str) -> None:
    general = rig.id("general")
    await rig.web.chat_postMessage(channel=general, text="x", blocks=make(most))
    error = await refused(rig.web.chat_postMessage(channel=general, text="x", blocks=make(most + 1)), "invalid_blocks")
    assert any(f"[json-pointer:/blocks{where}]" in message for message in error.response["response_metadata"]["messages"])
    inside = [{"blocks": make(most + 1)}]
    await refused(rig.web.chat_postMessage(channel=general, text="x", attachments=inside), "invalid_blocks")


@pytest.mark.parametrize(("what", "blocks"), WRONG, ids=[one[0] for one in WRONG])
async def test_refuses_blocks_of_another_shape(rig: Rig, what: str, blocks: list[Raw]) -> None:
    error = await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=blocks), "invalid_blocks")
    assert error.response["response_metadata"]["messages"] and error.response["errors"]
    await refused(rig.web.chat_postEphemeral(channel=rig.id("general"), user="U1", text="x", blocks=blocks), "invalid_blocks")


async def test_refuses_blocks_that_are_no_json(rig: Rig) -> None:
    where = {"channel": rig.id("general"), "text": "x"}
    await refused(rig.web.api_call("chat.postMessage", data={**where, "blocks": "[{"}), "invalid_blocks_format")
    await refused(rig.web.api_call("chat.postMessage", json={**where, "blocks": {"type": "divider"}}), "invalid_blocks_format")
    await rig.web.api_call("chat.postMessage", data={**where, "blocks": json.dumps([{"type": "divider"}])})


async def test_refuses_a_message_over_the_undocumented_total(rig: Rig) -> None:
    fits = [section(text=mrkdwn(3000)), section(text=mrkdwn(3000)), section(text=mrkdwn(3000)), section(text=mrkdwn(3000))]
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=[*fits, section(text=mrkdwn(1200))])
    over = [*fits, section(text=mrkdwn(1201))]
    await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=over), "msg_blocks_too_long")
    split = {"blocks": fits[:2], "attachments": [{"blocks": over[2:]}]}
    await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x", **split), "msg_blocks_too_long")


async def test_refuses_too_many_attachments(rig: Rig) -> None:
    several = [{"text": "x"}] * 100
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x", attachments=several)
    await refused(
        rig.web.chat_postMessage(channel=rig.id("general"), text="x", attachments=[*several, {"text": "x"}]),
        "too_many_attachments",
    )


async def test_refuses_many_markdown_blocks(rig: Rig) -> None:
    half = {"type": "markdown", "text": "x" * 6_001}
    await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=[half, half]), "invalid_blocks")


# ------------------------------------------------------------ modals
def typed(block_id: str = "b", **more: Any) -> Raw:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(1),
        "element": {"type": "plain_text_input", "action_id": "v"},
        **more,
    }


def modal(**more: Any) -> Raw:
    return {"type": "modal", "title": plain(1), "submit": plain(1), "blocks": [typed()], **more}


FORMS: list[tuple[str, Raw, Raw]] = [
    ("title", modal(title=plain(24)), modal(title=plain(25))),
    ("submit", modal(submit=plain(24)), modal(submit=plain(25))),
    ("close", modal(close=plain(24)), modal(close=plain(25))),
    ("private_metadata", modal(private_metadata="题" * 3000), modal(private_metadata="x" * 3001)),
    ("callback_id", modal(callback_id="x" * 255), modal(callback_id="x" * 256)),
    ("blocks", modal(blocks=[{"type": "divider"}] * 100), modal(blocks=[{"type": "divider"}] * 101)),
    ("label", modal(blocks=[typed(label=plain(2000))]), modal(blocks=[typed(label=plain(2001))])),
    ("hint", modal(blocks=[typed(hint=plain(2000))]), modal(blocks=[typed(hint=plain(2001))])),
    (
        "max_length",
        modal(blocks=[typed(element={"type": "plain_text_input", "action_id": "v", "max_length": 3000})]),
        modal(blocks=[typed(element={"type": "plain_text_input", "action_id": "v", "max_length": 3001})]),
    ),
    ("no blocks", modal(), modal(blocks=[])),
    ("an input without submit", modal(), {k: v for k, v in modal().items() if k != "submit"}),
    ("no title", modal(), {k: v for k, v in modal().items() if k != "title"}),
    ("a title in mrkdwn", modal(), modal(title=mrkdwn(1))),
    ("markdown in a modal", modal(), modal(blocks=[{"type": "markdown", "text": "x"}])),
    ("an unknown field", modal(), modal(color="red")),
    ("a home", modal(), modal(type="note")),
]


def trigger(rig: Rig, modal: str | None = None) -> str:
    return rig.slack.windows.trigger("U1", modal)


@pytest.mark.parametrize(("what", "last", "first"), FORMS, ids=[one[0] for one in FORMS])
async def test_refuses_a_modal_over_a_limit(rig: Rig, what: str, last: Raw, first: Raw) -> None:
    await rig.web.views_open(trigger_id=trigger(rig), view=last)
    error = await refused(rig.web.views_open(trigger_id=trigger(rig), view=first), "invalid_arguments")
    assert error.response["response_metadata"]["messages"]


async def test_refuses_a_huge_modal(rig: Rig) -> None:
    huge = [section(text=mrkdwn(3000), block_id=f"b{n}") for n in range(84)]
    await refused(rig.web.views_open(trigger_id=trigger(rig), view=modal(blocks=huge)), "view_too_large")


async def test_refuses_a_trigger(rig: Rig) -> None:
    await refused(rig.web.views_open(trigger_id="1.2.made-up", view=modal()), "invalid_trigger_id")
    once = trigger(rig)
    await rig.web.views_open(trigger_id=once, view=modal())
    await refused(rig.web.views_open(trigger_id=once, view=modal()), "exchanged_trigger_id")
    late = trigger(rig)
    rig.clock.now += 3.1
    await refused(rig.web.views_open(trigger_id=late, view=modal()), "expired_trigger_id")


async def test_refuses_a_stale_hash(rig: Rig) -> None:
    view = (await rig.web.views_open(trigger_id=trigger(rig), view=modal()))["view"]
    now = (await rig.web.views_update(view_id=view["id"], hash=view["hash"], view=modal(title=plain(2))))["view"]
    await refused(rig.web.views_update(view_id=view["id"], hash=view["hash"], view=modal()), "hash_conflict")
    await rig.web.views_update(view_id=view["id"], hash=now["hash"], view=modal())
    await refused(rig.web.views_update(view_id="V0", view=modal()), "not_found")


async def test_refuses_one_external_id_twice(rig: Rig) -> None:
    await rig.web.views_open(trigger_id=trigger(rig), view=modal(external_id="one"))
    other = rig.slack.windows.trigger("U2")
    await refused(rig.web.views_open(trigger_id=other, view=modal(external_id="one")), "duplicate_external_id")
    await rig.web.views_update(external_id="one", view=modal(title=plain(2), external_id="one"))


async def test_refuses_a_fourth_modal_on_top(rig: Rig) -> None:
    await refused(rig.web.views_push(trigger_id=trigger(rig), view=modal()), "invalid_trigger_id")
    top = (await rig.web.views_open(trigger_id=trigger(rig), view=modal()))["view"]
    for _ in range(2):
        pushed = (await rig.web.views_push(trigger_id=trigger(rig, top["id"]), view=modal()))["view"]
        assert (pushed["previous_view_id"], pushed["root_view_id"] != pushed["id"]) == (top["id"], True)
        top = pushed
    await refused(rig.web.views_push(trigger_id=trigger(rig, top["id"]), view=modal()), "push_limit_reached")
