"""What DingTalk delivers, read: the official samples, the shapes that others met, and strangers' nonsense."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.chat.dingtalk.errors import CODES, error_in, sorted_out, undelivered
from adapters.chat.dingtalk.inbound import clicked, typed
from adapters.chat.dingtalk.stream import TOPICS
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import Place, Rejected, Retry

NOW = datetime(2024, 5, 20, 6, 5, tzinfo=UTC)
DINGTALK = ConnectionId("dingtalk")
# The sample of the documentation of Stream, with whole ids in place of the masked ones.
BOT = {
    "conversationId": "cidAsXSBLnA==", "atUsers": [{"dingtalkId": "$:LWCP_v1:$4bot"}], "chatbotCorpId": "ding9f1",
    "chatbotUserId": "$:LWCP_v1:$4bot", "msgId": "msgLICYeJtMQw==", "senderNick": "用户", "isAdmin": True,
    "senderStaffId": "16650698", "sessionWebhookExpiredTime": 1690367502152, "createAt": 1690362101894,
    "senderCorpId": "ding9f1", "conversationType": "2", "senderId": "$:LWCP_v1:$jqTgIfhRX9Q==", "conversationTitle": "测试群",
    "isInAtList": True, "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=76da36b48f59e8",
    "text": {"content": " 测试数据"}, "robotCode": "dingr3xc0b", "msgtype": "text",
}  # fmt: skip
CARD = {
    "type": "actionCallback", "outTrackId": "track1", "corpId": "ding1", "userId": "u1",
    "content": '{"cardPrivateData":{"actionIds":["1"],"params":{"action":"accept"}}}',
}  # fmt: skip


def click(content: Any, **more: Any) -> Any:
    data = {**CARD, "content": json.dumps(content), **more}
    return clicked(DINGTALK, data, "frame1", "Asia/Shanghai", NOW, lambda track: "")


def test_the_official_message_is_read() -> None:
    arrived = typed(DINGTALK, BOT, NOW)
    assert arrived is not None
    inbound = arrived.inbound
    assert (flat(inbound.text), inbound.key, inbound.chat, inbound.place) == (
        "测试数据", "dingr3xc0b:msgLICYeJtMQw==", "cidAsXSBLnA==", Place.GROUP,
    )  # fmt: skip
    assert (inbound.speaker.id, inbound.speaker.name, inbound.speaker.outsider) == ("16650698", "用户", False)
    assert inbound.at == datetime.fromtimestamp(1690362101.894, UTC)
    assert round((arrived.session.until - inbound.at).total_seconds(), 3) == 5400.258
    assert arrived.session.url not in repr(arrived)  # it is a secret


@pytest.mark.parametrize("address", ["/incident ", "/inc: ", "/故障　", "@bot ", " @warroom ", "@BOT"])
def test_a_line_copied_with_the_bots_address_is_read_without_it(address: str) -> None:
    arrived = typed(DINGTALK, {**BOT, "text": {"content": f"{address} 进展 已回滚"}}, NOW)
    assert arrived is not None and flat(arrived.inbound.text).strip() == "进展 已回滚"


@pytest.mark.parametrize("words", ["/incidental 进展", "@bottom 进展", "进展 @bot"])
def test_what_only_looks_like_the_bots_address_stays(words: str) -> None:
    arrived = typed(DINGTALK, {**BOT, "text": {"content": words}}, NOW)
    assert arrived is not None and flat(arrived.inbound.text) == words


def test_two_robots_that_one_message_names_are_two_deliveries() -> None:
    keys = {found.inbound.key for code in ("a", "b") if (found := typed(DINGTALK, {**BOT, "robotCode": code}, NOW))}
    assert len(keys) == 2


def test_who_has_no_user_id_or_is_of_another_company_is_an_outsider() -> None:
    without = typed(DINGTALK, {k: v for k, v in BOT.items() if k != "senderStaffId"}, NOW)
    other = typed(DINGTALK, {**BOT, "senderCorpId": "ding2"}, NOW)
    assert without is not None and without.inbound.speaker.outsider and without.inbound.speaker.id == BOT["senderId"]
    assert other is not None and other.inbound.speaker.outsider


def test_a_direct_chat_is_known_by_its_person() -> None:
    arrived = typed(DINGTALK, {**BOT, "conversationType": "1"}, NOW)
    assert arrived is not None and (arrived.inbound.place, arrived.inbound.chat) == (Place.DIRECT, "16650698")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text": None, "errCode": 20001, "errMsg": "over quota"}, ""),
        ({"text": {}}, ""),
        (
            {
                "text": None,
                "msgtype": "richText",
                "content": {"richText": [{"text": "进展 "}, {"type": "picture"}, {"text": "ok"}]},
            },
            "进展 ok",
        ),
        ({"text": None, "msgtype": "richText", "content": {"richText": [{"text": "@应急助手 "}, {"text": "进展"}]}}, "进展"),
        ({"text": None, "msgtype": "picture", "content": {"downloadCode": "x"}}, ""),
        ({"text": None, "content": '{"richText":[{"text":"a"}]}'}, "a"),
        ({"text": {"content": "a\x00b"}}, "ab"),
    ],
)
def test_a_message_of_any_kind_is_read(changed: dict[str, Any], said: str) -> None:
    arrived = typed(DINGTALK, {**BOT, **changed}, NOW)
    assert arrived is not None and flat(arrived.inbound.text) == said


def test_who_was_mentioned_is_pointed_at_only_where_it_is_certain() -> None:
    def people(text: str, *staff: str) -> list[tuple[str, str | None]]:
        users = [{"dingtalkId": "$:LWCP_v1:$4bot"}, *({"dingtalkId": f"$:{s}", "staffId": s} for s in staff)]
        data = {**BOT, "text": {"content": text}, "atUsers": users}
        arrived = typed(DINGTALK, data, NOW, lambda account: {"li": "李四"}[account])
        assert arrived is not None
        return [(s.text, s.target) for s in arrived.inbound.text if s.kind == "person"]

    assert people(" 指挥  ", "li") == [("@李四", "li")]  # the client took the name out
    assert people(" 指挥 @李四 ", "li") == [("@李四", "li")]
    assert people(" 邀请 @李四 @王五", "wang", "li") == []  # in which order nobody knows: the names stay as typed
    assert people(" 指挥 @李四") == []


# ------------------------------------------------------------ clicks
@pytest.mark.parametrize(
    "content",
    [
        {"cardPrivateData": {"actionIds": ["note|n=1"], "params": {}}},
        {"cardPrivateData": {"actionIds": ["b1"], "params": {"press": "note|n=1"}}},
        {"cardPrivateData": {"actionIds": ["select"], "params": {"select": {"index": 0, "value": "note|n=1"}}}},
        {"actionData": {"cardPrivateData": {"actionIds": ["x"], "params": {"press": "note|n=1"}}}},
        {"userPrivateData": {"params": {"press": "note|n=1"}}},
        {"params": {"press": "note|n=1"}},
        {"actionId": "note|n=1"},
    ],
)
def test_a_press_is_found_wherever_a_template_puts_it(content: dict[str, Any]) -> None:
    arrived = click(content)
    assert (arrived.inbound.press.command, dict(arrived.inbound.press.args)) == ("note", {"n": "1"})
    assert (arrived.inbound.key, arrived.track, arrived.inbound.speaker.id) == ("card:frame1", "track1", "u1")


def test_where_a_card_was_clicked_is_known_by_the_frame_the_form_or_by_having_sent_it() -> None:
    press = {"cardPrivateData": {"actionIds": ["note"], "params": {}}}
    form = {"cardPrivateData": {"actionIds": ["form"], "params": {"form": {"press": "note", "chat": "cidFORM==", "text": "x"}}}}
    assert click(press, spaceType="IM_GROUP", spaceId="cidAb==").inbound.chat == "cidAb=="
    assert click(press, spaceId="dtv1.card//IM_GROUP.cidAb==").inbound.chat == "cidAb=="
    assert click(press, spaceType="IM_ROBOT", spaceId="u1").inbound.chat == "u1"
    assert click(press).inbound.place is Place.DIRECT
    assert click(form, spaceType="IM_ROBOT", spaceId="u1").inbound.chat == "cidFORM=="
    known = clicked(DINGTALK, CARD, "f", "Asia/Shanghai", NOW, lambda track: "cidSENT==" if track == "track1" else "")
    assert known is not None and known.inbound.chat == "cidSENT=="


def test_a_form_is_the_same_however_often_it_is_sent() -> None:
    def sent(text: str) -> Any:
        values = {"press": "note|incident=F-1", "sheet": "abc", "text": text}
        return click({"cardPrivateData": {"actionIds": ["form"], "params": {"form": values}}}).inbound.press

    assert sent("a").form == sent("b").form and dict(sent("a").args) == {"incident": "F-1", "text": "a"}


@settings(max_examples=200)
@given(
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.text(max_size=20),
        lambda inner: some.lists(inner, max_size=3) | some.dictionaries(
            some.sampled_from([*BOT, *CARD, "cardPrivateData", "actionIds", "params", "form", "press", "value", "richText"]),
            inner, max_size=5,
        ),
        max_leaves=25,
    ),
    some.sampled_from(sorted({*BOT, *CARD})),
)  # fmt: skip
def test_nonsense_is_refused_or_read_and_never_fatal(value: Any, name: str) -> None:
    typed(DINGTALK, {**BOT, name: value}, NOW)
    found = clicked(DINGTALK, {**CARD, name: value}, "f", "Asia/Shanghai", NOW, lambda track: "")
    assert found is None or found.inbound.press is not None


def test_the_topics_are_the_sdks() -> None:
    import dingtalk_stream  # type: ignore[import-untyped]

    assert TOPICS == (dingtalk_stream.ChatbotMessage.TOPIC, dingtalk_stream.CallbackHandler.TOPIC_CARD_CALLBACK)


# ------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("error", "means"),
    [
        ("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", Retry(1.0, "rate_limited", "d")),
        ("90018", Retry(1.0, "rate_limited", "d")),
        ("Forbidden.AccessDenied.ApiCountLimitForOrg", Retry(1800.0, "quota")),
        ("InvalidAuthentication", Retry(60.0, "bad_token")),
        ("invalidClientIdOrSecret", Retry(60.0, "bad_token")),
        ("system.busy", Retry(2.0, "busy")),
        ("permession.checkFailed", Rejected("not_allowed", "raw")),
        ("invalidParameter.robotCode.notExsit", Rejected("not_in_room", "raw")),
        ("invalideChatId", Rejected("no_such_room", "raw")),
        ("illegal.openconevrsation.id", Rejected("no_such_room", "raw")),
        ("Forbidden.AccessDenied.AccessTokenPermissionDenied", Rejected("missing_scope", "raw")),
        ("something.new", Rejected("something.new", "raw")),
    ],
)
def test_each_error_has_its_end(error: str, means: Retry | Rejected) -> None:
    assert sorted_out(error, "raw", "d") == means


def test_the_code_is_found_in_an_answer_of_either_api() -> None:
    assert error_in(b'{"code":"param.templateUnpublished","message":"m","requestid":"1"}') == "param.templateUnpublished"
    assert error_in(b'{"errcode":60121,"errmsg":"m"}') == "60121"
    assert error_in(b'{"errcode":88,"sub_code":"40014"}') == "40014"
    assert error_in(b'{"status":1111,"wait":5,"source":"x5","punish":"deny"}') == "punished"
    for good in (b'{"errcode":0}', b'{"success":true}', b"", b"[]", b"<html>"):
        assert error_in(good) == ""


def test_a_failed_delivery_is_found_in_an_answer_of_success() -> None:
    failed = {
        "success": True,
        "result": {"deliverResults": [{"success": True}, {"success": False, "errorMsg": "spaceId is illegal"}]},
    }
    assert undelivered(failed) == "spaceId is illegal"
    assert undelivered({"result": [{"success": False}]}) == "not delivered"
    assert undelivered({"result": {"deliverResults": [{"success": True}]}}) is None and undelivered({}) is None


def test_every_code_of_ours_has_words() -> None:
    from pathlib import Path

    for lang in ("zh", "en"):
        words = Path("templates", lang, "words.yaml").read_text(encoding="utf-8")
        assert [
            code for code in sorted({*CODES.values(), "quota", "not_delivered", "missing_scope"}) if f"  {code}:" not in words
        ] == []
