"""Everything that can be written, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Viewer
from bot.ports import Reads
from store.alerts import AlertWrites
from store.announcing import AnnouncingWrites
from store.askers import AskerWrites
from store.buckets import BucketWrites
from store.deliveries import DeliveryWrites
from store.files import FileWrites
from store.groups import Foreseen, GroupWrites
from store.incidents import IncidentWrites
from store.items import ItemWrites
from store.ladder import LadderWrites
from store.menus import MenuWrites
from store.oncall import OnCallWrites
from store.people import PeopleWrites
from store.queue import QueueWrites
from store.reads import StoreReads
from store.rooms import RoomWrites
from store.statement import Link
from store.stats import StatsReads
from store.story import StoryWrites
from store.timers import TimerWrites

T = TypeVar("T")
G = TypeVar("G")


class Unit(
    IncidentWrites,
    RoomWrites,
    GroupWrites,
    AlertWrites,
    PeopleWrites,
    QueueWrites,
    DeliveryWrites,
    BucketWrites,
    TimerWrites,
    MenuWrites,
    OnCallWrites,
    ItemWrites,
    StoryWrites,
    AskerWrites,
    AnnouncingWrites,
    LadderWrites,
    StatsReads,
    FileWrites,
):
    """Implement `UnitOfWork` for one run of one job; `queued` = the outbox has something to look at after the commit."""

    def __init__(self, link: Link) -> None:
        super().__init__(link, ALL_SEEING)
        self.queued = False
        self._known: dict[str, Incident] = {}
        self._drawn: set[str] = set()
        self._foreseen = Foreseen()

    def reads(self, viewer: Viewer) -> Reads:
        return StoreReads(self.link, viewer)


def done(job: Callable[[G], T], given: G) -> T:
    """Run a job, turning the one exception that no future can carry: it would leave whoever asked waiting for ever."""
    try:
        return job(given)
    except StopIteration as error:
        raise RuntimeError("the job ended by a StopIteration") from error
