"""What an admin needs to install the app: its permissions and events, its slash commands, and what its keys can really do."""

from __future__ import annotations

from typing import Any

from adapters.chat.feishu import Config
from adapters.chat.feishu.inbound import CARD, MENU, MESSAGE, REACTION, RECALLED

# Each with what does not work without it. Dots and colons stand as Feishu has them.
SCOPES = {
    "im:message:send_as_bot": "every message",
    "im:message": "replies, and changing cards",
    "im:message.group_at_msg:readonly": "@bot in groups",
    "im:message.p2p_msg:readonly": "what people write to the bot directly",
    "im:message.reactions:write_only": "the tick on a typed command",
    "im:message:readonly": "reading a message that is answered or reacted to, and what came with it, so that it becomes a note",
    "im:message.reactions:read": "a message becomes a note by a reaction",
    "im:message.pins:write_only": "pinning the status card",
    "im:message.urgent": "pressing people in the app",
    "im:message.urgent:sms": "pressing people by SMS (a paid quota)",
    "im:message.urgent:phone": "pressing people by telephone (a paid quota)",
    "im:chat:create": "opening rooms",
    "im:chat:read": "finding a room again after an interrupted call",
    "im:chat:update": "a room's name and description",
    "im:chat.members:write_only": "filling rooms",
    "im:chat.moderation:read": "closing rooms",
    "im:chat:moderation:write_only": "closing rooms: nobody but the bot can speak in them",
    "im:chat.tabs:read": "finding the runbook's tab again",
    "im:chat.tabs:write_only": "the runbook as a tab of the room",
    "im:chat.top_notice:write_only": "the status card on top of the room",
    "contact:user.id:readonly": "finding the people of the roster",
    "contact:user.base:readonly": "people's names",
    "contact:user.email:readonly": "knowing somebody of the roster at their first word",
    "application:app_slash_command:read": "/incident in the list of commands",
    "application:app_slash_command:write": "/incident in the list of commands",
}
EVENTS = (MESSAGE, MENU, REACTION, RECALLED)
CALLBACKS = (CARD,)
SLASH = "/application/v7/app_slash_commands"
EXISTS = 40000000
COMMANDS = {
    "incident": ("声明和处理故障", "Declare and work on incidents"),
    "inc": ("/incident 的简写", "Short for /incident"),
    "故障": ("声明和处理故障", "Declare and work on incidents"),
}


def manifest(over_http: bool = False, url: str | None = None, connection: str = "feishu") -> dict[str, Any]:
    """Give the permissions as the console's batch import takes them."""
    return {"scopes": {"tenant": list(SCOPES), "user": []}}


def steps(over_http: bool) -> list[str]:
    """List what an admin does with the permissions, one line each."""
    way = (
        [
            "“Events and callbacks”: set an Encrypt Key, and copy it and the Verification Token to `encrypt_key` and "
            "`verification_token`; start warroom, then choose “send to the developer's server” for events and for callbacks, "
            "both to <public address>/chat/<name of the connection>",
        ]
        if over_http
        else ["start warroom once; then choose “long connection” under “Events” and, separately, under “Callbacks”"]
    )
    return [
        "open https://open.feishu.cn/app (Lark: https://open.larksuite.com/app), “Create custom app”",
        "“Add features”: Bot",
        "“Permissions”, “batch import”: paste what stands above",
        "“Permissions”: the app's availability and its contact range must contain everybody whom it shall call",
        "copy App ID and App Secret to `app_id` and `app_secret`",
        *way,
        f"“Events”: add {', '.join(EVENTS)}; “Callbacks”: add {', '.join(CALLBACKS)}",
        "“Bot menu”, if you like: an item whose action is an event with a command as its id, such as declare or status",
        "“Version management”: publish a version; nothing above works before it is approved",
        "register /incident and check everything: warroom setup feishu --check -c config.yaml",
        "add the bot to the announcement group",
    ]


async def check(settings: Config) -> tuple[list[str], list[str]]:
    """Ask Feishu about the app and register its slash commands; gives what is good and what is wrong, one line each."""
    from adapters.chat.feishu.connection import PATH
    from adapters.chat.feishu.wire import Said, Wire

    wire = Wire(
        "setup", settings.base_url, settings.app_id, settings.app_secret.get_secret_value(), settings.timeout_seconds,
        settings.proxy, settings.secrets,
    )  # fmt: skip
    good: list[str] = []
    wrong: list[str] = []
    try:
        heard = await wire.ask("GET", "/bot/v3/info")
        if not isinstance(heard, Said):
            refused = getattr(heard, "code", "lost")
            words = "Feishu refuses app_id or app_secret" if refused == "bad_token" else f"Feishu cannot be reached ({refused})"
            return [], [words]
        bot = heard.body.get("bot")
        if heard.code or not isinstance(bot, dict):
            return [], [f"bot: {heard.code} {heard.message}: is the bot switched on, and a version published?"]
        good.append(f"app_id: the bot {bot.get('app_name')} ({bot.get('open_id')})")
        for path, body, what in (
            (
                "/contact/v3/users/batch_get_id?user_id_type=open_id",
                {"emails": ["nobody@example.com"]},
                "contact:user.id:readonly",
            ),
            ("/im/v1/chats?page_size=10", None, "im:chat:read"),
        ):
            heard = await wire.ask("GET" if body is None else "POST", path, body)
            if isinstance(heard, Said) and heard.code:
                wrong.append(f"permission {what} is missing: {SCOPES[what]} ({heard.code} {heard.message[:100]})")
            elif isinstance(heard, Said):
                good.append(f"permission {what} is there")
        for command, (zh, en) in COMMANDS.items():
            description = {"default_value": en, "i18n": {"zh_cn": zh, "en_us": en}}
            heard = await wire.ask("POST", SLASH, {"command": command, "description": description})
            if isinstance(heard, Said) and heard.code in (0, EXISTS):
                good.append(f"slash command: /{command} {'is registered' if heard.code == 0 else 'was registered before'}")
            else:
                why = f"{heard.code} {heard.message[:100]}" if isinstance(heard, Said) else getattr(heard, "code", "lost")
                wrong.append(f"slash command /{command} was not registered ({why}); people can type it all the same")
        if not settings.over_http:
            heard = await wire.endpoint(PATH)
            if isinstance(heard, Said) and not heard.code and heard.data.get("URL"):
                good.append("long connection: can be opened")
            else:
                why = str(heard.code) if isinstance(heard, Said) else getattr(heard, "code", "lost")
                wrong.append(f"long connection: refused ({why})")
    finally:
        await wire.close()
    return good, wrong
