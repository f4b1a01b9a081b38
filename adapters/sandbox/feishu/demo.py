"""The demo organisation on Feishu: its people with e-mails, its groups, and what the bot must be told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from adapters.sandbox.demo import NOWHERE, PEOPLE, company, outage, warning
from adapters.sandbox.feishu import incident
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, User
from adapters.sandbox.server import Listener

CONNECTION = "feishu"
ANNOUNCE, ALERTS = "incidents", "alerts"


def people(lang: str) -> list[User]:
    """List the people of the demo."""
    locale, at = ("en-US", 2) if lang == "en" else ("zh-CN", 0)
    return [
        User(f"ou_{ident}", said[at], f"{ident}@example.com", f"+861380000000{n}", locale=locale, duty=said[at + 1])
        for n, (ident, said) in enumerate(PEOPLE.items(), 1)
    ]


def chats(app: App, lang: str) -> dict[str, Sequence[str]]:
    """Name the groups and who is in them."""
    everybody = [user.id for user in people(lang)]
    return {ANNOUNCE: [*everybody, app.bot], ALERTS: [*everybody[:3], app.bot]}


class FeishuDemo:
    """Be the demo of Feishu, with the bot on a long connection."""

    def __init__(self, lang: str = "zh", *, scale: float = 1.0) -> None:
        self.lang = lang
        self.token = secrets.token_hex(16)
        app = App()
        self.feishu = Feishu(people(lang), chats(app, lang), app=app, scale=scale)
        self.meet(NOWHERE)

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page."""
        return FeishuSandbox(self.feishu, port)

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration; people are found by their e-mails."""
        app, there = self.feishu.app, {c.name: c.id for c in self.feishu.tenant.chats.values()}
        at = 2 if self.lang == "en" else 0
        roster = [
            {"id": i, "name": said[at], "lang": self.lang, "email": f"{i}@example.com", "tz": "Asia/Shanghai"}
            for i, said in PEOPLE.items()
        ]
        keys = {"adapter": "feishu", "app_id": app.id, "app_secret": app.secret, "api_url": url}
        return company(
            {CONNECTION: keys}, {"chat": CONNECTION, "channel": there[ANNOUNCE]}, there[ALERTS], roster,
            token=self.token, database=database, lang=self.lang,
        )  # fmt: skip

    def meet(self, bot_url: str) -> None:
        """Learn where the bot takes alerts."""
        self.feishu.samples = {
            "outage": outage(bot_url, self.token, self.lang), "warning": warning(bot_url, self.token, self.lang),
        }  # fmt: skip

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident through cards, buttons and forms."""
        return await incident.play(url, lang=self.lang, write=write)
