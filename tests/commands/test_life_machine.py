"""Random people give random commands while time goes by: the rules of an incident's life hold whatever they do."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.errors import Refused
from bot.model import event as ev
from bot.model.deadline import deadlines
from bot.model.event import Mark, Status, decode, encode
from bot.model.ids import IncidentId
from bot.model.incident import TRANSITIONS, Incident, Outcome, apply, fold
from bot.model.postmortem import ReviewState
from bot.model.severity import Severity
from bot.model.text import plain
from tests.commands.fakes import ORDER, PAY, World, person

PEOPLE = ("li", "wang", "zhao", "chen", "zhang", "root")
who = st.sampled_from(PEOPLE)
levels = st.sampled_from(Severity)
reasons = st.sampled_from(("", "又告警了", "x"))
force = st.sampled_from((None, None, "指挥官失联"))
ago = st.sampled_from((None, 0, 3, 40))
which = st.integers(0, 2)
# What a fact may follow on, finer than the transitions: a recovered incident is not a false alarm any more.
FAR = datetime(9999, 1, 1, tzinfo=UTC)
TIMERS = frozenset({"end_observation", "nag_commander", "nudge_update", "ask_update", "escalate_update", "end_offer", "end_duty"})
ONLY_FROM: dict[type[ev.Payload], frozenset[Status]] = {
    ev.IncidentConfirmed: frozenset({Status.PENDING}),
    ev.IncidentDismissed: frozenset({Status.PENDING, Status.HANDLING}),
    ev.IncidentCancelled: frozenset({Status.PENDING, Status.HANDLING}),
    ev.IncidentRecovered: frozenset({Status.HANDLING}),
    ev.ObservationEnded: frozenset({Status.RECOVERED}),
    ev.IncidentReopened: frozenset({Status.RECOVERED, Status.REVIEWING, Status.CLOSED}),
    ev.IncidentClosed: frozenset({Status.RECOVERED, Status.REVIEWING}),
    ev.IncidentMerged: frozenset(Status) - {Status.CLOSED},
}


class Life(RuleBasedStateMachine):
    """Drive a small organisation."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(postmortem_measures=0)

    @initialize(severity=levels)
    def first(self, severity: Severity) -> None:
        self.give("declare", "li", None, title="支付失败", severity=severity, services=(PAY,))

    # ------------------------------------------------------------ what people do
    def pick(self, n: int) -> Incident:
        known = list(self.world.incidents.values())
        return known[n % len(known)]

    def give(self, name: str, by: str, incident: Incident | None, force: str | None = None, **given: Any) -> None:
        """Give a command; a refusal must leave everything as it is."""
        before = (dict(self.world.incidents), len(self.world.history), dict(self.world.groups))
        try:
            self.world.run(name, by, incident, force=force, **given)
        except Refused:
            assert before == (self.world.incidents, len(self.world.history), self.world.groups)

    def before(self, minutes: int | None) -> Any:
        return None if minutes is None else self.world.now - timedelta(minutes=minutes)

    @precondition(lambda self: len(self.world.incidents) < 3)
    @rule(
        by=who,
        severity=st.none() | levels,
        service=st.sampled_from(((), (PAY,), (ORDER,))),
        new=st.booleans(),
        drill=st.booleans(),
    )
    def declare(self, by: str, severity: Severity | None, service: Any, new: bool, drill: bool) -> None:
        self.give("declare", by, None, title="又一个", severity=severity, services=service, new=new, drill=drill)

    @precondition(lambda self: len(self.world.incidents) < 3)
    @rule(by=who, service=st.sampled_from(((), (PAY,))), alerts=st.booleans(), private=st.booleans())
    def declare_with_alerts_or_report(self, by: str, service: Any, alerts: bool, private: bool) -> None:
        if alerts:
            group = self.world.alerts(len(self.world.groups) + 1)
            self.give("declare", by, None, groups=(group,), private=private, new=True)
        else:
            self.give("report", by, None, text="有人付不了", services=service)

    @rule(by=who, n=which, severity=st.none() | levels)
    def confirm(self, by: str, n: int, severity: Severity | None) -> None:
        self.give("confirm", by, self.pick(n), to=severity)

    @rule(by=who, n=which, reason=reasons, force=force)
    def dismiss(self, by: str, n: int, reason: str, force: str | None) -> None:
        self.give("dismiss", by, self.pick(n), force, reason=reason)

    @rule(by=who, n=which, to=levels, force=force)
    def severity(self, by: str, n: int, to: Severity, force: str | None) -> None:
        self.give("severity", by, self.pick(n), force, to=to)

    @rule(by=who, n=which, to=st.none() | who, force=force)
    def commander(self, by: str, n: int, to: str | None, force: str | None) -> None:
        self.give("commander", by, self.pick(n), force, who=person(to) if to else None)

    @rule(by=who, n=which, minutes=ago, force=force)
    def recover(self, by: str, n: int, minutes: int | None, force: str | None) -> None:
        self.give("recover", by, self.pick(n), force, at=self.before(minutes))

    @rule(by=who, n=which, reason=reasons, force=force)
    def reopen(self, by: str, n: int, reason: str, force: str | None) -> None:
        self.give("reopen", by, self.pick(n), force, reason=reason)

    @rule(by=who, n=which, waiver=st.none() | reasons, force=force)
    def close(self, by: str, n: int, waiver: str | None, force: str | None) -> None:
        self.give("close", by, self.pick(n), force, waiver=waiver)

    @rule(by=who, n=which, act=st.sampled_from(("write", "write", "submit", "approve", "publish", "return")))
    def review(self, by: str, n: int, act: str) -> None:
        if act == "write":
            text = {name: plain("x") for name in ("cause", "trigger", "found_by", "scope")}
            self.give("postmortem", by, self.pick(n), base="", **text)
        elif act == "return":
            self.give("return-postmortem", by, self.pick(n), reason="x")
        else:
            before = self.pick(n)
            self.give("postmortem", by, before, act=act)
            approved = self.pick(n).review.state is ReviewState.APPROVED and before.review.state is ReviewState.SUBMITTED
            own = by in (before.review.submitted_by, before.review.owner)
            assert not (approved and own and before.severity is Severity.P1)

    def review_whole(self, n: int, by: tuple[str, ...]) -> None:
        for who, act in zip(by, ("write", "submit", "return", "submit", "approve", "publish"), strict=True):
            self.review(who, n, act)

    @rule(by=who, n=which, reason=reasons, force=force)
    def waive(self, by: str, n: int, reason: str, force: str | None) -> None:
        self.give("waive", by, self.pick(n), force, reason=reason)

    @rule(by=who, n=which, m=which, force=force)
    def merge(self, by: str, n: int, m: int, force: str | None) -> None:
        self.give("merge", by, self.pick(n), force, other=self.pick(m))

    @rule(by=who, n=which, m=which, what=st.sampled_from(("link", "unlink")), alerts=st.booleans())
    def tie(self, by: str, n: int, m: int, what: str, alerts: bool) -> None:
        groups = tuple(self.world.groups.values())
        given: dict[str, Any] = {"groups": (groups[m % len(groups)],)} if alerts and groups else {"other": self.pick(m)}
        self.give(what, by, self.pick(n), **given)

    @rule(by=who, n=which, mark=st.sampled_from(Mark), minutes=ago)
    def mark(self, by: str, n: int, mark: Mark, minutes: int | None) -> None:
        self.give("mark", by, self.pick(n), mark=mark, at=self.before(minutes))

    @rule(by=who, n=which, what=st.sampled_from(("note", "update", "impact", "title")), minutes=ago)
    def tell(self, by: str, n: int, what: str, minutes: int | None) -> None:
        self.give(
            what,
            by,
            self.pick(n),
            text=f"第{len(self.world.history)}条",
            **({"at": self.before(minutes)} if what == "note" else {}),
        )

    @rule(by=who, n=which, to=who, what=st.sampled_from(("role", "invite", "join")))
    def people(self, by: str, n: int, to: str, what: str) -> None:
        given = {"role": {"role": "scribe", "who": person(to)}, "invite": {"people": (person(to),)}, "join": {}}[what]
        self.give(what, by, self.pick(n), **given)

    @rule(by=who, n=which)
    def undo(self, by: str, n: int) -> None:
        self.give("undo", by, self.pick(n))

    @rule(by=who, n=which, what=st.sampled_from(("status", "brief", "timeline", "why", "help")))
    def ask(self, by: str, n: int, what: str) -> None:
        """Every state can be told, in both languages."""
        recorded = len(self.world.history)
        self.give(what, by, self.pick(n))
        assert len(self.world.history) == recorded

    @rule(by=who, n=which, force=st.none() | st.just("指挥官失联"))
    def decline(self, by: str, n: int, force: str | None) -> None:
        self.give("decline", by, self.pick(n), force=force, reason="在忙")

    @rule(by=who, n=which, force=st.none() | st.just("指挥官失联"), how=st.sampled_from(({"text": "20m"}, {"act": "snooze"}, {})))
    def cadence(self, by: str, n: int, force: str | None, how: dict[str, str]) -> None:
        self.give("cadence", by, self.pick(n), force=force, **how)

    @rule(by=who, n=which)
    def nothing_new(self, by: str, n: int) -> None:
        self.give("update", by, self.pick(n), same="yes")

    @rule(seconds=st.sampled_from((1, 20, 61, 200, 1000, 2000)))
    def time_goes_by(self, seconds: int) -> None:
        self.world.later(seconds=seconds)
        for incident in list(self.world.incidents.values()):
            for (kind, slot), due in sorted(deadlines(incident, self.world.policy, self.world.catalog).items()):
                if kind in TIMERS and due <= self.world.now:
                    self.world.tick(kind, self.world.now_of(incident), due)
                    again = deadlines(self.world.now_of(incident), self.world.policy, self.world.catalog)
                    # A nudge that came too late is given up, and its timer has fired for this due.
                    assert kind == "nudge_update" or again.get((kind, slot), FAR) > self.world.now, f"{kind} would fire for ever"

    # ------------------------------------------------------------ what holds
    def teardown(self) -> None:
        self.every_status_came_by_a_transition()
        self.the_log_folded_is_the_incident()

    def every_status_came_by_a_transition(self) -> None:
        for ident, log in self.world.logs.items():
            state: Incident | None = None
            for event in log:
                following = apply(state, event, ident)
                if state is not None and type(event.payload) in ONLY_FROM:
                    assert state.status in ONLY_FROM[type(event.payload)], (state.status, event)
                if state is not None and following.status is not state.status:
                    assert following.status in TRANSITIONS[state.status], (state.status, event)
                state = following

    def the_log_folded_is_the_incident(self) -> None:
        for ident, incident in self.world.incidents.items():
            log = self.world.logs[ident]
            assert [event.n for event in log] == list(range(1, len(log) + 1))
            assert fold(ident, log) == incident
            stored = [decode(*encode(event.payload)) for event in log]
            assert stored == [event.payload for event in log]

    @invariant()
    def an_ended_incident_says_how_it_ended(self) -> None:
        for incident in self.world.incidents.values():
            assert (incident.status is Status.CLOSED) == (incident.outcome is not None) == (incident.closed_at is not None)
            assert (incident.outcome is Outcome.MERGED) == (incident.merged_into is not None)
            if incident.outcome is Outcome.DONE and incident.severity.grave and not incident.drill:
                assert (incident.waiver and incident.waived_by is not None) or incident.review.state is ReviewState.PUBLISHED
            if incident.observe_until is not None:
                assert incident.status is Status.RECOVERED
            if incident.commander is not None:
                assert incident.commander in incident.involved

    @invariant()
    def whoever_goes_over_their_standing_says_why(self) -> None:
        for _, event in self.world.history[-3:]:
            if isinstance(event.payload, ev.Forced):
                assert event.payload.reason


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking such a life takes minutes
)


# ---------------------------------------------------------------- long lives
@cache
def _walk(seed: int) -> Life:
    """Live 200 steps drawn evenly, which reaches the late states that short searched lives seldom see."""
    draw = random.Random(seed)
    life = Life()
    life.first(severity=draw.choice(list(Severity)))

    def by() -> dict[str, Any]:
        return {"by": draw.choice(PEOPLE), "n": draw.randrange(3)}

    def forced() -> dict[str, Any]:
        return {**by(), "force": draw.choice((None, "指挥官失联"))}

    def reason() -> str:
        return draw.choice(("", "又告警了", "供应商故障"))

    def minutes() -> int | None:
        return draw.choice((None, None, 0, 3, 40))

    level = partial(draw.choice, list(Severity))
    steps: tuple[Callable[[], None], ...] = (
        lambda: life.declare(by=by()["by"], severity=level(), service=(PAY,), new=draw.random() < 0.5, drill=draw.random() < 0.2),
        lambda: life.declare_with_alerts_or_report(by=by()["by"], service=(PAY,), alerts=draw.random() < 0.5, private=False),
        lambda: life.confirm(**by(), severity=level()),
        lambda: life.dismiss(**forced(), reason=reason()),
        lambda: life.severity(**forced(), to=level()),
        lambda: life.commander(**forced(), to=draw.choice((None, *PEOPLE))),
        lambda: life.recover(**forced(), minutes=minutes()),
        lambda: life.recover(**forced(), minutes=minutes()),
        lambda: life.reopen(**forced(), reason=reason()),
        lambda: life.reopen(**forced(), reason=reason()),
        lambda: life.close(**forced(), waiver=draw.choice((None, None, reason()))),
        lambda: life.review(**by(), act=draw.choice(("write", "submit", "approve", "publish", "return"))),
        lambda: life.review_whole(draw.randrange(3), tuple(draw.choices(("li", "wang", "root"), k=6))),
        lambda: life.waive(**forced(), reason=reason()) if draw.random() < 0.2 else None,
        lambda: life.merge(**forced(), m=draw.randrange(3)) if draw.random() < 0.2 else None,
        lambda: life.tie(**by(), m=draw.randrange(3), what=draw.choice(("link", "unlink")), alerts=draw.random() < 0.5),
        lambda: life.mark(**by(), mark=draw.choice(list(Mark)), minutes=minutes()),
        lambda: life.tell(**by(), what=draw.choice(("note", "update", "impact", "title")), minutes=minutes()),
        lambda: life.people(**by(), to=draw.choice(PEOPLE), what=draw.choice(("role", "invite", "join"))),
        lambda: life.undo(**by()),
        lambda: life.time_goes_by(seconds=draw.choice((1, 20, 61, 200, 1000, 2000))),
    )
    for _ in range(200):
        if len(life.world.incidents) < 3 or draw.random() < 0.9:
            step = draw.choice(steps if len(life.world.incidents) < 3 else steps[2:])
            step()
            life.an_ended_incident_says_how_it_ended()
    life.teardown()
    return life


@pytest.mark.parametrize("seed", range(16))
def test_long_lives_keep_the_rules_too(seed: int) -> None:
    _walk(seed)


def test_long_lives_reach_every_status_and_every_ending() -> None:
    reached: set[object] = set()
    for seed in range(16):
        for log in _walk(seed).world.logs.values():
            state: Incident | None = None
            for event in log:
                state = apply(state, event, IncidentId("F-20240520-001"))
                reached |= {state.status, state.outcome, event.kind}
    assert set(Status) | set(Outcome) <= reached
    assert {kind.__name__ for kind in ONLY_FROM} | {"Undone", "Forced", "CommanderMissing"} <= reached
    assert {"PostmortemPublished", "PostmortemReturned", "PostmortemWaived"} <= reached
