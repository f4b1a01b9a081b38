"""The tables. A column carries the name of the field that it keeps (see mapping.py); what is not a field says why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Index, LargeBinary, MetaData, String, Table, text
from sqlmodel import SQLModel

from bot.model.actions import Actions, ItemState
from bot.model.alert import AlertState, GroupState
from bot.model.announcing import Announcing
from bot.model.effect import EffectKind, EffectState, Urgency
from bot.model.event import Invitee, ItemSort, Mark, Method, Priority, Status, Via
from bot.model.handover import Handover
from bot.model.ids import GroupId, IncidentId, PersonId, RoomId, ServiceId
from bot.model.incident import Asked, Change, Latest, Outcome
from bot.model.meeting import Meeting
from bot.model.muting import Muting
from bot.model.oncall import Slot
from bot.model.pace import Pace
from bot.model.person import Actor
from bot.model.postmortem import Review
from bot.model.recovering import Recovering
from bot.model.roll import Roll
from bot.model.room import RoomState, SpareState
from bot.model.severity import Extent, Severity
from bot.model.story import Story
from bot.model.text import Text
from bot.ports import Ref
from store.columns import SERIAL, Day, Json, Utc, Who, Word, kept

# The conditions of partial indexes; a query must state them in these very words to be served by the index.
OPEN_EFFECT = "state IN ('todo', 'running')"
WAITING = "state = 'todo' AND wish"
UNFIRED = "fired_for IS NULL"
OPEN_INCIDENT = "status <> 'closed'"
OPEN_ITEM = "state <> 'accepted'"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Row(SQLModel):
    """Carry the names that constraints get, so that both databases and every migration agree on them."""

    model_config = {"defer_build": True}  # rows are read without validating them: no validator need be built
    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# ---------------------------------------------------------------- deliveries, counters, sources
class DeliveryRow(Row, table=True):
    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_at", "at"),)
    connection: str = kept(String, key=True)
    key: str = kept(String, key=True)
    answer: bytes = kept(LargeBinary)
    at: datetime = kept(Utc)


class CounterRow(Row, table=True):
    __tablename__ = "counter"
    name: str = kept(String, key=True)
    value: int = kept(BigInteger)


class SourceRow(Row, table=True):
    __tablename__ = "source"
    name: str = kept(String, key=True)
    heard_at: datetime = kept(Utc)


# ---------------------------------------------------------------- incidents
class IncidentRow(Row, table=True):
    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_declared_at", "declared_at", "id"),
        Index("ix_incident_open", "declared_at", "id", **_where(OPEN_INCIDENT)),
        Index("ix_incident_status", "status", "declared_at", "id"),
        Index("ix_incident_severity", "severity", "declared_at", "id"),
        Index("ix_incident_number", "number", "day"),
    )
    id: str = kept(String, key=True)
    day: str = kept(String)  # day and number are the parts of the id, so that people may type less
    number: int = kept(BigInteger)
    n: int = kept(BigInteger)
    status: Status = kept(Word(Status))
    severity: Severity = kept(Word(Severity))
    title: Text = kept(Json(Text))
    declared_at: datetime = kept(Utc)
    declared_by: Actor = kept(Who)
    provisional: bool = kept(Boolean)
    title_en: str | None = kept(String, null=True)
    services: tuple[ServiceId, ...] = kept(Json(tuple[ServiceId, ...]))
    impact: Text = kept(Json(Text))
    extent: Extent = kept(Word(Extent), before="unknown")
    percent: int | None = kept(BigInteger, null=True)
    complaints: int = kept(BigInteger, before="0")
    asked: Asked | None = kept(Json(Asked), null=True)
    proposed: Severity | None = kept(Word(Severity), null=True)
    counted_from: datetime | None = kept(Utc, null=True)
    story: Story = kept(Json(Story), before="{}")
    commander: str | None = kept(String, null=True)
    commander_since: datetime | None = kept(Utc, null=True)
    offered_to: str | None = kept(String, null=True)
    handover: Handover = kept(Json(Handover), before="{}")
    roles: Mapping[str, PersonId] = kept(Json(dict[str, PersonId]))
    involved: tuple[PersonId, ...] = kept(Json(tuple[PersonId, ...]))
    invited: tuple[Invitee, ...] = kept(Json(tuple[Invitee, ...]))
    roll: Roll = kept(Json(Roll), before="{}")
    drill: bool = kept(Boolean)
    private: bool = kept(Boolean)
    automatic: bool = kept(Boolean)
    report: bool = kept(Boolean)
    by_rule: str | None = kept(String, null=True)
    marks: Mapping[Mark, datetime] = kept(Json(dict[Mark, datetime]))
    latest: Latest | None = kept(Json(Latest), null=True)
    next_update_by: datetime | None = kept(Utc, null=True)
    pace: Pace = kept(Json(Pace), before="{}")
    firing: int = kept(BigInteger)
    resolved: int = kept(BigInteger)
    groups: tuple[GroupId, ...] = kept(Json(tuple[GroupId, ...]))
    linked: tuple[IncidentId, ...] = kept(Json(tuple[IncidentId, ...]))
    bridge: str | None = kept(String, null=True)
    recovery: Text = kept(Json(Text))
    method: Method | None = kept(Word(Method), null=True)
    observe_until: datetime | None = kept(Utc, null=True)
    recovery_asked_at: datetime | None = kept(Utc, null=True)
    commander_nagged_at: datetime | None = kept(Utc, null=True)
    handled_since: datetime | None = kept(Utc, null=True)
    outcome: Outcome | None = kept(Word(Outcome), null=True)
    closed_at: datetime | None = kept(Utc, null=True)
    merged_into: str | None = kept(String, null=True)
    waiver: str | None = kept(String, null=True)
    waived_by: Actor | None = kept(Who, null=True)
    review: Review = kept(Json(Review), before="{}")
    held_back: bool = kept(Boolean)
    undelivered: int = kept(BigInteger)
    announcing: Announcing = kept(Json(Announcing), before="{}")
    waiting_rooms: tuple[tuple[RoomId, datetime], ...] = kept(Json(tuple[tuple[RoomId, datetime], ...]))
    home: str | None = kept(String, null=True)
    lang: str = kept(String)
    changed: Change | None = kept(Json(Change), null=True)
    actions: Actions = kept(Json(Actions), before='{"items":[],"closed_at":null}')
    muting: Muting = kept(Json(Muting), before="{}")
    recovering: Recovering = kept(Json(Recovering), before="{}")
    meeting: Meeting = kept(Json(Meeting), before="{}")


class IncidentPersonRow(Row, table=True):
    """Index `Incident.involved`: it answers what a person may see and what is theirs."""

    __tablename__ = "incident_person"
    __table_args__ = (
        Index("ix_incident_person_person", "person", "declared_at", "incident"),
        Index("ix_incident_person_open", "person", "declared_at", "incident", "open", **_where("open")),
    )
    incident: str = kept(String, key=True)
    person: str = kept(String, key=True)
    open: bool = kept(Boolean)
    declared_at: datetime = kept(Utc)


class IncidentServiceRow(Row, table=True):
    """Index `Incident.services`; `live` = pending, handling or recovered, so that new alerts may join it."""

    __tablename__ = "incident_service"
    __table_args__ = (
        Index("ix_incident_service_service", "service", "declared_at", "incident"),
        Index("ix_incident_service_open", "service", "declared_at", "incident", "live", "open", **_where("open")),
    )
    incident: str = kept(String, key=True)
    service: str = kept(String, key=True)
    open: bool = kept(Boolean)
    live: bool = kept(Boolean)
    declared_at: datetime = kept(Utc)


class EventRow(Row, table=True):
    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_incident", "incident", "n", unique=True),
        Index("ix_event_actor", "actor", "recorded_at", "seq"),
    )
    seq: int | None = kept(SERIAL, key=True, default=None)
    incident: str | None = kept(String, null=True)  # None = the organisation's own log
    n: int = kept(BigInteger)
    at: datetime = kept(Utc)
    recorded_at: datetime = kept(Utc)
    actor: Actor = kept(Who)
    kind: str = kept(String)
    v: int = kept(BigInteger)
    data: Mapping[str, Any] = kept(Json(dict[str, Any]))
    via: Via | None = kept(Json(Via), null=True)
    audience: str = kept(String)
    cause: str = kept(String)


class CapturedRow(Row, table=True):
    """Keep which message of a chat became which entry."""

    __tablename__ = "captured"
    connection: str = kept(String, key=True)
    chat: str = kept(String, key=True)
    message: str = kept(String, key=True)
    incident: str = kept(String)
    n: int = kept(BigInteger)


class FileBodyRow(Row, table=True):
    """Keep bytes, each once."""

    __tablename__ = "file_body"
    digest: str = kept(String, key=True)
    type: str = kept(String)
    body: bytes = kept(LargeBinary)


class EnclosedRow(Row, table=True):
    """Keep what became of a file of an entry."""

    __tablename__ = "enclosed"
    incident: str = kept(String, key=True)
    n: int = kept(BigInteger, key=True)
    file: int = kept(BigInteger, key=True)
    at: datetime = kept(Utc)
    digest: str = kept(String)
    size: int = kept(BigInteger)
    type: str = kept(String)
    missed: str = kept(String)


# ---------------------------------------------------------------- rooms and what they show
class RoomRow(Row, table=True):
    __tablename__ = "room"
    __table_args__ = (
        Index("ix_room_incident", "incident", "id"),
        Index("ix_room_automatic", "wanted_at", **_where("automatic")),
    )
    id: int | None = kept(SERIAL, key=True, default=None)
    incident: str = kept(String)
    connection: str = kept(String)
    state: RoomState = kept(Word(RoomState))
    lang: str = kept(String)
    generation: int = kept(BigInteger)
    told: int = kept(BigInteger)
    address: str | None = kept(String, null=True)
    home: bool = kept(Boolean)
    automatic: bool = kept(Boolean)
    link: str | None = kept(String, null=True)
    extra: str = kept(String)
    ways: str = kept(String)
    bound: bool = kept(Boolean)
    heard_on: str | None = kept(String, null=True)
    heard_at: str | None = kept(String, null=True)
    until: int | None = kept(BigInteger, null=True)
    wanted_at: datetime = kept(Utc)


class RoomAddressRow(Row, table=True):
    __tablename__ = "room_address"
    connection: str = kept(String, key=True)
    chat: str = kept(String, key=True)
    room: int = kept(BigInteger)
    ways: str = kept(String)  # in | out | both


class SpareRoomRow(Row, table=True):
    __tablename__ = "spare_room"
    __table_args__ = (
        Index("ix_spare_room_ready", "connection", "at", "chat", **_where("state = 'ready'")),
        Index("ix_spare_room_room", "room", **_where("room IS NOT NULL")),
    )
    connection: str = kept(String, key=True)
    chat: str = kept(String, key=True)
    state: SpareState = kept(Word(SpareState))
    at: datetime = kept(Utc)
    room: int | None = kept(BigInteger, null=True)


class ShownRow(Row, table=True):
    __tablename__ = "shown"
    slot: str = kept(String, key=True)
    ref: Ref = kept(Json(Ref))
    digest: str = kept(String)
    headline: str = kept(String)
    at: datetime = kept(Utc)
    generation: int = kept(BigInteger)


# ---------------------------------------------------------------- effects, buckets, timers
class EffectRow(Row, table=True):
    __tablename__ = "effect"
    __table_args__ = (
        Index("waiting", "lane", "kind", "target", unique=True, **_where(WAITING)),
        Index("send_key", "key", unique=True, **_where("NOT wish")),
        # Covering for the claim: rows of a backlog are passed over without being fetched.
        Index("ix_effect_due", "urgency", "id", "state", "run_at", "lease", "connection", "lane", **_where(OPEN_EFFECT)),
        Index("ix_effect_lane", "lane", "id", "state", **_where(OPEN_EFFECT)),
        Index("ix_effect_dead", "id", **_where("state = 'dead'")),
        Index("ix_effect_done", "settled_at", **_where("state = 'done'")),
        {"sqlite_autoincrement": True},  # the number of a swept effect never comes back
    )
    id: int | None = kept(SERIAL, key=True, default=None)
    kind: EffectKind = kept(Word(EffectKind))
    lane: str = kept(String)
    target: str = kept(String)
    connection: str = kept(String)
    wish: bool = kept(Boolean)
    state: EffectState = kept(Word(EffectState))
    urgency: Urgency = kept(Word(Urgency))
    run_at: datetime = kept(Utc)
    created_at: datetime = kept(Utc)
    attempts: int = kept(BigInteger)
    maybe_sent: bool = kept(Boolean)
    incident: str | None = kept(String, null=True)
    data: Mapping[str, Any] = kept(Json(dict[str, Any]))
    key: str | None = kept(String, null=True)
    lo: int | None = kept(BigInteger, null=True)
    hi: int | None = kept(BigInteger, null=True)
    code: str | None = kept(String, null=True)
    first_tried_at: datetime | None = kept(Utc, null=True)
    owner: str | None = kept(String, null=True)  # who runs it, until when
    lease: datetime | None = kept(Utc, null=True)
    settled_at: datetime | None = kept(Utc, null=True)


class BucketRow(Row, table=True):
    """Hold a shared rate limit: `tat` is GCRA's theoretical arrival time, `held_until` a platform's own word."""

    __tablename__ = "bucket"
    name: str = kept(String, key=True)
    tat: datetime = kept(Utc)
    held_until: datetime | None = kept(Utc, null=True)


class DeadlineRow(Row, table=True):
    __tablename__ = "deadline"
    __table_args__ = (Index("ix_deadline_due", "due", **_where(UNFIRED)),)
    incident: str = kept(String, key=True)
    kind: str = kept(String, key=True)
    slot: str = kept(String, key=True)
    due: datetime = kept(Utc)
    fired_for: datetime | None = kept(Utc, null=True)


# ---------------------------------------------------------------- alerts
class AlertRow(Row, table=True):
    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_filed", "filed", "state", "starts_at", **_where("filed IS NOT NULL")),
        Index("ix_alert_resolved", "last_seen", **_where("state = 'resolved'")),
    )
    source: str = kept(String, key=True)
    fingerprint: str = kept(String, key=True)
    state: AlertState = kept(Word(AlertState))
    starts_at: datetime = kept(Utc)
    as_of: datetime = kept(Utc)  # with rank, orders statements about one alert
    rank: int = kept(BigInteger)
    labels: Mapping[str, str] = kept(Json(dict[str, str]))
    annotations: Mapping[str, str] = kept(Json(dict[str, str]))
    ends_at: datetime | None = kept(Utc, null=True)
    group: str = kept(String)  # the source's own grouping
    url: str | None = kept(String, null=True)
    filed: int | None = kept(BigInteger, null=True)  # the alert group in which we file it
    last_seen: datetime = kept(Utc)


class AlertGroupRow(Row, table=True):
    __tablename__ = "alert_group"
    __table_args__ = (
        Index("open_key", "key", unique=True, **_where("open")),
        Index("ix_alert_group_key", "key", "id"),
        Index("ix_alert_group_incident", "incident", "id", **_where("incident IS NOT NULL")),
        Index("ix_alert_group_proposed", "id", **_where("state = 'proposed'")),
    )
    id: int | None = kept(SERIAL, key=True, default=None)
    key: str = kept(String)
    source: str = kept(String)
    state: GroupState = kept(Word(GroupState))
    open: bool = kept(Boolean)  # proposed, or attached to an incident that is not closed
    title: str = kept(String)
    first_at: datetime = kept(Utc)
    last_at: datetime = kept(Utc)
    rule: str = kept(String)
    reason: tuple[tuple[str, str], ...] = kept(Json(tuple[tuple[str, str], ...]))
    service: str | None = kept(String, null=True)
    severity: Severity | None = kept(Word(Severity), null=True)
    incident: str | None = kept(String, null=True)
    firing: int = kept(BigInteger)
    resolved: int = kept(BigInteger)
    truncated: int = kept(BigInteger)
    seen_by: Actor | None = kept(Who, null=True)
    seen_at: datetime | None = kept(Utc, null=True)
    quiet_until: datetime | None = kept(Utc, null=True)
    dismissed_why: str | None = kept(String, null=True)
    judged_by: Actor | None = kept(Who, null=True)
    judged_at: datetime | None = kept(Utc, null=True)
    flaps: int = kept(BigInteger)
    muted_until: datetime | None = kept(Utc, null=True)
    muted_by: Actor | None = kept(Who, null=True)
    mute_refused: str | None = kept(String, null=True)
    unclaimed_since: datetime | None = kept(Utc, null=True)
    unclaimed_calls: int = kept(BigInteger, before="0")


# ---------------------------------------------------------------- people
class PersonRow(Row, table=True):
    __tablename__ = "person"
    __table_args__ = (
        Index("ix_person_merged_into", "merged_into", **_where("merged_into IS NOT NULL")),
        Index("ix_person_manager", "manager", **_where("manager IS NOT NULL")),
    )
    id: str = kept(String, key=True)
    name: str = kept(String)
    email: str | None = kept(String, null=True)
    mobile: str | None = kept(String, null=True)
    lang: str | None = kept(String, null=True)
    tz: str | None = kept(String, null=True)
    active: bool = kept(Boolean)
    merged_into: str | None = kept(String, null=True)
    aliases: tuple[str, ...] = kept(Json(tuple[str, ...]))
    manager: str | None = kept(String, null=True)


class PersonNameRow(Row, table=True):
    """Index everything that a person is called, folded: id, name and aliases."""

    __tablename__ = "person_name"
    word: str = kept(String, key=True)
    person: str = kept(String, key=True)


class AccountRow(Row, table=True):
    __tablename__ = "account"
    __table_args__ = (Index("ix_account_person", "person", "connection"),)
    connection: str = kept(String, key=True)
    id: str = kept(String, key=True)
    person: str = kept(String)
    name: str = kept(String)
    locale: str | None = kept(String, null=True)
    tz: str | None = kept(String, null=True)
    outsider: bool = kept(Boolean)
    bot: bool = kept(Boolean)


class LinkCodeRow(Row, table=True):
    """Keep the digest of a code that links an account to a person, until it is used."""

    __tablename__ = "link_code"
    digest: str = kept(String, key=True)
    person: str = kept(String)
    connection: str = kept(String)
    until: datetime = kept(Utc)


class LookUpRow(Row, table=True):
    """Keep what came of looking a person up on a chat that does not have them, so that it is not asked again at once."""

    __tablename__ = "look_up"
    connection: str = kept(String, key=True)
    person: str = kept(String, key=True)
    sought: str = kept(String)
    code: str = kept(String)
    at: datetime = kept(Utc)


# ---------------------------------------------------------------- on call
class AskerRow(Row, table=True):
    """Keep who asked last how an incident stands, and when: those wait for its next update."""

    __tablename__ = "asker"
    incident: str = kept(String, key=True)
    person: str = kept(String, key=True)
    at: datetime = kept(Utc)


class SwapRow(Row, table=True):
    """Keep what people agreed about shifts; one that was taken back is not here any more, only in the log."""

    __tablename__ = "swap"
    __table_args__ = (Index("ix_swap_rotation", "rotation", "end"),)
    id: str = kept(String, key=True)
    rotation: str = kept(String)
    start: datetime = kept(Utc)
    end: datetime = kept(Utc)
    person: str = kept(String)
    before: str | None = kept(String, null=True)
    at: datetime = kept(Utc)


class RungRow(Row, table=True):
    """Count how often somebody was called by a way: what chats and vendors allow holds over all incidents."""

    __tablename__ = "rung"
    person: str = kept(String, key=True)
    way: str = kept(String, key=True)
    at: datetime = kept(Utc, key=True)


class FeedRow(Row, table=True):
    """Keep what a rotation's calendar said last, for when it cannot be read."""

    __tablename__ = "feed"
    rotation: str = kept(String, key=True)
    tried_at: datetime = kept(Utc)
    read_at: datetime | None = kept(Utc, null=True)
    until: datetime | None = kept(Utc, null=True)
    error: str = kept(String)
    slots: tuple[Slot, ...] = kept(Json(tuple[Slot, ...]))


# ---------------------------------------------------------------- action items
class ActionItemRow(Row, table=True):
    __tablename__ = "action_item"
    __table_args__ = (
        Index("ix_action_item_incident", "incident", "number"),
        Index("ix_action_item_who", "who", "due", "number", **_where(OPEN_ITEM)),
        Index("ix_action_item_verifier", "verifier", "due", "number", **_where(OPEN_ITEM)),
        Index("ix_action_item_open", "due", "number", **_where(OPEN_ITEM)),
    )
    number: int = kept(BigInteger, key=True)
    incident: str = kept(String)
    what: Text = kept(Json(Text))
    state: ItemState = kept(Word(ItemState))
    added_at: datetime = kept(Utc)
    by: str | None = kept(String, null=True)
    who: str | None = kept(String, null=True)
    due: date | None = kept(Day)
    acceptance: Text = kept(Json(Text))
    verifier: str | None = kept(String, null=True)
    why: Text = kept(Json(Text))
    where: Text = kept(Json(Text))
    how: Text = kept(Json(Text))
    sort: ItemSort | None = kept(Word(ItemSort), null=True)
    priority: Priority = kept(Word(Priority))
    extensions: int = kept(BigInteger)
    asked_due: date | None = kept(Day)
    asked_why: Text = kept(Json(Text))
    evidence: Text = kept(Json(Text))
    returned: Text = kept(Json(Text))
    assigned_at: datetime | None = kept(Utc, null=True)
    taken_at: datetime | None = kept(Utc, null=True)
    done_at: datetime | None = kept(Utc, null=True)
    accepted_at: datetime | None = kept(Utc, null=True)


# ---------------------------------------------------------------- announcements
class SubscriptionRow(Row, table=True):
    __tablename__ = "subscription"
    __table_args__ = (Index("ix_subscription_about", "about"),)
    person: str = kept(String, key=True)
    key: str = kept(String, key=True)
    service: str | None = kept(String, null=True)
    severity: Severity | None = kept(Word(Severity), null=True)
    about: str | None = kept(String, null=True)
    at: datetime = kept(Utc)


# ---------------------------------------------------------------- what may be pressed for a while
class MenuRow(Row, table=True):
    __tablename__ = "menu"
    __table_args__ = (Index("ix_menu_at", "at"),)
    spot: str = kept(String, key=True)
    source: str = kept(String)
    choices: tuple[str, ...] = kept(Json(tuple[str, ...]))
    at: datetime = kept(Utc)
    was: tuple[str, ...] = kept(Json(tuple[str, ...]))


class FormLinkRow(Row, table=True):
    """Keep a link to a web form; what is kept does not open it."""

    __tablename__ = "form_link"
    __table_args__ = (Index("ix_form_link_until", "until"),)
    hash: str = kept(String, key=True)
    connection: str = kept(String)
    account: str = kept(String)
    chat: str = kept(String)
    press: str = kept(String)
    until: datetime = kept(Utc)


def table(row: type[Row]) -> Table:
    """Give the Core table of a row class."""
    return Row.metadata.tables[str(row.__tablename__)]


DELIVERY = table(DeliveryRow)
COUNTER = table(CounterRow)
SOURCE = table(SourceRow)
INCIDENT = table(IncidentRow)
INCIDENT_PERSON = table(IncidentPersonRow)
INCIDENT_SERVICE = table(IncidentServiceRow)
EVENT = table(EventRow)
CAPTURED = table(CapturedRow)
FILE_BODY = table(FileBodyRow)
ENCLOSED = table(EnclosedRow)
ROOM = table(RoomRow)
ROOM_ADDRESS = table(RoomAddressRow)
SPARE_ROOM = table(SpareRoomRow)
SHOWN = table(ShownRow)
EFFECT = table(EffectRow)
BUCKET = table(BucketRow)
DEADLINE = table(DeadlineRow)
ALERT = table(AlertRow)
ALERT_GROUP = table(AlertGroupRow)
PERSON = table(PersonRow)
PERSON_NAME = table(PersonNameRow)
ACCOUNT = table(AccountRow)
LINK_CODE = table(LinkCodeRow)
LOOK_UP = table(LookUpRow)
ASKER = table(AskerRow)
SWAP = table(SwapRow)
FEED = table(FeedRow)
ACTION_ITEM = table(ActionItemRow)
SUBSCRIPTION = table(SubscriptionRow)
RUNG = table(RungRow)
MENU = table(MenuRow)
FORM_LINK = table(FormLinkRow)
