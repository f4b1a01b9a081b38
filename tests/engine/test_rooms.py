"""Rooms with more than an id: what their opening gave comes with every call, their names follow, and none is opened twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import event as ev
from bot.model.ids import ConnectionId, IncidentId
from bot.model.room import RoomState
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Capability, Lost, Store
from tests.engine.test_generations import CLOSED, REOPENED, Scene
from tests.engine.test_outbox_walk import CHAT


def named(scene: Scene) -> None:
    """Let the chat's rooms have names that follow, and need more than an id."""
    scene.platform.abilities |= {Capability.RENAME}
    scene.house.capabilities[CHAT] = scene.platform.abilities  # type: ignore[index]
    scene.platform.extra = '{"robot":"r1"}'
    for process in scene.processes:
        process.outbox._chats[CHAT].capabilities = scene.platform.abilities  # type: ignore[misc]


async def opened(store: Store, url: str, *lacks: Capability) -> tuple[Scene, IncidentId]:
    scene = Scene(store, url, *lacks)
    await scene.begin()
    named(scene)
    ident = await scene.declare()
    await scene.quiet()
    return scene, ident


async def level(scene: Scene, ident: IncidentId, before: Severity, after: Severity) -> None:
    await scene.state(ident, ev.SeverityChanged(before=before, after=after))
    await scene.quiet()


async def test_every_call_brings_what_the_opening_gave(store: Store, url: str) -> None:
    scene, ident = await opened(store, url)
    (room,) = await scene.rooms(ident)
    assert (room.extra, room.ways, room.state) == ('{"robot":"r1"}', "both", RoomState.OPEN)
    await level(scene, ident, Severity.P1, Severity.P2)
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.hours_pass(25)
    await scene.quiet()
    await scene.state(ident, REOPENED)
    await scene.quiet()
    (room,) = await scene.rooms(ident)
    assert (room.extra, room.state) == ('{"robot":"r1"}', RoomState.OPEN)
    verbs = {verb for _, verb, _ in scene.platform.log}
    assert {"set_topic", "rename_room", "add_people", "close_room", "reopen_room"} <= verbs
    scene.end()  # `holds` has looked at every call


async def test_the_name_follows_the_level_and_the_end_and_nothing_else(store: Store, url: str) -> None:
    scene, ident = await opened(store, url)
    (place,) = scene.platform.rooms.values()
    assert (place.name, place.names) == (f"{ident} P1 支付失败", [])
    await scene.state(ident, ev.CommanderChanged(before=None, after=None))
    await scene.state(ident, ev.TitleChanged(title=plain("全国支付失败")))
    await scene.quiet()
    assert place.names == []
    await level(scene, ident, Severity.P1, Severity.P2)
    await scene.state(ident, CLOSED)
    await scene.quiet()
    assert place.names == [f"{ident} P2 全国支付失败", f"[已关闭] {ident} P2 全国支付失败"]
    await scene.hours_pass(25)
    await scene.quiet()
    assert place.closed and place.names[2:] == [], "the room's closing finds the name right"
    await scene.state(ident, REOPENED)
    await scene.quiet()
    assert not place.closed and place.names[2:] == [f"{ident} P2 全国支付失败"]
    scene.end()


async def test_several_levels_at_once_are_one_renaming_and_there_are_six_at_most(store: Store, url: str) -> None:
    scene, ident = await opened(store, url)
    (place,) = scene.platform.rooms.values()
    await scene.state(ident, ev.SeverityChanged(before=Severity.P1, after=Severity.P2))
    await scene.state(ident, ev.SeverityChanged(before=Severity.P2, after=Severity.P3))
    await scene.quiet()
    assert place.names == [f"{ident} P3 支付失败"]
    now = Severity.P3
    for _ in range(4):
        for after in (Severity.P1, Severity.P2):
            await level(scene, ident, now, after)
            now = after
    assert len(place.names) == 4, "each is a line that everybody sees"
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.state(ident, REOPENED)
    await scene.quiet()
    assert place.names[4:] == [f"[已关闭] {ident} P2 支付失败", f"{ident} P2 支付失败"]
    scene.end()


async def test_a_chat_whose_names_stay_is_not_asked_to_rename(store: Store, url: str) -> None:
    scene = Scene(store, url)
    await scene.begin()
    ident = await scene.declare()
    await scene.quiet()
    await level(scene, ident, Severity.P1, Severity.P2)
    assert not [verb for _, verb, _ in scene.platform.log if verb == "rename_room"]
    scene.end()


async def test_the_runbook_of_what_is_affected_is_a_tab_where_the_chat_has_tabs(store: Store, url: str) -> None:
    book = "https://wiki.example.com/pay"
    for can in (True, False):
        scene = Scene(store, url)
        if can:
            scene.platform.abilities |= {Capability.TAB}
            scene.house.capabilities[CHAT] = scene.platform.abilities  # type: ignore[index]
        services = scene.house.catalog.services
        services |= {ident: replace(service, runbook=book) for ident, service in services.items()}
        await scene.begin()
        ident = await scene.declare()
        await scene.quiet()
        (room,) = await scene.rooms(ident)
        assert scene.platform.rooms[room.address or ""].tabs == ({"预案": book} if can else {})
        await scene.state(ident, ev.ImpactStated(services=tuple(services), text=plain("全部")))
        await scene.quiet()
        assert len([verb for _, verb, _ in scene.platform.log if verb == "set_tab"]) == can, "once, while it leads there"
        scene.end()


@pytest.mark.parametrize("applied", [True, False])
async def test_a_person_looks_where_nobody_can_tell_whether_there_is_a_room(applied: bool, store: Store, url: str) -> None:
    other = ConnectionId("other")
    scene = Scene(store, url)
    scene.house = replace(scene.house, policy=replace(scene.house.policy, fallback=(other,)))
    await scene.begin()
    scene.platform.forgets = True
    ident = await scene.declare()
    await scene.claim(scene.processes[0])
    (pending,) = [p for p in scene.platform.pending if p.verb == "open_room"]
    if applied:
        pending.apply()
    await scene.settle(pending, Lost("no answer"))
    for _ in range(5):
        await scene.pass_by(1)
        await scene.claim(scene.processes[0])
        for one in list(scene.platform.pending):
            await scene.settle(one)
    assert len(scene.platform.rooms) == (1 if applied else 0), "never a second one"
    here, there = await scene.rooms(ident)
    assert (here.state, there.connection, there.state) == (RoomState.FAILED, other, RoomState.WANTED)
    (told,) = [post.words for post in scene.platform.posts if post.chat == "@li"]
    assert "可能已有一个群" in told and "没有建成" not in told
    events, _ = await scene.story(ident)
    (failed,) = [e.payload for e in events if isinstance(e.payload, ev.RoomFailed)]
    assert failed.code == "room_unsure"
    scene.end()
