"""The demo organisation on DingTalk: its people with mobiles, its groups with the bot inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sandbox.demo import PEOPLE
from adapters.sandbox.dingtalk.world import App, User

CONNECTION = "dingtalk"
ANNOUNCE, ALERTS = "incidents", "alerts"
SCENE = "scene-group-template-0001"  # brings the bot
MOBILES = {ident: f"1380000000{number}" for number, ident in enumerate(PEOPLE, 1)}
_BOT = {"zh": "应急助手", "en": "warroom"}


def app_of(lang: str = "zh", cards: Mapping[str, Mapping[str, Any]] | None = None) -> App:
    """Describe the app as it is installed, with these card templates and one scene-group template."""
    return App(robot_name=_BOT[lang], cards=dict(cards or {}), group_templates={SCENE: {"robot": True}})


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
