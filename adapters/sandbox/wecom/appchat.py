"""The appchat/* methods: groups that the app makes and writes into; nobody there can write to the app."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.cards import cut_bytes
from adapters.sandbox.wecom.corp import APP, Group
from adapters.sandbox.wecom.errors import No

if TYPE_CHECKING:
    from adapters.sandbox.wecom.desk import Asked, Desk

SENDS = ("text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown")


def create(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Make a group (90245); a chatid of one's own makes it safe to ask twice."""
    _visible(desk)
    corp, now = desk.corp, desk.corp.clock()
    chatid = asked.get("chatid") or corp.fresh(16).replace("-", "A").replace("_", "B")[: at_most.CHATID_CHARS]
    if not isinstance(chatid, str) or not re.fullmatch(r"[0-9A-Za-z]+", chatid):
        raise No(86001)
    if len(chatid) > at_most.CHATID_CHARS:
        raise No(86205)
    members = _people(desk, asked.get("userlist"))
    if not at_most.MEMBERS[0] <= len(members) <= at_most.MEMBERS[1]:
        raise No(86006)
    owner = _owner(desk, asked.get("owner"), members)
    if corp.by_appchat(chatid) is not None:
        raise No(86215)
    if not desk.rates.fits(now, ("appchat/create", at_most.GROUPS_A_DAY, at_most.DAY)):
        raise No(45009)
    name = asked.get("name") or "群聊"
    if not isinstance(name, str):
        raise No(86004)
    corp.group(name[: at_most.GROUP_NAME_CHARS], members, appchat=chatid, owner=owner)
    return {"chatid": chatid}


def update(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Rename a group, change its owner and its members (98913); all of it or nothing."""
    _visible(desk)
    corp = desk.corp
    group = _own(desk, asked)
    added = _people(desk, asked.get("add_user_list"))
    leaving = _people(desk, asked.get("del_user_list"))
    if any(person not in group.members for person in leaving):
        raise No(86216, "del_user_list")
    after = [person for person in dict.fromkeys([*group.members, *added]) if person not in leaving]
    if not at_most.MEMBERS[0] <= len(after) <= at_most.MEMBERS[1]:
        raise No(86006)
    owner = _owner(desk, asked.get("owner"), after) if asked.get("owner") else group.owner
    if owner not in after:
        raise No(86005)
    if not desk.rates.fits(corp.clock(), ("appchat/update", at_most.UPDATES_AN_HOUR, at_most.HOUR)):
        raise No(45009)
    version = corp.touch()
    group.owner, group.version = owner, version
    group.members = {person: group.members.get(person, version) for person in after}
    name = str(asked.get("name") or "")[: at_most.GROUP_NAME_CHARS]
    if name and name != group.name:
        group.name = name
        corp.say(group.id, APP, "note", f"群名改为“{name}”")
    return {}


def get(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Tell what a group is (90247)."""
    _visible(desk)
    group = _own(desk, asked)
    told = {"chatid": group.appchat, "name": group.name, "owner": group.owner, "userlist": list(group.members)}
    return {"chat_info": told}


def send(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Write into a group (90248): no cards, no message id, and each person gets only so much."""
    _visible(desk)
    corp, now = desk.corp, desk.corp.clock()
    kind = asked.get("msgtype")
    if kind not in SENDS:
        raise No(40008)
    group = _own(desk, asked)
    text, mentions = words(asked, str(kind), at_most.GROUP_TEXT_BYTES)
    if not desk.rates.fits(
        now, ("appchat/send", at_most.GROUP_PERSON_MESSAGES_A_MINUTE, at_most.MINUTE), times=len(group.members)
    ):
        raise No(45009)
    said = corp.say(group.id, APP, str(kind), text, mentions=mentions)
    for person in group.members:
        budgets = (
            (f"group/{person}", at_most.MEMBER_A_MINUTE, at_most.MINUTE), (f"group/{person}", at_most.MEMBER_A_DAY, at_most.DAY)
        )  # fmt: skip
        if not desk.rates.fits(now, *budgets):
            said.hidden.add(person)
    return {}


def words(asked: Asked, kind: str, most: int) -> tuple[str, tuple[str, ...]]:
    """Give the text of a message and who is mentioned beside it; what is too long is cut off."""
    part = asked.get(kind)
    part = part if isinstance(part, dict) else {}
    match kind:
        case "text" | "markdown":
            content = part.get("content")
            if not isinstance(content, str) or not content:
                raise No(44004)
            mentioned = part.get("mentioned_list") or []
            return cut_bytes(content, most), tuple(map(str, mentioned)) if isinstance(mentioned, list) else ()
        case "textcard":
            if not all(isinstance(part.get(name), str) and part[name] for name in ("title", "description", "url")):
                raise No(40058, kind)
            return f"{part['title'][:128]}\n{part['description'][:512]}\n{part['url']}", ()
        case "news" | "mpnews":
            articles = part.get("articles")
            if not isinstance(articles, list) or not 1 <= len(articles) <= 8 or not all(isinstance(a, dict) for a in articles):
                raise No(40058, f"{kind}.articles")
            return "\n".join(str(a.get("title", "")) for a in articles), ()
        case _:
            raise No(40007)  # nothing was ever uploaded here


def _visible(desk: Desk) -> None:
    if not desk.corp.app.root:
        raise No(60011)


def _own(desk: Desk, asked: Asked) -> Group:
    chatid = asked.get("chatid")
    if not chatid:
        raise No(86201)
    group = desk.corp.by_appchat(chatid)
    if group is None:
        raise No(86003)
    return group


def _people(desk: Desk, given: Any) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise No(40031)
    found = [desk.corp.user(ident) for ident in given]
    if any(user is None for user in found):
        raise No(86216)
    return list(dict.fromkeys(user.id for user in found if user is not None))


def _owner(desk: Desk, given: Any, members: list[str]) -> str:
    if not given:
        return members[0]
    user = desk.corp.user(given)
    if user is None:
        raise No(86005)
    if user.id not in members:
        raise No(86207)
    return user.id
