"""The agent/* method: what an administrator set the app up as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.sandbox.wecom.desk import Asked, Desk


def get(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Tell of the app whose token this is (90227); nothing of another one."""
    desk.agent(asked.get("agentid"))
    app = desk.corp.app
    seen = [] if app.root else [user.id for user in desk.corp.users.values() if user.visible and not user.gone]
    return {
        "agentid": app.agentid, "name": app.name, "square_logo_url": "", "description": "", "close": 0, "redirect_domain": "",
        "allow_userinfos": {"user": [{"userid": ident} for ident in seen]}, "allow_partys": {"partyid": [1] if app.root else []},
        "allow_tags": {"tagid": []}, "report_location_flag": 0, "isreportenter": 0, "home_url": "",
    }  # fmt: skip
