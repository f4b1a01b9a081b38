"""Effects: lanes run in order, a wish waits once, one owner at a time, nothing is forgotten."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from bot.model.effect import Effect, EffectKind, EffectState, Intent, Urgency
from bot.model.ids import ConnectionId, EffectId
from bot.model.say import say
from bot.ports import Store
from store import tables as t
from store.statement import Statement
from store.unit import Unit
from tests.store.world import CHAT, SECOND, T0, send, wish

LEASE = 4 * SECOND


def claimed(uow: Unit, now: datetime = T0, me: str = "me", limit: int = 9) -> list[Effect]:
    return uow.claim(me, [CHAT], now, LEASE, limit)


def one(uow: Unit, now: datetime = T0, me: str = "me") -> Effect:
    taken = claimed(uow, now, me)
    assert len(taken) == 1
    return taken[0]


def test_a_lane_gives_one_at_a_time_in_order(uow: Unit) -> None:
    uow.want([send("k1"), send("k2"), send("k3", lane="person:plain:li")], T0)
    first = claimed(uow)
    assert [effect.key for effect in first] == ["k1", "k3"]
    assert claimed(uow) == []
    uow.finish(first[0], "me", T0)
    assert [effect.key for effect in claimed(uow)] == ["k2"]


def test_an_effect_comes_as_it_was_wanted(uow: Unit) -> None:
    intent = dataclasses.replace(send("k1"), data={"say": say("hello", to="zhang")}, urgency=Urgency.URGENT)
    uow.want([intent], T0)
    effect = one(uow)
    assert (effect.kind, effect.lane, effect.target, effect.key, effect.urgency) == (
        EffectKind.SEND, "person:plain:zhang", "zhang", "k1", Urgency.URGENT,
    )  # fmt: skip
    assert effect.data == {"say": {"key": "hello", "params": {"to": "zhang"}}}
    assert (effect.state, effect.attempts, effect.maybe_sent, effect.first_tried_at) == (EffectState.RUNNING, 1, False, T0)
    assert uow.effect(effect.id) == effect


def test_urgent_goes_first_then_the_oldest(uow: Unit) -> None:
    for key, urgency in (("bulk", Urgency.BULK), ("a", Urgency.NORMAL), ("b", Urgency.NORMAL), ("page", Urgency.URGENT)):
        uow.want([send(key, lane=key, urgency=urgency)], T0)
    assert [effect.key for effect in claimed(uow, limit=2)] == ["page", "a"]
    assert [effect.key for effect in claimed(uow)] == ["b", "bulk"]


def test_only_ones_own_connections_are_claimed(uow: Unit) -> None:
    uow.want([wish(connection=ConnectionId("slack"))], T0)
    assert claimed(uow) == []
    assert len(uow.claim("me", [CHAT, ConnectionId("slack")], T0, LEASE, 9)) == 1


def test_one_that_waits_for_its_time_holds_its_lane(uow: Unit) -> None:
    uow.want([dataclasses.replace(send("k1"), delay=3 * SECOND)], T0)
    uow.want([send("k2")], T0)
    assert claimed(uow, T0 + 2 * SECOND) == []
    assert [effect.key for effect in claimed(uow, T0 + 3 * SECOND)] == ["k1"]


def test_a_wish_waits_once_and_what_changes_meanwhile_waits_again(uow: Unit) -> None:
    uow.want([wish(), wish(), wish(target="2")], T0)
    assert uow.effect_counts() == {"todo": 2, "running": 0, "dead": 0}
    running = one(uow)
    uow.want([wish(), wish()], T0)
    assert uow.effect_counts() == {"todo": 2, "running": 1, "dead": 0}
    uow.finish(running, "me", T0)
    assert [effect.target for effect in claimed(uow)] == ["2"]


def test_the_earlier_time_and_the_higher_urgency_win_for_a_wish_that_was_never_tried(uow: Unit) -> None:
    uow.want([dataclasses.replace(wish(), delay=9 * SECOND, urgency=Urgency.BULK)], T0)
    uow.want([dataclasses.replace(wish(), delay=5 * SECOND, urgency=Urgency.NORMAL)], T0)
    uow.want([dataclasses.replace(wish(), delay=7 * SECOND, urgency=Urgency.URGENT)], T0)
    assert claimed(uow, T0 + 4 * SECOND) == []
    assert one(uow, T0 + 5 * SECOND).urgency is Urgency.URGENT


def test_a_new_wish_does_not_shorten_the_wait_that_the_platform_asked_for(uow: Unit) -> None:
    uow.want([wish()], T0)
    uow.put_back(one(uow), "me", T0 + 30 * SECOND, False, "busy")
    uow.want([wish()], T0 + SECOND)
    assert claimed(uow, T0 + 29 * SECOND) == []
    assert one(uow, T0 + 30 * SECOND).attempts == 2


CARD = "room:1/card"


def card(target: str = "status:1") -> Intent:
    return wish(CARD, EffectKind.SHOW_CARD, target)


def test_what_is_held_back_waits_whoever_wishes_it_meanwhile(uow: Unit) -> None:
    until = T0 + 3 * SECOND
    uow.want([card(), card("status:1!"), wish()], T0)
    assert uow.hold_back(CARD, EffectKind.SHOW_CARD, until)
    uow.want([card()], T0 + SECOND)
    assert [effect.target for effect in claimed(uow, T0 + 2 * SECOND)] == ["1"]  # the topic's lane is another
    assert one(uow, until).target == "status:1"


def test_what_waits_longer_already_is_not_hurried_by_a_hold(uow: Unit) -> None:
    uow.want([dataclasses.replace(card(), delay=9 * SECOND)], T0)
    uow.hold_back(CARD, EffectKind.SHOW_CARD, T0 + 3 * SECOND)
    assert claimed(uow, T0 + 8 * SECOND) == []
    uow.want([card()], T0 + SECOND)  # and is no hold: the earlier time wins as ever
    assert one(uow, T0 + SECOND).target == "status:1"


def test_letting_go_forgets_what_is_held_until_then_and_nothing_else(uow: Unit) -> None:
    first, second = T0 + 3 * SECOND, T0 + 4 * SECOND
    uow.want([card()], T0)
    uow.hold_back(CARD, EffectKind.SHOW_CARD, first)
    assert uow.let_go(CARD, EffectKind.SHOW_CARD, second, T0)  # somebody else's word
    uow.hold_back(CARD, EffectKind.SHOW_CARD, second)
    assert uow.let_go(CARD, EffectKind.SHOW_CARD, first, T0)  # overtaken: the later hold stays
    assert uow.effect_counts()["todo"] == 1
    assert uow.let_go(CARD, EffectKind.SHOW_CARD, second, T0)
    assert uow.effect_counts()["todo"] == 0
    uow.want([card()], T0)
    assert one(uow).target == "status:1"


def test_what_may_have_been_sent_is_not_forgotten_but_let_run(uow: Unit) -> None:
    uow.want([card()], T0)
    uow.put_back(one(uow), "me", T0 + SECOND, True, "timeout")
    uow.hold_back(CARD, EffectKind.SHOW_CARD, T0 + 3 * SECOND)
    assert not uow.let_go(CARD, EffectKind.SHOW_CARD, T0 + 3 * SECOND, T0 + SECOND)
    assert one(uow, T0 + SECOND).maybe_sent


def test_a_call_in_flight_is_said(uow: Unit) -> None:
    uow.want([card()], T0)
    flying = one(uow)
    assert not uow.hold_back(CARD, EffectKind.SHOW_CARD, T0 + SECOND)
    assert not uow.let_go(CARD, EffectKind.SHOW_CARD, T0 + SECOND, T0)
    assert uow.finish(flying, "me", T0)
    assert uow.hold_back(CARD, EffectKind.SHOW_CARD, T0 + SECOND)


def test_a_send_of_a_known_key_is_not_repeated(uow: Unit) -> None:
    uow.want([send("k1")], T0)
    uow.finish(one(uow), "me", T0)
    uow.want([send("k1")], T0)
    assert claimed(uow) == []
    uow.want([send(None), send(None)], T0)
    assert uow.effect_counts()["todo"] == 2


def test_finishing_is_fenced_by_the_owner(uow: Unit) -> None:
    uow.want([wish()], T0)
    effect = one(uow, me="a")
    assert claimed(uow, T0 + 3 * SECOND, me="b") == []
    assert uow.renew("a", [effect.id, EffectId(99)], T0 + 8 * SECOND) == [effect.id]
    assert claimed(uow, T0 + 7 * SECOND, me="b") == []
    again = one(uow, T0 + 9 * SECOND, me="b")
    assert (again.id, again.maybe_sent, again.attempts, again.first_tried_at) == (effect.id, True, 2, T0)
    assert not uow.finish(effect, "a", T0)
    assert not uow.bury(effect, "a", T0, "x")
    assert not uow.put_back(effect, "a", T0, False, "x")
    assert not uow.freeze(effect, "a", 1, 2)
    assert uow.renew("a", [effect.id], T0 + 99 * SECOND) == []
    assert uow.finish(again, "b", T0)
    assert not uow.finish(again, "b", T0)


def test_a_put_back_effect_waits_with_what_is_known_of_it(uow: Unit) -> None:
    uow.want([wish()], T0)
    effect = one(uow)
    assert uow.freeze(effect, "me", 3, 7)
    assert uow.put_back(effect, "me", T0 + SECOND, True, "lost")
    stored = uow.effect(effect.id)
    assert stored is not None
    assert (stored.state, stored.code, stored.maybe_sent, stored.lo, stored.hi) == (EffectState.TODO, "lost", True, 3, 7)
    uow.put_back(one(uow, T0 + SECOND), "me", T0 + 2 * SECOND, False, "busy")
    assert one(uow, T0 + 2 * SECOND).maybe_sent  # once unsure, unsure until settled


@pytest.mark.parametrize("how", ["put back", "taken back", "revived"])
def test_a_waiting_twin_inherits(uow: Unit, how: str) -> None:
    uow.want([wish(kind=EffectKind.TELL)], T0)
    mine = one(uow)
    uow.freeze(mine, "me", 3, 7)
    if how == "revived":
        uow.put_back(mine, "me", T0, True, "lost")
        uow.bury(one(uow), "me", T0, "gave up")
    uow.want([wish(kind=EffectKind.TELL)], T0)
    if how == "put back":
        assert uow.put_back(mine, "me", T0 + SECOND, True, "lost")
    elif how == "taken back":
        assert uow.take_back([CHAT]) == 1
    else:
        assert uow.revive(mine.id, T0) is not None
    assert uow.effect(mine.id) is None
    twin = one(uow, T0 + SECOND)
    assert twin.id != mine.id
    assert (twin.maybe_sent, twin.lo, twin.hi, twin.first_tried_at) == (True, 3, 7, T0)


def test_at_the_start_running_effects_wait_again(uow: Unit) -> None:
    uow.want([wish(), send("k1"), wish(lane="x", connection=ConnectionId("slack"))], T0)
    uow.claim("before", [CHAT, ConnectionId("slack")], T0, LEASE, 9)
    assert uow.take_back([CHAT]) == 2
    taken = claimed(uow)
    assert [effect.maybe_sent for effect in taken] == [True, True]
    assert uow.effect_counts()["running"] == 3


def test_a_dead_effect_frees_its_lane_and_can_be_revived(uow: Unit) -> None:
    uow.want([send("k1"), send("k2")], T0)
    dead = one(uow)
    assert uow.bury(dead, "me", T0, "kicked")
    assert [effect.code for effect in uow.dead_effects()] == ["kicked"]
    running = one(uow)
    assert running.key == "k2"
    revived = uow.revive(dead.id, T0)
    assert revived is not None
    assert (revived.id, revived.state, revived.attempts) == (dead.id, EffectState.TODO, 0)
    assert claimed(uow) == []  # older than the one that runs, yet never beside it
    uow.finish(running, "me", T0)
    assert one(uow).id == dead.id
    assert uow.revive(dead.id, T0) is None
    assert uow.revive(EffectId(999), T0) is None


def test_a_revived_effect_and_a_younger_one_whose_owner_is_gone_do_not_wait_for_each_other(uow: Unit) -> None:
    uow.want([send("k1"), send("k2")], T0)
    first = one(uow)
    uow.bury(first, "me", T0, "x")
    assert one(uow).key == "k2"  # and its owner dies
    uow.revive(first.id, T0)
    assert claimed(uow, T0 + SECOND) == []
    later = T0 + 60 * SECOND
    second = one(uow, later, "other")
    assert (second.key, second.maybe_sent) == ("k2", True)
    assert claimed(uow, later, "other") == []
    uow.finish(second, "other", later)
    assert one(uow, later, "other").key == "k1"


def test_open_effects_are_counted_by_lane(uow: Unit) -> None:
    lanes = ("room:1/life", "room:1/talk", "room:11/talk", "room:1%")
    uow.want([send(lane, lane=lane) for lane in lanes], T0)
    life = next(effect for effect in claimed(uow) if effect.lane == "room:1/life")
    assert uow.effects_open("room:1/", besides=life.id) == 1
    assert uow.effects_open("room:1", besides=life.id) == 3


async def test_replicas_never_share_an_effect(store: Store, second: Store) -> None:
    await store.tx(lambda uow: uow.want([send(f"k{n}", lane=f"l{n % 20}") for n in range(40)], T0))
    claims = [one.tx(lambda uow, me=str(n): uow.claim(me, [CHAT], T0, LEASE, 4)) for n, one in enumerate([store, second] * 5)]
    taken = [effect.key for effects in await asyncio.gather(*claims) for effect in effects]
    assert len(taken) == len(set(taken))
    rest = await store.tx(lambda uow: uow.claim("x", [CHAT], T0, LEASE, 40))
    assert sorted(taken + [effect.key for effect in rest]) == sorted(f"k{n}" for n in range(20))


STEPS = st.lists(st.tuples(st.sampled_from("wsctdbfrTe"), st.integers(0, 3)), max_size=40)
ROWS = Statement(select(t.EFFECT.c.lane, t.EFFECT.c.kind, t.EFFECT.c.target, t.EFFECT.c.state, t.EFFECT.c.wish, t.EFFECT.c.id))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_whatever_happens_a_lane_has_one_runner_and_a_wish_waits_once(uow: Unit, steps: list[tuple[str, int]]) -> None:
    uow.link.write(Statement(delete(t.EFFECT)), {})
    now, held, dead, sends = T0, [], [], 0
    for step, n in steps:
        now += SECOND
        lane = f"lane{n % 2}"
        match step:
            case "w":
                uow.want([wish(lane=lane, target=str(n))], now)
            case "s":
                sends += 1
                uow.want([send(f"k{sends}", lane=lane)], now)
            case "c":
                held += claimed(uow, now)
            case "t":
                now += 10 * SECOND  # the owner is gone: leases run out
            case "T":
                uow.take_back([CHAT])
            case "r" if dead:
                uow.revive(dead.pop(n % len(dead)).id, now)
            case "d" | "b" | "f" | "e" if held:
                effect = held.pop(n % len(held))
                if step == "d":
                    uow.finish(effect, "me", now)
                elif step == "b" and uow.bury(effect, "me", now, "x"):
                    dead.append(effect)
                elif step == "f":
                    uow.freeze(effect, "me", n, n)
                else:
                    uow.put_back(effect, "me", now + n * SECOND, bool(n % 2), "x")
        rows = uow.link.rows(ROWS)
        running = [row[0] for row in rows if row[3] is EffectState.RUNNING]
        assert len(running) == len(set(running))
        waiting = [row[:3] for row in rows if row[3] is EffectState.TODO and row[4]]
        assert len(waiting) == len(set(waiting))
    for _ in range(len(uow.link.rows(ROWS)) + 1):  # and everything comes to its end
        now += timedelta(hours=1)
        for effect in claimed(uow, now, me="last"):
            assert uow.finish(effect, "last", now)
    assert uow.effect_counts() | {"dead": 0} == {"todo": 0, "running": 0, "dead": 0}
