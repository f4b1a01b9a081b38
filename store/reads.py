"""Everything that can be read, as one viewer."""

from __future__ import annotations

from store.alerts import AlertReads
from store.buckets import CountReads
from store.deliveries import DeliveryReads
from store.groups import GroupReads
from store.incidents import IncidentReads
from store.items import ItemReads
from store.menus import MenuReads
from store.oncall import OnCallReads
from store.people import PeopleReads
from store.queue import QueueReads
from store.rooms import RoomReads
from store.stats import StatsReads


class StoreReads(
    IncidentReads, RoomReads, GroupReads, AlertReads, PeopleReads, QueueReads, DeliveryReads, MenuReads, CountReads, OnCallReads,
    ItemReads, StatsReads,
):  # fmt: skip
    """Implement `Reads` over one link: what the viewer may not see is as if it were not there."""
