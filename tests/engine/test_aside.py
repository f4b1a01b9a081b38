"""What one person is answered in a group whose chat shows everything to everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.engine.aside import portions
from bot.engine.perform import Call, plan
from bot.model.card import Card
from bot.model.effect import Effect, EffectKind
from bot.model.person import ALL_SEEING
from bot.model.text import Span, flat, plain
from bot.ports import Capability, Content, Limits, Place
from tests.engine.test_intake import CHAT
from tests.engine.test_presses import LIVELY, Desk, content_of
from tests.engine.test_presses import desk as desk  # the fixture

OPEN = frozenset({Capability.DIRECT, Capability.OPEN_ROOM})
GROUP = {"place": Place.GROUP, "chat": "G1"}


class Hall(Desk):
    """Be a desk in a group that hears everything."""

    async def sent(self) -> list[tuple[Effect, Content]]:
        """Give what is sent to people directly as answers."""
        at = self.clock.at
        claimed = await self.store.tx(lambda uow: uow.claim("t", [CHAT], at, timedelta(seconds=4), 50))
        found = []
        for effect in claimed:
            if effect.kind is EffectKind.SEND:
                call = await self.store.read(lambda reads, e=effect: plan(e, reads, self.house, at), ALL_SEEING)  # type: ignore[misc]
                assert isinstance(call, Call)
                found.append((effect, await content_of(call)))
            await self.store.tx(lambda uow, e=effect: uow.finish(e, "t", at))  # type: ignore[misc]
        return found


@pytest.fixture
async def hall(desk: Desk) -> Hall:
    return Hall(desk.store, desk.clock, OPEN)


async def test_a_long_answer_is_one_neutral_line_there_and_the_rest_directly(hall: Hall) -> None:
    reply = await hall.says("li", "声明 P1 支付服务 支付失败", **GROUP)
    assert (flat(reply.text), reply.private, reply.refused) == ("已私信你。", False, False)
    ((effect, content),) = await hall.sent()
    assert effect.data["account"] == "li"
    assert isinstance(content, tuple)
    assert "F-20240520-001｜P1 支付失败" in flat(content)


async def test_an_english_speaker_is_told_in_english(hall: Hall) -> None:
    def speaks(uow: object) -> None:
        person = uow.person("zhou")  # type: ignore[attr-defined]
        uow.save_person(type(person)(person.id, person.name, lang="en"))  # type: ignore[attr-defined]

    await hall.store.tx(speaks)
    reply = await hall.says("zhou", "help", **GROUP)
    assert flat(reply.text) == "Sent to you directly."
    ((_, content),) = await hall.sent()
    assert "declare" in flat(content)  # type: ignore[arg-type]


async def test_a_delivery_is_answered_directly_once(hall: Hall) -> None:
    first = await hall.says("li", "帮助", key="same", **GROUP)
    assert await hall.says("li", "帮助", key="same", **GROUP) == first
    assert len(await hall.sent()) == 1


async def test_a_short_refusal_is_said_in_front_of_everybody(hall: Hall) -> None:
    reply = await hall.says("li", "误报 F-20240520-009 阈值", **GROUP)
    assert reply.refused and not reply.private
    assert "F-20240520-009" in flat(reply.text)
    assert await hall.sent() == []


async def test_where_the_chat_whispers_or_the_place_is_direct_nothing_changes(hall: Hall) -> None:
    whispering = Hall(hall.store, hall.clock, OPEN | {Capability.PRIVATE})
    for reply in (await whispering.says("li", "帮助", key="a", **GROUP), await hall.says("li", "帮助", key="b")):
        assert reply.private and "帮助" in flat(reply.text)
    assert await hall.sent() == []


async def test_a_private_incident_is_told_of_in_its_own_room_only(hall: Hall) -> None:
    await hall.says("li", "声明 P1 支付服务 泄露 --保密")
    await hall.sent()
    known = await hall.says("li", "关闭 F-20240520-001", key="known", **GROUP)
    assert flat(known.text) == "已私信你。"
    ((_, content),) = await hall.sent()
    assert "F-20240520-001" in flat(content)  # type: ignore[arg-type]
    # Somebody who may not know of it reads the same as of one that does not exist.
    denied, absent = [await hall.says("chen", f"关闭 F-20240520-00{n}", **GROUP) for n in (1, 7)]
    assert flat(denied.text).replace("001", "007") == flat(absent.text)
    assert await hall.sent() == []


async def test_what_is_personal_goes_to_the_person(hall: Hall) -> None:
    assert flat((await hall.says("chen", "我是谁", **GROUP)).text) == "已私信你。"
    assert len(await hall.sent()) == 1


async def test_where_nobody_can_be_written_to_only_what_reveals_nothing_is_said(hall: Hall) -> None:
    deaf = Hall(hall.store, hall.clock, frozenset({Capability.OPEN_ROOM}))
    assert "声明" in flat((await deaf.says("li", "帮助", **GROUP)).text)
    await hall.says("li", "声明 P1 支付服务 泄露 --保密")
    reply = await deaf.says("li", "现状 F-20240520-001", **GROUP)
    assert flat(reply.text) == "请私聊我，这里不方便说。" and not reply.private


async def test_buttons_and_the_status_card_go_along(hall: Hall) -> None:
    lively = Hall(hall.store, hall.clock, LIVELY)
    receipt = await lively.says("li", "声明 P1 支付服务 支付失败", **GROUP)
    assert receipt.card is None
    ((_, content),) = await lively.sent()
    assert isinstance(content, Card)
    assert "我来指挥" in [b.label for b in content.buttons] and "F-20240520-001" in flat(content.text)
    assert (await lively.says("li", "状态 F-20240520-001", **GROUP)).card is None
    ((_, card),) = await lively.sent()
    assert isinstance(card, Card)
    assert card.fields and "支付失败" in card.headline and card.text == ()


async def test_a_form_opens_for_the_person_alone(hall: Hall) -> None:
    lively = Hall(hall.store, hall.clock, LIVELY)
    reply = await lively.says("li", "声明 P1 支付服务", **GROUP)
    assert reply.form is not None
    assert await lively.sent() == []


async def test_the_bug_is_told_there(hall: Hall) -> None:
    reply = await hall.says("chen", "爆炸", **GROUP)
    assert reply.refused and not reply.private and "程序出错" in flat(reply.text)


def test_a_long_text_is_parted_between_lines_and_nothing_is_lost() -> None:
    text = (*plain("\n".join(f"第 {n} 行" for n in range(100))), Span("\n"), Span("链接", "link", target="https://x.example"))
    parts = portions(text, Limits(text_chars=300, text_bytes=900))
    assert len(parts) > 3
    assert "\n".join(flat(part) for part in parts) == flat(text)
    assert all(len(flat(part).encode()) <= 600 and len(flat(part)) <= 200 for part in parts)
    assert parts[-1][-1].kind == "link"
    long = portions(plain("长" * 1000), Limits(text_chars=400, text_bytes=600))
    assert "".join(flat(part) for part in long) == "长" * 1000
    assert all(len(flat(part).encode()) <= 300 for part in long)
