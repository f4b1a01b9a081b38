"""Clicks and forms: what a form asks for, that it succeeds once, and what a click on an old card meets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.engine.house import House
from bot.engine.intake import Intake
from bot.engine.perform import Call, Skip, plan
from bot.engine.run import record
from bot.metrics import Metrics
from bot.model.card import Card
from bot.model.effect import Effect, EffectKind
from bot.model.event import CommanderMissing, Event, UpdatePosted
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person, PersonId
from bot.model.press import Press
from bot.model.room import RoomState
from bot.model.text import Span, Text, flat, plain
from bot.ports import (
    Capability,
    Content,
    Done,
    Filter,
    Inbound,
    Place,
    Ref,
    Reply,
    Result,
    Shown,
    Speaker,
    Store,
    UnitOfWork,
)
from bot.rules.telling import room_card
from store.open import open_store
from tests.engine.test_intake import CHAT, NOW, Still, house

LIVELY = frozenset({Capability.DIRECT, Capability.OPEN_ROOM, Capability.CARD, Capability.EDIT, Capability.FORM})


class Desk:
    """Click and type in a chat with cards and forms (or without)."""

    def __init__(self, store: Store, clock: Still, can: frozenset[Capability] = LIVELY) -> None:
        self.store, self.clock, self.count = store, clock, 0
        self.house = replace(house(clock), capabilities={CHAT: can})
        self.intake = Intake(store, self.house, Metrics())

    async def _gives(self, who: str, **more: object) -> Reply:
        self.count += 1
        given: dict[str, object] = {
            "place": Place.DIRECT,
            "chat": f"@{who}",
            "at": self.clock.at,
            "key": f"k{self.count}",
            **more,
        }
        return await self.intake.handle(Inbound(CHAT, speaker=Speaker(who, who), **given))  # type: ignore[arg-type]

    async def says(self, who: str, words: str | Text, **more: object) -> Reply:
        return await self._gives(who, text=plain(words) if isinstance(words, str) else words, **more)

    async def clicks(
        self, who: str, command: str, args: dict[str, str] | None = None, *, assumes: dict[str, str] | None = None,
        asks: bool = False, form: str = "", **more: object,
    ) -> Reply:  # fmt: skip
        return await self._gives(who, press=Press(command, args or {}, assumes or {}, asks, form), **more)

    async def incident(self) -> Incident:
        return await self.store.read(lambda reads: reads.incidents(Filter(open=None))[0], ALL_SEEING)

    async def log(self) -> list[Event]:
        ident = (await self.incident()).id
        return await self.store.read(lambda reads: reads.timeline(ident), ALL_SEEING)

    async def wishes(self, kind: EffectKind) -> list[dict[str, object]]:
        me, at = "t", self.clock.at
        claimed = await self.store.tx(lambda uow: uow.claim(me, [CHAT], at, at - at, 50))
        return [dict(effect.data) for effect in claimed if effect.kind is kind]


@pytest.fixture
async def desk(store_url: str) -> AsyncIterator[Desk]:
    clock = Still()
    store = open_store(store_url, clock=clock)

    def enrol(uow: object) -> None:
        for ident, name in (("li", "李四"), ("zhou", "老周"), ("chen", "小陈")):
            uow.save_person(Person(PersonId(ident), name, lang="zh"))  # type: ignore[attr-defined]
            uow.save_account(Account(CHAT, ident, PersonId(ident), ident))  # type: ignore[attr-defined]

    await store.tx(enrol)
    yield Desk(store, clock)
    await store.close()


def entries(reply: Reply) -> dict[str, str]:
    """Map a form's entries to what stands in them."""
    assert reply.form is not None
    return {entry.name: entry.value for entry in reply.form.entries}


async def test_a_click_that_asks_opens_the_form_and_changes_nothing(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    incident = await desk.incident()
    reply = await desk.clicks("li", "update", {"incident": incident.id}, asks=True)
    assert reply.form is not None and reply.form.command == "update"
    assert dict(reply.form.args) == {"incident": incident.id}
    assert "进展 <文字>" in flat(reply.text)
    assert not reply.refused
    assert (await desk.incident()).n == incident.n


async def test_without_forms_the_click_says_what_to_type(desk: Desk) -> None:
    bare = Desk(desk.store, desk.clock, LIVELY - {Capability.FORM})
    reply = await bare.clicks("li", "declare", asks=True)
    assert reply.form is None
    assert "在这里打字：声明" in flat(reply.text)


async def test_a_typed_command_that_lacks_its_text_carries_its_form_filled_in(desk: Desk) -> None:
    reply = await desk.says("li", "声明 P1 支付服务")
    assert reply.refused and reply.field == "title"
    assert "照抄" in flat(reply.text)
    assert {"severity": "P1", "services": "pay", "title": ""}.items() <= entries(reply).items()
    again = await desk.says("li", "声明 P1 支付服务", key="same")
    assert await desk.says("li", "声明 P1 支付服务", key="same") == again  # the form is kept with the answer
    bare = Desk(desk.store, desk.clock, LIVELY - {Capability.FORM})
    assert (await bare.says("li", "声明 P1", key="bare")).form is None


@pytest.mark.parametrize(("line", "command"), [("误报", "dismiss"), ("等级", "severity"), ("记录", "note"), ("邀请", "invite")])
async def test_commands_that_lack_something_open_their_form(desk: Desk, line: str, command: str) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    reply = await desk.says("li", line)
    assert reply.form is not None and reply.form.command == command
    assert dict(reply.form.args)["incident"] == (await desk.incident()).id


@pytest.mark.parametrize("line", ["进展", "恢复", "指挥", "现状"])
async def test_a_line_that_is_fine_as_it_is_opens_nothing(desk: Desk, line: str) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    reply = await desk.says("li", line)
    assert reply.form is None and not reply.refused


async def test_a_form_succeeds_once_and_a_refused_one_is_sent_again(desk: Desk) -> None:
    lacking = await desk.clicks("li", "declare", {"title": "", "severity": "P1", "services": "pay"}, form="V1")
    assert lacking.refused and lacking.field == "title"
    filled = {"title": "支付失败", "severity": "P1", "services": "pay", "impact": "华东", "at": NOW.isoformat()}
    first = await desk.clicks("li", "declare", filled, form="V1")
    again = await desk.clicks("li", "declare", {**filled, "title": "别的"}, form="V1")
    assert not first.refused and again == first
    assert await desk.store.read(lambda reads: reads.count(Filter(open=None)), ALL_SEEING) == 1
    incident = await desk.incident()
    assert flat(incident.impact) == "华东"
    assert not (await desk.clicks("li", "declare", {**filled, "title": "第二个", "new": "true"}, form="V2")).refused
    assert await desk.store.read(lambda reads: reads.count(Filter(open=None)), ALL_SEEING) == 2


async def test_an_update_from_a_form_says_its_parts(desk: Desk) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    await desk.clicks("li", "update", {"text": "成功率 83%", "action": "回滚 2/4", "then": "全量"}, form="V")
    payload = (await desk.log())[-1].payload
    assert isinstance(payload, UpdatePosted)
    assert (flat(payload.text), flat(payload.action), flat(payload.then)) == ("成功率 83%", "回滚 2/4", "全量")


async def test_a_picked_account_is_its_person_and_an_unknown_one_is_refused_at_its_entry(desk: Desk) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    await desk.says("li", "指挥")
    reply = await desk.clicks("li", "commander", {"who": "account:nobody"}, form="V")
    assert reply.refused and reply.field == "who"
    await desk.clicks("li", "commander", {"who": "account:chen"}, form="V")
    assert (await desk.incident()).offered_to == "chen"


async def test_mentions_are_people_by_their_account_made_at_first_sight(desk: Desk) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    await desk.says(
        "li", (Span("邀请 "), Span("@小陈", "person", target="chen"), Span(" "), Span("@新人", "person", target="U9"))
    )
    invited = [invitee.person for invitee in (await desk.incident()).invited]
    account = await desk.store.read(lambda reads: reads.account(CHAT, "U9"), ALL_SEEING)
    assert account is not None and account.name == "新人"
    assert {"chen", account.person} <= set(invited)


async def test_a_click_whose_wish_holds_already_is_told_who_did_it(desk: Desk) -> None:
    await desk.says("chen", "上报 支付服务 付不了")
    incident = await desk.incident()
    pressed = {"incident": incident.id}
    await desk.clicks("li", "confirm", pressed, assumes={"status": "pending"})
    reply = await desk.clicks("zhou", "confirm", pressed, assumes={"status": "pending"})
    assert reply.refused
    assert "14:05 李四 已经做了（确认故障）" in flat(reply.text)
    await desk.clicks("li", "commander", pressed, assumes={"status": "handling", "commander": ""})
    taken = await desk.clicks("zhou", "commander", pressed, assumes={"status": "handling", "commander": ""})
    assert "指挥官 李四" in flat(taken.text)
    stale = await desk.clicks("zhou", "dismiss", pressed, assumes={"status": "pending"}, asks=True)
    assert stale.refused and stale.form is None
    assert "现在已是" in flat(stale.text)


async def test_a_stale_click_has_its_card_sent_again_whatever_it_is_thought_to_show(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    incident = await desk.incident()

    def opened(uow: object) -> None:
        room = uow.rooms(incident.id)[0]  # type: ignore[attr-defined]
        moved = replace(room, state="open", address="C1")
        uow.save_room(moved)  # type: ignore[attr-defined]
        uow.bind_address(CHAT, "C1", room.id)  # type: ignore[attr-defined]
        uow.save_shown(f"status:{room.id}", Shown(Ref("C1", "ts1"), "digest", "head", NOW))  # type: ignore[attr-defined]

    await desk.store.tx(opened)
    await desk.wishes(EffectKind.SHOW_CARD)  # what waited is under way
    press = {"incident": incident.id}
    other = await desk.clicks("li", "confirm", press, assumes={"status": "pending"}, place=Place.GROUP, chat="C1", message="ts9")
    assert other.refused
    assert await desk.wishes(EffectKind.SHOW_CARD) == []  # a private message, no card of ours
    await desk.clicks("li", "confirm", press, assumes={"status": "pending"}, place=Place.GROUP, chat="C1", message="ts1")
    await desk.clicks("li", "confirm", press, assumes={"status": "pending"}, place=Place.GROUP, chat="C1", message="ts1")
    forced = await desk.wishes(EffectKind.SHOW_CARD)
    assert [wish["force"] for wish in forced] == [True]


# ---------------------------------------------------------------- what may be clicked next
class Paper:
    """Take down what would be posted."""

    def __init__(self) -> None:
        self.written: list[Content] = []

    async def post(self, chat: str, content: Content, key: str) -> Result:
        self.written.append(content)
        return Done()

    direct = post

    async def edit(self, ref: Ref, content: Content) -> Result:
        self.written.append(content)
        return Done(ref)


async def content_of(call: Call, *, again: bool = False) -> Content:
    """Give what a planned call says."""
    paper: Any = Paper()
    await call.make(paper, again)
    content: Content = paper.written[-1]
    return content


async def test_an_answer_offers_what_may_be_clicked_next_only_where_there_are_cards(desk: Desk) -> None:
    reply = await desk.says("li", "声明 支付服务 支付失败")
    assert reply.card is not None
    assert [b.label for b in reply.card.buttons] == ["我来指挥", "P1", "P2 建议", "P3", "P4", "改", "撤销（60 秒内）"]
    assert "撤销" not in flat(reply.text)
    bare = Desk(desk.store, desk.clock, frozenset({Capability.DIRECT}))
    plain_reply = await bare.says("li", "声明 支付服务 又失败 --新建", key="bare")
    assert plain_reply.card is None
    assert "撤销（60 秒内）：撤销" in flat(plain_reply.text)


async def test_every_button_of_an_answer_does_what_it_says(desk: Desk) -> None:
    declared = await desk.says("li", "声明 支付服务 支付失败")
    assert declared.card is not None
    for button in declared.card.buttons:
        if button.label not in ("改", "P2 建议") and not button.label.startswith("撤销"):
            done = await desk.clicks("li", button.command, dict(button.args), assumes=dict(button.assumes), asks=button.asks)
            assert not done.refused, button
    undone = await desk.clicks("li", "undo", {"what": "IncidentDeclared"})
    assert undone.refused  # something was done since, which the button does not mean
    for option in next(b for b in declared.card.buttons if b.label == "改").options:
        opened = await desk.clicks("li", option.command, dict(option.args), asks=option.asks)
        assert opened.form is not None and opened.form.command == option.command


async def test_taking_a_declaration_back_by_its_button(desk: Desk) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    assert not (await desk.clicks("li", "undo", {"what": "IncidentDeclared"})).refused
    assert (await desk.incident()).outcome == "cancelled"


async def test_the_status_is_the_card_itself_and_the_menu_is_private(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    status = await desk.says("li", "状态")
    assert status.text == () and status.private
    assert status.card is not None and status.card.headline.startswith("🔴 P1 处理中")
    assert "更多" in [button.label for button in status.card.buttons]
    menu = await desk.clicks("li", "menu", {"incident": (await desk.incident()).id})
    assert menu.private and menu.card is not None
    assert {"角色", "邀请", "电话会"} <= {button.label for button in menu.card.buttons}
    for button in menu.card.buttons:
        if button.asks:
            opened = await desk.clicks("li", button.command, dict(button.args), asks=True)
            assert opened.form is not None, button


async def test_a_mistyped_word_is_run_with_one_tap(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    reply = await desk.says("li", "近展 已回滚 2/4")
    assert reply.card is not None
    (button,) = reply.card.buttons
    assert (button.command, dict(button.args)["text"]) == ("update", "已回滚 2/4")
    assert "照抄" not in flat(reply.text)
    assert not (await desk.clicks("li", button.command, dict(button.args))).refused
    assert isinstance((await desk.log())[-1].payload, UpdatePosted)


async def test_an_ambiguous_word_is_asked_about_with_buttons(desk: Desk) -> None:
    await desk.says("li", "声明 P2 支付服务 支付失败")
    reply = await desk.says("li", "取消")
    assert reply.card is not None
    assert [(b.label, b.command, b.asks) for b in reply.card.buttons] == [
        ("撤销上一步", "undo", False), ("误报", "dismiss", True),
    ]  # fmt: skip
    assert "照抄" not in flat(reply.text)


async def test_which_incident_is_asked_with_a_button_each(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    await desk.says("li", "声明 P2 支付服务 下单慢 --新建")
    reply = await desk.says("li", "记录 回滚")
    assert reply.refused and reply.card is not None
    assert [(b.command, dict(b.args)["text"]) for b in reply.card.buttons] == [("note", "回滚")] * 2


async def test_a_page_has_its_buttons_where_cards_are(desk: Desk) -> None:
    await desk.says("chen", "上报 支付服务 付不了")
    claimed = await desk.store.tx(lambda uow: uow.claim("t", [CHAT], NOW, NOW - NOW, 50))
    (page,) = [effect for effect in claimed if effect.data.get("say") == "to_confirm"]

    async def sent(house: House) -> Content:
        call = await desk.store.read(lambda reads: plan(page, reads, house, NOW), ALL_SEEING)
        assert isinstance(call, Call)
        return await content_of(call)

    card = await sent(desk.house)
    assert isinstance(card, Card)
    assert [b.label for b in card.buttons] == ["确认故障", "误报"]
    assert "付不了" in card.headline and flat(card.text) == card.headline
    words = await sent(replace(desk.house, capabilities={CHAT: frozenset({Capability.DIRECT})}))
    assert not isinstance(words, Card)
    assert "确认故障 F-20240520-001" in flat(words)


async def test_a_room_line_that_stands_alone_has_its_buttons(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    incident = await desk.incident()

    def told(uow: UnitOfWork) -> Effect:
        room = replace(uow.rooms(incident.id)[0], state=RoomState.OPEN, address="C1", told=incident.n)
        uow.save_room(room)
        timer = Actor(ActorKind.TIMER, "timer")
        record(uow, desk.house, timer, [CommanderMissing(minutes=3, suggested=PersonId("zhou"))], uow.lock_incident(incident.id),
               now=NOW)  # fmt: skip
        return next(e for e in uow.claim("t", [CHAT], NOW, NOW - NOW, 50) if e.kind is EffectKind.TELL)

    effect = await desk.store.tx(told)
    call = await desk.store.read(lambda reads: plan(effect, reads, desk.house, NOW), ALL_SEEING)
    assert isinstance(call, Call)
    card = await content_of(call, again=True)
    assert isinstance(card, Card)
    assert [(b.command, b.assumes) for b in card.buttons] == [("commander", (("commander", ""),))]
    assert [span.person for span in card.text if span.kind == "person"] == ["zhou"]  # the mention is kept
    assert flat(card.text).startswith("（重发）") and "发「" not in flat(card.text)


async def test_a_forced_redraw_is_sent_though_nothing_changed(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    incident = await desk.incident()

    def shown(uow: UnitOfWork) -> tuple[Effect, Effect]:
        room = replace(uow.rooms(incident.id)[0], state=RoomState.OPEN, address="C1")
        uow.save_room(room)
        wish = room_card(room)
        uow.want([wish], NOW)
        first = next(e for e in uow.claim("t", [CHAT], NOW, NOW - NOW, 50) if e.kind is EffectKind.SHOW_CARD)
        call = plan(first, uow, desk.house, NOW)
        assert isinstance(call, Call)
        call.done(uow, Ref("C1", "ts1"))
        return first, replace(first, data={**first.data, "force": True})

    same, forced = await desk.store.tx(shown)
    later = NOW + timedelta(seconds=10)
    for effect, kind in ((same, Skip), (forced, Call)):
        made = await desk.store.read(lambda reads, e=effect: plan(e, reads, desk.house, later), ALL_SEEING)  # type: ignore[misc]
        assert isinstance(made, kind)


async def test_a_click_is_seen_by_nobody_so_its_tick_is_private_and_its_fact_is_told(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    typed = await desk.says("li", "记录 重启了网关")
    clicked = await desk.clicks("li", "note", {"text": "又重启了"}, form="V")
    assert (typed.tick, typed.private, clicked.tick, clicked.private) == (True, False, True, True)
    seen = [event.via.seen for event in (await desk.log())[-2:] if event.via is not None]
    assert seen == [True, False]


async def test_a_bug_leaves_the_form_open(desk: Desk) -> None:
    assert (await desk.clicks("chen", "explode", form="V")).refused


async def test_a_guess_about_a_speaker_replaces_nothing_that_is_known(desk: Desk) -> None:
    guest = Speaker("guest", "小林", outsider=True)
    await desk.intake.handle(Inbound(CHAT, "g1", guest, Place.DIRECT, "@guest", desk.clock.at, plain("现状")))
    guess = Speaker("guest", "guest", known=False)
    refused = await desk.intake.handle(Inbound(CHAT, "g2", guess, Place.DIRECT, "@guest", desk.clock.at, plain("上报 支付坏了")))
    assert refused.refused
    account = await desk.store.read(lambda reads: reads.account(CHAT, "guest"), ALL_SEEING)
    assert account is not None
    assert (account.name, account.outsider) == ("小林", True)


async def test_somebody_of_the_roster_is_known_at_their_first_word_by_their_chats_e_mail(desk: Desk) -> None:
    def enrol(uow: UnitOfWork) -> None:
        for ident, email in (("wang", "Wang@example.com"), ("sun", "team@example.com"), ("qian", "team@example.com")):
            uow.save_person(Person(PersonId(ident), ident, email=email))

    await desk.store.tx(enrol)

    async def met(account: str, email: str | None, outsider: bool = False) -> str:
        speaker, asks = Speaker(account, account, email=email, outsider=outsider), plain("我是谁")
        await desk.intake.handle(Inbound(CHAT, f"m-{account}", speaker, Place.DIRECT, f"@{account}", desk.clock.at, asks))
        found = await desk.store.read(lambda reads: reads.account(CHAT, account), ALL_SEEING)
        assert found is not None
        return found.person

    assert (await met("U0", "wang@example.com", outsider=True)).startswith("p-"), "somebody else's word for it"
    assert await met("U1", "wang@example.com") == "wang"
    assert (await met("U2", "wang@example.com")).startswith("p-"), "they have an account here already"
    assert (await met("U3", "team@example.com")).startswith("p-"), "two people share it"
    assert (await met("U4", None)).startswith("p-")
