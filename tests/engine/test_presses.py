"""Clicks and forms: what a form asks for, that it succeeds once, and what a click on an old card meets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.engine.intake import Intake
from bot.metrics import Metrics
from bot.model.effect import EffectKind
from bot.model.event import Event, UpdatePosted
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Account, Person, PersonId
from bot.model.press import Press
from bot.model.text import Span, Text, flat, plain
from bot.ports import Capability, Filter, Inbound, Place, Ref, Reply, Shown, Speaker, Store
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
