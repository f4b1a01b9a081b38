"""Incidents whose reports are looked at: an ordinary one, one of which nothing is known, a huge and a hostile one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from bot.model import event as ev
from bot.model.announcing import Audience, Occasion
from bot.model.event import Mark, Method
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.postmortem import Section
from bot.model.severity import Because, Extent, Reason
from bot.model.text import Span, plain
from bot.prose import Show
from bot.report import Document, document, gather
from tests.commands.fakes import P1, P2, PAY, PROSE, TIMER, World, actor
from tests.prose.test_hostile import GALLERY as HOSTILE

Made = tuple[World, Incident]


def ordinary() -> Made:
    world = World()
    incident = world.run("declare", "li", title="支付失败", severity=P2, services=(PAY,)).incident
    assert incident is not None
    world.run("mark", "li", incident, mark=Mark.OCCURRED, at=world.now - timedelta(minutes=3))
    world.enter(actor("li"), ev.TitleChanged(title=(), title_en="Payment failures"), incident.id)
    world.run("commander", "zhang", incident)
    world.run("impact", "zhang", incident, text="支付成功率 98%→61%（华东）", extent=Extent.PARTIAL)
    due = ev.FirstAnnouncementDue(due=world.now + timedelta(minutes=5), remind_at=world.now + timedelta(minutes=3))
    world.enter(TIMER, due, incident.id)
    world.later(minutes=1)
    why = (Reason(Because.IMPACT, P1, service=PAY, tier=1, extent=Extent.MAJOR),)
    world.enter(actor("zhang"), ev.SeverityChanged(before=P2, after=P1, reason=plain("扩大到全国"), why=why), incident.id)
    world.later(minutes=2)
    announce(world, incident, 1, Occasion.FIRST, Audience.EXECS, ("person:wang", "person:zhao", "notify:mail:boss@example.com"))
    world.enter(TIMER, ev.AnnouncementDelivered(number=1, target="person:zhao", code="no_account"), incident.id)
    world.enter(actor("wang"), ev.AnnouncementRead(number=1, reader="wang"), incident.id)
    world.run("mark", "wang", incident, mark=Mark.LOCATED)
    world.run("note", "zhang", incident, text="回滚支付网关，不等扩容", sort="decision")
    world.later(minutes=14)
    announce(world, incident, 2, Occasion.FIRST, Audience.SUPPORT, ("chat:plain:desk",))
    world.enter(actor("zhang"), ev.AnnouncementWithdrawn(number=2), incident.id)
    world.run("update", "zhang", incident, text="已回滚 2/4 集群，成功率 83%")
    world.later(minutes=9)
    world.run("mark", "wang", incident, mark=Mark.MITIGATED)
    world.later(minutes=3)
    world.run("recover", "zhang", incident, text=plain("回滚支付网关"), method=Method.ROLLBACK)
    world.later(minutes=30)
    world.tick("end_observation", world.now_of(incident))
    due = world.now + timedelta(days=3)
    world.enter(TIMER, ev.PostmortemStarted(owner=PersonId("wang"), due=due), incident.id)
    for section, words in {
        Section.SCOPE: "华东，约 1.2 万单失败", Section.LOSS: "3.2 万", Section.FOUND_BY: "客服",
        Section.NOT_FOUND: "成功率告警按 10 分钟平均，没到阈值", Section.FAULT: "变更", Section.CHANGES: "网关发布 https://ci.example.com/42",
        Section.CAUSE: "连接池上限从 200 改成了 20，\n大促流量下很快打满", Section.TRIGGER: "14:01 大促开始，流量翻倍",
        Section.WHYS: "为什么失败？连接池打满\n为什么打满？上限被改小\n为什么改小？配置复制自测试环境",
        Section.SLOW: "回滚要人工确认四次", Section.GOOD: "5 分钟内找到了发布", Section.LUCK: "大促只开了华东",
    }.items():  # fmt: skip
        world.enter(actor("wang"), ev.SectionWritten(section=section.value, text=plain(words)), incident.id)
    return world, world.now_of(incident)


def announce(
    world: World, incident: Incident, number: int, occasion: Occasion, audience: Audience, targets: tuple[str, ...]
) -> None:  # fmt: skip
    """Send an announcement, which arrives."""
    facts = [
        ev.AnnouncementDrafted(number=number, occasion=occasion, audience=audience, targets=targets),
        ev.AnnouncementSent(number=number, targets=targets),
        *(ev.AnnouncementDelivered(number=number, target=target) for target in targets[::2]),
    ]
    for fact in facts:
        world.enter(actor("zhang"), fact, incident.id)


def empty() -> Made:
    world = World()
    return world, world.handled("li", P2, services=())


def huge() -> Made:
    world = World()
    incident = world.handled("li", P1)
    for number in range(300):
        world.later(seconds=50 if number % 60 else 1300)
        world.run("note", "li", incident, text=f"第 {number} 步：" + "重启一台机器，看它的错误率有没有下降。" * (1 + number % 3))
    world.run("recover", "li", incident)
    for word in ("根因", "5why", "证据"):
        world.says(
            "wang", f"复盘 {word} " + "\n".join(f"第 {n} 段，" + "很长的话" * 60 for n in range(12)), world.now_of(incident)
        )
    return world, world.now_of(incident)


def hostile() -> Made:
    world = World()
    incident = world.declared("li", P1, title=HOSTILE["html"] + HOSTILE["dingtalk"])
    world.run("commander", "li", incident)
    words = [words for name, words in HOSTILE.items() if name not in ("long", "surrogate")]
    for said in (*words, "- [ ] x\n===\n1. y", "| a | b |\n|---|---|", "](javascript:alert(1))"):
        world.run("note", "li", incident, text=said)
    link = (
        Span("看这里", "link", target="javascript:alert(1)"),
        Span(" "),
        Span("x", "link", target="https://evil.example/?<b>"),
    )
    world.enter(actor("wang"), ev.SectionWritten(section="cause", text=link), incident.id)
    world.enter(actor("wang"), ev.SectionWritten(section="trigger", text=plain("\n".join(words))), incident.id)
    world.enter(
        actor("li"), ev.SectionWritten(section="trigger", text=plain("# 大标题\n- 甲\n```\n</style><script>")), incident.id
    )
    world.run("recover", "li", incident, text=plain(HOSTILE["slack"]))
    return world, world.now_of(incident)


GALLERY: Mapping[str, Callable[[], Made]] = {"ordinary": ordinary, "empty": empty, "huge": huge, "hostile": hostile}


def show(world: World, lang: str) -> Show:
    return world.house.show(world.reads("root"), lang, world.now)


def written(name: str, lang: str) -> Document:
    """Word the report of one of them."""
    world, incident = GALLERY[name]()
    report = gather(world.reads("root"), incident)
    return document(report, PROSE, show(world, lang))
