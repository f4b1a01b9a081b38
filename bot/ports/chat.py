"""What the core asks of a chat platform, and what it hears from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from bot.model.card import Card
from bot.model.facts.story import Enclosed
from bot.model.form import Form
from bot.model.ids import ConnectionId
from bot.model.press import Press
from bot.model.text import Text


# ---------------------------------------------------------------- inbound
class Place(StrEnum):
    """Say where something was said."""

    GROUP = "group"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Describe who spoke, as the platform shows them; not `known` = only the id is certain, the rest a guess for now.

    `email` and `mobile` are those that the platform's API gives for the account, never ones that somebody stated.
    """

    id: str
    name: str
    locale: str | None = None
    tz: str | None = None
    outsider: bool = False
    bot: bool = False
    known: bool = True
    email: str | None = None
    mobile: str | None = None


class InboundKind(StrEnum):
    """Say what a delivery tells: something said to us or in our hearing, a message pointed at, changed or taken back."""

    SAID = "said"
    OVERHEARD = "overheard"
    POINTED = "pointed"
    EDITED = "edited"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class Message:
    """Hold a message of a chat as it is there now; `author` None = the chat does not say, nor when with `at` None."""

    chat: str
    id: str
    text: Text = ()
    author: Speaker | None = None
    at: datetime | None = None
    link: str | None = None
    files: tuple[Enclosed, ...] = ()


@dataclass(frozen=True, slots=True)
class Inbound:
    """Hold one delivery that concerns the bot; `key` is the platform's own id of it, the same when redelivered.

    `text` has the bot's own mention or slash command stripped; a mentioned person is a span of kind `person` whose
    `target` is their account id there. `at` is the platform's time. `seen` says that everybody in the chat saw it typed.
    `written`, given where a click's answer can carry a card, comes to True once our answer has gone out, to False if it did
    not; it must come to an end. `extra` is what the next change of the clicked message needs, in place of its Ref's.

    `points_at` is the message that is answered, quoted, pinned or reacted to, or how to read it: that gives the message, or
    Rejected with a code under `unread` in words.yaml; it raises `NotStored` where the delivery should come again. POINTED names
    in `becomes` the command that it stands for; its `chat` is empty where only the message says it. EDITED has the new text,
    RECALLED none; `message` is which. OVERHEARD is what somebody says to the others: nothing answers it.
    """

    connection: ConnectionId
    key: str
    speaker: Speaker
    place: Place
    chat: str
    at: datetime
    text: Text = ()
    press: Press | None = None
    message: str = ""
    seen: bool = True
    written: Awaitable[bool] | None = None
    extra: str = ""
    kind: InboundKind = InboundKind.SAID
    points_at: Message | Rejected | Callable[[], Awaitable[Message | Rejected]] | None = None
    becomes: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer one person at once; it may be lost and is never retried.

    `tick` names a plain acknowledgement (`✓ #12`) that a platform may show as a reaction; `private` asks for the speaker's
    eyes only. `card` is shown below the text: what may be clicked next, or what was asked for. `form` is opened where the
    platform can at this moment, else the text says what to type. `refused` = nothing was done; `field` names the entry of
    a submitted form that the refusal is about, None = no single one. `shows` is the clicked message as it is now, which goes
    into the answer of a chat that SHOWS or REPLACES; no call of the chat may change that message before the answer is out.
    """

    text: Text = ()
    private: bool = True
    tick: bool = False
    card: Card | None = None
    form: Form | None = None
    refused: bool = False
    field: str | None = None
    shows: Card | None = None


OnInbound = Callable[[Inbound], Awaitable[Reply]]


# ---------------------------------------------------------------- outgoing
class Capability(StrEnum):
    """Name what a chat can do beyond `post`; each missing one has exactly one degradation."""

    OPEN_ROOM = "open_room"
    BOT_INSIDE = "bot_inside"  # is at once inside the rooms that it opens, where people can speak to it
    CLOSE_ROOM = "close_room"
    REOPEN_ROOM = "reopen_room"
    TOPIC = "topic"
    RENAME = "rename"  # the room's name follows the level and the end
    TAB = "tab"  # keeps a link at the top of a room, beside its talk
    PEOPLE = "people"
    CARD = "card"
    EDIT = "edit"
    PIN = "pin"
    DIRECT = "direct"
    FIND = "find"  # can tell whether a message or room of a key exists
    KEYS = "keys"  # a repeated call with one key has one effect
    MENTION = "mention"
    PRIVATE = "private"
    REACTION = "reaction"
    FORM = "form"  # a click or a command can be answered with a form to fill in
    LOOK_UP = "look_up"  # knows people by e-mail or mobile number
    FILE = "file"  # gives the bytes of what came with a message
    SHOWS = "shows"  # a click's answer can carry the clicked card; a call that changes it must follow the answer
    REPLACES = "replaces"  # the same, and no call is needed after it
    URGE_APP = "urge_app"  # presses somebody in the app, by SMS, by telephone
    URGE_SMS = "urge_sms"
    URGE_PHONE = "urge_phone"


class Row(StrEnum):
    """Name a row of the table of what each chat can do."""

    ROOM = "opens room / bot inside at once"
    END = "close / reopen"
    HEARD = "heard in room"
    CARD = "card / edit later"
    ANSWER = "card in the answer"
    INPUT = "select / free text / person / date / form"
    PLACE = "only for one / thread / pin"
    MENTION = "mention in post"
    URGE = "urgent app / SMS / phone"
    FIND = "find after Unknown: room / post"


# What a row speaks of; the words of a chat's cell are its own, what they claim is checked against its capabilities.
SPEAKS_OF: Mapping[Row, frozenset[Capability]] = {
    Row.ROOM: frozenset({Capability.OPEN_ROOM, Capability.BOT_INSIDE}),
    Row.END: frozenset({Capability.CLOSE_ROOM, Capability.REOPEN_ROOM}),
    Row.HEARD: frozenset(),
    Row.CARD: frozenset({Capability.CARD, Capability.EDIT}),
    Row.ANSWER: frozenset({Capability.SHOWS, Capability.REPLACES}),
    Row.INPUT: frozenset({Capability.FORM}),
    Row.PLACE: frozenset({Capability.PRIVATE, Capability.PIN}),
    Row.MENTION: frozenset({Capability.MENTION}),
    Row.URGE: frozenset({Capability.URGE_APP, Capability.URGE_SMS, Capability.URGE_PHONE}),
    Row.FIND: frozenset({Capability.FIND, Capability.KEYS}),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """Say what a chat can do in one row: in words, and which capabilities these claim."""

    words: str
    claims: frozenset[Capability] = frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """Describe what a chat can do with everything that it can be given; `title` is its column in the table.

    `called` is what people call it in Chinese and in English, where a connection has no title of its own.
    """

    title: str
    cells: Mapping[Row, Cell]
    called: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """State a chat's sizes: of one message in characters and UTF-8 bytes, of a room's name in characters.

    `spelled` = a room is known by a name in Latin letters, so that a Chinese title is worth spelling. `menus` = what may be
    clicked is numbered in words as well, and a number typed within ten minutes means it: for chats whose cards can fail.
    """

    text_chars: int = 4000
    text_bytes: int = 16000
    name_chars: int = 50
    per_second: float = 20.0  # calls on one connection
    burst: int = 20
    chat_per_second: float = 5.0  # messages to one chat
    chat_burst: int = 5
    edit_pace: float = 0.0  # seconds between two edits of one card; policy.card_pace where that is more
    menus: bool = False
    spelled: bool = False
    rings: tuple[tuple[float, int], ...] = ()  # how many telephone calls one person may get within so many seconds
    hail: str = "@bot "  # what must stand before a typed command in a group


@dataclass(frozen=True, slots=True)
class Ref:
    """Point to a posted message or an opened room; `id` is empty where the platform gives none.

    Of an opened room, `extra` is what its later calls need besides `chat`, and `ways` says whether it hears us and we it
    (`both`), or is only written to until the bot is put into it by hand (`out`). Of a message, `extra` is what its next
    change needs, and the Ref that `edit` gives has what the one after it needs.
    """

    chat: str
    id: str = ""
    link: str | None = None
    extra: str = ""
    ways: str = "both"
    refused: tuple[tuple[str, str], ...] = ()  # (account, code) of people who could not be added


@dataclass(frozen=True, slots=True)
class Done:
    """The platform confirmed it."""

    ref: Ref | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not applied; not before `after` seconds again. `bucket` names what the platform throttles, None = this call only."""

    after: float
    code: str = "busy"
    bucket: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for good: a code that people have words for, and the platform's own words."""

    code: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Unknown: no answer came, it may have been applied."""

    why: str


Result = Done | Retry | Rejected | Lost


@dataclass(frozen=True, slots=True)
class Fetched:
    """Hold the bytes of a file."""

    body: bytes = field(repr=False)


class Presence(StrEnum):
    """Answer a look-up after an unknown outcome."""

    FOUND = "found"
    ABSENT = "absent"
    KEYED = "keyed"  # cannot tell, but a repeat under the same key still has one effect
    CANNOT_TELL = "cannot_tell"


class Sent(StrEnum):
    """Name what an earlier attempt of unknown outcome was."""

    ROOM = "room"
    POST = "post"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Sought:
    """Describe an attempt of unknown outcome: `chat` is empty for a room, an account for a direct message."""

    what: Sent
    key: str
    chat: str
    since: datetime  # of the first attempt
    card: bool = False


class Urge(StrEnum):
    """Name how hard somebody is pressed."""

    APP = "app"
    SMS = "sms"
    PHONE = "phone"


Content = Text | Card


class ChatAdapter(Protocol):
    """Speak to one chat connection; `post` is the only verb that every chat has, the others go by capability.

    A verb that the chat lacks gives Rejected("unsupported") without a call. `extra` is what `open_room` gave for the room.
    """

    connection: ConnectionId
    capabilities: frozenset[Capability]
    limits: Limits

    async def post(self, chat: str, content: Content, key: str) -> Result: ...
    async def direct(self, account: str, content: Content, key: str) -> Result: ...
    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Open a room; a `private` one shows itself to nobody who is not in it, where the chat has others."""
        ...

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Close a room for good, under this name; empty where it has the name already that says so."""
        ...

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result: ...
    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result: ...
    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result: ...
    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Keep a link under a name at the top of a room; one of this name that leads elsewhere is changed."""
        ...

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result: ...
    async def edit(self, ref: Ref, content: Content) -> Result: ...
    async def pin(self, ref: Ref) -> Result: ...
    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Press people to look at something: `text` in words, or the message that it is about, as the chat has it."""
        ...

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]: ...
    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find a person's account by what their roster entry says: Done(Ref(account id)), or Rejected("unknown_person")."""
        ...

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Give the bytes of what came with a message, at most so many; larger = Rejected("too_large"), no more there = "gone"."""
        ...

    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List (path, Starlette endpoint) of the chat's inbound HTTP, each authenticating its requests."""
        ...

    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold a long connection until cancelled; return at once where the chat has none."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Tally:
    """Count the calls of one period, of which a chat's contract allows only `most`, over restarts and replicas.

    The adapter counts its own in `fresh`; the core moves those into the store every few seconds, and says in `stored` how
    many the store has of all processes.
    """

    most: int
    period: str  # by the chat's calendar, such as 2024-05
    fresh: int = 0
    stored: int = 0

    @property
    def used(self) -> int:
        """Give how many calls are known."""
        return self.stored + self.fresh


@runtime_checkable
class Metered(Protocol):
    """A chat whose contract allows only so many calls in a period."""

    def tally(self) -> Tally:
        """Give the count of the present period; a new period has a new one."""
        ...
