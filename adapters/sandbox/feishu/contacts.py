"""People, the bot itself, its native commands, and images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask, invalid
from adapters.sandbox.feishu.chats import ID_TYPES, Answer, named, user
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import User, ids

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\x00")  # how what is taken begins


def by_address(desk: Desk, ask: Ask) -> Answer:
    """Find people by e-mail and mobile; who is unknown or out of sight has an entry without user_id."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    emails, mobiles = ask.items("emails"), ask.items("mobiles")
    if len(emails) > at_most.EMAILS_AT_ONCE or len(mobiles) > at_most.MOBILES_AT_ONCE:
        raise invalid("emails", f"the max len is {at_most.EMAILS_AT_ONCE}")
    resigned = bool(ask.body.get("include_resigned"))
    found: list[Answer] = []
    for name, wanted in [*(("email", e) for e in emails), *(("mobile", m) for m in mobiles)]:
        person = next((u for u in desk.tenant.users.values() if wanted and _same(getattr(u, name), wanted)), None)
        entry: Answer = {name: wanted}
        if person is not None and person.visible and (resigned or not person.resigned):
            entry |= {"user_id": named(person, kind), "status": _status(person)}
        found.append(entry)
    return {"user_list": found}


def _same(known: str | None, wanted: str) -> bool:
    return known is not None and (known.lower() == wanted.lower() or known.removeprefix("+86") == wanted.removeprefix("+86"))


def _status(person: User) -> Answer:
    return {
        "is_frozen": False, "is_resigned": person.resigned, "is_activated": True, "is_exited": False, "is_unjoin": False,
    }  # fmt: skip


def _told(desk: Desk, person: User) -> Answer:
    said: Answer = {
        **{k: v for k, v in ids(person).items() if k != "user_id"}, "name": person.name, "en_name": person.en_name,
        "nickname": "", "avatar": {}, "status": _status(person), "department_ids": [], "city": "", "country": "",
        "is_tenant_manager": False, "job_title": person.duty,
    }  # fmt: skip
    if "contact:user.employee_id:readonly" in desk.tokens.scopes:
        said["user_id"] = person.user_id
    if "contact:user.email:readonly" in desk.tokens.scopes and person.email:
        said["email"] = person.email
    return said


def info(desk: Desk, ask: Ask) -> Answer:
    """Describe one person whom the app may see."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    person = user(desk, ask.path["user_id"], kind)
    if person is None:
        raise No(99992351)
    if not person.visible:
        raise No(41050)
    return {"user": _told(desk, person)}


def batch(desk: Desk, ask: Ask) -> Answer:
    """Describe several people; who cannot be seen is left out."""
    kind = ask.one_of("user_id_type", ID_TYPES, "open_id")
    wanted = [ident for ident in ask.query.get("user_ids", "").split(",") if ident]
    if not wanted or len(wanted) > 50:
        raise invalid("user_ids", "user_ids is required, the max len is 50")
    people = [user(desk, ident, kind) for ident in wanted]
    return {"items": [_told(desk, person) for person in people if person is not None and person.visible]}


def bot(desk: Desk, ask: Ask) -> Answer:
    """Describe the bot."""
    app = desk.tenant.app
    return {"bot": {
        "activate_status": 2, "app_name": app.name, "avatar_url": "", "ip_white_list": [], "open_id": app.bot,
    }}  # fmt: skip


# ------------------------------------------------------------ native commands
def command_add(desk: Desk, ask: Ask) -> Answer:
    """Make a native command; its name has no slash and is the app's only once."""
    name = ask.need("command")
    if not re.fullmatch(r"[\w-]{1,32}", name) or len(desk.tenant.commands) >= at_most.COMMANDS:
        raise invalid("command", "a command is a word without a slash")
    if any(one["command"] == name for one in desk.tenant.commands.values()):
        raise No(40000000)
    ident = desk.tenant.fresh("cmd_")
    desk.tenant.commands[ident] = {"command_id": ident, "command": name, **_described(ask)}
    desk.tenant.touch()
    return {"command": desk.tenant.commands[ident]}


def _described(ask: Ask) -> Answer:
    words, icon = ask.body.get("description"), ask.body.get("icon")
    if words is not None and (not isinstance(words, dict) or not isinstance(words.get("default_value"), str)):
        raise invalid("description", "description.default_value is required")
    if icon is not None and (not isinstance(icon, dict) or not icon.get("icon_key")):
        raise No(40000031)
    return {name: value for name, value in (("description", words), ("icon", icon)) if value is not None}


def commands(desk: Desk, ask: Ask) -> Answer:
    """List the native commands."""
    shown, page = ask.page(list(desk.tenant.commands.values()), 100)
    return {"items": shown, **page}


def command_change(desk: Desk, ask: Ask) -> Answer:
    """Change a native command's words; a rename is a deletion and a new one."""
    known = desk.tenant.commands.get(ask.path["command_id"])
    if known is None or ask.text("command", known["command"]) != known["command"]:
        raise invalid("command_id", "the command is not there, or would be renamed")
    known |= _described(ask)
    desk.tenant.touch()
    return {"command": known}


def command_delete(desk: Desk, ask: Ask) -> Answer:
    """Take a native command away."""
    if desk.tenant.commands.pop(ask.path["command_id"], None) is None:
        raise invalid("command_id", "the command is not there")
    desk.tenant.touch()
    return {}


# ------------------------------------------------------------ images
def upload(desk: Desk, ask: Ask) -> Answer:
    """Keep a picture and give its key."""
    if ask.body.get("image_type") not in ("message", "avatar"):
        raise No(234001)
    data = ask.files.get("image", b"")
    if not data:
        raise No(234010)
    if len(data) > at_most.IMAGE_BYTES:
        raise No(234006)
    if not any(data.startswith(head) for head in _PICTURES):
        raise No(234011)
    key = desk.tenant.fresh("img_v3_")
    desk.tenant.images[key] = data
    return {"image_key": key}
