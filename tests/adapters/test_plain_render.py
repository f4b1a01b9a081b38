"""Neutral content as plain text: whatever strangers typed, the chat takes it and obeys nothing in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.plain.render import LIMITS, fits, render
from adapters.sandbox import rules
from adapters.sandbox.chat import Chat, ChatRoom
from bot.model.card import Button, Card, Field
from bot.model.ids import PersonId
from bot.model.text import Span, plain

CARD = Card(
    headline="🔴 P1 处理中｜支付失败",
    colour="red",
    sub="F-20240520-001",
    fields=(Field("影响", plain("支付服务｜成功率 61%")), Field("指挥官", (Span("张三", "person", PersonId("zhang")),))),
    buttons=(
        Button("发进展", "update", "/incident 进展 …"),
        Button("记一笔", "note", "/incident 记录 …"),
        Button("已恢复", "recover", "/incident 恢复 …"),
        Button("更多", "more", "/incident 帮助"),
    ),
    footer="v7 · 李四 14:19 改等级 P2→P1",
)


def test_a_card_becomes_lines_that_can_be_typed() -> None:
    assert render(CARD) == (
        "🔴 P1 处理中｜支付失败\n"
        "F-20240520-001\n"
        "影响：支付服务｜成功率 61%\n"
        "指挥官：@张三\n"
        "可以打字：/incident 进展 …　｜　/incident 记录 …　｜　/incident 恢复 …\n"
        "v7 · 李四 14:19 改等级 P2→P1"
    )


def test_an_english_card_speaks_english_even_of_a_chinese_title() -> None:
    card = Card(
        "🔴 P1 Handling · 支付失败",
        "red",
        fields=(Field("Impact", plain("payments")),),
        buttons=(Button("Update", "update", "/incident update …"),),
    )
    assert render(card) == "🔴 P1 Handling · 支付失败\nImpact: payments\nYou can type: /incident update …"


def test_tokens_in_the_chats_own_form() -> None:
    text = (
        Span("指挥官 "), Span("李四", "person", PersonId("li")), Span("，"), Span("@王五", "person"), Span("，看 "),
        Span("预案", "link", target="https://wiki.example.com/a"), Span(" "), Span("https://x.example.com", "link", target="https://x.example.com"),
        Span(" "), Span("rm -rf", "code"),
    )  # fmt: skip
    assert render(text) == "指挥官 @李四，@王五，看 预案 (https://wiki.example.com/a) https://x.example.com rm -rf"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a\x00b\x1b[2Jc", "ab[2Jc"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("half \ud83d of a character", "half  of a character"),
        ("@all and @所有人, @here!", "＠all and ＠所有人, ＠here!"),
        ("@allen and @bot stay", "@allen and @bot stay"),
        ("<script>alert(1)</script> *b* &amp;", "<script>alert(1)</script> *b* &amp;"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧 family"),
    ],
)
def test_what_strangers_typed_is_shown_and_not_obeyed(typed: str, shown: str) -> None:
    assert render(plain(typed)) == shown


def test_a_strangers_line_break_does_not_forge_a_line_of_a_card() -> None:
    card = Card("title\n指挥官：李四", "red", fields=(Field("影响", plain("all\n指挥官：李四")),))
    assert render(card).splitlines() == ["title 指挥官：李四", "影响：all 指挥官：李四"]


def test_what_does_not_fit_is_counted() -> None:
    card = Card("headline", "red", fields=tuple(Field(f"字段{n}", plain("长" * 280)) for n in range(20)))
    lines = render(card).splitlines()
    shown = len(lines) - 2
    assert 0 < shown < 20
    assert lines[-1] == f"… 还有 {20 - shown} 项，可以打字：/incident 现状"
    assert fits(render(card))


def taken(words: str) -> int:
    """Post to the stand-in's own rules."""
    import msgspec

    desk = rules.Desk(Chat([], [ChatRoom("hall", "hall", hall=True)]))
    return desk.take("POST", "/rooms/hall/messages", msgspec.json.encode({"text": words}), 0.0).status


EDGE = st.sampled_from(["x", "汉", "😀", "é", "ﷺ", "\n"])


@pytest.mark.parametrize("piece", ["x", "汉", "😀", "é"])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_limits_are_the_stand_ins(piece: str, off: int) -> None:
    for count in (LIMITS.text_chars, LIMITS.text_bytes // len(piece.encode())):
        words = render(plain(piece * (count + off)))
        assert (taken(words) == 204) is fits(words)


any_text = st.text(max_size=400) | st.tuples(EDGE, st.integers(1, 2100)).map(lambda pair: pair[0] * pair[1])
any_card = st.builds(
    Card,
    headline=st.text(min_size=1, max_size=200).map(lambda s: "P1 " + s),
    colour=st.just("red"),
    sub=any_text.map(lambda s: s[:200]),
    fields=st.lists(st.builds(Field, label=st.text(max_size=20), value=any_text.map(plain)), max_size=30).map(tuple),
    buttons=st.lists(
        st.builds(Button, label=st.text(max_size=10), command=st.just("x"), typed=st.text(max_size=40)), max_size=8
    ).map(tuple),
    footer=st.text(max_size=100),
)


@settings(max_examples=150)
@given(any_card)
def test_every_card_is_taken_by_the_chat(card: Card) -> None:
    words = render(card)
    assert fits(words)
    assert taken(words) == 204


@settings(max_examples=150)
@given(any_text)
def test_every_text_that_fits_is_taken_by_the_chat(typed: str) -> None:
    words = render(plain(typed))
    if fits(words) and words.strip():
        assert taken(words) == 204
