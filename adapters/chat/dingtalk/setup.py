"""What an admin needs to install the app: the card template to import, the console's switches, what the keys can really do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.chat.dingtalk import Config
from adapters.chat.dingtalk.template import exported

# Each permission with what does not work without it, and a call that needs it and, given nothing, does nothing.
SCOPES = {
    "qyapi_robot_sendmsg": ("messages that are no cards", "POST /v1.0/robot/groupMessages/send"),
    "qyapi_chat_manage": ("opening, naming and filling rooms", "POST /v1.0/im/group/create"),
    "Card.Instance.Write": ("cards", "POST /v1.0/card/instances/createAndDeliver"),
    "Premium.Ding.Write": ("pressing people by DING (a paid edition)", "POST /v1.0/robot/ding/send"),
    "qyapi_chat_base_read": ("the link by which people join a room", "/topapi/chat/qrcode/get"),
    "qyapi_get_member_by_mobile": ("finding the people of the roster", "/topapi/v2/user/getbymobile"),
}
TEMPLATE_TROUBLE = {
    "param.templateNotExist": "there is no such template in this organisation",
    "param.templateUnpublished": "the template is not published",
}


class _Now:
    """Tell the machine's time: nothing else runs here."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def manifest(over_http: bool = False, url: str | None = None, connection: str = "dingtalk") -> dict[str, Any]:
    """Give the card template, as the card builder imports it."""
    return exported()


def steps(over_http: bool) -> list[str]:
    """List what an admin does, one line each; over HTTP there is nothing, Stream needs no address."""
    return [
        "open https://open-dev.dingtalk.com, 应用开发 > 企业内部应用, create an app",
        "凭证与基础信息: copy Client ID and Client Secret to `client_id` and `client_secret`",
        "添加应用能力 > 机器人: on, 消息接收模式 Stream, publish the robot",
        "start warroom once; then 开发配置 > 事件订阅: 推送方式 Stream (a second switch)",
        f"权限管理: apply for {', '.join(SCOPES)}",
        "版本管理与发布: publish a version whose visible range has everybody in it who may be in a room",
        "save what stands above to a file and import it at https://open-dev.dingtalk.com/fe/card, for this app; publish it and "
        "copy its id (….schema) to `card_template`",
        "群模板: make a template with this app's robot and copy its id to `scene_template` (its review takes a day or two)",
        "check it: warroom setup dingtalk --check -c config.yaml",
        "add the robot to the announcement group, and say something to it: the log has the group's id",
    ]


async def check(settings: Config) -> tuple[list[str], list[str]]:
    """Ask DingTalk about the app; gives what is good and what is wrong, one line each. It costs five calls of the month."""
    from adapters.chat.dingtalk.stream import TOPICS
    from adapters.chat.dingtalk.wire import Said, Wire

    good: list[str] = []
    wrong: list[str] = []
    wire = Wire("setup", settings, _Now())
    try:
        place = await wire.open_stream([{"type": "CALLBACK", "topic": topic} for topic in TOPICS], "warroom-setup")
        if isinstance(place, str):
            away = place in ("unreachable", "busy", "lost")
            return [], [f"DingTalk cannot be reached ({place})" if away else f"client_id, client_secret: {place}"]
        good.append("client_id, client_secret: a Stream connection can be opened")
        for scope, (why, call) in SCOPES.items():
            verb, _, path = call.rpartition(" ")
            body = {"cardTemplateId": settings.card_template} if "card" in path else {}
            heard = await (wire.ask(verb, path, body, repeat=True) if verb else wire.ask_old(path, body))
            if not isinstance(heard, Said):
                wrong.append(f"permission {scope}: not known ({getattr(heard, 'code', 'lost')})")
            elif heard.error.endswith("AccessTokenPermissionDenied") or heard.error in ("60011", "88"):
                wrong.append(f"permission {scope} is missing: {why}")
            else:
                good.append(f"permission {scope}")
                if settings.card_template and heard.error in TEMPLATE_TROUBLE:
                    wrong.append(f"card_template: {TEMPLATE_TROUBLE[heard.error]}")
    finally:
        await wire.close()
    return good, wrong
