"""DingTalk's sizes, as the open platform states them."""

from __future__ import annotations

from bot.ports import Limits

SCENE_NAME, PLAIN_NAME = 30, 20  # characters
LIMITS = Limits(
    text_chars=4000, text_bytes=12_000, name_chars=SCENE_NAME, per_second=15.0, burst=15, chat_per_second=2.0, chat_burst=6,
    edit_pace=5.0, menus=False,
)  # fmt: skip
PARAM_BYTES = 15_000  # of msgParam, which is JSON in a string
VALUE_BYTES = 1024  # of a card variable
PRESS_BYTES = 128
TO_AT_ONCE = 20  # accounts of a direct message, and of a DING by SMS or telephone
DING_AT_ONCE = 200  # accounts of a DING in the app
MEMBERS = 1000  # of a group
