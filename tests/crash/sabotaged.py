"""Three builds with one line broken, and the lives that must notice it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.crash.build import Break
from tests.crash.plan import AtCall, AtInbound, Boundary, Plan


@dataclass(frozen=True, slots=True)
class Sabotaged:
    """Join a broken line with the lives of which at least one must fail."""

    broken: Break
    plans: tuple[Plan, ...]
    checks: frozenset[str]  # one of these must notice it: a build that is merely unable to run proves nothing


_ROOM = "/rooms/ROOM/messages"

SABOTAGED = (
    Sabotaged(
        Break(
            "ack before commit",
            "a delivery was answered before it was committed",
            "store/writer.py",
            'self._raw.execute("COMMIT")',
            'self._tell(taken), time.sleep(0.02), self._raw.execute("COMMIT")',
        ),
        tuple(Plan(f"delivery {index} at its answer", AtInbound(index, None)) for index in (3, 4)),
        frozenset({"accepted is stored", "accepted once", "seen"}),
    ),
    Sabotaged(
        Break(
            "no reconcile",
            "a message of unknown outcome was sent again as if it were new, neither looked up nor marked",
            "bot/engine/outbox.py",
            "if effect.maybe_sent and not call.again:",
            "if False:",
        ),
        tuple(
            Plan(f"{boundary}, applied", AtCall(boundary, "applied"))
            for boundary in (Boundary("POST", _ROOM, n) for n in (2, 3, 4))
        ),
        frozenset({"marked"}),
    ),
    Sabotaged(
        Break(
            "no once-key",
            "a repeated delivery ran again",
            "bot/engine/intake.py",
            "uow.keep_delivery(inbound.connection, inbound.key, msgspec.json.encode(reply), now)",
            "pass",
        ),
        (Plan("each delivery 3 times, one after the other", repeat=3),),
        frozenset({"accepted once", "repeat"}),
    ),
)
