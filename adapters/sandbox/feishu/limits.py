"""What Feishu takes at most. The stand-in's own table: never imported from an adapter."""

from __future__ import annotations

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0

TOKEN_SECONDS = 7_200.0
TOKEN_RENEWED = 1_800.0  # with less than this left, a new token is given and both are good

UUID_CHARS = 50
UUID_SECONDS = HOUR  # of messages and replies: one success
CHAT_UUID_SECONDS = 10 * HOUR

CHAT_NAME = 60
CHAT_NAME_PUBLIC = 2
DESCRIPTION = 100
CREATED_WITH = 50  # people in user_id_list of a new group
BOTS_AT_ONCE = 5
MEMBERS_AT_ONCE = 50
GROUP_MEMBERS = 5_000
MANAGERS = 10
TABS = 20
TAB_NAME = 60
PAGE_SIZE = 100

TEXT_BYTES = 150 * 1024
CARD_BYTES = 30 * 1024  # posts and cards
EDITS = 20
PATCH_SECONDS = 14 * DAY
CLICK_SECONDS_OLD = 30 * DAY  # of cards of JSON 1.0; those of 2.0 can be neither clicked nor changed after 14
CARD_ELEMENTS = 200
CARD_NESTING = 5
CARD_TABLES = 5
ELEMENT_ID = 20
TEXT_TAGS = 3
BUTTON_CHARS = 100
INPUT_MAX = 1_000
REACTION_PAGE = 50
URGENT_USERS = 200
EMAILS_AT_ONCE = 50
MOBILES_AT_ONCE = 50
IMAGE_BYTES = 10 * 1024 * 1024
RESOURCE_BYTES = 100 * 1024 * 1024  # more of a message is not given
COMMANDS = 100

PER_SECOND = 50  # calls of one API
PER_MINUTE = 1_000
POSTS_PER_SECOND = 5  # to one person, or to one group
PATCHES_PER_SECOND = 5  # of one message
EPHEMERAL_PER_SECOND = 40  # to one group

ACK_SECONDS = 3.0
REDELIVERIES = (15.0, 300.0, 3_600.0, 21_600.0)
SOCKETS = 50
PING_SECONDS = 120
RECONNECT_SECONDS = 120
RECONNECT_NONCE = 30
FRAME_BYTES = 64 * 1024  # undocumented: where the stand-in splits a payload into several frames
TICKET_SECONDS = 60.0
WORK_SECONDS = 0.03  # undocumented: how long a group's making or a change of its members takes, so that calls can overlap
CARD_TOKEN_SECONDS = 1_800.0
CARD_TOKEN_USES = 2
