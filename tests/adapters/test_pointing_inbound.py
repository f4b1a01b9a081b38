"""Pins, reactions, quotes, edits and recalls as each platform delivers them, and what nobody should send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.dingtalk import inbound as dingtalk
from adapters.chat.feishu import inbound as feishu
from adapters.chat.slack import inbound as slack
from adapters.chat.wecom_bot import inbound as wecom_bot
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import Inbound, InboundKind, Message, Rejected, Speaker

NOW = datetime(2024, 5, 20, 6, 10, tzinfo=UTC)
HOME = slack.Home("T0TEAM", "", "U0BOT", "B0BOT", "A0WARROOM", "https://acme.slack.com/")
SAID = {"type": "message", "user": "U0WANG", "text": "5xx up", "ts": "1716185300.000100"}
PINNED = {"type": "message", "channel": "C1", "message": SAID}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

SLACK_KEYS = ["user", "item", "message", "previous_message", "channel", "reaction", "subtype", "deleted_ts"]
FEISHU_KEYS = st.sampled_from(
    ["message_id", "chat_id", "user_id", "reaction_type", "operator_type", "sender", "body", "mentions"]
)


async def nothing(*place: str) -> Message | Rejected:
    return Rejected("gone")


def on_slack(**event: Any) -> Inbound | None:
    pointing = slack.Pointing({"pin": "note", "pushpin": "note", "mega": "update"}, nothing)
    body = {"type": "event_callback", "event_id": "Ev1", "event": {"event_ts": "1716185400.000200", **event}}
    name = lambda ident, named, team: Speaker(ident, named or ident)  # noqa: E731
    arrived = slack.read(ConnectionId("slack"), body, HOME, name, NOW, pointing)
    return arrived.inbound if arrived is not None else None


def item(**more: Any) -> dict[str, Any]:
    return {"type": "message", "channel": "C1", "ts": SAID["ts"], **more}


class TestSlack:
    @pytest.mark.parametrize(("reaction", "becomes"), [("pushpin", "note"), ("mega", "update")])
    def test_a_reaction_stands_for_what_the_configuration_says(self, reaction: str, becomes: str) -> None:
        inbound = on_slack(type="reaction_added", user="U0LI", reaction=reaction, item_user="U0WANG", item=item())
        assert inbound is not None
        assert (inbound.kind, inbound.becomes, inbound.chat, inbound.message, inbound.speaker.id, inbound.key) == (
            InboundKind.POINTED, becomes, "C1", SAID["ts"], "U0LI", "Ev1",
        )  # fmt: skip
        assert callable(inbound.points_at)

    def test_a_pin_names_its_message(self) -> None:
        inbound = on_slack(
            type="pin_added", user="U0LI", channel_id="C1", item={"type": "message", "channel": "C1", "message": SAID}
        )
        assert inbound is not None
        assert (inbound.becomes, inbound.chat, inbound.message) == ("note", "C1", SAID["ts"])

    @pytest.mark.parametrize(
        "event",
        [
            {"type": "reaction_added", "user": "U0LI", "reaction": "eyes", "item": item()},
            {"type": "reaction_added", "user": "U0BOT", "reaction": "pushpin", "item": item()},
            {"type": "reaction_added", "user": "U0LI", "reaction": "pushpin", "item_user": "U0BOT", "item": item()},
            {"type": "reaction_added", "user": "U0LI", "reaction": "pushpin", "item": item(type="file")},
            {"type": "pin_added", "user": "U0BOT", "channel_id": "C1", "item": PINNED},
            {"type": "reaction_removed", "user": "U0LI", "reaction": "pushpin", "item": item()},
        ],
    )  # fmt: skip
    def test_other_reactions_and_the_bots_own_are_nothing(self, event: dict[str, Any]) -> None:
        assert on_slack(**event) is None

    def test_an_edit_has_the_new_words_and_its_own_time(self) -> None:
        edited = {**SAID, "text": "5xx down &amp; out", "edited": {"user": "U0WANG", "ts": "1716185390.000000"}}
        inbound = on_slack(type="message", subtype="message_changed", channel="C1", message=edited, previous_message=SAID)
        assert inbound is not None
        assert (inbound.kind, flat(inbound.text), inbound.message) == (InboundKind.EDITED, "5xx down & out", SAID["ts"])
        assert inbound.at == datetime(2024, 5, 20, 6, 9, 50, tzinfo=UTC)

    def test_a_preview_and_the_bots_own_edits_are_none(self) -> None:
        assert on_slack(type="message", subtype="message_changed", channel="C1", message=SAID, previous_message=SAID) is None
        own = {**SAID, "user": "U0BOT", "bot_id": "B0BOT", "edited": {"ts": "1716185390.000000"}}
        assert on_slack(type="message", subtype="message_changed", channel="C1", message=own) is None

    def test_a_deleted_message_and_one_with_replies_are_recalled(self) -> None:
        gone = on_slack(
            type="message",
            subtype="message_deleted",
            channel="C1",
            deleted_ts=SAID["ts"],
            previous_message=SAID,
            ts="1716185400.1",
        )  # fmt: skip
        tomb = {**SAID, "user": "USLACKBOT", "subtype": "tombstone"}
        left = on_slack(type="message", subtype="message_changed", channel="C1", message=tomb, previous_message=SAID)
        assert gone is not None
        assert left is not None
        assert [(i.kind, i.message, flat(i.text)) for i in (gone, left)] == [(InboundKind.RECALLED, SAID["ts"], "")] * 2

    def test_a_message_with_files_says_what_came_with_it(self) -> None:
        said = {**SAID, "files": [{"id": "F1", "name": "g.png", "mimetype": "image/png", "size": 12}, {"name": "x"}, 7]}
        read = slack.message_of(said, "C1", HOME, lambda ident, named, team: Speaker(ident, "王五"), NOW)
        assert [(f.id, f.name, f.type, f.size) for f in read.files] == [("F1", "g.png", "image/png", 12)]
        assert read.link == "https://acme.slack.com/archives/C1/p1716185300000100"

    @given(st.sampled_from(["reaction_added", "pin_added", "message"]), st.dictionaries(st.sampled_from(SLACK_KEYS), JSON))
    @settings(max_examples=60, deadline=None)
    def test_no_payload_breaks_it(self, kind: str, event: dict[str, Any]) -> None:
        on_slack(**{**event, "type": kind})
        slack.message_of(event, "C1", HOME, lambda ident, named, team: Speaker(ident, named), NOW)


def on_feishu(kind: str, event: dict[str, Any]) -> Inbound | None:
    body = {"schema": "2.0", "header": {"event_id": "ev1", "event_type": kind, "tenant_key": "t1"}, "event": event}
    pointing = feishu.Pointing({"Pin": "note"}, nothing)
    name = lambda ident, foreign: Speaker(ident, "张三")  # noqa: E731
    arrived = feishu.read(ConnectionId("feishu"), body, feishu.Home("ou_bot", "Incident"), name, NOW, pointing)
    return arrived.inbound if arrived is not None else None


REACTED = {
    "message_id": "om_1", "operator_type": "user", "user_id": {"open_id": "ou_li"}, "reaction_type": {"emoji_type": "Pin"},
    "action_time": "1716185400000",
}  # fmt: skip


class TestFeishu:
    def test_a_reaction_names_its_message_and_not_its_chat(self) -> None:
        inbound = on_feishu("im.message.reaction.created_v1", REACTED)
        assert inbound is not None
        assert (inbound.kind, inbound.becomes, inbound.chat, inbound.message, inbound.speaker.id) == (
            InboundKind.POINTED, "note", "", "om_1", "ou_li",
        )  # fmt: skip

    @pytest.mark.parametrize(
        "change", [{"operator_type": "app"}, {"reaction_type": {"emoji_type": "DONE"}}, {"user_id": {}}, {"message_id": None}]
    )
    def test_an_apps_and_other_reactions_are_nothing(self, change: dict[str, Any]) -> None:
        assert on_feishu("im.message.reaction.created_v1", {**REACTED, **change}) is None

    def test_a_recall_says_which(self) -> None:
        inbound = on_feishu("im.message.recalled_v1", {"message_id": "om_1", "chat_id": "oc_1", "recall_time": "1716185400000"})
        assert inbound is not None
        assert (inbound.kind, inbound.chat, inbound.message) == (InboundKind.RECALLED, "oc_1", "om_1")

    def test_a_message_that_is_read_names_people_by_their_account(self) -> None:
        said = {
            "message_id": "om_1", "chat_id": "oc_1", "msg_type": "text", "create_time": "1716185300000",
            "sender": {"id": "ou_wang", "id_type": "open_id", "sender_type": "user"},
            "body": {"content": '{"text":"@_user_1 看"}'},
            "mentions": [{"key": "@_user_1", "id": "ou_li", "id_type": "open_id", "name": "李四"}],
        }  # fmt: skip
        read = feishu.message_of(said, lambda ident, foreign: Speaker(ident, "王五"), NOW)
        assert read is not None
        assert read.author is not None
        assert (read.chat, read.author.id, flat(read.text), read.text[0].target) == ("oc_1", "ou_wang", "@李四 看", "ou_li")
        assert feishu.message_of({**said, "msg_type": "image"}, lambda ident, foreign: Speaker(ident, ""), NOW) is None

    @given(st.sampled_from(["im.message.reaction.created_v1", "im.message.recalled_v1"]), st.dictionaries(FEISHU_KEYS, JSON))
    @settings(max_examples=60, deadline=None)
    def test_no_payload_breaks_it(self, kind: str, event: dict[str, Any]) -> None:
        on_feishu(kind, event)
        feishu.message_of(event, lambda ident, foreign: Speaker(ident, ""), NOW)


def on_dingtalk(**text: Any) -> Message | Rejected | None:
    data = {"text": {"content": " 记录", **text}}
    return dingtalk.quoted(data, "cid1", NOW)


class TestDingTalk:
    def test_a_quote_comes_with_its_words(self) -> None:
        replied = {
            "msgId": "m1",
            "msgType": "text",
            "createdAt": 1716185300000,
            "senderId": "$:x",
            "content": {"text": "5xx 在涨"},
        }
        read = on_dingtalk(isReplyMsg=True, repliedMsg=replied)
        assert isinstance(read, Message)
        assert (read.id, read.chat, flat(read.text), read.at) == (
            "m1",
            "cid1",
            "5xx 在涨",
            datetime(2024, 5, 20, 6, 8, 20, tzinfo=UTC),
        )

    def test_rich_text_is_joined_and_a_picture_has_no_words(self) -> None:
        rich = {"richText": [{"msgType": "text", "content": "5xx"}, {"msgType": "picture"}, {"text": " 在涨"}]}
        read = on_dingtalk(repliedMsg={"msgId": "m1", "content": rich})
        assert isinstance(read, Message)
        assert flat(read.text) == "5xx 在涨"
        alone = on_dingtalk(repliedMsg={"msgId": "m1", "msgType": "picture", "content": {"downloadCode": "x"}})
        assert isinstance(alone, Message) and alone.text == () and len(alone.files) == 1
        assert on_dingtalk(repliedMsg={"msgId": "m1", "msgType": "interactiveCard", "content": {}}) == Rejected("kind")

    def test_nothing_is_quoted_by_default(self) -> None:
        assert on_dingtalk() is None

    @given(JSON)
    @settings(max_examples=60, deadline=None)
    def test_no_payload_breaks_it(self, replied: Any) -> None:
        on_dingtalk(repliedMsg=replied)


class TestWeComBot:
    def test_a_quote_is_known_by_its_words(self) -> None:
        first = wecom_bot.quoted({"quote": {"msgtype": "text", "text": {"content": "5xx 在涨"}}}, "g1")
        again = wecom_bot.quoted({"quote": {"msgtype": "text", "text": {"content": "5xx 在涨"}}}, "g1")
        assert isinstance(first, Message)
        assert first == again
        assert flat(first.text) == "5xx 在涨"
        assert wecom_bot.quoted({"quote": {"msgtype": "location", "location": {"url": "x"}}}, "g1") == Rejected("kind")
        assert wecom_bot.quoted({}, "g1") is None
