"""Groups: plain ones, in which no API puts the bot, and scene groups, made from a template that may bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No, OldNo
from adapters.sandbox.dingtalk.world import Data, Group, World

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk

OWNER_UNSEEN = "群主不在应用可见性内"


def _people(world: World, args: Args, name: str, code: str) -> list[str]:
    people = args.texts(name)
    strange = [person for person in people if world.staff(person) is None]
    if strange:
        raise No(code, f"不存在的员工 {','.join(strange)}")
    return people


def _owner(world: World, args: Args, name: str, code: str) -> str:
    owner = args.need(name, "parameter.invalid")
    if world.staff(owner) is None:
        raise No(code, "不存在的员工")
    if not world.visible(owner):
        raise No("permession.checkFailed", OWNER_UNSEEN)
    return owner


def _plain_name(name: str) -> str:
    if not 1 <= len(name) <= at_most.PLAIN_NAME:
        raise No("parameter.invalid", f"name: 1~{at_most.PLAIN_NAME} 个字符")
    return name


# ------------------------------------------------------------ plain groups
def create(desk: Desk, args: Args) -> Data:
    """Make a plain group; two equal calls make two."""
    name = _plain_name(args.need("name", "parameter.invalid"))
    owner = _owner(desk.world, args, "owner", "parameter.invalid")
    people = _people(desk.world, args, "useridlist", "parameter.invalid")
    if args.text("ownerType", "emp") not in ("emp", "ext") or not people or args.number("conversationTag", 2) != 2:
        raise No("parameter.invalid", "输入参数错误")
    if len({owner, *people}) > at_most.GROUP_MEMBERS:
        raise No("parameter.invalid", "群成员数量超出限制")
    group = desk.world.open(name, owner, people, by_api=True, options=args.object("managementOptions"))
    return {"openConversationId": group.cid, "chatid": group.chatid, "conversationTag": 2}


def update(desk: Desk, args: Args) -> Data:
    """Change a plain group that the same API made: title, owner, members."""
    world = desk.world
    group = world.by_chatid(args.need("chatid", "parameter.invalid"))
    if group is None or not group.by_api or group.template is not None or group.disbanded:
        raise No("parameter.invalid", "chatid 不合法")
    coming = _people(world, args, "add_useridlist", "parameter.invalid")
    going = args.texts("del_useridlist")
    owner = _owner(world, args, "owner", "parameter.invalid") if args.text("owner") else group.owner
    name = _plain_name(args.text("name")) if args.text("name") else group.title
    if owner in going or len({*group.members, *coming} - {*going}) > at_most.GROUP_MEMBERS:
        raise No("parameter.invalid", "输入参数错误")
    by = group.owner
    world.admit(group, [*coming, owner], by)
    world.hand_over(group, owner, by)
    world.expel(group, going, by)
    world.rename(group, name, by)
    group.options |= args.object("managementOptions")
    return {"success": True}


def convert(desk: Desk, args: Args) -> Data:
    """Give the one id of a group for its other."""
    group = desk.world.by_chatid(args.path["chat_id"])
    if group is None:
        raise No("invalideChatId", "无效的chatId")  # as the documentation spells it
    return {"openConversationId": group.cid}


def join_link(desk: Desk, args: Args) -> Data:
    """Give a link by which people of the company come into a group (old API)."""
    chatid, person = args.given.get("chatid"), args.given.get("userid")
    if not chatid or not person:
        raise OldNo(400001, "参数错误")
    group = desk.world.by_chatid(str(chatid))
    if group is None or group.disbanded:
        raise OldNo(34001, "无效的会话id")
    if str(person) not in group.members:
        raise OldNo(40003, "无效的userid")
    return {"success": True, "result": f"https://qr.dingtalk.com/action/joingroup?code={group.chatid}"}


# ------------------------------------------------------------ scene groups
def create_scene(desk: Desk, args: Args) -> Data:
    """Make a group from a template; the same uuid gives the same group."""
    world = desk.world
    title, template = args.need("title", "parameter.invalid"), args.need("template_id", "parameter.invalid")
    if len(title) > at_most.SCENE_TITLE:
        raise No("parameter.invalid", f"title: 最长 {at_most.SCENE_TITLE} 字符")
    known = world.app.group_templates.get(template)
    if known is None:
        raise No("groupTemplate.notFound", "群模板不存在或者已下线")
    owner = _owner(world, args, "owner_user_id", "member.notFound")
    people = _people(world, args, "user_ids", "member.notFound")
    people += _people(world, args, "subadmin_ids", "member.notFound")
    if len({owner, *people}) > at_most.GROUP_MEMBERS:
        raise No("member.exceed", "群成员数量超出限制")
    uuid = args.text("uuid")
    group = world.groups.get(world.uuids.get(uuid, "")) if uuid else None
    if group is None:
        options = args.object("management_options")
        group = world.open(title, owner, people, template=template, by_api=True, options=options)
        if known.get("robot"):
            group.robots[str(known.get("robot_code") or world.app.robot)] = world.app.robot_name
        if uuid:
            world.uuids[uuid] = group.cid
    return {"open_conversation_id": group.cid, "chat_id": group.chatid}


def _scene(world: World, cid: str, code: str = "parameter.invalid") -> Group:
    group = world.groups.get(cid)
    if group is None or group.disbanded:
        raise No(code, "输入参数错误")
    if group.template is None:
        raise No("permession.checkFailed", "权限校验失败")
    return group


def update_scene(desk: Desk, args: Args) -> Data:
    """Change a scene group's title, owner or options."""
    world = desk.world
    group = _scene(world, args.need("open_conversation_id", "parameter.invalid"))
    title = args.text("title", group.title)
    if not 1 <= len(title) <= at_most.SCENE_TITLE:
        raise No("parameter.invalid", f"title: 最长 {at_most.SCENE_TITLE} 字符")
    owner = _owner(world, args, "owner_user_id", "parameter.invalid") if args.text("owner_user_id") else group.owner
    by = group.owner
    world.admit(group, [owner], by)
    world.hand_over(group, owner, by)
    world.rename(group, title, by)
    group.options |= args.object("management_options")
    return {"success": True}


def add_members(desk: Desk, args: Args) -> Data:
    """Bring people into a scene group."""
    world = desk.world
    group = _scene(world, args.need("open_conversation_id", "parameter.invalid"))
    people = _people(world, args, "user_ids", "parameter.invalid")
    for union in args.texts("union_ids"):
        user = world.by_union(union)
        if user is None:
            raise No("parameter.invalid", f"不存在的员工 {union}")
        people.append(user.id)
    if not people or len({*group.members, *people}) > at_most.GROUP_MEMBERS:
        raise No("parameter.invalid", "输入参数错误")
    world.admit(group, people, group.owner)
    return {"success": True}


def delete_members(desk: Desk, args: Args) -> Data:
    """Put people out of a scene group; who is not there does no harm, its owner stays."""
    world = desk.world
    group = _scene(world, args.need("open_conversation_id", "parameter.invalid"))
    people = [*args.texts("user_ids"), *(u.id for union in args.texts("union_ids") if (u := world.by_union(union)))]
    if not people or group.owner in people:
        raise No("parameter.invalid", "输入参数错误")
    world.expel(group, people, group.owner)
    return {"success": True}


def query(desk: Desk, args: Args) -> Data:
    """Describe a scene group, disbanded ones too."""
    group = desk.world.groups.get(args.need("openConversationId", "paramBlank"))
    if group is None:
        raise No("cidEncryptError", "群ID解析错误")
    if group.template is None:
        raise No("groupPermissionDenied", "无权限，该群没有安装群模板")
    return {
        "success": True, "openConversationId": group.cid, "templateId": group.template, "title": group.title,
        "ownerUserId": group.owner, "status": 2 if group.disbanded else 1, "icon": "",
        "groupUrl": f"https://qr.dingtalk.com/action/joingroup?code={group.chatid}",
    }  # fmt: skip


def members(desk: Desk, args: Args) -> Data:
    """List who is in a scene group, in pages."""
    group = desk.world.groups.get(args.need("openConversationId", "paramBlank"))
    if group is None:
        raise No("cidEncryptError", "群ID解析错误")
    if group.template is None:
        raise No("groupPermissionDenied", "无权限，该群没有安装群模板")
    cursor, size = args.text("cursor", "0") or "0", args.number("size", 20)
    if not cursor.isdigit() or not 1 <= size <= 100:
        raise No("paramIllegal", "请求参数非法")
    begin = int(cursor)
    people = [person for person in group.members if not desk.world.users[person].outsider]
    more = begin + size < len(people)
    page = people[begin : begin + size]
    return {"success": True, "memberUserIds": page, "hasMore": more} | ({"nextCursor": str(begin + size)} if more else {})


def disband(desk: Desk, args: Args) -> Data:
    """End a scene group; no API ends a plain one."""
    group = _scene(desk.world, args.need("openConversationId", "paramIllegal"), "paramIllegal")
    desk.world.disband(group, group.owner)
    return {"success": True}


# ------------------------------------------------------------ robots in groups
def robots(desk: Desk, args: Args) -> Data:
    """List the robots of a group."""
    group = desk.world.groups.get(args.text("openConversationId"))
    if group is None:
        raise No("illegal.openconevrsation.id", "非法的群id")  # as the documentation spells it
    if group.disbanded:
        raise No("reject", "群已解散")
    listed = [
        {"robotCode": code, "name": name, "openRobotType": 1 if code == desk.world.app.robot else 2, "downloadIconURL": ""}
        for code, name in group.robots.items()
    ]
    return {"chatbotInstanceVOList": listed}


def add_robot(desk: Desk, args: Args) -> Data:
    """Put the bot into a group by a call that the documentation does not have: only where the company was let in."""
    if not desk.world.app.bot_adds:
        raise No("InvalidAction.NotFound", "Specified api is not found, please check your url and method.", 404)
    group = desk.world.groups.get(args.text("openConversationId"))
    if group is None or group.disbanded:
        raise No("illegal.openconevrsation.id", "非法的群id")
    if args.text("robotCode") != desk.world.app.robot:
        raise No("unauthorized", "无权限")
    desk.world.bring_bot(group)
    return {"result": True}
