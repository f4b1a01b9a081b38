"""Answers posted back at the address that a delivery brought: free of charge, able to call people, and a secret.

The address is a stranger's word until its host is one of DingTalk's: nothing is posted anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog

from adapters.chat.dingtalk.errors import error_in
from adapters.chat.dingtalk.markdown import called, cut, inert, lavish, line, markdown
from adapters.chat.dingtalk.render import TITLE, Json, dumped
from adapters.http import Answered, Http
from bot.model.text import Span, Text
from bot.ports import Lost

log = structlog.get_logger(__name__)

CHARS = 4000
OFFICIAL = "oapi.dingtalk.com"


class Sessions:
    """Post answers back."""

    def __init__(self, name: str, hosts: Sequence[str], timeout: float, proxy: str | None) -> None:
        self._name, self._hosts = name, frozenset(host.lower() for host in hosts)
        self._http = Http("", timeout=timeout, proxy=proxy)

    async def post(self, url: str, content: Text) -> bool | None:
        """Post text; says whether it was taken, None = nobody knows."""
        if not self._trusted(url):
            if url:
                log.warning("answer_address_refused", chat=self._name)
            return False
        found = await self._http.call(
            "POST", url, content=dumped(body(content)).encode(), headers={"content-type": "application/json"}
        )
        if isinstance(found, Answered):
            error = error_in(found.body)
            if error:
                log.info("answer_not_taken", chat=self._name, code=error)
            return not error
        return None if isinstance(found, Lost) else False

    def _trusted(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
        except ValueError:
            return False
        safe = parts.scheme == "https" or (parts.scheme == "http" and host != OFFICIAL)
        return safe and host in self._hosts and parts.username is None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def body(content: Text) -> Json:
    """Render text to the body of an answer; who is called is listed and stands in the text by account, as DingTalk asks."""
    people = list(called(content))
    at = {"atUserIds": people, "isAtAll": False}
    # An account cannot be read as mark-up, and DingTalk prints the name in its place.
    named = tuple(Span(f"@{s.target} ", "at") if s.kind == "person" and s.target else s for s in content)
    if lavish(content):
        text = "".join(s.text if s.kind == "at" else markdown((s,)) for s in named)
        title = cut(line("".join(s.text for s in content)), TITLE) or "…"
        return {"msgtype": "markdown", "markdown": {"title": title, "text": cut(text, CHARS)}, "at": at}
    words = "".join(s.text if s.kind == "at" else inert(s.text) for s in named)
    return {"msgtype": "text", "text": {"content": cut(words, CHARS)}, "at": at}
