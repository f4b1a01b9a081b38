"""What WeCom delivers, in its documentation's own samples; and the small things beside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.chat.wecom import inbound as app
from adapters.chat.wecom import xml
from adapters.chat.wecom_bot import inbound as bot
from adapters.http import Http
from adapters.pace import Pace
from adapters.wecom_card import Pressed
from bot.errors import Malformed
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import Place, Speaker

NOW = datetime(2026, 5, 20, tzinfo=UTC)
# developer.work.weixin.qq.com 90240
CLICK = """<xml><ToUserName><![CDATA[toUser]]></ToUserName><FromUserName><![CDATA[FromUser]]></FromUserName>
<CreateTime>123456789</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[template_card_event]]></Event>
<EventKey><![CDATA[{key}]]></EventKey><TaskId><![CDATA[taskid111]]></TaskId><CardType><![CDATA[text_notice]]></CardType>
<ResponseCode><![CDATA[ResponseCode]]></ResponseCode><AgentID>1</AgentID><SelectedItems><SelectedItem>
<QuestionKey><![CDATA[choice]]></QuestionKey><OptionIds><OptionId><![CDATA[severity|to=P1]]></OptionId>
<OptionId><![CDATA[OptionId2]]></OptionId></OptionIds></SelectedItem><SelectedItem><QuestionKey><![CDATA[QuestionKey2]]></QuestionKey>
<OptionIds><OptionId><![CDATA[OptionId3]]></OptionId></OptionIds></SelectedItem></SelectedItems></xml>"""
# 101463 and 101027
SAID: dict[str, Any] = {
    "cmd": "aibot_msg_callback", "headers": {"req_id": "REQUEST_ID"},
    "body": {
        "msgid": "MSGID", "aibotid": "AIBOTID", "chatid": "CHATID", "chattype": "group", "from": {"userid": "USERID"},
        "msgtype": "text", "text": {"content": "@RobotA hello robot"},
    },
}  # fmt: skip
CLICKED: dict[str, Any] = {
    "cmd": "aibot_event_callback", "headers": {"req_id": "REQUEST_ID"},
    "body": {
        "msgid": "CAIQ16HMjQYY/NGagIOAgAMgq4KM0AI=", "create_time": 1700000000, "aibotid": "AIBOTID",
        "from": {"corpid": "CORPID", "userid": "USERID"}, "chatid": "CHATID", "chattype": "group", "msgtype": "event",
        "event": {
            "eventtype": "template_card_event",
            "template_card_event": {
                "card_type": "button_interaction", "event_key": "0s:", "task_id": "fBmjTL7ErRCQSNA6GZKMlcFiWX1shOvg",
                "selected_items": {
                    "selected_item": [{"question_key": "choice", "option_ids": {"option_id": ["severity|to=P2"]}}],
                },
            },
        },
    },
}  # fmt: skip


def read_app(body: str) -> Any:
    return app.read(ConnectionId("w"), xml.read(body.encode()), lambda ident: Speaker(ident, ident), NOW)


def test_the_sample_of_a_click_on_an_apps_card() -> None:
    arrived = read_app(CLICK.format(key="0s:"))
    assert isinstance(arrived, app.Arrived)
    assert (arrived.user, arrived.task, arrived.code) == ("FromUser", "taskid111", "ResponseCode")
    assert isinstance(arrived.click, Pressed) and dict(arrived.click.press.args) == {"to": "P1"}
    assert arrived.inbound.at == datetime.fromtimestamp(123456789, UTC)
    again, other = read_app(CLICK.format(key="0s:")), read_app(CLICK.format(key="1p:command"))
    assert arrived.inbound.key == again.inbound.key != other.inbound.key


def test_a_card_that_took_anothers_place_is_known_as_that() -> None:
    assert (app.card_of("abc@0123456789"), app.card_of("abc")) == ("abc", "abc")


@pytest.mark.parametrize("body", ["<xml>", "<a/><b/>", "&#0;", "<xml><a>\x01</a></xml>", "<xml>&x;</xml>", "\ufeff"])
def test_what_is_no_xml_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        xml.read(body.encode())


def test_what_is_written_is_read_back() -> None:
    said = {"A": "x ]]> <y> & \x00z", "N": 3, "L": [{"K": "1"}, {"K": "2"}]}
    back = xml.read(xml.write("xml", said).encode())
    assert back == {"A": ["x ]]> <y> & z"], "N": ["3"], "L": [{"K": ["1"]}, {"K": ["2"]}]}


def test_the_samples_of_the_long_connection() -> None:
    said = bot.read(ConnectionId("b"), SAID, 3, "RobotA", NOW)
    assert said is not None
    assert (flat(said.inbound.text), said.inbound.key, said.inbound.chat) == ("hello robot", "MSGID", "CHATID")
    assert (said.inbound.place, said.req_id, said.number) == (Place.GROUP, "REQUEST_ID", 3)
    clicked = bot.read(ConnectionId("b"), CLICKED, 3, "RobotA", NOW)
    assert clicked is not None and isinstance(clicked.click, Pressed)
    assert dict(clicked.click.press.args) == {"to": "P2"} and clicked.task == clicked.inbound.message
    assert clicked.inbound.at == datetime.fromtimestamp(1700000000, UTC)
    for kind in ("enter_chat", "feedback_event"):
        body = {**CLICKED["body"], "event": {"eventtype": kind}}
        assert bot.read(ConnectionId("b"), {**CLICKED, "body": body}, 3, "RobotA", NOW) is None


@pytest.mark.parametrize(
    ("typed", "name", "heard"),
    [
        ("@应急 机器人 现状", "应急 机器人", "现状"), ("@应急机器人\u2005进展 已回滚", "应急机器人", "进展 已回滚"),
        ("@Bot: brief", "bot", "brief"), ("进展 已回滚 @应急机器人", "应急机器人", "进展 已回滚"),
        ("@谁 的机器人 /incident 现状", "", "现状"), ("@机器人 现状", "", "现状"), ("@机器人\n现状", "", "现状"),
        ("@应急机器人2 现状", "应急机器人", "现状"), ("＠机器人，现状", "机器人", "现状"), ("@机器人", "机器人", ""),
        ("@机器人 /故障 声明 x", "机器人", "声明 x"), ("@机器人 邀请 @李四", "机器人", "邀请 @李四"),
    ],
)  # fmt: skip
def test_the_bots_own_mention_is_taken_off(typed: str, name: str, heard: str) -> None:
    assert bot.addressed(typed, name, True) == heard


def test_several_kinds_of_messages_are_read_for_their_words() -> None:
    mixed = {"msg_item": [
        {"msgtype": "text", "text": {"content": "@RobotA 记录"}}, {"msgtype": "image", "image": {"url": "x"}},
        {"msgtype": "text", "text": {"content": "看图"}},
    ]}  # fmt: skip
    for more, words in (
        ({"msgtype": "mixed", "mixed": mixed}, "记录 看图"),
        ({"msgtype": "voice", "voice": {"content": "已经回滚"}, "chattype": "single", "chatid": None}, "已经回滚"),
    ):
        arrived = bot.read(ConnectionId("b"), {**SAID, "body": {**SAID["body"], **more}}, 1, "RobotA", NOW)
        assert arrived is not None and flat(arrived.inbound.text) == words
    image = {**SAID["body"], "msgtype": "image", "image": {"url": "x"}}
    assert bot.read(ConnectionId("b"), {**SAID, "body": image}, 1, "RobotA", NOW) is None


def test_a_pace_holds_over_every_window() -> None:
    pace = Pace(((2, 10.0), (3, 100.0)))
    assert [pace.take("a", at) for at in (0.0, 1.0)] == [0.0, 0.0]
    assert pace.take("a", 2.0) == 8.0 and pace.take("b", 2.0) == 0.0
    assert pace.take("a", 10.0) == 0.0
    assert pace.take("a", 50.0) == 50.0 and pace.take("a", 100.0) == 0.0


async def test_a_token_that_was_fetched_is_never_told() -> None:
    http = Http("http://127.0.0.1:9", secrets=("a-secret",))
    for n in range(3):
        http.hide(f"token-{n}/+")
    assert http.redact("x token-2/+ token-1%2F%2B a-secret") == "x *** *** ***"
    await http.close()
