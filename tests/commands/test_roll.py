"""Pulling people in: who is there, who sends somebody else, calling again, and calling harder."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.event import Invitee
from bot.model.ids import PersonId, RotationId
from bot.model.incident import Incident
from bot.model.oncall import Rotation
from bot.model.severity import Severity
from tests.commands.fakes import ORDER, P1, P2, PAY, TIMER, World, person


def called() -> tuple[World, Incident]:
    """Give a P1 of 李四's for which 王五 (owner) and 赵六 (asked) were called a minute ago."""
    world = World()
    incident = world.handled("li")
    people = (Invitee(PersonId("wang"), "owner", PAY, "dev"), Invitee(PersonId("zhao"), "asked"))
    world.enter(TIMER, ev.PeopleInvited(people=people), incident.id)
    world.later(seconds=40)
    return world, world.now_of(incident)


def waiting(world: World, incident: Incident) -> list[str]:
    return [one.person for one in world.now_of(incident).roll.waiting]


@pytest.mark.parametrize("line", ["到", "签到", "收到", "在", "here"])
def test_a_word_answers(line: str) -> None:
    world, incident = called()
    done = world.says("wang", line, incident)
    assert done.zh == "✅ 已签到，用时 0:40。" and done.en == "✅ Checked in after 0:40."
    assert waiting(world, incident) == ["zhao"]
    assert "已经签到了" in world.says("wang", line, incident).zh


def test_whoever_does_anything_in_the_incident_is_there() -> None:
    world, incident = called()
    world.run("note", "zhao", incident, text="网关超时")
    assert waiting(world, incident) == ["wang"]
    one = world.now_of(incident).roll.of(PersonId("zhao"))
    assert one is not None and one.how == "NoteAdded"


def test_whoever_was_not_called_takes_part_from_then_on() -> None:
    world, incident = called()
    done = world.says("chen", "到", incident)
    assert done.kinds == ["PersonJoined"] and "你已加入" in done.zh


def test_passing_it_on_takes_one_off_the_list_and_calls_the_other_for_the_same_reason() -> None:
    world, incident = called()
    done = world.says("wang", "转给 @小陈", incident)
    assert done.kinds == ["PassedOn", "PeopleInvited"]
    assert waiting(world, incident) == ["zhao", "chen"]
    theirs = world.now_of(incident).roll.of(PersonId("chen"))
    assert theirs is not None and (theirs.why, theirs.service, theirs.duty) == ("passed", PAY, "dev")
    assert world.refusal("pass", "wang", incident, who=person("zhang"))[0] == "pass_already"
    assert "你 " not in world.says("wang", "到", incident).zh, "who comes all the same is welcome"


def test_passing_needs_somebody_else_of_ours_and_names_who_is_next() -> None:
    world, incident = called()
    assert "@李四（下一位）" in world.refusal("pass", "wang", incident)[1]
    assert world.refusal("pass", "wang", incident, who=person("wang"))[0] == "pass_self"
    assert world.refusal("pass", "wang", incident, who=person("out"))[0] == "pass_outsider"
    assert world.refusal("pass", "zhang", incident, who=person("chen"))[0] == "pass_uncalled"
    assert waiting(world, incident) == ["wang", "zhao"], "a refusal answers nothing here"


def test_calling_again_is_the_commanders_and_only_for_those_who_are_missing() -> None:
    world, incident = called()
    assert world.refusal("recall", "chen", incident)[0] == "recall_needs"
    world.says("zhao", "到", incident)
    assert "已再叫一次：王五" in world.says("li", "再叫一次", incident).zh
    world.says("wang", "到", incident)
    assert "都到了" in world.refusal("recall", "li", incident)[1]


def test_help_is_called_by_name_by_service_by_level_or_for_all_who_are_missing() -> None:
    world, incident = called()
    assert world.says("li", "呼叫 @小陈", incident).kinds == ["PeopleInvited", "Escalated"]
    assert "马上呼叫：赵六" in world.says("li", "求助 订单服务", incident).zh
    assert "马上呼叫：王五、赵六、小陈" in world.says("li", "加急", incident).zh
    lower = World()
    p2 = lower.handled("li", P2)
    assert lower.says("li", "呼叫 P1", p2).kinds == ["SeverityChanged"] and lower.now_of(p2).severity is P1
    with pytest.raises(Refused) as nobody:
        lower.says("li", "呼叫", p2)
    assert nobody.value.reason.key == "escalate_whom"


@pytest.mark.parametrize("level", list(Severity))
def test_help_is_called_on_every_level_and_a_level_only_ever_raises(level: Severity) -> None:
    world = World()
    incident = world.handled("li", level)
    assert world.says("li", "呼叫 @小陈", incident).kinds == ["PeopleInvited", "Escalated"]
    assert world.says("li", "escalate orders", incident).kinds == ["PeopleInvited", "Escalated"]
    assert "马上呼叫：小陈、赵六" in world.says("li", "呼叫", incident).zh
    lower = world.says("li", f"呼叫 {Severity.P4}", incident)  # never down, nor a refusal that it is that already
    assert lower.kinds == ["Escalated"] and world.now_of(incident).severity is level
    raised = world.says("li", "呼叫 P1", incident)
    assert raised.kinds == (["Escalated"] if level is P1 else ["SeverityChanged"]) and world.now_of(incident).severity is P1


def test_help_is_called_by_the_name_of_a_rotation() -> None:
    people = (PersonId("zhao"), PersonId("chen"))
    dba = Rotation(RotationId("dba"), "数据库值班", "DB on call", people=people, start=date(2024, 5, 20), every=1)
    away = dataclasses.replace(dba, id=RotationId("net"), name="网络值班", name_en=None, start=date(2024, 6, 20))
    world = World().on_call(dba, away, of=ORDER)
    for word in ("DBA", "数据库", "数据库值班", "db"):
        incident = world.handled("li", P1, new=True)
        done = world.says("li", f"呼叫 {word}", incident)
        assert done.facts[0] == ev.PeopleInvited(people=(Invitee(PersonId("zhao"), "oncall", ORDER),)), word
        assert done.zh == "⏫ 马上呼叫：赵六。"
    with pytest.raises(Refused) as nobody:
        world.says("li", "呼叫 网络值班", incident)
    assert world.worded(nobody.value.reason, None, "li")[0] == "没有呼叫：网络值班现在没有人值班。照抄：呼叫 @赵六"
    with pytest.raises(Refused) as unknown:
        world.says("li", "呼叫 运维组", incident)
    assert world.worded(unknown.value.reason, None, "li")[0] == ("没有呼叫：没找到叫“运维组”的人、服务或值班组。照抄：呼叫 @赵六")
