"""Impact, notes, updates, milestones, title and bridge."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.event import Happened, Mark, NoteAdded
from bot.model.text import flat
from tests.commands.fakes import ORDER, P1, P2, PAY, World


@pytest.fixture
def world() -> World:
    return World()


class TestImpact:
    def test_states_it_and_adds_services(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("impact", "li", incident, services=(PAY, ORDER), text="成功率 61%")
        assert (flat(world.now_of(incident).impact), world.now_of(incident).services) == ("成功率 61%", (PAY, ORDER))

    def test_a_service_alone_keeps_the_words(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("impact", "li", incident, text="成功率 61%")
        world.run("impact", "li", incident, services=(ORDER,))
        assert flat(world.now_of(incident).impact) == "成功率 61%"

    def test_nothing_new_is_refused(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.refusal("impact", "li", incident)[0] == "impact_what"
        assert world.refusal("impact", "li", incident, services=(PAY,))[0] == "impact_already"


class TestNote:
    def test_is_kept_with_its_sort_at_its_time(self, world: World) -> None:
        incident = world.declared("li", P1)
        done = world.run("note", "zhao", incident, at=world.now - timedelta(minutes=9), sort="decision", text="回滚")
        event = world.logs[incident.id][-1]
        assert isinstance(event.payload, NoteAdded)
        assert (event.payload.sort, event.at) == ("decision", world.now - timedelta(minutes=9))
        assert done.zh == "✅ 已按 13:51 记下。"

    def test_without_a_time_a_tick_is_enough(self, world: World) -> None:
        assert world.run("note", "zhao", world.declared("li", P1), text="回滚").said is None

    def test_one_that_arrived_late_is_kept_when_it_was_typed(self, world: World) -> None:
        incident = world.declared("li", P1)
        typed = world.now
        world.later(minutes=4).run("note", "zhao", incident, text="回滚", typed_at=typed)
        assert world.logs[incident.id][-1].at == typed

    def test_a_closed_incident_takes_notes(self, world: World) -> None:
        incident = world.declared("chen", P2)
        world.run("dismiss", "li", incident, reason="x")
        assert world.run("note", "li", incident, text="阈值已改").kinds == ["NoteAdded"]

    def test_no_words_give_the_line_to_copy(self, world: World) -> None:
        assert world.refusal("note", "li", world.declared("li", P1))[0] == "note_what"

    def test_a_time_to_come_is_refused(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.refusal("note", "li", incident, text="x", at=world.now + timedelta(hours=2))[0] == "not_yet"

    def test_clocks_that_differ_by_seconds_do_not_matter(self, world: World) -> None:
        incident = world.declared("li", P1)
        done = world.run("note", "li", incident, text="x", at=world.now + timedelta(seconds=20))
        fact = done.facts[0]
        assert isinstance(fact, Happened)
        assert fact.at == world.now


class TestUpdate:
    def test_is_numbered_and_says_when_the_next_is_due(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("update", "li", incident, text="已回滚 2/4", next_by=world.now + timedelta(minutes=15))
        world.run("update", "li", incident, text="已回滚 4/4")
        latest = world.now_of(incident).latest
        assert latest is not None
        assert (latest.number, flat(latest.text)) == (2, "已回滚 4/4")
        assert world.now_of(incident).next_update_by is None

    def test_bare_it_answers_how_it_stands_and_changes_nothing(self, world: World) -> None:
        incident = world.declared("li", P1)
        done = world.run("update", "li", incident)
        assert (done.facts, done.key) == ([], "brief")

    def test_a_next_time_gone_by_is_refused(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.refusal("update", "li", incident, text="x", next_by=world.now)[0] == "next_is_past"

    def test_only_a_next_time_asks_for_the_words(self, world: World) -> None:
        incident = world.declared("li", P1)
        words = world.refusal("update", "li", incident, next_by=world.now + timedelta(minutes=50))[1]
        assert words.endswith("照抄：进展 F-20240520-001 仍在处理，暂无新进展 下次 14:50")


class TestMark:
    def test_is_set_now_with_a_tick(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.later(minutes=4).run("mark", "li", incident, mark=Mark.LOCATED).said is None
        assert world.now_of(incident).marks[Mark.LOCATED] == world.now

    def test_a_time_given_is_shown_as_understood(self, world: World) -> None:
        incident = world.declared("li", P1)
        done = world.later(minutes=9).run("mark", "li", incident, mark=Mark.LOCATED, at=world.now - timedelta(minutes=2))
        assert (done.zh, done.en) == ("✅ 已定位：14:07", "✅ Marked as located: 14:07")

    def test_again_without_a_time_says_when_it_was(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("mark", "li", incident, mark=Mark.LOCATED)
        key, words = world.refusal("mark", "zhao", incident, mark=Mark.LOCATED)
        assert (key, words) == ("mark_already", "没有变化：已定位（14:00）。要改时间：定位 F-20240520-001 14:07")

    def test_again_with_a_time_corrects_it(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("mark", "li", incident, mark=Mark.DETECTED, at=world.now - timedelta(minutes=3))
        assert world.now_of(incident).marks[Mark.DETECTED] == world.now - timedelta(minutes=3)

    def test_recovery_and_no_milestone_are_refused_with_the_line(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.refusal("mark", "li", incident, mark=Mark.RECOVERED)[0] == "mark_recovered"
        assert world.refusal("mark", "li", incident)[0] == "mark_which"

    def test_nothing_comes_before_the_trouble_began(self, world: World) -> None:
        incident = world.handled("li")
        began = world.now.replace(hour=5, minute=50, second=20)  # 13:50 there
        world.run("mark", "li", incident, mark=Mark.OCCURRED, at=began)
        incident = world.now_of(incident)
        key, words = world.refusal("mark", "li", incident, mark=Mark.LOCATED, at=began - timedelta(minutes=1))
        assert (key, words) == ("mark_order", "没有标记：定位 13:49 早于发生 13:50。先改其中一个。")
        world.run("mark", "li", incident, mark=Mark.LOCATED, at=began.replace(second=0))  # the same minute
        incident = world.now_of(incident)
        assert incident.marks[Mark.LOCATED] == began
        key, words = world.refusal("mark", "li", incident, mark=Mark.OCCURRED, at=began + timedelta(minutes=1))
        assert (key, words) == ("mark_order", "没有标记：发生 13:51 晚于定位 13:50。先改其中一个。")


class TestTitle:
    def test_is_changed(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("title", "li", incident, text="全国支付失败")
        assert flat(world.now_of(incident).title) == "全国支付失败"

    def test_gets_an_english_twin_and_keeps_its_own(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("title", "li", incident, english="Payment failures")
        assert (flat(world.now_of(incident).title), world.now_of(incident).title_en) == ("支付失败", "Payment failures")

    def test_too_long_none_or_the_same_is_refused(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.refusal("title", "li", incident, text="长" * 151)[0] == "title_long"
        assert world.refusal("title", "li", incident)[0] == "title_what"
        assert world.refusal("title", "li", incident, text="支付失败")[0] == "title_already"


class TestBridge:
    def test_is_set_and_told(self, world: World) -> None:
        incident = world.declared("li", P2)
        assert world.refusal("bridge", "li", incident)[0] == "bridge_none"
        world.run("bridge", "li", incident, url="https://meet.example.com/1")
        done = world.run("bridge", "zhao", incident)
        assert (done.facts, done.zh) == ([], "电话会：https://meet.example.com/1")
        assert world.refusal("bridge", "li", incident, url="https://meet.example.com/1")[0] == "bridge_already"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("impact", {"text": "x"}), ("update", {"text": "x"}), ("mark", {"mark": Mark.LOCATED}), ("title", {"text": "x"}),
        ("bridge", {"url": "https://meet.example.com/1"}), ("invite", {}), ("role", {"role": "scribe"}), ("commander", {}),
        ("confirm", {}), ("severity", {}), ("dismiss", {"reason": "x"}), ("link", {}), ("unlink", {}), ("merge", {}),
        ("recover", {}), ("close", {}),
    ],
)  # fmt: skip
def test_a_closed_incident_is_not_changed(world: World, name: str, given: dict[str, object]) -> None:
    incident = world.declared("chen", P2)
    world.run("dismiss", "li", incident, reason="x")
    assert world.refusal(name, "root", incident, **given)[0] == "is_closed"
