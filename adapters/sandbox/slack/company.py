"""The demo organisation in Slack: its people with e-mails, its channels, and what the bot must be told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from adapters.sandbox.demo import NOWHERE, PEOPLE, company, outage, warning
from adapters.sandbox.server import Listener
from adapters.sandbox.slack import incident
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, User

CONNECTION = "slack"
ANNOUNCE, ALERTS = "incidents", "alerts"
_HINTS = {"zh": "声明 P1 现象 ｜ 现状 ｜ 帮助", "en": "declare P1 what is wrong | brief | help"}
_WORDS = {"zh": "声明和处理故障", "en": "Declare and work on incidents"}
_SHORTCUT = {"zh": "声明故障", "en": "Declare incident"}
_ABROAD = ("U0ALICE", "alice", "Alice Adams", "alice@example.com", "en-US", "America/New_York")


def app_of(lang: str) -> App:
    """Describe the app as it is installed, in the workspace's language."""
    words = tuple((word, _HINTS[lang], _WORDS[lang]) for word in ("/incident", "/inc"))
    return App(commands=words, shortcuts=(("declare_from_message", "message", _SHORTCUT[lang]),))


def people(lang: str) -> list[User]:
    """List the people: those of the demo, and a colleague abroad who reads English in any case."""
    locale, at = ("en-US", 2) if lang == "en" else ("zh-CN", 0)
    here = [
        User(f"U0{ident.upper()}", ident, said[at], f"{ident}@example.com", locale, "Asia/Shanghai", duty=said[at + 1])
        for ident, said in PEOPLE.items()
    ]
    return [*here, User(*_ABROAD, duty="database, New York" if lang == "en" else "数据库·纽约（英文）")]


def channels(app: App, lang: str) -> dict[str, Sequence[str]]:
    """Name the channels and who is in them."""
    everybody = [user.id for user in people(lang)]
    return {"general": everybody, ANNOUNCE: [*everybody, app.bot_user], ALERTS: [*everybody[:3], app.bot_user]}


class SlackDemo:
    """Be the demo of Slack, with the bot connected by a socket."""

    def __init__(self, lang: str = "zh", *, scale: float = 1.0) -> None:
        self.lang = lang
        self.token = secrets.token_hex(16)
        app = app_of(lang)
        self.slack = Slack(people(lang), channels(app, lang), app=app, scale=scale)
        self.meet(NOWHERE)

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page."""
        return SlackSandbox(self.slack, port)

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration; people are found by their e-mails."""
        app, there = self.slack.app, {c.name: c.id for c in self.slack.workspace.channels.values()}
        at = 2 if self.lang == "en" else 0
        roster = [{"id": i, "name": said[at], "email": f"{i}@example.com", "tz": "Asia/Shanghai"} for i, said in PEOPLE.items()]
        keys = {"adapter": "slack", "bot_token": app.bot_token, "app_token": app.app_token, "api_url": f"{url}/api/"}
        return company(
            {CONNECTION: keys}, {"chat": CONNECTION, "channel": there[ANNOUNCE]}, there[ALERTS], roster,
            token=self.token, database=database, lang=self.lang,
        )  # fmt: skip

    def meet(self, bot_url: str) -> None:
        """Learn where the bot takes alerts."""
        self.slack.samples = {
            "outage": outage(bot_url, self.token, self.lang), "warning": warning(bot_url, self.token, self.lang),
        }  # fmt: skip

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident through cards, buttons and forms."""
        return await incident.play(url, lang=self.lang, write=write)
