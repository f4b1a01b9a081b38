"""What Slack's client makes of typed words: names and links become mark-up, the rest is escaped."""

from __future__ import annotations

import html
import re

from adapters.sandbox.slack.workspace import User, Workspace

_NAMED = re.compile(r"(?<![\w<@/.])([@#])([\w.\-]+)")
_LINK = re.compile(r"https?://[^\s<>]+")


def typed(workspace: Workspace, text: str, *, named: bool = False) -> str:
    """Turn what was typed into what is sent; `named` = mentions carry the name too, as in slash commands."""

    def name(found: re.Match[str]) -> str:
        sign, word = found.groups()
        if sign == "#":
            open_to_all = (c for c in workspace.channels.values() if not (c.im or c.is_private))
            channel = next((c for c in open_to_all if c.name == word), None)
            return f"<#{channel.id}|{channel.name if named else ''}>" if channel else found[0]
        user, length = _called(workspace, word)
        if user is None:
            return found[0]
        return (f"<@{user.id}|{user.name}>" if named else f"<@{user.id}>") + word[length:]

    parts = re.split(r"(https?://[^\s<>]+)", html.escape(text, quote=False))
    return "".join(f"<{part}>" if _LINK.fullmatch(part) else _NAMED.sub(name, part) for part in parts)


def _called(workspace: Workspace, word: str) -> tuple[User | None, int]:
    """Find whom a typed name means; a name may run on into text that is written without spaces."""
    best: tuple[User | None, int] = (None, 0)
    for user in workspace.users.values():
        for name in (user.name, user.real_name, user.id):
            rest = word[len(name) :].lstrip(".-")
            if word.startswith(name) and not re.match(r"[A-Za-z0-9_]", rest) and not user.deleted and len(name) > best[1]:
                best = (user, len(name))
    return best
