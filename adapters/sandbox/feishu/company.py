"""A small company in Feishu, for scenarios, tests and a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sandbox.feishu.tenant import App, User

_NAMES = {
    "zhang": ("张三", "Zhang San", "值班"), "li": ("李四", "Li Si", "支付"), "wang": ("王五", "Wang Wu", "数据库"),
    "chen": ("陈晨", "Chen Chen", "客服"), "zhou": ("周舟", "Zhou Zhou", "负责人"),
}  # fmt: skip


def people() -> list[User]:
    """List the people."""
    return [
        User(f"ou_{ident}", name, f"{ident}@example.com", f"+861380000000{n}", english, duty=duty)
        for n, (ident, (name, english, duty)) in enumerate(_NAMES.items())
    ]


def chats(app: App | None = None) -> dict[str, Sequence[str]]:
    """Name the groups and who is in them: the bot is in incidents and alerts, not in everybody."""
    bot = (app or App()).bot
    staff = [f"ou_{ident}" for ident in _NAMES]
    return {"everybody": staff, "incidents": [*staff, bot], "alerts": [*staff[:3], bot]}
