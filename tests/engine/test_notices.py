"""What is sent again says so, and still says what it said."""

from __future__ import annotations

from bot.engine.notices import sent_again
from bot.model.card import Card
from bot.model.person import ALL_SEEING
from bot.model.text import flat, plain
from bot.ports import Reads, Store
from bot.views.lines import card_text
from tests.engine.town import WHOLE, Town


async def test_a_card_that_is_sent_again_keeps_its_headline_and_its_words(store: Store, url: str) -> None:
    town = Town(store, url, {"one": WHOLE})

    def marked(reads: Reads, card: Card) -> str:
        again = sent_again(card, town.house, town.house.show(reads, "zh", town.clock.now()))
        assert isinstance(again, Card) and again.headline == "（重发） 🔴 P1 处理中"
        return flat(card_text(again, town.house.prose, "zh"))

    bare, worded = Card("🔴 P1 处理中", "red", "F-1"), Card("🔴 P1 处理中", "red", "F-1", text=plain("已回滚一半"))
    assert await store.read(lambda reads: marked(reads, bare), ALL_SEEING) == "（重发） 🔴 P1 处理中"
    assert await store.read(lambda reads: marked(reads, worded), ALL_SEEING) == "（重发） 已回滚一半"
    town.end()
