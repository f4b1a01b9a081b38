"""Taking one's last step back: within a minute, and only what nobody built on."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.event import Happened, Mark, Status, Undone
from bot.model.incident import Outcome, fold
from bot.model.severity import Severity
from bot.model.text import flat
from tests.commands.fakes import ORDER, P1, P2, P3, Done, World, person


@pytest.fixture
def world() -> World:
    return World()


def undone(done: Done) -> Undone:
    fact = done.facts[0]
    assert isinstance(fact, Happened)
    assert isinstance(fact.payload, Undone)
    return fact.payload


def test_nothing_done_is_nothing_to_undo(world: World) -> None:
    incident = world.declared("li", P1)
    assert world.refusal("undo", "zhao", incident) == ("undo_nothing", "没有可撤销的：只能撤销自己 60 秒内做的上一步。")


def test_after_a_minute_it_stands(world: World) -> None:
    incident = world.declared("li", P1)
    world.later(seconds=61)
    assert world.refusal("undo", "li", incident)[0] == "undo_nothing"


def test_a_declaration_is_cancelled(world: World) -> None:
    incident = world.declared("li", P1)
    done = world.later(seconds=50).run("undo", "li")
    now = world.now_of(incident)
    assert (now.status, now.outcome) == (Status.CLOSED, Outcome.CANCELLED)
    assert done.zh == "已取消 F-20240520-001（误操作），已告诉被叫的人。"


def test_a_declaration_that_somebody_acted_on_stands(world: World) -> None:
    incident = world.declared("li", P1)
    world.run("commander", "zhao", incident)
    key, words = world.refusal("undo", "li", incident)
    assert key == "undo_others_acted"
    assert words == "没有撤销：赵六 14:00 已经在处理 F-20240520-001。不是故障就：误报 F-20240520-001 原因"


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("severity", {"to": P3}, "severity"),
        ("commander", {"who": person("zhang")}, "offered_to"),
        ("role", {"role": "scribe", "who": person("zhao")}, "roles"),
        ("impact", {"services": (ORDER,), "text": "成功率 61%"}, "impact"),
        ("update", {"text": "已回滚"}, "latest"),
        ("mark", {"mark": Mark.LOCATED}, "marks"),
        ("title", {"text": "全国支付失败"}, "title"),
        ("bridge", {"url": "https://meet.example.com/1"}, "bridge"),
        ("recover", {"text": "回滚"}, "status"),
    ],
)
def test_what_a_step_changed_is_as_it_was(world: World, name: str, given: dict[str, Any], field: str) -> None:
    incident = world.handled("li", P1)
    before = world.now_of(incident)
    world.run(name, "li", incident, **given)
    assert getattr(world.now_of(incident), field) != getattr(before, field)
    world.run("undo", "li", incident)
    after = world.now_of(incident)
    assert getattr(after, field) == getattr(before, field)
    assert (after.status, after.severity, after.services, after.observe_until) == (
        before.status, before.severity, before.services, before.observe_until
    )  # fmt: skip
    assert fold(incident.id, world.logs[incident.id]) == after


def test_a_note_is_withdrawn(world: World) -> None:
    incident = world.handled("li", P1)
    world.run("note", "zhao", incident, text="看错了")
    n = world.now_of(incident).n
    done = world.run("undo", "zhao", incident)
    assert (undone(done).of, undone(done).what, undone(done).restored) == ((n,), "NoteAdded", {})
    assert done.zh == "✅ 已撤销「记录」。"


def test_what_somebody_changed_since_stands_and_they_are_named(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("severity", "zhao", incident, to=P1)
    world.later(seconds=20).run("severity", "li", incident, to=P2)
    key, words = world.refusal("undo", "zhao", incident)
    assert key == "undo_changed_since"
    assert "李四 14:01" in words
    assert world.now_of(incident).severity is P2


def test_what_was_closed_since_is_not_changed_behind_its_back(world: World) -> None:
    incident = world.handled("li", P3)
    world.run("recover", "li", incident)
    world.run("severity", "root", incident, to=Severity.P4)
    world.run("close", "li", incident)  # no postmortem is asked of it
    assert world.refusal("undo", "root", incident)[0] == "is_closed"
    world.run("note", "root", incident, text="x")
    assert undone(world.run("undo", "root", incident)).what == "NoteAdded"


def test_what_others_did_elsewhere_in_it_does_not_matter(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("severity", "zhao", incident, to=P1)
    world.run("title", "li", incident, text="全国支付失败")
    world.run("undo", "zhao", incident)
    assert (world.now_of(incident).severity, flat(world.now_of(incident).title)) == (P2, "全国支付失败")


def test_step_by_step_down_to_the_declaration(world: World) -> None:
    incident = world.declared("li", P2)
    world.run("severity", "li", incident, to=P1)
    world.run("note", "li", incident, text="x")
    assert undone(world.run("undo", "li", incident)).what == "NoteAdded"
    assert undone(world.run("undo", "li", incident)).what == "SeverityChanged"
    assert world.run("undo", "li", incident).kinds == ["IncidentCancelled"]
    assert world.refusal("undo", "li", incident)[0] == "undo_nothing"


def test_a_note_put_into_a_duplicate_is_withdrawn_from_elsewhere(world: World) -> None:
    incident = world.declared("li", P2)
    world.run("declare", "chen", title="付不了", severity=P2, services=incident.services)
    done = world.run("undo", "chen")
    assert done.zh == "✅ 已撤销 F-20240520-001 的「记录」。"


def test_the_fact_of_going_over_ones_standing_does_not_hide_the_step(world: World) -> None:
    incident = world.handled("li", P1)
    world.run("severity", "zhao", incident, to=P2, force="指挥官失联")
    assert undone(world.run("undo", "zhao", incident)).what == "SeverityChanged"


@pytest.mark.parametrize(
    ("steps", "way"),
    [
        ([("recover", {}), ("close", {"waiver": "x"})], "重开 F-20240520-001 原因"),
        ([("dismiss", {"reason": "x"})], "重开 F-20240520-001 原因"),
        ([("recover", {}), ("reopen", {})], "误报 F-20240520-001 原因"),
        ([("invite", {"people": (person("zhang"),)})], "请直接告诉他们"),
    ],
)
def test_what_cannot_be_taken_back_names_the_way(world: World, steps: list[tuple[str, dict[str, Any]]], way: str) -> None:
    incident = world.handled("li", P1)
    for name, given in steps:
        world.run(name, "li", incident, **given)
    key, words = world.refusal("undo", "li", incident)
    assert key == "undo_cannot"
    assert way in words


def test_a_confirmation_stands(world: World) -> None:
    incident = world.declared("chen", P2)
    world.run("confirm", "li", incident)
    assert "误报" in world.refusal("undo", "li", incident)[1]


def test_what_reaches_other_incidents_or_alerts_stands(world: World) -> None:
    one, two = world.declared("li", P2), world.declared("zhao", P2, services=(ORDER,))
    world.run("link", "zhang", one, other=two)
    assert "取消关联" in world.refusal("undo", "zhang", one)[1]
    world.run("unlink", "zhang", one, other=two)
    assert "要加回：关联" in world.refusal("undo", "zhang", one)[1]
    world.run("merge", "zhang", two, other=one)
    assert "声明 一句现象 --新建" in world.refusal("undo", "zhang", one)[1]
    world.run("dismiss", "zhang", None, groups=(world.alerts(5),), reason="x")
    assert "声明 A-…" in world.refusal("undo", "zhang")[1]


def test_what_somebody_may_not_see_any_more_is_not_undone(world: World) -> None:
    incident = world.declared("li", P2)
    world.run("title", "li", incident, text="x")
    del world.incidents[incident.id]
    assert world.refusal("undo", "li")[0] == "undo_nothing"
