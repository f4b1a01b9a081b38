"""What Slack delivers, read from captured payloads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.slack.inbound import UNREADABLE, Arrived, Home, Kind, read, tokens, verify
from adapters.chat.slack.mrkdwn import inert, mrkdwn
from bot.errors import Unauthentic
from bot.model.ids import ConnectionId
from bot.model.text import Span, flat
from bot.ports import Place, Speaker

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slack"
NOW = datetime(2024, 5, 20, 6, 10, tzinfo=UTC)
HOME = Home("T0TEAM", "", "U0BOT", "B0BOT", "A0WARROOM", "https://acme.slack.com/")
NAMES = {"U0LI": "李四", "U0WANG": "王五"}


def speaker(ident: str, name: str, team: str) -> Speaker:
    return Speaker(ident, NAMES.get(ident, name or ident), outsider=bool(team) and team != "T0TEAM")


def payload(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def got(body: dict[str, Any]) -> Arrived:
    arrived = read(ConnectionId("slack"), body, HOME, speaker, NOW)
    assert arrived is not None
    return arrived


# ------------------------------------------------------------ what was typed
def test_a_slash_command() -> None:
    arrived = got(payload("slash"))
    inbound = arrived.inbound
    assert (arrived.kind, arrived.trigger, arrived.origin.url) == (
        Kind.SLASH,
        inbound.key,
        "https://hooks.slack.com/commands/T0TEAM/1/abc",
    )
    assert (inbound.key, inbound.chat, inbound.place, inbound.seen, inbound.at) == (
        "13345224609.738474920.8088930838d88f008e0", "C0OPS", Place.GROUP, False, NOW,
    )  # fmt: skip
    assert inbound.text == (
        Span("declare P1 pay & order <down> "), Span("@li", "person", target="U0LI"), Span(" in "),
        Span("#pay", "channel", target="C0PAY"), Span(" see "),
        Span("board", "link", target="https://grafana.example/d/1?x=1&y=2"),
    )  # fmt: skip


def test_a_mention_in_a_channel() -> None:
    arrived = got(payload("app_mention"))
    inbound = arrived.inbound
    assert (inbound.key, inbound.message, inbound.seen, inbound.place) == ("Ev0PV52K21", "1716185100.000100", True, Place.GROUP)
    assert inbound.at == datetime(2024, 5, 20, 6, 5, 0, 100, tzinfo=UTC)
    assert inbound.text == (
        Span("进展 回滚 "), Span("kubectl rollout undo", "code"), Span(" 完成 "), Span(":tada:", "emoji"), Span(" "),
        Span("@李四", "person", target="U0LI"), Span(" @pay-oncall @here 14:05 "),
        Span("a@b.example", "link", target="mailto:a@b.example"),
    )  # fmt: skip


def test_in_a_thread_and_directly() -> None:
    arrived = got(payload("app_mention_in_thread"))
    assert (arrived.origin.thread, flat(arrived.inbound.text)) == ("1716185100.000100", "现状")
    direct = got(payload("message_im")).inbound
    assert (direct.place, direct.chat, direct.seen) == (Place.DIRECT, "D0ZHANG", True)


@pytest.mark.parametrize(
    "name",
    [
        "message_of_our_own", "message_of_another_bot", "message_changed", "app_mention_edited", "message_channel",
        "member_joined", "view_closed",
    ],
)  # fmt: skip
def test_what_is_not_for_us_is_forgotten(name: str) -> None:
    assert read(ConnectionId("slack"), payload(name), HOME, speaker, NOW) is None


def test_our_own_mention_is_known_before_we_asked_who_we_are() -> None:
    arrived = read(ConnectionId("slack"), payload("app_mention"), Home(), speaker, NOW)
    assert arrived is not None and flat(arrived.inbound.text).startswith("进展")


def test_somebody_of_another_workspace_is_an_outsider() -> None:
    body = payload("block_actions_button")
    body["user"]["team_id"] = "T0OTHER"
    assert got(body).inbound.speaker.outsider


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("at 14:05:30 and 10:20:x", (Span("at 14:05:30 and 10:20:x"),)),
        ("好的:smile:好", (Span("好的"), Span(":smile:", "emoji"), Span("好"))),
        ("a < b", (Span("a < b"),)),
        ("&amp;lt;", (Span("&lt;"),)),
        ("```a\n<https://x.example>```", (Span("a\nhttps://x.example", "code"),)),
        ("<!channel>", (Span("@channel"),)),
        ("<@U0NEW>", (Span("@U0NEW", "person", target="U0NEW"),)),
        ("<tel:123|123>", (Span("123", "link", target="tel:123"),)),
    ],
)
def test_mark_up_is_read_to_tokens(typed: str, read_as: tuple[Span, ...]) -> None:
    assert tokens(typed, lambda user: NAMES.get(user, "")) == read_as


@given(st.text(max_size=200))
def test_what_is_printed_is_read_again(words: str) -> None:
    plain_words = inert(words).replace("`", "").replace(":", "").strip()
    assert flat(tokens(mrkdwn((Span(plain_words),)), str)).strip() == plain_words


# ------------------------------------------------------------ what was pressed and sent
def test_a_button() -> None:
    arrived = got(payload("block_actions_button"))
    inbound, press = arrived.inbound, arrived.inbound.press
    assert press is not None
    assert (press.command, dict(press.args), dict(press.assumes), press.asks, press.form) == (
        "severity", {"incident": "F-20240520-001", "to": "P2"}, {"status": "handling"}, True, "",
    )  # fmt: skip
    assert (inbound.key, inbound.chat, inbound.message, inbound.seen, inbound.text) == (
        "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3", "C0OPS", "1716185100.000100", False, (),
    )  # fmt: skip


def test_a_choice_and_a_button_that_only_one_sees() -> None:
    press = got(payload("block_actions_select")).inbound.press
    assert press is not None and (press.command, dict(press.args)) == ("dismiss", {"reason": "drill"})
    arrived = got(payload("block_actions_ephemeral"))
    assert (arrived.inbound.chat, arrived.origin.thread) == ("C0OPS", "1716185000.000100")


def test_a_value_that_is_none_of_ours_is_refused_and_not_a_crash() -> None:
    assert got(payload("block_actions_malformed")).inbound.press is UNREADABLE


def test_a_form() -> None:
    arrived = got(payload("view_submission"))
    press = arrived.inbound.press
    assert press is not None
    assert (press.command, press.form, dict(press.assumes), press.asks) == ("declare", "VNHU13V36", {"status": "handling"}, False)
    assert dict(press.args) == {
        "incident": "F-1", "title": "支付 & 订单 <失败>", "severity": "P1", "services": "pay,order", "commander": "account:U0LI",
        "people": "account:U0LI,account:U0WANG", "at": "2024-05-20T06:05:00+00:00", "drill": "true",
    }  # fmt: skip
    assert (arrived.inbound.key, arrived.inbound.chat, arrived.first_field) == ("156772938.1827394", "C0OPS", "title")
    assert arrived.origin.thread == "1716185100.000100"


def test_a_field_left_empty_does_not_keep_what_the_form_came_with() -> None:
    body = payload("view_submission")
    body["view"]["state"]["values"]["title"]["v"]["value"] = None
    press = got(body).inbound.press
    assert press is not None and "title" not in press.args


def test_a_form_of_nobody_knows_where_is_refused() -> None:
    body = payload("view_submission")
    body["view"]["private_metadata"] = "not JSON"
    arrived = got(body)
    assert arrived.inbound.press is UNREADABLE
    assert (arrived.inbound.place, arrived.inbound.chat) == (Place.DIRECT, "U0ZHANG")


def test_a_shortcut_on_a_message() -> None:
    press = got(payload("message_action")).inbound.press
    assert press is not None and (press.command, press.asks) == ("declare", True)
    assert dict(press.args) == {
        "title": "支付 & 订单 @王五 :fire: 都挂了 详情 board", "impact": "https://acme.slack.com/archives/C0OPS/p1716185100000100",
    }  # fmt: skip
    long = payload("message_action")
    long["message"]["text"] = "长" * 400
    press = got(long).inbound.press
    assert press is not None and len(press.args["title"]) == 150 and press.args["impact"].startswith("长" * 400 + "\n")


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(p.stem for p in FIXTURES.glob("*.json"))), st.data())
def test_a_payload_with_anything_in_any_place_never_crashes(name: str, data: st.DataObject) -> None:
    body = payload(name)
    at: Any = body
    for _ in range(data.draw(st.integers(1, 5))):
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()):
            at[key] = data.draw(SCRAPS)
            break
        at = at[key]
    arrived = read(ConnectionId("slack"), body, HOME, speaker, NOW)
    assert arrived is None or (arrived.inbound.key and arrived.inbound.chat and arrived.inbound.speaker.id)


# ------------------------------------------------------------ signature
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNED = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_slacks_own_example_of_a_signature() -> None:
    at = datetime.fromtimestamp(1531420618, UTC)
    verify(SECRET, at, BODY, "1531420618", SIGNED)
    for wrong in (
        (at, BODY + b" ", "1531420618", SIGNED), (at, BODY, "1531420619", SIGNED), (at, BODY, "1531420618", SIGNED[:-1] + "4"),
        (at, BODY, "1531420618", ""), (at, BODY, "", SIGNED), (at, BODY, "１５３１", SIGNED),
        (datetime.fromtimestamp(1531420618 + 301, UTC), BODY, "1531420618", SIGNED),
        (datetime.fromtimestamp(1531420618 - 301, UTC), BODY, "1531420618", SIGNED),
    ):  # fmt: skip
        with pytest.raises(Unauthentic):
            verify(SECRET, *wrong)
    verify(SECRET, datetime.fromtimestamp(1531420618 + 299, UTC), BODY, "1531420618", SIGNED)
