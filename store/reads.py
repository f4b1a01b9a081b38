"""Everything that can be read, as one viewer."""

from __future__ import annotations

from store.alerts import AlertReads
from store.announcing import AnnouncingReads
from store.askers import AskerReads
from store.buckets import CountReads
from store.deliveries import DeliveryReads
from store.files import FileReads
from store.groups import GroupReads
from store.incidents import IncidentReads
from store.items import ItemReads
from store.ladder import LadderReads
from store.menus import MenuReads
from store.oncall import OnCallReads
from store.people import PeopleReads
from store.queue import QueueReads
from store.rooms import RoomReads
from store.stats import StatsReads
from store.story import StoryReads


class StoreReads(
    IncidentReads, RoomReads, GroupReads, AlertReads, PeopleReads, QueueReads, DeliveryReads, MenuReads, CountReads, OnCallReads,
    ItemReads,
    StoryReads,
    AskerReads,
    AnnouncingReads,
    LadderReads,
    StatsReads,
    FileReads,
):  # fmt: skip
    """Implement `Reads` over one link: what the viewer may not see is as if it were not there."""
