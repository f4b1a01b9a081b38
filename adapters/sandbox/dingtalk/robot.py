"""What the bot says: to groups it is in, to people, and what it takes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No
from adapters.sandbox.dingtalk.world import FILES, Data, Message, World

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk

_BUTTONS = {n: tuple(f"{kind}{i}" for i in range(1, n + 1) for kind in ("actionTitle", "actionURL")) for n in (2, 3, 4, 5)}
KEYS = {  # msgKey: the parameters that must be there
    "sampleText": ("content",),
    "sampleMarkdown": ("title", "text"),
    "sampleImageMsg": ("photoURL",),
    "sampleLink": ("text", "title", "picUrl", "messageUrl"),
    "sampleActionCard": ("title", "text", "singleTitle", "singleURL"),
    **{f"sampleActionCard{n}": ("title", "text", *names) for n, names in _BUTTONS.items()},
    "sampleActionCard6": ("title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"),
    "sampleAudio": ("mediaId", "duration"),
    "sampleFile": ("mediaId", "fileName", "fileType"),
    "sampleVideo": ("duration", "videoMediaId", "videoType", "picMediaId"),
}


def robot(world: World, args: Args) -> str:
    """Give the robotCode of a call: one of this app's."""
    code = args.need("robotCode", "invalidParameter.robotCode.empty")
    mine = {world.app.robot, *(str(t["robot_code"]) for t in world.app.group_templates.values() if t.get("robot_code"))}
    if code not in mine:
        raise No("invalidParameter.robotCode.notExsit", "robot 不存在")  # as the documentation spells it
    return code


def content(args: Args) -> tuple[str, Data]:
    """Read msgKey and msgParam; gives the kind of message and what it shows."""
    key = args.need("msgKey", "invalidParameter.msgKey.empty")
    if key not in KEYS:
        raise No("invalidParameter.msgKey.invalid", f"msgKey {key} 不合法")
    raw = args.given.get("msgParam")
    if not isinstance(raw, str) or not raw:
        raise No("invalidParameter.msgParam.invalid", "msgParam 必须是 JSON 字符串")
    if len(raw.encode()) > at_most.MSG_PARAM_BYTES:
        raise No("invalidParameter.msgParam.tooLong", f"msgParam 超过 {at_most.MSG_PARAM_BYTES} 字节")
    try:
        given = json.loads(raw)
    except ValueError:
        given = None
    if not isinstance(given, dict) or any(not isinstance(given.get(name), str) for name in KEYS[key]):
        raise No("invalidParameter.msgParam.invalid", f"{key} 需要 {', '.join(KEYS[key])}")
    return drawn_as(key, given)


def drawn_as(key: str, given: dict[str, Any]) -> tuple[str, Data]:
    """Give what a client draws of a message template."""
    if key == "sampleText":
        return "text", {"content": given["content"]}
    if key == "sampleMarkdown":
        return "markdown", {"title": given["title"], "text": given["text"]}
    if key == "sampleLink":
        return "link", {"title": given["title"], "text": given["text"], "url": given["messageUrl"]}
    if key.startswith("sampleActionCard"):
        names = KEYS[key][2:]
        buttons = [{"text": given[a], "url": given[b]} for a, b in zip(names[::2], names[1::2], strict=True)]
        return "actionCard", {"title": given["title"], "text": given["text"], "buttons": buttons}
    return key.removeprefix("sample").lower(), dict(given)


def to_group(desk: Desk, args: Args) -> Data:
    """Say something in a group that the bot is in; nobody can be mentioned."""
    world, code = desk.world, robot(desk.world, args)
    kind, shown = content(args)
    group = world.groups.get(args.need("openConversationId", "miss.openConversationId"))
    if group is None:
        raise No("invalid.openConversationId", "无效的openConversationId")
    if group.disbanded:
        raise No("group.disbanded", "群已解散")
    if code not in group.robots:
        raise No("invalidParameter.robotCode.notExsit", "robot 不在群内")
    message = world.say(Message(world.fresh(), group.cid, code, kind, shown, key=world.fresh("")))
    return {"processQueryKey": message.key}


def to_people(desk: Desk, args: Args) -> Data:
    """Say something to people directly; whom it does not reach is named in an answer of success."""
    world, code = desk.world, robot(desk.world, args)
    people = args.texts("userIds")
    if not people:
        raise No("invalidParameter.userIds.empty", "userIds 为空")
    if len(people) > at_most.DIRECT_AT_ONCE:
        raise No("invalidParameter.userIds.overMax", f"userIds 超过 {at_most.DIRECT_AT_ONCE} 个")
    kind, shown = content(args)
    key = world.fresh("")
    reached = [p for p in people if world.staff(p) is not None and world.visible(p)]
    slowed = [p for p in reached if p in desk.throttled]
    for person in reached:
        if person not in slowed:
            world.say(Message(world.fresh(), person, code, kind, dict(shown), key=key))
    wrong = [p for p in people if p not in reached]
    return {"processQueryKey": key, "invalidStaffIdList": wrong, "flowControlledStaffIdList": slowed}


def download(desk: Desk, args: Args) -> Data:
    """Exchange the code of a delivered file for an address; only for the robot to which it was delivered."""
    code, asked = robot(desk.world, args), args.need("downloadCode", "invalidParameter.downloadCode.empty")
    known = desk.world.codes.get(asked)
    if known is None or known[1] != code or desk.world.clock() > known[2]:
        raise No("invalidParameter.downloadCode.invalid", "downloadCode 无效")
    return {"downloadUrl": desk.world.address_of(known[0])}


def given(world: World, path: str) -> tuple[int, bytes, dict[str, str]]:
    """Give the bytes of an address, which needs no token, as the storage behind DingTalk does."""
    message, until = world.addresses.get(path.removeprefix(FILES), (None, 0.0))
    if message is None or message.recalled or world.clock() > until:
        return 403, b"<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>", {
            "content-type": "application/xml"
        }  # fmt: skip
    return 200, message.body, {"content-type": "application/octet-stream"}


def recall(desk: Desk, args: Args) -> Data:
    """Take messages of a group back."""
    place = args.need("openConversationId", "miss.openConversationId")
    if place not in desk.world.groups:
        raise No("invalid.openConversationId", "无效的openConversationId")
    return _recalled(desk.world, args, lambda message: message.place == place)


def recall_direct(desk: Desk, args: Args) -> Data:
    """Take direct messages back, within a day."""
    return _recalled(desk.world, args, lambda message: message.place in desk.world.users)


def _recalled(world: World, args: Args, there: Any) -> Data:
    code, keys = robot(world, args), args.texts("processQueryKeys")
    if not keys or len(keys) > at_most.RECALL_AT_ONCE:
        raise No("invalidParameter.processQueryKeys.invalid", f"processQueryKeys: 1~{at_most.RECALL_AT_ONCE} 个")
    done, failed = [], {}
    for key in keys:
        sent = [m for m in world.messages.values() if m.key == key and m.user == code and there(m)]
        if not sent:
            failed[key] = "消息不存在"
        elif world.clock() - sent[0].sent > at_most.RECALL_SECONDS:
            failed[key] = "消息已超过可撤回时间"
        else:
            done.append(key)
            for message in sent:
                message.recalled, message.version = True, world.touch()
    return {"successResult": done, "failedResult": failed}
