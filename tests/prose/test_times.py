"""Every instant that we print says which it is, so that a chat may show it in each reader's zone; its words are the fallback."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from adapters.chat.plain import render
from bot.model import event as ev
from bot.model.event import Event
from bot.model.text import Span, Text, flat, plain
from bot.prose import LANGS
from bot.show import joined
from bot.views import announcement_card, card_text, status_card
from tests.prose.world import NOW, PROSE, ZHANG, at, busy, show

NOTE = ev.NoteAdded(text=plain("回滚"))


def times(text: Text) -> list[tuple[str, str | None]]:
    return [(span.text, span.target) for span in text if span.kind == "time"]


@pytest.mark.parametrize("lang", LANGS)
def test_an_entry_begins_with_its_instant(lang: str) -> None:
    told = PROSE.entry(Event(12, NOW, NOW, ZHANG, NOTE), busy(), show(lang))
    assert told[:2] == (Span("#12 "), Span("14:20", "time", target="2024-05-20T06:20:00+00:00"))
    assert flat(told).startswith("#12 14:20 张三 ")


def test_knowledge_that_came_late_shows_both_instants() -> None:
    told = PROSE.entry(Event(12, at("14:05"), NOW, ZHANG, NOTE), busy(), show("zh"))
    assert times(told) == [("14:05", "2024-05-20T06:05:00+00:00"), ("14:20", "2024-05-20T06:20:00+00:00")]
    assert flat(told).startswith("#12 14:05（14:20 补记） 张三 ")


@pytest.mark.parametrize("lang", LANGS)
def test_the_instants_of_a_card_are_spans_in_its_fields_and_words_in_its_headline(lang: str) -> None:
    card = status_card(busy(), PROSE, show(lang))
    found = [instant for field in card.fields for instant in times(field.value)]
    assert ("14:35", at("14:35").isoformat()) in found, "the next update"
    assert ("14:19", at("14:19").isoformat()) in found, "the latest one"
    assert {words for words, _ in found} <= {"14:01", "14:03", "14:11", "14:19", "14:20", "14:35"}
    assert all(datetime.fromisoformat(target or "").tzinfo is not None for _, target in found)
    assert times(card_text(card, PROSE, lang)) == found, "and stay so in a card's words"


def test_the_same_state_gives_the_same_card_in_bytes() -> None:
    for make in (lambda: status_card(busy(), PROSE, show("zh")), lambda: announcement_card(busy(), PROSE, show("zh"))):
        assert msgspec.json.encode(make()) == msgspec.json.encode(make())


def test_an_instant_is_the_same_however_its_zone_is_written() -> None:
    here = NOW.astimezone(UTC).astimezone(datetime.now().astimezone().tzinfo)
    for zone in (NOW, here):
        assert times(PROSE.entry(Event(1, zone, zone, ZHANG, NOTE), busy(), show("zh")))[0][1] == "2024-05-20T06:20:00+00:00"


def test_neighbours_of_an_instant_stay_apart_and_what_strangers_type_is_none() -> None:
    pieces = (Span("a"), Span("14:05", "time", target="x"), Span("b"), Span("c"))
    assert joined(pieces) == (Span("a"), Span("14:05", "time", target="x"), Span("bc"))
    forged = ev.NoteAdded(text=(Span("14:05", "time", target="2024-05-20T06:05:00+00:00"),))
    assert len(times(PROSE.entry(Event(1, NOW, NOW, ZHANG, forged), busy(), show("zh")))) == 1, "only our own"


def test_a_chat_without_zones_prints_the_words() -> None:
    told = PROSE.entry(Event(12, NOW, NOW, ZHANG, NOTE), busy(), show("zh"))
    assert render.text(told) == flat(told)
