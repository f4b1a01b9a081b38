"""A small company in WeCom, for the page, for scenarios and for a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.sandbox.wecom.corp import APP, BOT, User


def users() -> list[User]:
    """List the people."""
    return [
        User("zhang", "张三", "13800000001", "zhang@example.com", "on call"),
        User("li", "李四", "13800000002", "li@example.com", "payments"),
        User("wang", "王五", "13800000003", "wang@example.com", "database"),
        User("chen", "陈六", "13800000004", "chen@example.com", "support", lang="en"),
        User("zhou", "周七", "13800000005", "zhou@example.com", "product"),
    ]


def chats() -> Mapping[str, Sequence[str]]:
    """Name the groups and who is in them; the bot is in both, and the app may write into both."""
    staff = [user.id for user in users()]
    return {"incidents": [*staff, BOT, APP], "alerts": [*staff[:3], BOT, APP]}
