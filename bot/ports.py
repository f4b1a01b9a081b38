"""The seams: what the core asks of chats, monitoring systems, the store and the clock. Nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from bot.model.alert import Alert, AlertGroup, AlertState, Posting
from bot.model.card import Card
from bot.model.deadline import Deadline, Due
from bot.model.effect import Effect, EffectKind, Intent
from bot.model.event import Event, Status
from bot.model.form import Form
from bot.model.ids import ConnectionId, EffectId, GroupId, IncidentId, PersonId, RoomId, RotationId, ServiceId
from bot.model.incident import Incident
from bot.model.link import FormLink
from bot.model.menu import Menu
from bot.model.oncall import Entry, Feed, Swap
from bot.model.person import Account, Actor, LinkCode, LookUp, Person, Viewer
from bot.model.press import Press
from bot.model.room import Room, Spare
from bot.model.severity import Severity
from bot.model.text import Text

T = TypeVar("T")


# ---------------------------------------------------------------- chat, inbound
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


@dataclass(frozen=True, slots=True)
class Inbound:
    """Hold one delivery that is addressed to the bot; `key` is the platform's own id of it, the same when redelivered.

    `text` has the bot's own mention or slash command stripped; a mentioned person is a span of kind `person` whose
    `target` is their account id there. `at` is the platform's time. `seen` says that everybody in the chat saw it typed.
    `written`, given where a click's answer can carry a card, comes to True once our answer has gone out, to False if it did
    not; it must come to an end. `extra` is what the next change of the clicked message needs, in place of its Ref's.
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


# ---------------------------------------------------------------- chat, outgoing
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


class MonitoringSource(Protocol):
    """Read one monitoring system's webhook."""

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Posting:
        """Read a body; raises `Malformed` naming the field."""
        ...


class Clock(Protocol):
    """Tell the time, always aware and in UTC."""

    def now(self) -> datetime: ...


# ---------------------------------------------------------------- store
@dataclass(frozen=True, slots=True)
class Filter:
    """Narrow a list of incidents; every part is optional and all must hold."""

    open: bool | None = True
    statuses: tuple[Status, ...] = ()
    severity: Severity | None = None
    service: ServiceId | None = None
    involved: PersonId | None = None
    since: datetime | None = None
    drills: bool = True
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Remember what a slot (a room's status card, a group's card) shows: digest and headline of the neutral card."""

    ref: Ref
    digest: str
    headline: str
    at: datetime
    generation: int = 1


@dataclass(frozen=True, slots=True)
class AlertChange:
    """State that an upsert changed an alert: `before` None = new."""

    alert: Alert
    before: AlertState | None
    group: GroupId | None  # the group it is filed under so far


class Calendar(Protocol):
    """Read a calendar that others keep."""

    async def read(self, begin: datetime, end: datetime) -> list[Entry] | str:
        """List what it holds between two instants, else say why it could not be read: a label under `calendar` in words.yaml."""
        ...

    async def close(self) -> None: ...


class Reads(Protocol):
    """Read the store as a viewer; every incident that the viewer may not see is as if it were not there."""

    viewer: Viewer

    def incident(self, ident: IncidentId) -> Incident | None: ...
    def incidents_called(self, word: str, today: str) -> list[Incident]:
        """Find by `001`, `0520-001` or the full id (any case); those of `today` (YYYYMMDD) first, at most 5."""
        ...

    def incidents(self, only: Filter) -> list[Incident]: ...  # newest first
    def count(self, only: Filter) -> int: ...
    def timeline(self, incident: IncidentId, after: int = 0, last: int | None = None, limit: int = 500) -> list[Event]:
        """List facts in order of n: those with n > after, or the `last` ones."""
        ...

    def recent_by(self, who: Actor, since: datetime) -> list[tuple[IncidentId | None, Event]]:
        """List facts recorded by an actor at or after `since`, newest first, at most 50."""
        ...

    def rooms(self, incident: IncidentId) -> list[Room]: ...
    def room(self, ident: RoomId) -> Room | None: ...
    def room_at(self, connection: ConnectionId, chat: str) -> Room | None: ...
    def group(self, ident: GroupId) -> AlertGroup | None: ...
    def groups_of(self, incident: IncidentId) -> list[AlertGroup]: ...
    def groups_proposed(self, service: ServiceId | None, limit: int = 20) -> list[AlertGroup]: ...
    def alerts_of(self, group: GroupId, limit: int = 10) -> list[Alert]: ...
    def person(self, ident: PersonId) -> Person | None: ...  # follows merged_into
    def people_called(self, word: str) -> list[Person]:
        """List active people whose id, name or alias equals the word, ignoring case, at most 5."""
        ...

    def people_like(self, word: str, limit: int = 3) -> list[Person]:
        """List active people whose name contains the word or is contained in it, as candidates."""
        ...

    def account(self, connection: ConnectionId, ident: str) -> Account | None: ...
    def accounts(self, person: PersonId, connection: ConnectionId) -> list[Account]: ...  # follows merged_into
    def accounts_of(self, person: PersonId) -> list[Account]: ...  # on every connection; of exactly this id
    def link_code(self, digest: str) -> LinkCode | None: ...
    def to_look_up(self, connection: ConnectionId, since: datetime) -> list[Person]:
        """List active people with an e-mail or mobile number and no account on a connection, by id.

        Left out are those who were looked up there since then by what they have now.
        """
        ...

    def sharing(self, person: Person) -> list[PersonId]:
        """List the other active people who have a person's e-mail or mobile number."""
        ...

    def look_ups(self, connection: ConnectionId) -> list[LookUp]:
        """List who was looked up on a connection in vain, by person."""
        ...

    def swaps(self, rotation: RotationId, since: datetime) -> list[Swap]:
        """List the swaps of a rotation that end after some instant, in the order in which they were agreed."""
        ...

    def feed(self, rotation: RotationId) -> Feed | None: ...  # None = it was never tried

    def spare(self, connection: ConnectionId, chat: str) -> Spare | None: ...
    def spare_of(self, room: RoomId) -> Spare | None: ...  # that it took
    def spares(self) -> dict[ConnectionId, int]:
        """Count the prepared rooms that are ready, by connection; one that ever had any is there with 0."""
        ...

    def shown(self, slot: str) -> Shown | None: ...
    def dead_effects(self, limit: int = 50) -> list[Effect]: ...
    def effect(self, ident: EffectId) -> Effect | None: ...
    def last_heard(self, source: str) -> datetime | None: ...
    def automatic_rooms_since(self, at: datetime) -> int:
        """Count rooms wanted automatically since then."""
        ...

    def held_back_since(self, at: datetime, limit: int = 50) -> list[Incident]:
        """List open incidents that a storm keeps without a room, newest first."""
        ...

    def effects_open(self, lane_prefix: str, besides: EffectId) -> int:
        """Count todo and running effects whose lane starts with a prefix, without one of them."""
        ...

    def effect_counts(self) -> dict[str, int]: ...  # by state, todo/running/dead only

    def spent(self, name: str) -> int: ...  # what `spend` came to; 0 = never
    def form_link(self, hashed: str) -> FormLink | None: ...  # whoever asks: only its secret leads to it
    def counts_of(self, groups: Sequence[GroupId]) -> tuple[int, int]:
        """Sum (firing, resolved) over alert groups."""
        ...


class UnitOfWork(Reads, Protocol):
    """Write inside one transaction; reads see everything (`ALL_SEEING`) and the job's own writes."""

    def reads(self, viewer: Viewer) -> Reads:
        """Read inside this transaction as somebody else."""
        ...

    # once-only deliveries
    def delivered(self, connection: ConnectionId, key: str) -> bytes | None:
        """Give the stored answer of a delivery that was handled before; None = new."""
        ...

    def keep_delivery(self, connection: ConnectionId, key: str, answer: bytes, at: datetime) -> None: ...

    def alone(self, what: str) -> None:
        """Wait until no other transaction is within the same `what`, and keep others out until the end of this one."""
        ...

    # incidents
    def new_incident_id(self, day: str) -> IncidentId:
        """Draw the next `F-<day>-NNN`; concurrent draws never meet."""
        ...

    def lock_incident(self, ident: IncidentId) -> Incident | None: ...
    def save_incident(self, incident: Incident, events: Sequence[Event]) -> None:
        """Insert or update the row and append its new facts (incident.n is the number of the last)."""
        ...

    def log(self, event: Event) -> None:
        """Append a fact that belongs to no incident; its n is 0."""
        ...

    # rooms
    def add_room(self, incident: IncidentId, connection: ConnectionId, lang: str, home: bool, automatic: bool,
                 generation: int, at: datetime) -> Room: ...  # fmt: skip
    def save_room(self, room: Room) -> None: ...
    def bind_address(self, connection: ConnectionId, chat: str, room: RoomId, ways: str = "both") -> None: ...
    def save_spare(self, spare: Spare) -> None: ...
    def claim_spare(self, connection: ConnectionId, room: RoomId) -> Spare | None:
        """Take the oldest prepared room that is ready for a room; two at once never get the same. None = there is none."""
        ...

    def save_shown(self, slot: str, shown: Shown) -> None: ...

    # effects
    def want(self, intents: Sequence[Intent], at: datetime) -> None:
        """Queue effects: a wish that waits already stays one (the earlier run_at wins), a known key is not sent again."""
        ...

    def finish(self, effect: Effect, me: str, at: datetime) -> bool:
        """Mark a running effect done; False = it is no longer ours."""
        ...

    def put_back(self, effect: Effect, me: str, run_at: datetime, maybe_sent: bool, code: str) -> bool:
        """Let a running effect wait again, by the twin rule; False = no longer ours.

        The code `absent` says that it was looked up and is not there: nothing may have been sent, whatever was thought.
        """
        ...

    def bury(self, effect: Effect, me: str, at: datetime, code: str) -> bool:
        """Give a running effect up as dead, releasing its lane; False = no longer ours."""
        ...

    def hold_back(self, lane: str, kind: EffectKind, until: datetime) -> bool:
        """Let wishes of a kind that wait in a lane wait until then, whoever wishes them meanwhile; True = none is in flight."""
        ...

    def let_go(self, lane: str, kind: EffectKind, until: datetime, at: datetime) -> bool:
        """Forget the wishes that are held back until exactly then; True = none of the kind is or may have been in flight.

        One that may have been in flight before runs `at` then.
        """
        ...

    def freeze(self, effect: Effect, me: str, lo: int, hi: int) -> bool:
        """Write the range of a Tell at its first claim; False = no longer ours."""
        ...

    def revive(self, ident: EffectId, at: datetime) -> Effect | None:
        """Queue a dead effect again, attempts from zero; None = not dead."""
        ...

    def claim(self, me: str, connections: Sequence[ConnectionId], now: datetime, lease: timedelta, limit: int) -> list[Effect]:
        """Take the heads of free lanes, urgent first; running ones whose lease ran out come back with `maybe_sent`."""
        ...

    def renew(self, me: str, effects: Sequence[EffectId], until: datetime) -> list[EffectId]:
        """Extend leases that are still ours; gives those ids."""
        ...

    def take_back(self, connections: Sequence[ConnectionId]) -> int:
        """At the start of the only process on a store: running effects wait again with `maybe_sent`."""
        ...

    def grant(self, bucket: str, now: datetime, interval: timedelta, burst: timedelta) -> timedelta | None:
        """Spend one from a shared rate bucket (GCRA); None = granted, else how long to wait."""
        ...

    def hold(self, bucket: str, until: datetime) -> None:
        """Close a bucket until then, as a platform's Retry-After asks."""
        ...

    def spend(self, name: str, more: int) -> int:
        """Add to a count that replicas share, and give what it comes to."""
        ...

    # timers
    def set_deadlines(self, incident: IncidentId, due: Due) -> None:
        """Make the incident's timers equal to these; one that already fired for the same due stays fired."""
        ...

    def claim_deadlines(self, now: datetime, limit: int) -> list[Deadline]:
        """Take due timers and mark them fired for their due, in this transaction."""
        ...

    # alerts
    def upsert_alerts(
        self,
        source: str,
        alerts: Sequence[Alert],
        now: datetime,
        place: Callable[[Sequence[AlertChange]], Mapping[str, GroupId]] | None = None,
    ) -> list[AlertChange]:
        """Store alerts (each fingerprint once), moving only `last_seen` of those that state nothing newer; give the changed.

        `place` is called with the changed before they are written and says under which groups to file which fingerprints;
        the others stay where they are.
        """
        ...

    def file_alerts(self, source: str, fingerprints: Sequence[str], group: GroupId) -> None: ...
    def foresee_groups(self, keys: Sequence[str]) -> None:
        """Lock the open groups under these keys and their incidents in the order of all locks, and read what changing them needs.

        Changes nothing but the number of questions: what is asked afterwards is answered as it would be without.
        """
        ...

    def open_group(self, key: str) -> AlertGroup | None:
        """Find and lock the group that is open under a key."""
        ...

    def latest_group(self, key: str) -> AlertGroup | None:
        """Find the newest group under a key, open or not."""
        ...

    def add_group(self, group: AlertGroup) -> AlertGroup:
        """Insert a group under its key, drawing its id (the given id is ignored); one open group a key."""
        ...

    def lock_group(self, ident: GroupId) -> AlertGroup | None: ...
    def save_group(self, group: AlertGroup) -> None:
        """Update a group; `over`, `dismissed` and `ignored` ones, and those of closed incidents, are not open."""
        ...

    def recount(self, group: GroupId) -> tuple[int, int]:
        """Count (firing, resolved) alerts filed under a group."""
        ...

    def open_incident_of(self, service: ServiceId, since: datetime | None) -> Incident | None:
        """Find and lock the newest pending, handling or recovered incident of a service, declared at or after `since`."""
        ...

    def heard(self, source: str, at: datetime) -> None: ...

    # people
    def save_person(self, person: Person) -> None: ...
    def save_account(self, account: Account) -> None: ...
    def save_link_code(self, code: LinkCode) -> None: ...
    def spend_link_code(self, digest: str, now: datetime) -> None:
        """Forget a code, and those that nobody can use any more."""
        ...

    def save_look_up(self, missed: LookUp) -> None: ...
    def new_person_id(self) -> PersonId: ...

    # on call
    def save_swap(self, swap: Swap) -> None: ...
    def drop_swap(self, ident: str) -> None: ...
    def save_feed(self, feed: Feed) -> None: ...

    # what may be pressed for a while
    def menu(self, spot: str) -> Menu | None: ...
    def save_menu(self, menu: Menu) -> None:
        """Keep the numbers of a spot in place of those before."""
        ...

    def add_form_link(self, link: FormLink) -> None: ...

    # housekeeping
    def sweep(self, deliveries_before: datetime, effects_before: datetime, alerts_before: datetime, limit: int) -> int:
        """Delete old deliveries, menus and links, done effects and resolved alerts, at most `limit` each; facts stay."""
        ...


class Store(Protocol):
    """Own the database: `tx` is the only way to write."""

    async def tx(self, job: Callable[[UnitOfWork], T], *, bulk: int = 0) -> T:
        """Run a job in one durable transaction and give its result after the commit.

        The job is synchronous, touches only its unit of work and may be run twice. `bulk` > 0 marks an alert job of that
        many rows, which goes behind people's jobs. An exception undoes this job only. Raises `NotStored` when the commit
        itself fails.
        """
        ...

    async def read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        """Run a read-only job as a viewer, beside the writer."""
        ...

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` on the event loop after every commit that queued effects."""
        ...

    async def ready(self) -> None:
        """Raise when the store cannot be written."""
        ...

    async def clock_offset(self) -> timedelta:
        """Give how far the database's clock is ahead of ours; zero where it has none of its own."""
        ...

    async def close(self) -> None: ...
