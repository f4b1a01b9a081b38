"""WeCom's demo plays a whole incident against the real bot: every text in its language, in rooms, cards and answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.sandbox.wecom.company import WeComDemo
from adapters.sandbox.wecom.corp import APP, BOT
from bot.sandbox import sandbox

HAN = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"
# Names and ids that no language changes: levels, the bot's typed name, the rule of the demo, a card's source, marks and flags.
NAMES = (
    r"https?://[^)\s]+|@bot|\bP[0-4]\b|[FA]-[\d…-]+|vital-critical|--[\w-]+|warroom|"
    r"</?font[^>]*>|<@\w+>|[A-Za-z_.-]+@example\.com"
)
TWINS = str.maketrans("＜＞［］∗＿ˋ＃～＼", "<>[]*_`#~\\")  # what stands for a character that a client would obey
DRAWN = {"content", "text", "title", "desc", "sub_title_text", "keyname", "value", "Content", "Title", "Desc", "KeyName", "Value"}


async def spoken(lang: str) -> list[str]:
    """Play the demo and list everything that the app and the bot said: texts, and each drawn word of each card."""
    demo, lines = WeComDemo(lang), list[str]()
    assert await sandbox(once=True, lang=lang, chat="wecom", port=None, data=None, write=lines.append, demo=demo) == 0, lines
    found: list[str] = []
    for message in demo.wecom.corp.messages:
        if message.author in (APP, BOT) and message.kind != "note":  # the client's own line about a name
            found.append(message.text)
            for card in (message.card, *message.own.values()):
                found += _drawn(card) if card is not None else ()
    return found


def _drawn(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, str) and name in DRAWN:
                yield one
            yield from _drawn(one)
    elif isinstance(value, list):
        for one in value:
            yield from _drawn(one)


async def test_a_chinese_incident_plays_to_its_end_without_a_latin_word() -> None:
    texts = await spoken("zh")
    assert len(texts) > 40
    assert [(word, t) for t in texts for word in re.findall(r"[A-Za-z]+", re.sub(NAMES, "", t))] == []


@pytest.mark.slow
async def test_an_english_incident_plays_to_its_end_without_a_han_character() -> None:
    texts = await spoken("en")
    assert len(texts) > 40
    assert [text for text in texts if re.search(HAN, text.translate(TWINS))] == []
