"""Cards, text and forms as Block Kit: within every limit in characters and bytes, and inert whatever strangers type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from adapters.chat.slack.mrkdwn import mrkdwn, shortened
from adapters.chat.slack.render import LIMITS, TOTAL_BYTES, answer, card, message, modal, size_of
from adapters.sandbox.slack.blocks import total, wrong_in_message
from adapters.sandbox.slack.modals import checked
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import Span, plain
from bot.ports import Reply

PIECES = ("x", "汉", "😀", "&", "<", "é", "👨‍👩‍👧")
LENGTHS = (1, 74, 75, 76, 149, 150, 151, 299, 300, 301, 1999, 2000, 2001, 2999, 3000, 3001, 4001)


def blocks_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [*body.get("blocks", []), *(b for a in body.get("attachments", []) for b in a["blocks"])]


def sound(body: dict[str, Any]) -> None:
    """Check a message by the stand-in's rules, by slack_sdk's own models and by the total."""
    assert wrong_in_message(body.get("blocks", []), body.get("attachments", [])) == []
    assert total(blocks_in(body)) <= 13_200
    blocks = blocks_in(body)
    assert len(blocks) <= 50 and size_of(blocks) <= TOTAL_BYTES, (len(blocks), size_of(blocks))
    for block in Block.parse_all(blocks):
        block.validate_json()
    for block in blocks:
        for text in texts(block):
            assert 0 < len(text["text"]) <= 3000
        if block["type"] == "actions":
            assert len(block["elements"]) <= 6
            ids = [element["action_id"] for element in block["elements"]]
            assert len(ids) == len(set(ids))


def texts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [t for one in value for t in texts(one)]
    if isinstance(value, dict):
        own = [value] if value.get("type") in ("plain_text", "mrkdwn") else []
        return own + [t for one in value.values() for t in texts(one)]
    return []


def drawn(body: dict[str, Any]) -> str:
    return "\n".join(text["text"] for text in texts(blocks_in(body)))


# ------------------------------------------------------------ text
@pytest.mark.parametrize(
    ("span", "printed"),
    [
        (Span("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        (Span("@channel @here，@所有人"), "＠channel ＠here，＠所有人"),
        (Span("@李四", "person", target="U0LI"), "<@U0LI>"),
        (Span("@李四", "person"), "李四"),
        (Span("x", "person", target="U1> <!here"), "x"),
        (Span("看板", "link", target="https://a.example/?x=1&y=<2>|3"), "<https://a.example/?x=1&amp;y=%3C2%3E%7C3|看板>"),
        (Span("a|b>c", "link", target="https://a.example"), "<https://a.example|a｜b&gt;c>"),
        (Span("https://a.example", "link", target="https://a.example"), "<https://a.example>"),
        (Span("bad", "link", target="javascript:alert(1)"), "bad (javascript:alert(1))"),
        (Span("#ops", "channel", target="C123"), "<#C123>"),
        (Span("#ops", "channel", target="群"), "#ops"),
        (Span("a`b<c", "code"), "`aˋb&lt;c`"),
        (Span("a\nb", "code"), "```a\nb```"),
        (Span(":tada:", "emoji"), ":tada:"),
        (Span("<:", "emoji"), "&lt;:"),
        (Span("14:05", "time", target="2024-05-20T06:05:00+00:00"), "<!date^1716185100^{time}|14:05>"),
        (Span("14:05:07", "time", target="2024-05-20T06:05:07+00:00"), "<!date^1716185107^{time_secs}|14:05:07>"),
        (
            Span("5月20日 14:05", "time", target="2024-05-20T14:05:00+08:00"),
            "<!date^1716185100^{date_short_pretty} {time}|5月20日 14:05>",
        ),
        (Span("soon", "time", target="tomorrow"), "soon"),
    ],
)
def test_a_token_is_printed_as_slack_writes_it(span: Span, printed: str) -> None:
    assert mrkdwn((span,)) == printed


@given(st.text(max_size=200))
def test_whatever_a_stranger_types_is_shown_and_not_obeyed(typed: str) -> None:
    printed = mrkdwn((*plain(typed), Span(typed, "person"), Span(typed, "code"), Span(typed, "channel", target=typed)))
    printed = re.sub(r"<#[CGD][A-Z0-9]+>$", "", printed)  # a link to a channel by its id calls nobody
    assert "<" not in printed and ">" not in printed
    assert not re.search(r"@(channel|here|everyone)\b", printed)


@given(st.text(max_size=100), st.text(max_size=100))
def test_a_link_is_one_link(words: str, address: str) -> None:
    printed = mrkdwn((Span(words, "link", target="https://x.example/" + address),))
    assert printed.count("<") == printed.count(">") <= 1
    if "<" in printed:
        assert re.fullmatch(r"<https://[^<>|\s]+(\|[^<>|\n]*)?>", printed)


@given(
    st.lists(
        st.sampled_from(
            [Span("a&b<c" * 5), Span("x", "person", target="U1"), Span("汉字"), Span("t", "link", target="https://x.example")]
        )
    ),
    st.integers(5, 80),
)
def test_cut_text_keeps_its_limit_and_cuts_no_token(spans: list[Span], limit: int) -> None:
    printed = shortened(tuple(spans), limit, limit * 3)
    assert len(printed) <= limit
    assert printed == mrkdwn(tuple(spans)) or printed.endswith("…")
    assert printed.count("<") == printed.count(">")
    assert not re.search(r"&(?!amp;|lt;|gt;)", printed)


@pytest.mark.parametrize("piece", ["x", "汉", "😀"])
def test_text_over_the_limits_is_refused_here(piece: str) -> None:
    most = min(LIMITS.text_chars, LIMITS.text_bytes // len(piece.encode()))
    assert message(plain(piece * most)) is not None
    assert message(plain(piece * (most + 1))) is None


# ------------------------------------------------------------ cards
def test_the_headline_is_drawn_once_and_is_the_push_preview() -> None:
    body = card(Card("🔴 P1 处理中｜<支付> & 失败", "red", sub="F-1", fields=(Field("影响", plain("支付")),)))
    assert body["text"] == "🔴 P1 处理中｜&lt;支付&gt; &amp; 失败"
    assert body["blocks"] == [
        {"type": "header", "text": {"type": "plain_text", "text": "🔴 P1 处理中｜<支付> & 失败", "emoji": True}}
    ]
    (attachment,) = body["attachments"]
    assert attachment["color"] == "#D93026"
    assert "支付失败" not in drawn({"blocks": attachment["blocks"]})


def test_a_card_of_one_line_is_one_line() -> None:
    body = card(Card("✅ 王五 14:07 声明为 F-20240520-001", "green"))
    assert (body["attachments"], [b["type"] for b in body["blocks"]]) == ([], ["section"])


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 12, 20, 21, 60, 200])
def test_every_field_is_shown_or_counted(count: int) -> None:
    body = card(Card("h", "red", fields=tuple(Field(f"字段{n}。", plain("长" * (n % 3 * 40 + 1))) for n in range(count))))
    sound(body)
    shown = sum(f"字段{n}。" in drawn(body) for n in range(count))
    left = re.search(r"… 还有 (\d+) 项，打字：/incident 现状", drawn(body))
    assert shown + (int(left[1]) if left else 0) == count
    assert (left is None) == (count <= 21) or shown == count


def test_what_is_left_out_is_said_in_the_cards_language() -> None:
    body = card(Card("h", "red", fields=tuple(Field(f"field {n}", plain("long " * 100)) for n in range(60))))
    assert re.search(r"… \d+ more, type /incident brief", drawn(body))


def buttons(count: int, last: str = "note") -> tuple[Button, ...]:
    return tuple(Button(f"按钮{n}", "note" if n < count - 1 else last, "", (("n", str(n)),)) for n in range(count))


@pytest.mark.parametrize("count", [1, 5, 6, 7, 8, 30])
def test_buttons_are_cut_from_the_right_into_a_choice(count: int) -> None:
    body = card(Card("h", "red", buttons=buttons(count)))
    sound(body)
    (actions,) = [b for b in blocks_in(body) if b["type"] == "actions"]
    assert [e["value"] for e in actions["elements"] if e["type"] == "button"] == [
        f"note|n={n}" for n in range(count if count <= 6 else 5)
    ]
    if count > 6:
        assert [o["value"] for o in actions["elements"][-1]["options"]] == [f"note|n={n}" for n in range(5, count)]


def test_the_button_that_opens_the_rest_stays_the_last() -> None:
    body = card(Card("h", "red", buttons=buttons(9, last="menu")))
    (actions,) = [b for b in blocks_in(body) if b["type"] == "actions"]
    assert [e["type"] for e in actions["elements"]] == ["button"] * 6
    assert actions["elements"][-1]["value"] == "menu|n=8"


def test_a_choice_too_long_says_how_many_are_missing() -> None:
    family = Button(
        "误报", "dismiss", "", options=tuple(Button("很长的原因" * 5, "dismiss", "", (("n", str(n)),)) for n in range(150))
    )
    body = card(Card("h", "red", buttons=(family,)))
    sound(body)
    select = blocks_in(body)[-1]["elements"][0]
    assert select["placeholder"]["text"] == f"误报 (… {150 - len(select['options'])})"


SIZED = st.builds(
    lambda piece, length: (piece * (length // len(piece) + 1))[:length], st.sampled_from(PIECES), st.sampled_from(LENGTHS)
)
NUMBERED = st.integers(0, 10**9).map(lambda n: (("n", str(n)),))
OFFERS = st.lists(st.builds(Button, SIZED, st.just("note"), st.just(""), NUMBERED), max_size=3).map(tuple)
BUTTONS = st.builds(Button, SIZED, st.just("note"), st.just(""), confirm=st.none() | SIZED, options=OFFERS)
CARDS = st.builds(
    Card,
    SIZED,
    st.sampled_from(["red", "turquoise", "unheard-of"]),
    st.just("F-1"),
    SIZED | st.just(""),
    st.lists(st.builds(Field, SIZED, SIZED.map(plain)), max_size=12).map(tuple),
    st.lists(BUTTONS, max_size=8).map(tuple),
    SIZED | st.just(""),
)


@settings(max_examples=40)
@given(CARDS)
def test_a_card_of_any_size_keeps_every_limit(shown: Card) -> None:
    sound(card(shown))


@settings(max_examples=60)
@given(st.text(max_size=300), st.text(max_size=300))
def test_a_card_of_any_words_is_sound_and_calls_nobody(one: str, two: str) -> None:
    body = card(
        Card(one, "red", sub=two, fields=(Field(two, plain(one)),), footer=one, buttons=(Button(two, "note", "", confirm=one),))
    )
    sound(body)
    assert all("<" not in text["text"] for text in texts(blocks_in(body)) if text["type"] == "mrkdwn")


def test_an_answer_has_its_words_above_its_card() -> None:
    body = answer(Reply(plain("第一行\n" + "长" * 3500), card=Card("等级？", "blue", buttons=buttons(2))))
    assert body is not None
    sound(body)
    assert answer(Reply()) is None
    assert answer(Reply(plain("只有字"))) == {"text": "只有字"}


# ------------------------------------------------------------ forms
CHOICES = st.lists(st.builds(Option, st.text("abc", max_size=5), SIZED, SIZED | st.just("")), max_size=4).map(tuple)
VALUES = SIZED | st.sampled_from(["", "account:U1", "account:U1,account:U2", "true", "2024-05-20T14:05:00+08:00"])
LONGEST = st.sampled_from([0, 150, 3000, 9000])
HINTS = SIZED | st.just("")
ENTRIES = st.lists(
    st.builds(Entry, st.just("x"), SIZED, st.sampled_from(Input), st.booleans(), HINTS, CHOICES, VALUES, LONGEST), max_size=8
)


@settings(max_examples=40)
@given(SIZED, ENTRIES, SIZED)
def test_a_form_of_any_size_keeps_every_limit(title: str, entries: list[Entry], typed: str) -> None:
    named = tuple(
        Entry(f"e{n}", e.label, e.input, e.required, e.hint, e.options, e.value, e.longest) for n, e in enumerate(entries)
    )
    view = modal(Form("declare", title, title, named, typed), {"chat": "C1", "url": "https://hooks.example/" + "x" * 100})
    checked(view)
    made = View(**view)
    made.validate_json()
    for block in made.blocks or []:
        block.validate_json()
    assert len(view["title"]["text"]) <= 24 and len(view["submit"]["text"]) <= 24 and len(view["private_metadata"]) <= 3000
    assert [b["block_id"] for b in view["blocks"] if b["type"] == "input"] == [e.name for e in named]


def test_a_choice_of_a_hundred_and_more_counts_the_rest() -> None:
    options = tuple(Option(f"s{n}", f"服务{n}") for n in range(130))
    view = modal(Form("declare", "声明", "声明", (Entry("services", "服务", Input.CHOICES, options=options),), ""), {})
    assert len(view["blocks"][0]["element"]["options"]) == 100
    assert view["blocks"][0]["hint"]["text"] == "… 还有 30 项"
