"""What Slack takes at most. The stand-in's own table: never imported from an adapter."""

from __future__ import annotations

NAME_CHARS = 80
TOPIC_CHARS = 250
INVITED_AT_ONCE = 100
PINS = 100
BOOKMARKS = 100
TEXT_CHARS = 40_000  # more is cut off
UPDATE_TEXT_CHARS = 4_000
ATTACHMENTS = 100
METADATA_BYTES = 16_384
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
BLOCKS_TOTAL_CHARS = 13_200  # undocumented: all texts of all blocks of a message
VIEW_BYTES = 250_000
VIEW_STACK = 3
PRIVATE_METADATA = 3_000
VIEW_WORDS = 24
ID_CHARS = 255
HEADER = 150
SECTION = 3_000
FIELDS = 10
FIELD = 2_000
ACTIONS = 25
CONTEXT = 10
MARKDOWN = 12_000
BUTTON = 75
VALUE = 2_000
URL = 3_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
OPTION = 75
OPTION_VALUE = 150
OPTIONS = 100
CHOICES = 10  # of radio buttons and checkboxes
OVERFLOW = (2, 5)
PLACEHOLDER = 150
LABEL = 2_000
INPUT = 3_000
ALT = 2_000

TRIGGER_SECONDS = 3.0
ACK_SECONDS = 3.0
REDELIVERIES = (0.0, 60.0, 300.0)  # seconds after which an event is delivered again
RESPONSES = 5
RESPONSE_SECONDS = 1_800.0
SOCKETS = 10
TICKET_SECONDS = 30.0
SIGNATURE_VERSION = "v0"

MINUTE = 60.0
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute, per method
OPENINGS = 10  # of apps.connections.open a minute: tier 1 is "1+", and ten sockets may be open
POSTS_PER_SECOND = 1.0
POSTS_AT_ONCE = 4  # "short bursts"
POSTS_PER_MINUTE = 300  # "several hundred" in the workspace

FILE_BYTES = 1 << 30
