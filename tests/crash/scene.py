"""The chat in which a life is played: its stand-in, the script as its people play it, and what it shows at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.sandbox.faults import Call, CallLog, Fault, Faults
from tests.crash.plan import Boundary, Plan

if TYPE_CHECKING:
    from tests.crash.world import World

TOKEN = "a-token-of-the-crash-proof"
NOWHERE = "http://127.0.0.1:9"
FACTS = (  # of each thing that people say or press, in order
    "IncidentConfirmed", "CommanderChanged", "NoteAdded", "UpdatePosted", "IncidentRecovered", "IncidentClosed",
)  # fmt: skip
MARK = "（重发） "
OBSERVATION = CLOSE_AFTER = "1s"


class Failed(AssertionError):
    """Say which check failed, and how."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(f"{check}: {what}")
        self.check = check


class Scene(ABC):
    """Be one chat for one life. `begun` and `answered` are called with a delivery's id: first sent, first taken."""

    name: ClassVar[str]
    connection: ClassVar[str]
    room_rows: ClassVar[tuple[str, ...]] = ("closed",)  # how the rows of its rooms end, in the order of their making
    worked: ClassVar[float]  # seconds within which a delivery is answered as a rule
    inbound: ClassVar[int] = len(FACTS) + 2  # deliveries: what people do, and two posts of the monitoring system
    faults: Faults
    log: CallLog
    again: int = 0  # how often people had to do something again, having been told that it failed

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        self.plan, self.begun, self.answered = plan, begun, answered

    # ------------------------------------------------------------ the stand-in
    @classmethod
    @abstractmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the bot's configuration file; without a scene it serves to migrate a database only."""

    @abstractmethod
    def serving(self) -> AbstractAsyncContextManager[str]:
        """Serve the stand-in and give its address."""

    @abstractmethod
    def meet(self, bot_url: str) -> None:
        """Learn where the bot listens now."""

    # ------------------------------------------------------------ its calls
    @abstractmethod
    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call without what differs from life to life; None = it is no boundary."""

    def boundaries(self) -> list[Boundary]:
        """Name the calls of the log, in the order in which they came."""
        seen: Counter[tuple[str, str]] = Counter()
        named = []
        for call in self.log.calls:
            spot = self.spot(call)
            if spot is not None:
                seen[spot] += 1
                named.append(Boundary(*spot, seen[spot]))
        return named

    def hold(self, boundary: Boundary, when: str) -> None:
        """Hold the call at a boundary."""
        self.faults.ask(_AtBoundary(self, boundary, when))

    def refused(self) -> list[Call]:
        """List the calls that the chat refused."""
        return [call for call in self.log.calls if call.outcome not in (200, 204) or not call.applied]

    # ------------------------------------------------------------ the life
    @abstractmethod
    async def play(self, world: World, url: str) -> None:
        """Play the script to its end."""

    @abstractmethod
    async def send_again(self) -> None:
        """Deliver everything once more; raises `Failed` where an answer is not the first one."""

    @abstractmethod
    def stored(self, world: World, ident: str) -> bool:
        """Say whether an accepted delivery is in the database."""

    def lasting(self, effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out the rows of effects that a repeated delivery may add, as what they bring about is there already."""
        return effects

    # ------------------------------------------------------------ what is there at the end
    @abstractmethod
    def said(self) -> list[dict[str, Any]]:
        """List what the chat holds and a repeated delivery must not change."""

    @abstractmethod
    def seen(self, world: World) -> dict[str, Any]:
        """Give what people see at the end, without instants."""

    @abstractmethod
    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """List what does not hold of what people said and the chat accepted."""

    @abstractmethod
    def wrong(self, world: World) -> Iterator[Failed]:
        """List what does not hold of what the chat shows."""

    @abstractmethod
    def repeats(self) -> int:
        """Count the messages that are marked as sent again."""


class _AtBoundary(Fault):
    """Hold the call that a boundary names."""

    def __init__(self, scene: Scene, boundary: Boundary, when: str) -> None:
        super().__init__("hold", when=when)
        self.scene, self.boundary, self.left = scene, boundary, boundary.nth

    def strikes(self, call: Call) -> bool:
        """Say whether this is the call, counting those of its name."""
        if self.scene.spot(call) != (self.boundary.method, self.boundary.path):
            return False
        self.left -= 1
        return self.left == 0
