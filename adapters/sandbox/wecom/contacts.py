"""The user/*, department/* and batch/* methods: who somebody is. Wrong guesses cost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.corp import User
from adapters.sandbox.wecom.errors import No

if TYPE_CHECKING:
    from adapters.sandbox.wecom.desk import Asked, Desk


def by_mobile(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Find somebody by mobile number."""
    mobile = asked.get("mobile")
    least, most = at_most.MOBILE_BYTES
    if not isinstance(mobile, str) or not re.fullmatch(r"[0-9+\-]+", mobile) or not least <= len(mobile) <= most:
        raise No(60103)
    return _found(desk, "user/getuserid", lambda user: user.mobile == mobile)


def by_email(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Find somebody by e-mail; type 1 = the company's (the default), 2 = one's own, which nobody here has."""
    email, kind = asked.get("email"), asked.get("email_type", 1)
    if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or len(email) > 64:
        raise No(60105)
    if kind not in (1, 2):
        raise No(40058, "email_type")
    return _found(desk, "user/get_userid_by_email", lambda user: kind == 1 and user.email.lower() == email.lower())


def _found(desk: Desk, api: str, like: Any) -> dict[str, Any]:
    corp, now = desk.corp, desk.corp.clock()
    wrong = int(desk.headcount * at_most.WRONG_SHARE)
    if desk.blocked.get(api, 0.0) > now:
        raise No(45009)
    user = next((u for u in corp.users.values() if not u.gone and like(u)), None)
    if user is None:
        if not desk.rates.fits(now, (f"wrong/{api}", wrong, at_most.DAY)):
            desk.blocked[api] = now + at_most.DAY * desk.scale
            raise No(45009)
        raise No(46004)
    return {"userid": user.id}


def get(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Tell who somebody is; mobile and e-mail only to apps that may know them."""
    if not asked.get("userid"):
        raise No(41009)
    user = desk.corp.user(asked["userid"])
    if user is None:
        raise No(60111)
    if not user.visible:
        raise No(60011)
    return _told(desk, user)


def _told(desk: Desk, user: User) -> dict[str, Any]:
    told: dict[str, Any] = {
        "userid": user.id, "name": user.name, "department": [1], "main_department": 1, "status": 1, "isleader": 0,
        "enable": 1, "is_leader_in_dept": [0], "order": [0], "hide_mobile": 0, "alias": "", "position": user.duty,
        "extattr": {"attrs": []}, "direct_leader": [],
    }  # fmt: skip
    return told | ({"mobile": user.mobile, "email": user.email} if desk.corp.app.sensitive else {})


def listed(desk: Desk, asked: Asked) -> dict[str, Any]:
    """List the people of a department; there is one."""
    if str(asked.get("department_id", "")) != "1":
        raise No(40058, "department_id")
    people = [u for u in desk.corp.users.values() if not u.gone and u.visible]
    return {"userlist": [{"userid": u.id, "name": u.name, "department": [1], "open_userid": ""} for u in people]}


def departments(desk: Desk, asked: Asked) -> dict[str, Any]:
    """List the departments; there is one."""
    return {"department": [{"id": 1, "name": "公司", "parentid": 0, "order": 1, "department_leader": []}]}


def opened(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Tell which people ciphertexts of the bot's side name (101521)."""
    given = asked.get("open_userid_list")
    if not isinstance(given, list) or not 1 <= len(given) <= 1000:
        raise No(40058, "open_userid_list")
    known = {desk.corp.open_id(user.id): user.id for user in desk.corp.users.values()}
    return {
        "userid_list": [{"open_userid": one, "userid": known[one]} for one in given if one in known],
        "invalid_open_userid_list": [one for one in given if one not in known],
    }
