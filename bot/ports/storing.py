"""What the core asks of the store: reads, writes inside one transaction, and the transaction itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from bot.model.actions import ActionItem, ItemFilter
from bot.model.alert import Alert, AlertGroup, AlertState
from bot.model.deadline import Deadline, Due
from bot.model.effect import Effect, EffectKind, Intent
from bot.model.event import Event, Status
from bot.model.files import Body, Kept
from bot.model.ids import ConnectionId, EffectId, GroupId, IncidentId, PersonId, RoomId, RotationId, ServiceId
from bot.model.incident import Incident
from bot.model.link import FormLink
from bot.model.menu import Menu
from bot.model.oncall import Entry, Feed, Swap
from bot.model.person import Account, Actor, LinkCode, LookUp, Person, Viewer
from bot.model.room import Room, Spare
from bot.model.severity import Severity
from bot.model.stats import Sample
from bot.model.story import Captured
from bot.model.subscription import Subscription
from bot.ports.chat import Ref

T = TypeVar("T")


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

    def story(
        self, incident: IncidentId, before: tuple[datetime, int], kinds: Sequence[str] = (), limit: int = 100
    ) -> list[Event]:
        """List facts of some kinds, or of all, that come before (at, n), the latest first by when they happened."""
        ...

    def captured(self, connection: ConnectionId, chat: str, message: str) -> Captured | None: ...
    def files_of(self, incident: IncidentId) -> list[Kept]:
        """List what became of the files of an incident's entries, in order of n."""
        ...

    def body(self, incident: IncidentId, digest: str) -> Body | None:
        """Give the bytes that an incident keeps under a SHA-256 in hex."""
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

    def askers(self, incident: IncidentId, since: datetime) -> list[PersonId]:
        """List who asked how an incident stands after some instant."""
        ...

    def swaps(self, rotation: RotationId, since: datetime) -> list[Swap]:
        """List the swaps of a rotation that end after some instant, in the order in which they were agreed."""
        ...

    def subscriptions(self, person: PersonId) -> list[Subscription]: ...  # the oldest first
    def subscriptions_to(self, incident: IncidentId) -> list[Subscription]:
        """List what may cover an incident, whoever may see it: what names it, and what names none."""
        ...

    def feed(self, rotation: RotationId) -> Feed | None: ...  # None = it was never tried
    def rungs(self, person: PersonId, way: str, since: datetime) -> list[datetime]:
        """List when somebody was called by a way after some instant, in any incident, the earliest first."""
        ...

    def item(self, number: int) -> ActionItem | None: ...
    def items(self, only: ItemFilter) -> list[ActionItem]:
        """List action items: an incident's in the order of their numbers, all others by what is due first.

        Without an incident or accepted among the states, those that are not accepted.
        """
        ...

    def samples(self, since: datetime, until: datetime, service: ServiceId | None) -> list[Sample]:
        """List a period's incidents for its numbers, in order, whoever asks as the public may know them.

        Left out are drills, what is private, and what was dismissed, merged or cancelled.
        """
        ...

    def overdue_items(self, day: date, service: ServiceId | None) -> int:
        """Count the items that were due before a day and are not handed in, as the public may know them."""
        ...

    def team(self, manager: PersonId) -> list[Person]:
        """List whose manager somebody is, by id."""
        ...

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

    def capture(self, captured: Captured) -> None: ...
    def keep_body(self, body: Body) -> None:
        """Keep bytes; those that are there already stay."""
        ...

    def keep_file(self, kept: Kept) -> None:
        """Keep what became of a file of an entry; what was known of it before is replaced."""
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
    def set_deadlines(self, incident: IncidentId | str, due: Due) -> None:
        """Make the incident's timers equal to these; one that already fired for the same due stays fired."""
        ...

    def deadlines_of(self, owner: str) -> Due:
        """Give the timers of an owner that have not fired."""
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

    def keep_asker(self, incident: IncidentId, person: PersonId, at: datetime) -> None: ...

    # on call
    def save_swap(self, swap: Swap) -> None: ...
    def drop_swap(self, ident: str) -> None: ...
    def save_feed(self, feed: Feed) -> None: ...
    def keep_rung(self, person: PersonId, way: str, at: datetime) -> None: ...
    def call_off(self, lane: str) -> None:
        """Forget the one-time effects that wait in a lane; one that is under way finishes."""
        ...

    # action items
    def new_item_number(self) -> int: ...
    def lock_item(self, number: int) -> ActionItem | None: ...
    def add_item(self, item: ActionItem) -> None: ...
    def save_item(self, item: ActionItem) -> None: ...
    def hand_items(self, old: PersonId, new: PersonId) -> None:
        """Let everything that is one person's be another's, who they turned out to be."""
        ...

    # subscriptions
    def save_subscription(self, subscription: Subscription) -> None: ...
    def drop_subscription(self, person: PersonId, key: str) -> None: ...

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
