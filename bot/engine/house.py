"""What every execution needs to know of this installation, built once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.command import Declaration
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.policy import Policy
from bot.model.room import Room, RoomState
from bot.model.routing import Routing
from bot.model.service import Catalog
from bot.ports import Capability, Clock, Limits, Medium, Rate, Reads
from bot.prose import Prose, Show

if TYPE_CHECKING:
    from bot.engine.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class House:
    """Hold the rules, the catalog, the words and the chats' abilities; nothing in it changes while running."""

    install: str
    policy: Policy
    catalog: Catalog
    routing: Routing
    prose: Prose
    declarations: Mapping[str, Declaration]
    vocabulary: Vocabulary
    clock: Clock
    capabilities: Mapping[ConnectionId, frozenset[Capability]] = field(default_factory=dict)
    limits: Mapping[ConnectionId, Limits] = field(default_factory=dict)
    channels: Mapping[ConnectionId, Medium] = field(default_factory=dict)  # that reach people outside chats
    rates: Mapping[ConnectionId, tuple[Rate, ...]] = field(default_factory=dict)  # of channels
    public_url: str | None = None  # where the world reaches our own pages

    def can(self, connection: ConnectionId, capability: Capability) -> bool:
        """Say whether a connection can do something."""
        return capability in self.capabilities.get(connection, frozenset())

    def rooms_of(self, connection: ConnectionId) -> ConnectionId:
        """Give where rooms open for what is said on a connection: one that opens none may hear for another that does."""
        other = self.policy.hears_for.get(connection, connection)
        there = not self.can(connection, Capability.OPEN_ROOM) and self.can(other, Capability.OPEN_ROOM)
        return other if there else connection

    def clickable(self, connection: ConnectionId) -> bool:
        """Say whether something can be offered below a text there: by buttons or by numbers."""
        return self.can(connection, Capability.CARD) or self.limits[connection].menus

    def pace(self, connection: ConnectionId) -> timedelta:
        """Give how far apart the edits of one card must be there: the policy's pace, or the chat's where that is slower."""
        limits = self.limits.get(connection)
        return max(self.policy.card_pace, timedelta(seconds=limits.edit_pace if limits is not None else 0))

    def hail(self, room: Room) -> str:
        """Give what must stand before a typed command in a room, or where to type it if nobody hears there."""
        if room.state is RoomState.NEEDS_BOT:
            return self.prose.label("hail_direct", room.lang)
        return self.limits[room.heard_on or room.connection].hail

    def day(self, at: datetime) -> str:
        """Give the day of an instant in the configured time zone, as YYYYMMDD."""
        return at.astimezone(ZoneInfo(self.policy.timezone)).strftime("%Y%m%d")

    def show(self, reads: Reads, lang: str, now: datetime, tz: str | None = None, hail: str = "") -> Show:
        """Build how to show things to one reader or room; names are looked up in the store when shown."""
        names: dict[PersonId, str] = {}

        def name(ident: PersonId) -> str:
            if ident not in names:
                person = reads.person(ident)
                names[ident] = person.name if person is not None else ""
            return names[ident]

        zone = tz or self.policy.timezone
        heard_for = self.policy.hears_for
        return Show(
            lang, zone, now, name, self.catalog.label, hail, platform=self.policy.title,
            heard_for=lambda connection: heard_for.get(connection, connection), rotation=self.catalog.shift_label,
        )  # fmt: skip

    def owns(self, person: PersonId, incident: Incident) -> bool:
        """Say whether a person owns an affected service."""
        return person in self.catalog.owners(incident.services)

    def standing(self, person: PersonId, outsider: bool, incident: Incident | None, on_call: bool = False) -> Standing:
        """Compute what a person is to an incident at this moment; without an incident, to the organisation.

        `on_call` = for one of its services, without an incident for any. While nobody commands, every responder may do what a
        commander may.
        """
        if outsider:
            return Standing.OUTSIDER
        if person in self.policy.admins:
            return Standing.ADMIN
        if incident is None:
            owner = any(person in service.owners() for service in self.catalog.services.values())
            return Standing.RESPONDER if owner or on_call or self.policy.authority == "open" else Standing.MEMBER
        if incident.commander == person:
            return Standing.COMMANDER
        involved = person in incident.involved or person in incident.roles.values() or self.owns(person, incident)
        if not (involved or on_call) and self.policy.authority != "open":
            return Standing.MEMBER
        return Standing.COMMANDER if incident.commander is None else Standing.RESPONDER
