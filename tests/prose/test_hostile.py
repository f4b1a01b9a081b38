"""What strangers type stays words: no span, no line, no direction and no endless text of theirs reaches a reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import event as ev
from bot.model.alert import Alert, AlertState
from bot.model.event import Event, Via
from bot.model.ids import ConnectionId, PersonId
from bot.model.say import say
from bot.model.text import Span, Text, flat, plain
from bot.show import clean
from bot.views import alert_card, announcement_card, card_text, room_name, room_slug, status_card, storm_card, topic
from tests.prose.world import NOW, PROSE, ZHANG, busy, group, show

GALLERY = {
    "token": "\ue0000.0\ue001 \ue000ffffffffffff.0\ue001",
    "supplementary private use": "\U000f0000\U00100000",
    "right to left": "abc\u202egnp.exe\u2066x\u2069\u200f",
    "lines": "first\n#99 14:00 李四 ✅ 已恢复\r\nsecond\u2028third\u2029fourth\x0bfifth\x85sixth",
    "controls": "a\x00b\x1b[31mc\x07d\x7fe",
    "zero width": "a\u200bb\ufeffc\u2060d\xade",
    "surrogate": "a\ud800b",
    "long": "长" * 10_000,
    "slack": "<!channel> <@U123> <https://evil.example|P1> *b* _i_ ~s~ `c` &lt;",
    "feishu": '<at user_id="all">所有人</at> **b** [x](https://evil.example)',
    "dingtalk": "@所有人 ![x](https://evil.example/x.png) # head\n> quote",
    "wecom": '<font color="warning">x</font> <@all> [x](https://evil.example)',
    "template": "{{ 7*7 }} {% include 'x' %} {# x #} ${jndi}",
    "html": "<script>alert(1)</script>&#x202e;",
}
MARKUP = ("slack", "feishu", "wecom", "template", "html")
LANGS = ("zh", "en")


def harmless(text: Text) -> str:
    """Assert that nothing in the text can break out of it, and give its words."""
    words = flat(text)
    assert not [c for c in words if "\ue000" <= c <= "\uf8ff" or c >= "\U000f0000"]
    assert not [c for c in words if c in "\x00\x1b\x07\x7f\u202e\u2066\u2069\u200f\u200b\ufeff\u2060\xad\r\x0b\x85\u2028\u2029"]
    words.encode("utf-8")
    return words


def note(text: Text) -> Event:
    return Event(12, NOW, NOW, ZHANG, ev.NoteAdded(text=text))


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("lang", LANGS)
def test_a_note_of_a_stranger_is_one_line_of_plain_words(name: str, lang: str) -> None:
    told = PROSE.entry(note(plain(GALLERY[name])), busy(), show(lang))
    assert "\n" not in harmless(told)
    assert {span.kind for span in told} == {"text", "time"}
    assert flat(told).startswith("#12 14:20 张三 ")


@pytest.mark.parametrize("name", MARKUP)
def test_markup_is_kept_as_it_was_typed_for_each_chat_to_escape(name: str) -> None:
    assert flat(PROSE.tell(note(plain(GALLERY[name])), busy(), show("zh"))).endswith(GALLERY[name])


@pytest.mark.parametrize("kind", ["text", "person", "link", "code", "channel", "emoji", "time", "invented"])
@pytest.mark.parametrize("name", GALLERY)
def test_every_kind_of_typed_token_is_cleaned(name: str, kind: str) -> None:
    told = PROSE.tell(note((Span(GALLERY[name], kind, target="javascript:alert(1)"),)), busy(), show("zh"))
    assert "\n" not in harmless(told)
    assert not [span for span in told if span.kind == "link"], "only web addresses become links"
    assert not [span for span in told if span.person is not None]


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("lang", LANGS)
def test_cards_keep_strangers_inside_their_field(name: str, lang: str) -> None:
    text = GALLERY[name]
    bad = busy(
        title=plain(text), title_en=text, impact=plain(text), bridge=text, waiver=text, recovery=plain(text),
        roles={text: PersonId("li")}, by_rule=text,
    )  # fmt: skip
    bad = replace(bad, latest=bad.latest and replace(bad.latest, text=plain(text)))
    alert = Alert(text, AlertState.FIRING, NOW, {"alertname": text}, {"summary": text})
    judged = group(title=text, rule=text, reason=((text, text),), dismissed_why=text)
    reader = show(lang)
    cards = [
        status_card(bad, PROSE, reader, runbook=text),
        announcement_card(bad, PROSE, reader),
        alert_card(judged, PROSE, reader, related=bad, samples=[alert]),
        storm_card([bad] * 30, PROSE, reader, limit=3, within=timedelta(minutes=10)),
    ]
    for card in cards:
        for words in (card.headline, card.sub, card.footer, *(f.label for f in card.fields), *(b.label for b in card.buttons)):
            assert "\n" not in harmless(plain(words))
        for field in card.fields:
            assert "\n" not in harmless(field.value)
            assert len(flat(field.value)) < 900
        assert len(card.headline) < 250
        expected = 1 + len(card.fields) + bool(card.buttons) + bool(card.footer)
        assert len(flat(card_text(card, PROSE, lang)).split("\n")) == expected
    for line in (topic(bad, PROSE, reader), room_name(bad, lang, 50), room_name(bad, lang, 20), room_slug(bad)):
        assert "\n" not in harmless(plain(line))
    assert len(room_name(bad, lang, 20)) <= 20
    assert len(room_name(bad, lang, 50)) <= 50
    assert room_slug(bad).isascii()


def test_a_hostile_name_is_one_short_line() -> None:
    class Named:
        def __call__(self, ident: PersonId) -> str:
            return GALLERY["lines"] + GALLERY["token"] + GALLERY["long"]

    reader = replace(show("zh"), person=Named())
    told = flat(PROSE.tell(note(plain("x")), busy(), reader))
    assert "\n" not in harmless(plain(told))
    assert len(told) < 100


PLAIN = {"sort": None, "before": None, "ref": "", "edited": 0, "earlier": 0, "count": 20}


def test_a_repeated_mention_calls_nobody_and_a_request_does() -> None:
    typed = (Span("请 "), Span("@李四", "person", person=PersonId("li")))
    assert flat(PROSE.tell(note(typed), busy(), show("zh"))) == "张三 记录：请 @李四"
    assert all(span.kind == "text" for span in PROSE.tell(note(typed), busy(), show("zh")))
    asked = Event(13, NOW, NOW, ZHANG, ev.CommandOffered(to=PersonId("li")))
    assert [span.person for span in PROSE.tell(asked, busy(), show("zh")) if span.kind == "person"] == ["li"]
    typed_elsewhere = replace(note(typed), via=Via(ConnectionId("plain"), "c9"))
    assert [span.person for span in PROSE.tell(typed_elsewhere, busy(), show("zh")) if span.kind == "person"] == ["li"]
    listed = PROSE.say(say("timeline", incident=busy(), events=[asked, typed_elsewhere], **PLAIN), show("zh"))
    assert "@李四" in flat(listed)
    assert all(span.kind in ("text", "time") for span in listed), "who reads history calls nobody"


def test_a_renamed_or_erased_person_is_shown_by_todays_name() -> None:
    typed = (Span("@老王", "person", person=PersonId("wang")), Span("@谁", "person", person=PersonId("erased")))
    assert flat(PROSE.tell(note(typed), busy(), show("zh"))) == "张三 记录：@王五@已删除用户"
    assert flat(PROSE.tell(note(typed), busy(), show("en"))) == "张三 noted: @王五@deleted user"


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_at_all_is_one_harmless_line(words: str) -> None:
    told = PROSE.entry(note(plain(words)), busy(), show("en"))
    assert "\n" not in harmless(told)
    assert clean(clean(words)) == clean(words)
    assert all(span.kind in ("text", "time") for span in told)
