"""What WeCom takes at most. The stand-in's own table: never imported from an adapter. Sources are in RULES.md."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

# ------------------------------------------------------------ tokens and base rates
TOKEN_SECONDS = 7_200
GETTOKEN_A_MINUTE = 60  # "too often is intercepted", without a figure: the stand-in's own
CALLS_A_MINUTE = 10_000  # of one API
CALLS_AN_HOUR = 150_000

# ------------------------------------------------------------ the app's callback
VERIFY_SECONDS = 1.0
CALLBACK_SECONDS = 5.0
CALLBACK_TRIES = 3  # in total
REPLY_BYTES = 2_048  # of a passive text

# ------------------------------------------------------------ app groups (appchat)
CHATID_CHARS = 32
GROUP_NAME_CHARS = 50  # more is cut off
MEMBERS = (2, 2_000)
GROUPS_A_DAY = 1_000
UPDATES_AN_HOUR = 1_000
GROUP_TEXT_BYTES = 2_048  # more is cut off
GROUP_PERSON_MESSAGES_A_MINUTE = 20_000
MEMBER_A_MINUTE = 200  # more is dropped silently
MEMBER_A_DAY = 10_000

# ------------------------------------------------------------ app messages
RECEIVERS = 1_000
TEXT_BYTES = 2_048  # more is cut off
DIRECT_A_MINUTE = 30  # to one person; more is dropped silently
DIRECT_AN_HOUR = 1_000
PERSON_TIMES_A_DAY = 200  # times the accounts
DUPLICATE_SECONDS = 1_800
DUPLICATE_MOST = 14_400
RECALL_SECONDS = DAY
CODE_SECONDS = 72 * HOUR

# ------------------------------------------------------------ template cards
TASK_ID_BYTES = 128
KEY_BYTES = 1_024
OPTION_ID_BYTES = 128
BUTTONS = (1, 6)
ROWS = 6
VERTICAL_ROWS = 4
JUMPS = 3
OPTIONS = (1, 10)
SELECTS = (1, 3)
TICKS = (1, 20)
MENU = (1, 3)
DRAWN = {  # characters that a client draws; the rest is cut off with "…"
    "title": 36, "desc": 44, "sub_title_text": 160, "source": 13, "keyname": 5, "value": 30, "button": 10, "option": 16,
    "tick": 11, "submit": 10, "menu": 10, "jump": 13, "select": 13, "vertical_title": 38, "vertical_desc": 160,
    "quote_title": 36, "quote_text": 160, "replace": 10,
}  # fmt: skip
DRAWN_BY_BOT = DRAWN | {"title": 26, "desc": 30, "sub_title_text": 112}

# ------------------------------------------------------------ people
HEADCOUNT = 200  # accounts that a company which is not certified may have
WRONG_SHARE = 0.2  # wrong numbers or addresses of the headcount; more block the API for a day
MOBILE_BYTES = (5, 32)

# ------------------------------------------------------------ phone calls
CALLS_IN_EIGHT_MINUTES = 3
CALLS_IN_A_DAY = 8
EIGHT_MINUTES = 480.0
CALL_KEPT_SECONDS = 7 * DAY
RING_SECONDS = 60.0

# ------------------------------------------------------------ the intelligent bot
SILENCE_SECONDS = 90.0  # three pings of 30 s; never scaled
ACK_SECONDS = 0.02  # what handling one frame takes; a second one of the same req_id meanwhile is a conflict
REPLY_SECONDS = DAY
CLICK_SECONDS = 5.0
MEDIA_SECONDS = 300.0  # that the address of a picture or file is good
WELCOME_SECONDS = 5.0
STREAM_SECONDS = 360.0
MARKDOWN_BYTES = 20_480
CHAT_A_MINUTE = 30
CHAT_AN_HOUR = 1_000
FRAME_BYTES = 1 << 20
