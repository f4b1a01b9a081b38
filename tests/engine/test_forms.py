"""Forms are read off the declarations: complete in both languages, in the promised order, and read back as they were filled."""

from __future__ import annotations

from typing import Any

import pytest

from bot.command import Declaration
from bot.engine.binding import bind_press
from bot.engine.forms import form_of, written
from bot.engine.parameters import parameters
from bot.errors import Refused
from bot.model.form import Form, Input
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.press import encode
from bot.model.text import flat, plain
from bot.prose import LANGS
from tests.commands.fakes import DECLARATIONS, P1, P2, PAY, PROSE, World, person

WITH_FORM = [d for d in DECLARATIONS.values() if d.form]
# Labels in order, * = must be filled in.
PROMISED = {
    "silence": "多久*",
    "reword": "文字*",
    "declare": "标题* 等级 影响服务 现象与影响 发生时间 指挥官 保密 演练",
    "update": "现状* 动作 下一步 下次时间",
    "note": "内容* 类别 时间",
    "note-edit": "第几条（#）* 内容 类别",
    "recover": "恢复时间 止血方式 一句话结论",
    "dismiss": "原因*",
    "reopen": "原因*",
    "severity": "等级* 原因",
    "title": "标题 英文标题",
    "role": "角色* 人",
    "invite": "人 服务的负责人",
    "link": "告警 另一个故障",
    "merge": "并入*",
    "impact": "影响面 影响程度 影响服务",
    "complaints": "数量* 说什么",
    "bridge": "链接*",
    "decline": "原因*",
    "commander": "接手人*",
    "pass": "人*",
    "escalate": "人 服务的负责人",
    "close": "免复盘的原因 备注",
    "action": "做什么* 谁负责 截止 验收标准 验收人",
    "reassign": "转给谁*",
    "extend": "到哪天，为什么*",
    "done": "链接或说明*",
    "sendback": "原因*",
    "report": "现象* 影响服务 发生时间",
    "postmortem": "问题根因 触发条件 发现方式 影响面 资损（直接） 为何未更早发现 为何未更快恢复 做得好",
    "return-postmortem": "原因*",
    "transfer-postmortem": "转给谁*",
    "waive": "原因*",
    "meeting": "时间* 多久、地点 请谁",
    "cancel-meeting": "原因",
}


def opened(name: str, world: World, incident: Incident | None, lang: str = "zh", **given: str) -> Form:
    ctx = world.context("li", incident, None, None, True)
    show = world.house.show(world.reads("li"), lang, world.now, hail="@bot ")
    form = form_of(DECLARATIONS[name], ctx, PROSE, show, given=given, assumes={"status": "handling"}, incident=incident)
    assert form is not None
    return form


def test_the_promised_forms_ask_in_the_promised_order() -> None:
    world = World()
    incident = world.handled()
    for name, labels in PROMISED.items():
        form = opened(name, world, incident if DECLARATIONS[name].takes_incident else None)
        assert [e.label + "*" * e.required for e in form.entries] == labels.split(), name
    assert set(PROMISED) == {d.name for d in WITH_FORM}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("declaration", WITH_FORM, ids=lambda d: d.name)
def test_a_form_is_complete_in_both_languages_and_fits_the_wire(declaration: Declaration, lang: str) -> None:
    words = PROSE.words(lang)
    world = World()
    incident = world.handled()
    world.alerts(12)
    form = opened(declaration.name, world, incident if declaration.takes_incident else None, lang)
    assert form.title and form.submit
    assert form.typed.startswith("@bot ")
    known = {p.name for p in parameters(declaration)}
    for entry in form.entries:
        assert entry.name in known
        assert f"form.{declaration.name}.{entry.name}" in words or f"form.{entry.name}" in words
        assert all(option.label and len(option.label) <= 75 for option in entry.options)
        assert bool(entry.options) == (entry.input in (Input.CHOICE, Input.CHOICES))
    assert len(encode(form).encode()) <= 128


def test_no_words_of_a_form_are_left_over() -> None:
    asked = {(d.name, ask.name) for d in WITH_FORM for ask in d.form}
    for key in PROSE.words("zh"):
        family, _, rest = key.partition(".")
        if family in ("form", "form_hint", "form_placeholder"):
            command, _, name = rest.rpartition(".")
            assert (command, name) in asked if command else any(n == name for _, n in asked), key
        if family in ("form_title", "form_submit"):
            assert rest == "other" or rest in {d.name for d in WITH_FORM}, key


def test_levels_are_offered_with_a_line_of_meaning_and_services_by_name() -> None:
    entries = {e.name: e for e in opened("declare", World(), None).entries}
    assert next((o.value, o.hint) for o in entries["severity"].options) == ("P1", "核心业务不可用或大面积受损")
    assert ("payments", "支付服务") in [(o.value, o.label) for o in entries["services"].options]
    assert entries["title"].longest == 150
    assert "支付失败" in entries["title"].placeholder
    assert entries["at"].value == World().now.isoformat()
    assert entries["commander"].placeholder == "默认请所选服务的值班"
    assert dict(opened("declare", World(), None).args) == {"commander_otherwise": "oncall"}


def test_a_form_holds_what_was_given_and_what_stands_in_the_incident() -> None:
    world = World()
    incident = world.handled()
    form = opened("severity", world, incident, to="P2")
    assert {e.name: e.value for e in form.entries} == {"to": "P2", "reason": ""}
    assert dict(form.args) == {"incident": incident.id}
    assert dict(form.assumes) == {"status": "handling"}
    assert {e.name: e.value for e in opened("title", world, incident).entries}["text"] == "支付失败"
    assert dict(opened("dismiss", world, None, groups="A-12").args) == {"groups": "A-12"}


def test_a_form_says_what_sending_it_does() -> None:
    world = World()
    incident = world.handled()
    assert opened("recover", world, incident).entries[-1].hint == "将告知 1 人，并开始 30 分钟观察"


def test_what_was_read_is_written_and_read_again() -> None:
    world = World()
    incident = world.handled()
    other = world.declared("root", P2, title="慢", new=True)
    group = world.alerts(12)
    cases: list[tuple[str, Incident | None, dict[str, Any]]] = [
        ("declare", None, {"title": plain("慢"), "severity": P1, "services": (PAY,), "at": world.now, "drill": True,
                           "commander": person("wang"), "groups": (group,), "impact": plain("华东")}),
        ("invite", incident, {"people": (person("wang"), person("zhao")), "services": (PAY,)}),
        ("merge", incident, {"other": other}),
        ("role", incident, {"role": "scribe", "who": person("zhao")}),
        ("update", incident, {"text": plain("好转"), "action": plain("回滚"), "next_by": world.now}),
    ]  # fmt: skip
    for name, about, arguments in cases:
        ctx = world.context("li", about, None, None, True)
        words = written(DECLARATIONS[name], arguments, ctx)
        bound = bind_press(DECLARATIONS[name], words, ctx, implied=about, lock=world.reads("li").incident)
        assert {k: v for k, v in bound.arguments.items() if k in arguments} == arguments, name


def test_only_forms_give_what_only_forms_ask() -> None:
    world = World()
    incident = world.handled()
    done = world.says("li", "进展 已回滚 下一步 全量", incident)
    assert flat(done.facts[0].text) == "已回滚 下一步 全量"  # type: ignore[union-attr]
    declared = world.run("declare", "li", title="慢", severity=P2, new=True, impact=plain("华东"))
    assert declared.kinds == ["IncidentDeclared", "ImpactStated"]


def test_a_picked_person_nobody_knows_is_refused_at_the_entry() -> None:
    world = World()
    incident = world.handled()
    ctx = world.context("li", incident, None, None, True)
    bound = bind_press(DECLARATIONS["commander"], {"who": "account:U-wang"}, ctx, implied=incident, lock=lambda i: None)
    assert bound.arguments["who"].id == PersonId("wang")
    with pytest.raises(Refused) as refused:
        bind_press(DECLARATIONS["commander"], {"who": "account:U-gone"}, ctx, implied=incident, lock=lambda i: None)
    assert (refused.value.field, refused.value.reason.key) == ("who", "person_unknown")
