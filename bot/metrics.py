"""What the process counts and measures, in a registry of its own, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STATES = ("todo", "running", "dead")


class Metrics:
    """Hold every series; labels are connections, commands, kinds and outcomes, never people, chats or incidents."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        ProcessCollector(registry=r)
        Info("warroom", "The build.", registry=r).info({"version": build()})
        by_delivery = ("connection", "outcome")
        self._deliveries = Counter("warroom_deliveries", "Deliveries from chats.", by_delivery, registry=r)
        self._answered = Histogram("warroom_delivery_seconds", "Receipt to answer.", ("connection",), buckets=_FAST, registry=r)
        self._commands = Histogram("warroom_command_seconds", "Commands.", ("command",), buckets=_FAST, registry=r)
        by_effect = ("kind", "connection", "outcome")
        self._effects = Counter("warroom_effects", "Attempts at effects.", by_effect, registry=r)
        self._calls = Histogram("warroom_effect_seconds", "Attempts at effects.", ("kind",), buckets=_SLOW, registry=r)
        self._queue = Gauge("warroom_queue", "Effects by state.", ("state",), registry=r)
        self._dead = Gauge("warroom_dead_letters", "Effects given up; see `warroom dead list`.", registry=r)
        self._tasks = Gauge("warroom_tasks", "Tasks of the event loop, every few seconds.", registry=r)
        self._alerts = Counter("warroom_alerts", "Alerts received.", ("source", "change"), registry=r)
        self._postings = Counter("warroom_postings", "Webhook bodies received.", ("source", "outcome"), registry=r)
        self._waits = Counter("warroom_rate_limit_waits", "Calls put off by a rate limit.", ("connection",), registry=r)
        self._timers = Counter("warroom_timers_fired", "Timers that fired.", ("kind", "late"), registry=r)
        self._slow = Gauge("warroom_chat_slow", "1 while a chat answers late or not at all.", ("connection",), registry=r)
        self._look_ups = Counter("warroom_look_ups", "People looked up on chats.", ("connection", "outcome"), registry=r)
        self._metered = Gauge("warroom_metered_calls", "Calls of the period that a contract counts.", ("connection",), registry=r)
        self._allowed = Gauge("warroom_metered_calls_allowed", "Calls that it allows.", ("connection",), registry=r)
        self._errors = Counter("warroom_loop_errors", "Bugs caught at a loop's edge.", ("loop",), registry=r)
        self.queue({})

    def delivery(self, connection: str, outcome: str, took: float) -> None:
        """Count one delivery of a chat and measure it from receipt to answer, in seconds."""
        self._deliveries.labels(connection, outcome).inc()
        self._answered.labels(connection).observe(took)

    def command(self, name: str, took: float) -> None:
        """Measure one declared command, in seconds."""
        self._commands.labels(name).observe(took)

    def effect(self, kind: str, connection: str, outcome: str, took: float) -> None:
        """Count one attempt at an effect and measure it, in seconds."""
        self._effects.labels(kind, connection, outcome).inc()
        self._calls.labels(kind).observe(took)

    def queue(self, counts: Mapping[str, int]) -> None:
        """Set how many effects are todo, running and dead now."""
        for state in _STATES:
            self._queue.labels(state).set(counts.get(state, 0))
        self._dead.set(counts.get("dead", 0))

    def tasks(self, count: int) -> None:
        """Set how many tasks the event loop has now."""
        self._tasks.set(count)

    def posting(self, source: str, outcome: str) -> None:
        """Count one webhook body by what became of it."""
        self._postings.labels(source, outcome).inc()

    def alerts(self, source: str, change: str, number: int = 1) -> None:
        """Count alerts of a source by what they changed: firing, resolved or same."""
        self._alerts.labels(source, change).inc(number)

    def limited(self, connection: str) -> None:
        """Count one call put off by a rate limit."""
        self._waits.labels(connection).inc()

    def timer(self, kind: str, *, late: bool) -> None:
        """Count one timer that fired."""
        self._timers.labels(kind, str(late).lower()).inc()

    def slow(self, connection: str, slow: bool) -> None:
        """Set whether a chat answers late or not at all."""
        self._slow.labels(connection).set(slow)

    def look_up(self, connection: str, outcome: str) -> None:
        """Count one person looked up on a chat by what came of it."""
        self._look_ups.labels(connection, outcome).inc()

    def metered(self, connection: str, used: int, most: int) -> None:
        """Set how many calls of the present period are known, and how many the chat's contract allows."""
        self._metered.labels(connection).set(used)
        self._allowed.labels(connection).set(most)

    def loop_error(self, loop: str) -> None:
        """Count one unexpected error that a loop survived."""
        self._errors.labels(loop).inc()

    def text(self) -> bytes:
        """Give everything in the text format 0.0.4 of Prometheus."""
        return generate_latest(self.registry)


def build() -> str:
    """Give the version of the installed product."""
    try:
        return version("warroom")
    except PackageNotFoundError:  # run from a bare checkout
        return "unknown"
