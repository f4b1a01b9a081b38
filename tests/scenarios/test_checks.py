"""The checks of the scenarios can fail: what is not drawn cannot be pressed, a foreign word and a skipped step are noticed."""

from __future__ import annotations

import httpx
import pytest

from tests.scenarios.conftest import Play
from tests.scenarios.ledger import SKIPS, TALLY
from tests.transcript import NotSeen

pytestmark = pytest.mark.on("slack-socket", "slack-http")


async def test_only_what_is_drawn_can_be_pressed_and_filled_in(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        old = await room.card("处理中", "我来指挥", "发进展", "记一笔", "已恢复", "更多")
        await room.clicks("我来指挥")
        await room.card("指挥官：张三", "发进展", "记一笔", "已定位", "已恢复", "更多")
        with pytest.raises(NotSeen, match="我来指挥"):
            await room.clicks("我来指挥", on=old, deadline=0.2)  # drawn once, and no longer
        with pytest.raises(NotSeen, match="关闭"):
            await room.clicks("关闭", deadline=0.2)
        await room.clicks("发进展")
        await zhang.player.form("发进展")
        with pytest.raises(NotSeen, match="there is no field"):
            await zhang.player.fill("负责人", "李四")
        with pytest.raises(NotSeen):
            await house.people("chen").in_room(room.name).player.page.says("我不在这里", room.name)


@pytest.mark.parametrize(("lang", "word"), [("zh", "hello"), ("en", "你好")])
async def test_a_word_of_the_other_language_is_found_wherever_the_bot_writes_it(play: Play, lang: str, word: str) -> None:
    async with play(lang, one_language=False) as house:
        keys = house.config["chats"]["slack"]
        option = {"text": {"type": "plain_text", "text": word}, "value": "x"}
        select = {"type": "static_select", "action_id": "a", "options": [option]}
        places = (
            ("chat.postMessage", {"text": word}),
            ("chat.postMessage", {"text": "1", "blocks": [{"type": "actions", "elements": [select]}]}),
            ("chat.postEphemeral", {"text": word, "user": "U0ZHANG"}),
            ("conversations.setTopic", {"topic": word}),
        )
        async with httpx.AsyncClient(base_url=keys["api_url"], trust_env=False) as client:
            for n, (method, said) in enumerate(places, 1):
                headers = {"authorization": f"Bearer {keys['bot_token']}"}
                answer = await client.post(method, json={"channel": house.ground.id_of("hall"), **said}, headers=headers)
                assert answer.json()["ok"], answer.text
                assert len([one for one in house.foreign() if repr(word) in one]) >= n, method


def test_what_cannot_be_played_somewhere_is_written_down() -> None:
    played = {
        ground: [step for step in SKIPS.get(ground, ()) if step.partition(":")[0] in of] for ground, of in TALLY.played.items()
    }
    assert {ground: sorted(steps) for ground, steps in TALLY.skipped.items()} == played
