"""What DingTalk sends to the app: messages to the bot, presses on cards, and events of groups."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.dingtalk.world import Card, Data, Group, Message, World, as_json

BOT = "/v1.0/im/bot/messages/get"
CARD = "/v1.0/card/instances/callback"
TOPICS = (BOT, CARD, "/v1.0/im/bot/messages/delegate", "/v1.0/graph/api/invoke")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Hold one thing to deliver; `kind` is CALLBACK or EVENT."""

    kind: str
    topic: str
    data: Data
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a delivery: `error` is empty when it was acknowledged; `data` = what the acknowledgement says."""

    data: Any = None
    error: str = ""


def bot_message(
    world: World, message: Message, group: Group | None, text: str, at: list[str], session: tuple[str, int],
    answered: Message | None = None,
) -> Parcel:  # fmt: skip
    """Say that somebody spoke to the bot: in a group with its name, or directly; with the message that they answer."""
    user = world.users[message.user]
    robot = next(iter(group.robots), world.app.robot) if group is not None else world.app.robot
    bot = {"dingtalkId": f"$:LWCP_v1:${robot}"}
    data: Data = {
        "conversationId": group.cid if group is not None else direct_cid(world, user.id),
        "atUsers": [bot, *({"dingtalkId": world.users[p].sender_id, "staffId": p} for p in at)],
        "chatbotCorpId": world.app.corp_id, "chatbotUserId": bot["dingtalkId"], "msgId": message.id, "senderNick": user.name,
        "isAdmin": user.admin, "sessionWebhookExpiredTime": session[1], "createAt": int(message.sent * 1000),
        "conversationType": "2" if group is not None else "1", "senderId": user.sender_id, "sessionWebhook": session[0],
        "robotCode": robot, "msgtype": "text", "text": {"content": text},
    }  # fmt: skip
    if answered is not None:
        author = world.users.get(answered.user)
        data["text"] |= {"isReplyMsg": True, "repliedMsg": {
            "msgId": answered.id, "msgType": answered.kind, "createdAt": int(answered.sent * 1000),
            "senderId": author.sender_id if author is not None else answered.user,
            "content": _quoted(world, answered, robot),
        }}  # fmt: skip
    if group is not None:
        data |= {"conversationTitle": group.title, "isInAtList": True}
    else:
        del data["atUsers"]
    if not user.outsider:
        data |= {"senderStaffId": user.id, "senderCorpId": world.app.corp_id}
    return Parcel("CALLBACK", BOT, data)


def _quoted(world: World, answered: Message, robot: str) -> Data:
    """Give what an answer brings of the message that it answers: its words, or a code by which its file can be had."""
    if answered.kind == "text":
        return {"text": answered.content.get("content", "")}
    if answered.kind not in ("picture", "file"):
        return {}
    code = {"downloadCode": world.code_for(answered, robot)}
    return code if answered.kind == "picture" else {**code, "fileName": answered.content["fileName"], "spaceId": "1"}


def direct_cid(world: World, person: str) -> str:
    """Give the conversation id of a person's chat with the bot, which no call of the API takes."""
    return f"cid{world.users[person].union_id.removesuffix('iE')}DM=="


def pressed(world: World, card: Card, person: str, place: str, actions: list[str], params: Data) -> Parcel:
    """Say that somebody pressed something on a card."""
    group = place in world.groups
    data = {
        "type": "actionCallback", "outTrackId": card.track, "corpId": world.app.corp_id, "userId": person, "userIdType": 1,
        "spaceType": "IM_GROUP" if group else "IM_ROBOT", "spaceId": place, "extension": "{}",
        "content": as_json({"cardPrivateData": {"actionIds": actions, "params": params}}),
    }  # fmt: skip
    return Parcel("CALLBACK", CARD, data)


def event(world: World, kind: str, group: Group, more: Data) -> Parcel:
    """Say that something happened to a group."""
    now = str(int(world.clock() * 1000))
    headers = {
        "eventId": secrets.token_hex(16), "eventType": kind, "eventCorpId": world.app.corp_id, "eventBornTime": now,
        "eventUnifiedAppId": world.app.app_id,
    }  # fmt: skip
    data: Data = {"timestamp": now, "chatId": group.chatid, "openConversationId": group.cid, **more}
    for name in ("operator", "owner"):
        if more.get(name) in world.users:
            data[f"{name}UnionId"] = world.users[more[name]].union_id
    if "userId" in more:
        data["unionId"] = [world.users[person].union_id for person in more["userId"]]
    return Parcel("EVENT", "*", data, headers)
