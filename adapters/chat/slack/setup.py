"""What an admin needs to install the app: its manifest, and what a token can really do."""

from __future__ import annotations

from typing import Any

from adapters.chat.slack import Config
from adapters.chat.slack.errors import TOKEN
from adapters.chat.slack.inbound import SHORTCUT

NAME = "warroom"
# Each with what does not work without it.
SCOPES = {
    "commands": "/incident and the shortcut",
    "chat:write": "every message",
    "chat:write.public": "announcements in public channels that the bot is not in",
    "app_mentions:read": "@bot in channels",
    "channels:manage": "opening, closing and filling rooms, their topic",
    "channels:read": "finding a room again after an interrupted call",
    "channels:history": "finding a message again after an interrupted call",
    "channels:join": "the same in announcement channels",
    "groups:write": "rooms of private incidents",
    "groups:read": "private channels",
    "groups:history": "private channels",
    "im:write": "messages to one person",
    "im:read": "messages to one person",
    "im:history": "what people write to the bot directly",
    "users:read": "people's names, languages and time zones; who is a guest",
    "users:read.email": "finding the people of the roster",
    "pins:write": "pinning the status card",
    "reactions:write": "the tick on a typed command",
    "reactions:read": "a message becomes a note by a reaction",
    "pins:read": "a message becomes a note by a pin",
    "files:read": "pictures and files of messages that become notes",
}
EVENTS = (
    "app_mention", "message.im",
    "reaction_added", "pin_added",  # what becomes a note
    "message.channels", "message.groups",  # who was called says something in the room; what became a note is edited or deleted
)  # fmt: skip


def manifest(over_http: bool = False, url: str | None = None, connection: str = "slack") -> dict[str, Any]:
    """Give the app's manifest, as Slack's "create from a manifest" takes it; `url` is this product's address, for HTTP."""
    address = f"{(url or 'https://warroom.example.com').rstrip('/')}/chat/{connection}"
    there = {"url": address} if over_http else {}
    command = {"usage_hint": "declare P1 <what is wrong> | status | help", "should_escape": True, **there}
    request = {"request_url": address} if over_http else {}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": NAME, "description": "Incident response in chat / 故障应急", "background_color": "#1a1d21",
        },
        "features": {
            "app_home": {"home_tab_enabled": False, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": NAME, "always_online": True},
            "shortcuts": [
                {
                    "name": "Declare incident", "type": "message", "callback_id": SHORTCUT,
                    "description": "Declare an incident from this message",
                },
            ],
            "slash_commands": [
                {"command": "/incident", "description": "Declare and work on incidents", **command},
                {"command": "/inc", "description": "Short for /incident", **command},
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS), **request},
            "interactivity": {"is_enabled": True, **request},
            "org_deploy_enabled": False, "socket_mode_enabled": not over_http, "token_rotation_enabled": False,
        },
    }  # fmt: skip


def steps(over_http: bool) -> list[str]:
    """List what an admin does with the manifest, one line each."""
    way = (
        ["copy the signing secret of “Basic Information” to `signing_secret`"]
        if over_http
        else ["make an app-level token with the scope connections:write and copy it (xapp-…) to `app_token`"]
    )
    return [
        "open https://api.slack.com/apps, “Create New App”, “From a manifest”, and paste what stands above",
        "“Install to Workspace”, and copy the bot token (xoxb-…) to `bot_token`",
        *way,
        "invite the bot into the announcement channel: /invite @warroom",
        "check it: warroom setup slack --check -c config.yaml",
    ]


async def check(settings: Config) -> tuple[list[str], list[str]]:
    """Ask Slack about the tokens; gives what is good and what is wrong, one line each."""
    from adapters.chat.slack.wire import Said, Wire

    given = (settings.bot_token, settings.app_token, settings.signing_secret)
    secrets = [secret.get_secret_value() for secret in given if secret is not None]
    good: list[str] = []
    wrong: list[str] = []
    bot = Wire(
        "setup", settings.bot_token.get_secret_value(), settings.api_url, settings.timeout_seconds, settings.proxy, secrets
    )
    try:
        heard = await bot.ask("auth.test", {})
        if not isinstance(heard, Said):
            refused = heard.code if hasattr(heard, "code") else heard.why
            words = "Slack refuses the bot token" if refused == "bad_token" else f"Slack cannot be reached ({refused})"
            return [], [words]
        if heard.error:
            return [], [f"bot_token: {heard.error}"]
        good.append(f"bot_token: @{heard.data.get('user')} in {heard.data.get('team')} ({heard.data.get('url')})")
        scopes = {scope.strip() for scope in heard.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
        missing = {scope: why for scope, why in SCOPES.items() if scope not in scopes}
        wrong += [f"scope {scope} is missing: {why}" for scope, why in missing.items()]
        if not missing:
            good.append(f"scopes: all {len(SCOPES)} are there")
    finally:
        await bot.close()
    if settings.app_token is not None and not settings.over_http:
        app = Wire(
            "setup", settings.app_token.get_secret_value(), settings.api_url, settings.timeout_seconds, settings.proxy, secrets
        )
        try:
            heard = await app.ask("apps.connections.open", {})
        finally:
            await app.close()
        if isinstance(heard, Said) and not heard.error:
            good.append("app_token: sockets can be opened")
        else:
            refused = (heard.error if isinstance(heard, Said) else getattr(heard, "code", "lost")) or "?"
            wrong.append(f"app_token: {'Slack refuses it' if refused in (*TOKEN, 'bad_token') else refused}")
    return good, wrong
