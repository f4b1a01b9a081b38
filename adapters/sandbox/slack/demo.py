"""A small company in Slack, for the page, for scenarios and for a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sandbox.slack.workspace import App, User


def users() -> list[User]:
    """List the people."""
    return [
        User("U0ZHANG", "zhang", "张三", "zhang@example.com", "zh-CN", "Asia/Shanghai", duty="on call"),
        User("U0LI", "li", "李四", "li@example.com", "zh-CN", "Asia/Shanghai", duty="payments"),
        User("U0WANG", "wang", "王五", "wang@example.com", "zh-CN", "Asia/Shanghai"),
        User("U0ALICE", "alice", "Alice Adams", "alice@example.com", "en-US", "America/New_York", duty="database"),
        User("U0BOB", "bob", "Bob Brown", "bob@example.com", "en-GB", "Europe/London", duty="support"),
        User("U0GUEST", "guest", "Guest", "guest@partner.example", restricted=True),
        User("U0GONE", "gone", "Gone", "gone@example.com", deleted=True),
    ]


def channels(app: App | None = None) -> dict[str, Sequence[str]]:
    """Name the channels and who is in them; the bot is in #incidents and #ops."""
    bot = (app or App()).bot_user
    staff = ["U0ZHANG", "U0LI", "U0WANG", "U0ALICE", "U0BOB"]
    return {"general": staff, "incidents": [*staff, bot], "ops": [*staff[:4], bot], "tea": staff}
