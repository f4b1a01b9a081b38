"""Top boxes: a card that stays above a conversation, opened by a call of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No
from adapters.sandbox.dingtalk.cards import on_top, variables
from adapters.sandbox.dingtalk.world import Card, Data, World

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk


def _place(world: World, args: Args) -> str:
    """Give where the box is: a scene group, or a person's chat with the bot that was spoken in already."""
    kind = args.number("conversationType", 0)
    if kind == 2:
        if args.need("robotCode", "robotCode.empty") != world.app.robot:
            raise No("robot.not.found", "机器人不存在")
        user = world.users.get(args.text("userId")) or world.by_union(args.text("unionId") or args.text("unoinId"))
        if not (args.text("userId") or args.text("unionId") or args.text("unoinId")):
            raise No("userIdOrUnionId.empty", "用户id为空")
        if user is None or world.staff(user.id) is None:
            raise No("user.not.found", "用户不存在")
        if not any(m.place == user.id and m.user == world.app.robot for m in world.messages.values()):
            raise No("chat.notExist", "会话不存在")
        return user.id
    if kind != 1:
        raise No("conversationType.illegal", "会话类型值无效")
    group = world.groups.get(args.need("openConversationId", "openConversationId.empty"))
    if group is None:
        raise No("cidParse.wrong", "会话id解码失败")
    if group.disbanded:
        raise No("chat.notExist", "会话不存在")
    wanted = args.text("groupTemplateId")
    if not wanted:
        if not args.text("coolAppCode"):
            raise No("coolAppCode.empty", "酷应用编码为空")
        raise No("chat.coolApp.notInstalled", "酷应用未安装到会话内")
    if group.template is None:
        raise No("group.groupTemplate.notInstalled", "群模板未安装到群内")
    if group.template != wanted:
        raise No("permission.sceneGroup.checkFailed", "无权限，该群安装的群模板不属于当前token对应的应用名下")
    return group.cid


def open_box(desk: Desk, args: Args) -> Data:
    """Open a top box; a card of that outTrackId that exists is used as it is."""
    world = desk.world
    track = args.need("outTrackId", "param.empty")
    ident = args.need("cardTemplateId", "param.empty")
    if len(track) > at_most.TOP_TRACK_CHARS:
        raise No("param.illegal", f"outTrackId: 最大长度 {at_most.TOP_TRACK_CHARS}")
    place = _place(world, args)
    if ident not in world.app.cards:
        raise No("cardTemplate.not.exist", "卡片模板不存在")
    if not world.app.cards[ident].get("published"):
        raise No("cardInstance.wrong", "创建卡片实例失败，先检查卡片模板是否已发布")
    seen_by = args.texts("receiverUserIdList")
    for union in args.texts("receiverUnionIdList"):
        user = world.by_union(union)
        seen_by.append(user.id if user else union)
    if len(seen_by) > at_most.TOP_RECEIVERS:
        raise No("param.illegal", f"吊顶可见者最多 {at_most.TOP_RECEIVERS} 个")
    if any(world.staff(person) is None for person in seen_by):
        raise No("receiver.id.parseFailed", "吊顶可见者id解析失败")
    card = world.cards.get(track)
    if card is None:
        card = Card(track, ident, variables(args, args.object("cardData")), callback="STREAM")
        for person, data in args.object("userIdPrivateDataMap").items():
            card.private[person] = variables(args, data)
    until = args.number("expiredTime", 0) or None
    if not on_top(world, card, place, until, seen_by):
        raise No("open.topbox.failed", "开启吊顶失败")
    world.cards[track] = card
    return {"success": True}


def close_box(desk: Desk, args: Args) -> Data:
    """Close a top box; the card stays where else it is."""
    world = desk.world
    track, place = args.need("outTrackId", "param.empty"), _place(world, args)
    card = world.cards.get(track)
    if card is None or card.tops.pop(place, None) is None:
        raise No("param.illegal", "请求参数无效")
    card.version = world.touch()
    return {"success": True}
