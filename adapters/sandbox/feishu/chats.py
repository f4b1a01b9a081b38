"""The im/v1/chats calls: make, look at, change, disband and list groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask, invalid
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import Chat, User, ids

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

Answer = dict[str, Any]
ID_TYPES = ("open_id", "user_id", "union_id")
NOT_THERE = {"open_id": 99992351, "user_id": 99992360, "union_id": 99992364}  # how ids that nobody has are refused
_PERMISSIONS = (
    "add_member_permission", "share_card_permission", "at_all_permission", "edit_permission", "hide_member_count_setting",
    "membership_approval", "join_message_visibility", "leave_message_visibility", "urgent_setting", "video_conference_setting",
    "group_message_type", "labels", "avatar", "i18n_names", "restricted_mode_setting", "pin_manage_setting",
)  # fmt: skip


def found(desk: Desk, ident: str, *, inside: bool = True) -> Chat:
    """Find a group in which the bot is."""
    chat = desk.tenant.chats.get(ident)
    if chat is None:
        raise No(232006)
    if chat.disbanded:
        raise No(232009)
    if inside and not chat.bot:
        raise No(232011)
    return chat


def user(desk: Desk, ident: str, kind: str) -> User | None:
    """Find a person by an id of a kind."""
    match kind:
        case "open_id":
            return desk.tenant.users.get(ident)
        case "user_id":
            return next((u for u in desk.tenant.users.values() if u.user_id == ident), None)
        case "union_id":
            return next((u for u in desk.tenant.users.values() if u.union_id == ident), None)
        case "email":
            return next((u for u in desk.tenant.users.values() if u.email and u.email.lower() == ident.lower()), None)
        case _:
            return None


def named(person: User, kind: str) -> str:
    """Give a person's id of a kind."""
    return ids(person).get(kind, person.id)


def rules(desk: Desk, chat: Chat) -> bool:
    """Say whether the bot owns a group, or made it and was granted to act as its owner."""
    app = desk.tenant.app.id
    return chat.owner == app or (chat.creator == app and "im:chat:operate_as_owner" in desk.tokens.scopes)


def manages(desk: Desk, chat: Chat) -> bool:
    """Say whether the bot rules a group or is one of its managers."""
    return rules(desk, chat) or desk.tenant.app.id in chat.managers


def key(desk: Desk, ask: Ask) -> str:
    """Give what makes two calls the same making of a group: the uuid and the owner."""
    uuid = ask.query.get("uuid", "")
    if len(uuid) > at_most.UUID_CHARS:
        raise invalid("uuid", f"the max len is {at_most.UUID_CHARS}")
    return f"chat {ask.text('owner_id') or desk.tenant.app.id} {uuid}" if uuid else ""


def create(desk: Desk, ask: Ask) -> Answer:
    """Make a group with the bot in it."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    public = ask.one_of("chat_type", ("private", "public"), "private", of="body") == "public"
    ask.one_of("chat_mode", ("group",), "group", of="body")
    topics = ask.one_of("group_message_type", ("chat", "thread"), "chat", of="body") == "thread"
    name, people = ask.text("name"), ask.items("user_id_list")
    if len(people) > at_most.CREATED_WITH or len(ask.items("bot_id_list")) > at_most.BOTS_AT_ONCE:
        raise No(232001)
    if public and len(name) < at_most.CHAT_NAME_PUBLIC:
        raise No(232020 if name else 232042)
    if public and any(c.name == name and c.kind == "public" and not c.disbanded for c in desk.tenant.chats.values()):
        raise No(232026)
    members = []
    for ident in people:
        person = user(desk, ident, kind)
        if person is None:
            raise No(NOT_THERE[kind])
        if not person.visible or not person.available:
            raise No(232043)
        if person.resigned:
            raise No(232022)
        members.append(person.id)
    owner = desk.tenant.app.id
    if ask.text("owner_id"):
        first = user(desk, ask.text("owner_id"), kind)
        if first is None:
            raise No(NOT_THERE[kind])
        if first.resigned or not first.visible or not first.available:
            raise No(232022 if first.resigned else 232024)
        owner = first.id
    chat = desk.tenant.open(
        name, owner, members, description=ask.text("description"), kind="public" if public else "private", topics=topics,
        creator=desk.tenant.app.id,
    )  # fmt: skip
    if ask.flag("set_bot_manager") and owner != desk.tenant.app.id:
        chat.managers.add(desk.tenant.app.id)
    chat.settings = {name: ask.body[name] for name in _PERMISSIONS if name in ask.body}
    return {"chat_id": chat.id, **told(desk, chat, kind), "labels": []}


def told(desk: Desk, chat: Chat, kind: str = "open_id") -> Answer:
    """Give a group as Feishu describes it; the owner is absent where it is the bot."""
    said: Answer = {
        "avatar": "https://s3-imfile.feishucdn.com/static-resource/v1/default-avatar.png", "name": chat.name,
        "description": chat.description, "i18n_names": {}, "add_member_permission": "all_members",
        "share_card_permission": "allowed", "at_all_permission": "all_members", "edit_permission": "all_members",
        "group_message_type": "thread" if chat.topics else "chat", "chat_mode": "p2p" if chat.p2p else "group",
        "chat_type": chat.kind, "chat_tag": "inner", "external": False, "tenant_key": desk.tenant.key,
        "join_message_visibility": "all_members", "leave_message_visibility": "all_members",
        "membership_approval": "no_approval_required", "moderation_permission": chat.moderation,
        "hide_member_count_setting": "all_members", "urgent_setting": "all_members",
        "chat_status": "dissolved" if chat.disbanded else "normal",
    }  # fmt: skip
    owner = desk.tenant.users.get(chat.owner)
    if owner is not None:
        said |= {"owner_id": named(owner, kind), "owner_id_type": kind}
    return said | chat.settings


def get(desk: Desk, ask: Ask) -> Answer:
    """Describe one group; to who is not in it only its name and picture."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    chat = found(desk, ask.path["chat_id"], inside=False)
    said = told(desk, chat, kind) | {"user_count": str(len(chat.members)), "bot_count": str(int(chat.bot))}
    if not chat.bot:
        return {name: said[name] for name in ("avatar", "name", "external", "tenant_key", "chat_status")}
    managers = [m for m in chat.managers if m in desk.tenant.users]
    return said | {"user_manager_id_list": managers, "bot_manager_id_list": [m for m in chat.managers if m not in managers]}


def update(desk: Desk, ask: Ask) -> Answer:
    """Change a group's name, description, owner or settings."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    chat = found(desk, ask.path["chat_id"])
    together = {"add_member_permission", "share_card_permission"} & set(ask.body)
    if chat.p2p or len(together) == 1:
        raise No(232008 if chat.p2p else 232001)
    settings = {name: ask.body[name] for name in _PERMISSIONS if name in ask.body}
    if not manages(desk, chat) and chat.settings.get("edit_permission") == "only_owner":
        raise No(232002)
    if not manages(desk, chat) and settings:
        raise No(232016)
    name = ask.text("name", chat.name)
    if ask.text("chat_type", chat.kind) == "public" and len(name) < at_most.CHAT_NAME_PUBLIC:
        raise No(232020)
    if ask.text("owner_id"):
        if not rules(desk, chat):
            raise No(232016)
        owner = user(desk, ask.text("owner_id"), kind)
        if owner is None or owner.resigned:
            raise No(232035)
        if owner.id not in chat.members:
            raise No(232012)
        chat.owner = owner.id
    before = {"name": chat.name, "description": chat.description}
    chat.name, chat.description = name, ask.text("description", chat.description)
    chat.kind = ask.text("chat_type", chat.kind)
    chat.settings |= settings
    chat.version = desk.tenant.touch()
    after = {"name": chat.name, "description": chat.description}
    changed = {k: v for k, v in after.items() if v != before[k]}
    if changed:
        desk.tenant.tell(
            "im.chat.updated_v1",
            {"chat_id": chat.id, "operator_id": desk.bot_ids, "external": False, "operator_tenant_key": desk.tenant.key,
             "before_change": {k: before[k] for k in changed}, "after_change": changed},
            chat,
        )  # fmt: skip
    return {}


def disband(desk: Desk, ask: Ask) -> Answer:
    """Disband a group: its history is gone."""
    chat = found(desk, ask.path["chat_id"])
    if chat.p2p or not rules(desk, chat):
        raise No(232008 if chat.p2p else 232017)
    disbanded(desk, chat, desk.bot_ids)
    return {}


def disbanded(desk: Desk, chat: Chat, who: dict[str, str]) -> None:
    """End a group, whoever does it."""
    event = {"chat_id": chat.id, "operator_id": who, "external": False, "operator_tenant_key": desk.tenant.key, "name": chat.name}
    desk.tenant.tell("im.chat.disbanded_v1", event, chat)
    for message in chat.messages:
        desk.tenant.messages.pop(message, None)
    chat.messages.clear()
    chat.pins.clear()
    chat.disbanded = True
    chat.version = desk.tenant.touch()


def listed(desk: Desk, ask: Ask) -> Answer:
    """List the groups in which the bot is; direct chats are not among them."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    ask.one_of("sort_type", ("ByCreateTimeAsc", "ByActiveTimeDesc"), "ByCreateTimeAsc")
    mine = [c for c in desk.tenant.chats.values() if c.bot and not c.p2p and not c.disbanded]
    shown, page = ask.page(mine, at_most.PAGE_SIZE)
    keys = ("avatar", "name", "description", "owner_id", "owner_id_type", "external", "tenant_key", "chat_status")
    items = [{"chat_id": c.id} | {k: v for k, v in told(desk, c, kind).items() if k in keys} for c in shown]
    return {"items": items, **page}
