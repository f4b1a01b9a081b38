"""Identifiers: ours are opaque strings, outside ids always travel with their connection."""

from __future__ import annotations

from typing import NewType

IncidentId = NewType("IncidentId", str)  # F-20240520-001, day in the configured time zone
PersonId = NewType("PersonId", str)  # roster key, or "p-<n>" when met in a chat first
ServiceId = NewType("ServiceId", str)  # key in the catalog
RotationId = NewType("RotationId", str)  # key of an on-call rotation
RoomId = NewType("RoomId", int)
GroupId = NewType("GroupId", int)  # typed by people as A-<n>
ConnectionId = NewType("ConnectionId", str)  # config key of a chat connection
EffectId = NewType("EffectId", int)


def group_word(group: GroupId) -> str:
    """Spell an alert group as people type it, `A-1029`."""
    return f"A-{group}"
