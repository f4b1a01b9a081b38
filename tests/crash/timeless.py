"""Texts without the instants in them, so that two lives can be compared."""

from __future__ import annotations

import re

# A call names the room as soon as there is one, so a repeat may know more.
LATER = re.compile(r"(?m)应急群(：[^。\n]*|正在建)(。|$)")


def timeless(text: str) -> str:
    """Leave out what depends on the instant: digits, and the units of lengths of time."""
    return re.sub(r"（晚了 [^）]*）", "", re.sub(r"\d+( (秒|分钟|小时))?", "0", text))
