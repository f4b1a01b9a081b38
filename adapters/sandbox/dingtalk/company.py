"""The demo organisation on DingTalk: its people with mobiles, its groups, its templates, and what the bot must be told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.sandbox.demo import NOWHERE, PEOPLE, company, outage, warning
from adapters.sandbox.dingtalk import incident
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import App, User
from adapters.sandbox.server import Listener

CONNECTION = "dingtalk"
ANNOUNCE, ALERTS = "incidents", "alerts"
SCENE = "scene-group-template-0001"  # brings the bot
CARD = "b7e1c9a4-0000-4000-8000-000000000001.schema"
MOBILES = {ident: f"1380000000{number}" for number, ident in enumerate(PEOPLE, 1)}
_BOT = {"zh": "应急助手", "en": "warroom"}
_BODY = ("body", "body2", "body3", "body4", "body5", "body6")
# What the card builder shows of the template that the company imported: its variables, where they are drawn, what a press sends.
TEMPLATE: Mapping[str, Any] = {
    "published": True,
    "variables": (
        "title", "colour", "sub", *_BODY, "buttons", "buttons2", "selects", "selects2", "footer", "note", "note2", "offers",
        "form", "form_title", "form_button",
    ),
    "body": _BODY, "buttons": ("buttons", "buttons2", "offers"), "selects": ("selects", "selects2"), "note": ("note", "note2"),
    "button_action": "button", "button_params": {"press": "id"}, "select_action": "select",
}  # fmt: skip


def app_of(lang: str = "zh", cards: Mapping[str, Mapping[str, Any]] | None = None) -> App:
    """Describe the app as it is installed, with these card templates (the company's own) and one scene-group template."""
    known = {CARD: TEMPLATE} if cards is None else dict(cards)
    return App(robot_name=_BOT[lang], cards=known, group_templates={SCENE: {"robot": True}})


def people(lang: str = "zh") -> list[User]:
    """List the people of the demo."""
    locale, at = ("en-US", 2) if lang == "en" else ("zh-CN", 0)
    return [
        User(ident, said[at], MOBILES[ident], f"{ident}@example.com", said[at + 1], locale, admin=ident == "zhou")
        for ident, said in PEOPLE.items()
    ]


def chats(app: App, lang: str = "zh") -> dict[str, Sequence[str]]:
    """Name the groups and who is in them."""
    everybody = [user.id for user in people(lang)]
    return {ANNOUNCE: [*everybody, app.robot], ALERTS: [*everybody[:3], app.robot]}


class DingTalkDemo:
    """Be the demo of DingTalk, with the bot connected by Stream."""

    def __init__(self, lang: str = "zh", *, scale: float = 1.0) -> None:
        self.lang = lang
        self.token = secrets.token_hex(16)
        app = app_of(lang)
        self.dingtalk = DingTalk(people(lang), chats(app, lang), app=app, scale=scale)
        self.meet(NOWHERE)

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page."""
        return DingTalkSandbox(self.dingtalk, port)

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration; people are found by their mobiles' accounts, as there is no look-up by e-mail."""
        app, there = self.dingtalk.app, {g.title: g.cid for g in self.dingtalk.world.groups.values()}
        at = 2 if self.lang == "en" else 0
        roster = [
            {
                "id": i,
                "name": said[at],
                "lang": self.lang,
                "tz": "Asia/Shanghai",
                "mobile": MOBILES[i],
                "accounts": {CONNECTION: i},
            }
            for i, said in PEOPLE.items()
        ]
        keys = {
            "adapter": "dingtalk", "client_id": app.client_id, "client_secret": app.client_secret, "card_template": CARD,
            "scene_template": SCENE, "owner": "zhou", "api_url": url, "oapi_url": url, "session_hosts": ["127.0.0.1"],
        }  # fmt: skip
        return company(
            {CONNECTION: keys}, {"chat": CONNECTION, "channel": there[ANNOUNCE]}, there[ALERTS], roster,
            token=self.token, database=database, lang=self.lang,
        )  # fmt: skip

    def meet(self, bot_url: str) -> None:
        """Learn where the bot takes alerts."""
        self.dingtalk.samples = {
            "outage": outage(bot_url, self.token, self.lang), "warning": warning(bot_url, self.token, self.lang),
        }  # fmt: skip

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident through cards, buttons and forms."""
        return await incident.play(url, lang=self.lang, write=write)
