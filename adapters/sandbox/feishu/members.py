"""Who is in a group: bring in, take out, list, managers, and who may speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask
from adapters.sandbox.feishu.chats import ID_TYPES, NOT_THERE, Answer, found, manages, named, rules, user
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import Chat, ids

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

KINDS = (*ID_TYPES, "app_id")


def key(desk: Desk, ask: Ask) -> str:
    """Give what must not overlap: two calls on the members of one group."""
    return f"members {ask.path['chat_id']}"


def _asked(desk: Desk, ask: Ask) -> tuple[Chat, str, list[str]]:
    kind = ask.one_of("member_id_type", KINDS, "open_id")
    chat = found(desk, ask.path["chat_id"])
    listed = ask.items("id_list")
    if not listed:
        raise No(232027)
    if chat.p2p or len(listed) > (at_most.BOTS_AT_ONCE if kind == "app_id" else at_most.MEMBERS_AT_ONCE):
        raise No(232001)
    return chat, kind, listed


def add(desk: Desk, ask: Ask) -> Answer:
    """Bring people in; `succeed_type` 0 refuses ids that cannot be found or seen, 1 takes what it can, 2 all or nothing."""
    chat, kind, listed = _asked(desk, ask)
    succeed = ask.one_of("succeed_type", ("0", "1", "2"), "0")
    good: list[str] = []
    bad: list[str] = []
    unknown: list[str] = []
    for ident in listed:
        if kind == "app_id":
            (good if ident == desk.tenant.app.id else unknown).append(ident)
            continue
        person = user(desk, ident, kind)
        if person is None:
            unknown.append(ident)
        elif person.resigned or not person.visible or not person.available:
            bad.append(ident)
        else:
            good.append(person.id)
    invisible = [i for i in bad if not (p := user(desk, i, kind)) or not p.resigned]
    if succeed == "0" and (unknown or invisible):
        raise No(NOT_THERE.get(kind, 232004) if unknown else 232024)
    if succeed == "2" and (unknown or bad):
        lists = {"invalid_id_list": bad, "not_existed_id_list": unknown, "pending_approval_id_list": []}
        raise No(232043, data={"data": lists})
    if not good:
        raise No(232027)
    came = [ident for ident in good if ident in desk.tenant.users and ident not in chat.members]
    if len(chat.members) + len(came) > at_most.GROUP_MEMBERS:
        raise No(232013)
    admitted(desk, chat, came, desk.bot_ids)
    return {"invalid_id_list": bad, "not_existed_id_list": unknown, "pending_approval_id_list": []}


def admitted(desk: Desk, chat: Chat, people: list[str], who: dict[str, str]) -> None:
    """Let people in and tell the app."""
    if not people:
        return
    for ident in people:
        chat.members[ident] = desk.tenant.touch()
    chat.version = desk.tenant.touch()
    desk.tenant.tell("im.chat.member.user.added_v1", moved(desk, chat, people, who), chat)


def moved(desk: Desk, chat: Chat, people: list[str], who: dict[str, str]) -> Answer:
    """Give the event of people who came or left."""
    users = [
        {"name": desk.tenant.users[i].name, "tenant_key": desk.tenant.key, "user_id": ids(desk.tenant.users[i])} for i in people
    ]  # fmt: skip
    return {
        "chat_id": chat.id, "operator_id": who, "external": False, "operator_tenant_key": desk.tenant.key, "users": users,
        "name": chat.name,
    }  # fmt: skip


def remove(desk: Desk, ask: Ask) -> Answer:
    """Take people out; the owner stays, and only owner and managers may."""
    chat, kind, listed = _asked(desk, ask)
    if not manages(desk, chat):
        raise No(232014)
    gone, bad = [], []
    for ident in listed:
        person = user(desk, ident, kind)
        if person is not None and person.id == chat.owner:
            raise No(232076)
        if person is None:
            bad.append(ident)
        elif person.id in chat.members:
            gone.append(person.id)
    expelled(desk, chat, gone, desk.bot_ids, "im.chat.member.user.deleted_v1")
    return {"invalid_id_list": bad}


def expelled(desk: Desk, chat: Chat, people: list[str], who: dict[str, str], event: str) -> None:
    """Take people out and tell the app: deleted (by somebody) or withdrawn."""
    if not people:
        return
    told = moved(desk, chat, people, who)
    for ident in people:
        del chat.members[ident]
        chat.managers.discard(ident)
    chat.version = desk.tenant.touch()
    desk.tenant.tell(event, told, chat)


def listed(desk: Desk, ask: Ask) -> Answer:
    """List the people of a group; bots are not among them."""
    kind = ask.one_of("member_id_type", ID_TYPES, "open_id")
    chat = found(desk, ask.path["chat_id"])
    shown, page = ask.page(list(chat.members), at_most.PAGE_SIZE)
    people = [desk.tenant.users[ident] for ident in shown if ident in desk.tenant.users]
    items = [{"member_id_type": kind, "member_id": named(p, kind), "name": p.name, "tenant_key": desk.tenant.key} for p in people]
    return {"items": items, **page, "member_total": len(chat.members)}


def inside(desk: Desk, ask: Ask) -> Answer:
    """Say whether the bot is in a group."""
    return {"is_in_chat": found(desk, ask.path["chat_id"], inside=False).bot}


def add_managers(desk: Desk, ask: Ask) -> Answer:
    """Make members managers; only the owner may."""
    return _managers(desk, ask, now=True)


def delete_managers(desk: Desk, ask: Ask) -> Answer:
    """Make managers plain members again."""
    return _managers(desk, ask, now=False)


def _managers(desk: Desk, ask: Ask, *, now: bool) -> Answer:
    kind = ask.one_of("member_id_type", KINDS, "open_id")
    chat = found(desk, ask.path["chat_id"])
    if not rules(desk, chat):
        raise No(232017)
    for ident in ask.items("manager_ids"):
        person = user(desk, ident, kind)
        who = desk.tenant.app.id if kind == "app_id" else person.id if person is not None else ""
        if who != desk.tenant.app.id and who not in chat.members:
            raise No(232030)
        (chat.managers.add if now else chat.managers.discard)(who)
    if len(chat.managers) > at_most.MANAGERS:
        raise No(232001)
    chat.version = desk.tenant.touch()
    people = [m for m in chat.managers if m in desk.tenant.users]
    return {"chat_managers": people, "chat_bot_managers": [m for m in chat.managers if m not in people]}


def moderate(desk: Desk, ask: Ask) -> Answer:
    """Say who may speak in a group; its owner may set it. Who is not there is left out."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    setting = ask.one_of("moderation_setting", ("all_members", "only_owner", "moderator_list"), of="body")
    chat = found(desk, ask.path["chat_id"])
    if not rules(desk, chat):
        raise No(232017)
    for name, change in (("moderator_added_list", chat.moderators.add), ("moderator_removed_list", chat.moderators.discard)):
        for ident in ask.items(name):
            person = user(desk, ident, kind)
            if person is not None and person.id in chat.members:
                change(person.id)
    chat.moderation = setting
    chat.version = desk.tenant.touch()
    return {}


def moderation(desk: Desk, ask: Ask) -> Answer:
    """Say who may speak in a group."""
    chat = found(desk, ask.path["chat_id"])
    shown, page = ask.page(sorted(chat.moderators), at_most.PAGE_SIZE)
    items = [{"user_id_type": "open_id", "user_id": ident, "tenant_key": desk.tenant.key} for ident in shown]
    return {"moderation_setting": chat.moderation, "items": items, **page}
