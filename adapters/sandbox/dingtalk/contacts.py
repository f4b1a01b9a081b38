"""People as the old API gives them: by id, mobile or unionid; there is no look-up by e-mail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.sandbox.dingtalk.args import Args, OldNo
from adapters.sandbox.dingtalk.world import Data

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk


def by_mobile(desk: Desk, args: Args) -> Data:
    """Find a person's userid by their mobile."""
    mobile = str(args.given.get("mobile") or "")
    if not re.fullmatch(r"(\+?\d{1,4}-)?\d{5,15}", mobile):
        raise OldNo(40104, "无效手机号")
    user = next((u for u in desk.world.users.values() if u.mobile == mobile and desk.world.staff(u.id)), None)
    if user is None:
        raise OldNo(60121, "找不到该用户")
    return {"result": {"userid": user.id}}


def by_union(desk: Desk, args: Args) -> Data:
    """Find a person's userid by their unionid."""
    user = desk.world.by_union(str(args.given.get("unionid") or ""))
    if user is None or user.outsider:
        raise OldNo(60121, "找不到该用户")
    return {"result": {"contact_type": 0, "userid": user.id}}


def get(desk: Desk, args: Args) -> Data:
    """Describe a person."""
    ident = str(args.given.get("userid") or "")
    if not ident:
        raise OldNo(400002, "参数错误 userid")
    user = desk.world.staff(ident)
    if user is None:
        raise OldNo(60121, "找不到该用户")
    return {
        "result": {
            "userid": user.id, "unionid": user.union_id, "name": user.name, "mobile": user.mobile, "email": user.email,
            "org_email": "", "title": user.duty, "active": True, "admin": user.admin, "boss": False, "senior": False,
            "hide_mobile": False, "dept_id_list": [1], "state_code": "86",
        }
    }  # fmt: skip
