"""The demo organisation in WeCom: its people with mobiles, its groups, and what the bot must be told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.sandbox.demo import NOWHERE, PEOPLE, company, outage, warning
from adapters.sandbox.server import Listener
from adapters.sandbox.wecom import incident
from adapters.sandbox.wecom.corp import APP, BOT, App, Bot, User
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox

CONNECTION, BOT_CONNECTION = "wecom", "wecom-bot"
ANNOUNCE, ALERTS = "incidents", "alerts"
MOBILES = {ident: f"1380000000{number}" for number, ident in enumerate(PEOPLE, 1)}


def users(lang: str = "zh") -> list[User]:
    """List the people."""
    at = 2 if lang == "en" else 0
    return [
        User(ident, said[at], MOBILES[ident], f"{ident}@example.com", said[at + 1], lang) for ident, said in PEOPLE.items()
    ]  # fmt: skip


def chats() -> Mapping[str, Sequence[str]]:
    """Name the groups and who is in them; the bot is in both, and the app may write into both."""
    staff = list(PEOPLE)
    return {ANNOUNCE: [*staff, BOT, APP], ALERTS: [*staff[:3], BOT, APP]}


class WeComDemo:
    """Be the demo of WeCom: rooms and direct chats by the self-built app, groups by the intelligent bot."""

    def __init__(self, lang: str = "zh", *, scale: float = 1.0) -> None:
        self.lang = lang
        self.token = secrets.token_hex(16)
        app, bot = (App(name="warroom app"), Bot(name="warroom")) if lang == "en" else (App(), Bot())
        self.wecom = WeCom(users(lang), chats(), app=app, bot=bot, request_url=NOWHERE, scale=scale)
        self.meet(NOWHERE)

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page."""
        return WeComSandbox(self.wecom, port)

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration; a person has the same account with the app and with the bot."""
        app, bot = self.wecom.app, self.wecom.bot
        at = 2 if self.lang == "en" else 0
        roster = [
            {
                "id": i, "name": said[at], "lang": self.lang, "tz": "Asia/Shanghai", "mobile": MOBILES[i],
                "accounts": {CONNECTION: i, BOT_CONNECTION: i},
            }
            for i, said in PEOPLE.items()
        ]  # fmt: skip
        keys = {
            "adapter": "wecom", "corp_id": app.corpid, "agent_id": app.agentid, "secret": app.secret, "token": app.token,
            "aes_key": app.aes_key, "company": ["zhou", "li"], "api_url": url,
        }  # fmt: skip
        bot_keys = {
            "adapter": "wecom_bot", "bot_id": bot.id, "secret": bot.secret, "name": bot.name, "url": url.replace("http", "ws", 1),
            "hears_for": CONNECTION, "title": bot.name,
        }  # fmt: skip
        group = self.wecom.corp.by_appchat(ANNOUNCE)
        assert group is not None
        told = company(
            {CONNECTION: keys, BOT_CONNECTION: bot_keys}, {"chat": BOT_CONNECTION, "channel": group.chatid}, ALERTS, roster,
            token=self.token, database=database, lang=self.lang,
        )  # fmt: skip
        return told | {"default_chat": CONNECTION}

    def meet(self, bot_url: str) -> None:
        """Learn where the bot takes alerts and what people tell the app."""
        self.wecom.call_back(f"{bot_url}/chat/{CONNECTION}")
        self.wecom.samples = {
            "outage": outage(bot_url, self.token, self.lang), "warning": warning(bot_url, self.token, self.lang),
        }  # fmt: skip

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident: rooms are read, the app's direct chat and the bot's cards are worked in."""
        return await incident.play(url, lang=self.lang, write=write)
