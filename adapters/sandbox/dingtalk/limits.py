"""What DingTalk takes at most. The stand-in's own table: never imported from an adapter."""

from __future__ import annotations

TOKEN_SECONDS = 7_200.0
TICKET_SECONDS = 90.0
CALLBACK_SECONDS = 2.0  # for the answer to a press on a card
ACK_SECONDS = 10.0  # for any other frame; the documentation gives none
DISCONNECT_SECONDS = 10.0  # between a disconnect frame and the end of the connection
PING_SECONDS = 20.0  # between SYSTEM pings; the documentation gives none, clients of others expect one within 60 s
EVENT_AGAIN = (10.0, 60.0, 300.0)  # pauses before an event comes again; undocumented
MESSAGE_AGAIN = (15.0, 15.0, 15.0)  # of bot messages, only where asked: four tries within 60 s were seen by others
SESSION_SECONDS = 5_400.0  # a sessionWebhook

PLAIN_NAME = 20
SCENE_TITLE = 30
GROUP_MEMBERS = 1_000
MEMBERS_AT_ONCE = 100

MSG_PARAM_BYTES = 15_000
DIRECT_AT_ONCE = 20
RECALL_AT_ONCE = 20
RECALL_SECONDS = 86_400.0
CODE_SECONDS = 86_400.0  # of a file's code; the documentation gives none
ADDRESS_SECONDS = 600.0  # "temporary", without a number

CARD_KEY_BYTES = 100
CARD_VALUE_BYTES = 1_024
TOP_TRACK_CHARS = 64
TOP_BOXES = 10
TOP_RECEIVERS = 100

DING_APP = 200
DING_PAID = 20  # receivers of a DING by SMS or phone
DINGS_A_MINUTE = 6_000

QPS = 20
SECOND = 1.0
MONTHLY = 5_000  # calls of a company on the standard edition
