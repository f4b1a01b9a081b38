"""Texts without the instants in them, so that two lives can be compared."""

from __future__ import annotations

import re

# A repeat may know more: a call names the room as soon as there is one, an announcement says whom it has reached by then.
LATER = re.compile(r"(?m)应急群(：\s*[^。\n]*|正在建)(。|$)|(?<=）)(?:已发送，\d+ 个收件方|：[^\n]*｜已知悉 \d+/\d+)$")


def timeless(text: str) -> str:
    """Leave out what depends on the instant: digits, the units of lengths of time, and where lines are broken because of them."""
    return re.sub(r"\s+", "", re.sub(r"（晚了 [^）]*）", "", re.sub(r"\d+( (秒|分钟|小时))?", "0", text)))


def beginning(text: str) -> str:
    """Give how a text in a card of WeCom begins: what it knows, or a mark before it, moves its lines, and its end may be cut."""
    return re.sub(r"[｜·…]", "", timeless(text))[:60]
