"""The story by when it happened, its notes put right, and messages that became notes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.event import Happened
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.model.story import Pointed
from bot.model.text import flat, plain
from tests.commands.fakes import P1, World, actor


@pytest.fixture
def world() -> World:
    return World()


def lines(world: World, incident: Incident, by: str = "zhao", **given: object) -> list[str]:
    return world.run("timeline", by, incident, **given).zh.splitlines()


def noted(world: World, incident: Incident, by: str, text: str, **given: object) -> int:
    world.run("note", by, incident, text=text, **given)
    return world.logs[incident.id][-1].n


def message(text: str, message: str = "m7", **given: object) -> Pointed:
    return Pointed(ConnectionId("plain"), "c1", message, plain(text), PersonId("wang"), **given)  # type: ignore[arg-type]


class TestOrder:
    def test_is_by_when_it_happened_and_the_number_stays(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.later(minutes=20)
        noted(world, incident, "li", "后来")
        late = noted(world, incident, "li", "早先", at=world.now - timedelta(minutes=10))
        assert [line.partition(" ")[0] for line in lines(world, incident)[-2:]] == [f"#{late}", f"#{late - 1}"]

    def test_pages_lead_back_to_the_first_entry_and_meet_none_twice(self, world: World) -> None:
        incident = world.handled("li", P1)
        for n in range(7):
            noted(world, incident, "li", f"第{n}条", at=world.now - timedelta(seconds=n))
        seen: list[str] = []
        shown = lines(world, incident, count=3)
        while shown[-1].startswith("更早的："):
            seen = shown[1:-1] + seen
            before = int(shown[-1].rpartition("#")[2])
            shown = lines(world, incident, count=3, before=before)
            assert shown[0].startswith(f"F-20240520-001 支付失败，#{before} 之前的 ")
        seen = shown[1:] + seen
        whole = lines(world, incident, count=100)[1:]
        assert seen == whole
        assert len(whole) == len(world.logs[incident.id])

    def test_can_be_of_one_class_only(self, world: World) -> None:
        incident = world.handled("li", P1)
        for n in range(300):
            noted(world, incident, "li", f"第{n}条", sort="decision" if n in (2, 250) else None)
        assert [line.partition("★ ")[2] for line in lines(world, incident, sort="decision")[1:]] == [
            "李四 记录（决策）：第2条", "李四 记录（决策）：第250条",
        ]  # fmt: skip
        assert world.says("li", "时间线 决策 1", incident).zh.splitlines()[-1].startswith("更早的：时间线 1 决策 #")

    def test_an_entry_that_is_not_there_is_said(self, world: World) -> None:
        incident = world.handled("li", P1)
        with pytest.raises(Refused) as refused:
            world.says("li", "时间线 #999", incident)
        assert refused.value.reason.key == "entry_none"


class TestEdit:
    def test_shows_the_newest_words_and_the_earlier_ones_on_request(self, world: World) -> None:
        incident = world.handled("li", P1)
        n = noted(world, incident, "zhao", "回滚 1/4")
        world.says("zhao", f"改记录 {n} 决策 回滚 2/4", incident)
        world.says("zhao", f"改记录 #{n} 回滚 3/4", incident)
        shown = lines(world, incident)
        assert shown[-2:] == [f"#{n} 14:01 ★ 赵六 记录（决策）：回滚 3/4（已改）", f"改过的，看之前的文字：改记录 {n}"]
        assert world.says("li", f"改记录 {n}", incident).zh.splitlines() == [
            f"#{n} 有 3 版：", "14:01 赵六：回滚 1/4", "14:01 赵六（决策）：回滚 2/4", "14:01 赵六（决策）：回滚 3/4",
        ]  # fmt: skip

    def test_is_the_authors_and_the_commanders(self, world: World) -> None:
        incident = world.handled("li", P1)
        n = noted(world, incident, "zhao", "回滚")
        key, words = world.refusal("note-edit", "wang", incident, entry=n, text="别的")
        assert (key, words.partition("，")[0]) == ("note_not_yours", f"没有改：#{n} 是 赵六 记的")
        assert world.run("note-edit", "li", incident, entry=n, text="回滚 2/4").kinds == ["NoteEdited"]
        assert world.run("note-edit", "wang", incident, entry=n, text="x", force="赵六不在").kinds == ["Forced", "NoteEdited"]

    def test_a_class_alone_keeps_the_words(self, world: World) -> None:
        incident = world.handled("li", P1)
        n = noted(world, incident, "li", "回滚")
        world.says("li", f"note edit {n} decision", incident)
        assert lines(world, incident)[-2].endswith("★ 李四 记录（决策）：回滚（已改）")

    @pytest.mark.parametrize(
        ("line", "key"),
        [
            ("改记录", "note_edit_which"),
            ("改记录 1 x", "note_edit_none"),
            ("改记录 99 x", "entry_none"),
            ("改记录 {n} 回滚", "note_edit_same"),
        ],
    )
    def test_what_lacks_is_said(self, world: World, line: str, key: str) -> None:
        incident = world.handled("li", P1)
        n = noted(world, incident, "li", "回滚")
        with pytest.raises(Refused) as refused:
            world.says("li", line.format(n=n), incident)
        assert refused.value.reason.key == key
        world.worded(refused.value.reason, None, "li")

    def test_undone_it_reads_as_before(self, world: World) -> None:
        incident = world.handled("li", P1)
        n = noted(world, incident, "li", "回滚")
        world.says("li", f"改记录 {n} 写错", incident)
        world.run("undo", "li")
        assert f"#{n} 14:01 李四 记录：回滚" in lines(world, incident)


class TestTakenOver:
    def test_keeps_the_words_the_author_and_the_time(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.later(minutes=9)
        at = world.now - timedelta(minutes=5)
        world.pointed = message("网关 5xx 在涨", at=at, link="https://acme.example.com/m7")
        world.run("note", "zhao", incident, sort="finding")
        event = world.logs[incident.id][-1]
        assert isinstance(event.payload, ev.NoteAdded)
        assert event.at == at
        assert lines(world, incident)[-1].endswith("赵六 记录（发现）：王五：网关 5xx 在涨 原消息")

    def test_once_per_message(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.pointed = message("网关 5xx 在涨")
        world.run("note", "zhao", incident)
        assert world.refusal("note", "li", incident)[0] == "quote_noted"
        assert world.refusal("update", "li", incident)[0] == "quote_noted"

    def test_becomes_an_update_with_its_words(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.pointed = message("已回滚 2/4")
        world.run("update", "zhao", incident)
        latest = world.now_of(incident).latest
        assert latest is not None
        assert flat(latest.text) == "已回滚 2/4"

    def test_own_words_come_before_those_pointed_at(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.pointed = message("网关 5xx 在涨")
        world.run("note", "zhao", incident, text="我看过了")
        assert lines(world, incident)[-1].endswith("赵六 记录：我看过了")

    @pytest.mark.parametrize("code", ["absent", "no_scope", "gone", "kind"])
    def test_one_that_cannot_be_read_is_refused_with_the_reason(self, world: World, code: str) -> None:
        world.pointed = code
        assert world.refusal("note", "zhao", world.handled("li", P1))[0] == "quote_unread"

    def test_one_without_words_is_refused(self, world: World) -> None:
        world.pointed = message("")
        assert world.refusal("note", "zhao", world.handled("li", P1))[0] == "quote_empty"


class TestRecalled:
    def test_words_are_for_admins_and_nobody_edits_them(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.pointed = message("密码是 123", link="https://acme.example.com/m7")
        n = noted(world, incident, "zhao", "")
        world.enter(actor("wang"), Happened(ev.NoteRecalled(n=n)), incident.id)
        shown = lines(world, incident)[-1]
        assert shown.endswith("赵六 记录：王五：（原消息已撤回）")
        assert "密码是 123（原消息已撤回）" in lines(world, incident, "root")[-1]
        assert world.refusal("note-edit", "zhao", incident, entry=n, text="x")[0] == "note_recalled"
        assert world.refusal("note-edit", "zhao", incident, entry=n)[0] == "note_recalled"
