"""Timers: what is due fires once, and one that fails keeps no other waiting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model.event import Status
from bot.ports import UnitOfWork
from store.open import open_store
from tests.engine.test_rules import ALL, Still, World


async def test_a_timer_whose_command_fails_is_given_up_and_the_others_fire(tmp_path: Path) -> None:
    clock = Still()
    store = open_store(f"sqlite:///{tmp_path}/t.db", clock=clock)
    world = World(store, clock, ALL)
    broken, sound = await world.declared(), await world.declared()
    assert sound.status is Status.HANDLING

    def spoil(uow: UnitOfWork) -> None:
        uow.set_deadlines(broken.id, {("no_such_command", ""): clock.at + timedelta(seconds=1)})

    await store.tx(spoil)
    clock.at += timedelta(minutes=4)
    timers = Timers(store, world.house, Metrics())
    await timers.tick()
    nagged = await world.happens(to=sound.id)
    assert nagged.commander_nagged_at == clock.at
    await timers.tick()
    assert (await world.happens(to=sound.id)).n == nagged.n
    await store.close()
