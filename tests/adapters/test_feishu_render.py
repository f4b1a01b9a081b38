"""What is sent to Feishu: within every limit, refused by nobody, and with strangers' words shown as they are."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.chat.feishu.forms import filled, form_card
from adapters.chat.feishu.markup import escaped, lark_md, paragraphs
from adapters.chat.feishu.render import BODY_BYTES, LIMITS, card, dumps, message, sent_size
from adapters.sandbox.feishu import cards as rules
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import Span, plain

FORM = Form(
    "declare", "声明故障", "声明",
    (
        Entry("title", "标题", Input.LINE, required=True, longest=150, value="支付失败", placeholder="一句话"),
        Entry("severity", "等级", Input.CHOICE, options=(Option("", "自动建议"), Option("P1", "P1", "全局"), Option("P2", "P2"))),
        Entry("services", "影响服务", Input.CHOICES, options=(Option("pay", "支付"), Option("order", "订单")), value="pay"),
        Entry("impact", "现象与影响", Input.TEXT),
        Entry("at", "发生时间", Input.TIME, value="2024-05-20T14:05:00+08:00"),
        Entry("commander", "指挥官", Input.PERSON, value="account:ou_li"),
        Entry("people", "一起", Input.PEOPLE),
        Entry("drill", "演练", Input.FLAG, value="true"),
    ),
    "@bot 声明 支付失败", args=(("incident", "F-1"),), assumes=(("status", "handling"),),
)  # fmt: skip


def taken(shown: dict[str, Any]) -> None:
    """Hold a card to the rules of the stand-in, which are not ours."""
    rules.heavy(dumps(shown), "interactive")
    rules.check(shown, {"ou_li", "ou_zhang"}, set())


def texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        own = [html.unescape(value["content"])] if isinstance(value.get("content"), str) else []
        return own + [text for item in value.values() for text in texts(item)]
    return []


def marked_up(value: Any) -> list[str]:
    """List the words in which mark-up is obeyed."""
    if isinstance(value, list):
        return [words for item in value for words in marked_up(item)]
    if isinstance(value, dict):
        own = [value["content"]] if value.get("tag") in ("lark_md", "markdown") else []
        return own + [words for item in value.values() for words in marked_up(item)]
    return []


def elements(shown: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return [one for one in rules.walk(rules.body_of(shown)) if one["tag"] == tag]


# ------------------------------------------------------------ cards
def test_a_card_is_a_header_facts_buttons_and_a_grey_footer() -> None:
    shown = card(Card(
        "🔴 P1 处理中｜支付失败", "red", "F-1", "F-20240520-001",
        (Field("影响", plain("支付服务")), Field("指挥官", plain("张三")), Field("最新进展", plain("很长" * 40))),
        (Button("发进展", "update", "", (("incident", "F-1"),), (("status", "handling"),), primary=True, asks=True),
         Button("已恢复", "recover", "", confirm="将通知 8 人")), "v7",
    ))  # fmt: skip
    taken(shown)
    assert shown["config"]["summary"] == {"content": "🔴 P1 处理中｜支付失败"}
    assert shown["config"]["update_multi"] is True
    assert (shown["header"]["template"], shown["header"]["subtitle"]["content"]) == ("red", "F-20240520-001")
    facts = elements(shown, "div")
    assert [len(one["fields"]) for one in facts] == [2, 1]
    assert facts[0]["fields"][0] == {"is_short": True, "text": {"tag": "lark_md", "content": "**影响**\n支付服务"}}
    first, second = elements(shown, "button")
    assert first["behaviors"] == [{"type": "callback", "value": {"p": "update!|incident=F-1|?status=handling"}}]
    assert (first["type"], second["confirm"]["text"]["content"]) == ("primary_filled", "将通知 8 人")
    assert shown["body"]["elements"][-1]["content"] == "<font color='grey'>v7</font>"


@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "green", "blue", "purple", "grey", "turquoise"])
def test_every_colour_of_ours_is_one_of_theirs(colour: str) -> None:
    shown = card(Card("x", colour))
    taken(shown)
    assert shown["header"]["template"] == colour


def test_a_message_with_buttons_has_no_header_and_its_preview_is_the_headline() -> None:
    shown = card(Card("要看的", "grey", text=plain("等级？"), buttons=(Button("P1", "severity", ""),)), {"w": 1})
    taken(shown)
    assert "header" not in shown and shown["config"]["summary"]["content"] == "要看的"
    assert elements(shown, "button")[0]["behaviors"][0]["value"] == {"p": "severity", "w": 1}


def test_more_buttons_than_fit_hang_in_a_choice() -> None:
    buttons = tuple(Button(f"钮{n}", "mark", "", (("n", str(n)),)) for n in range(9))
    shown = card(Card("x", "red", buttons=buttons))
    taken(shown)
    assert [b["text"]["content"] for b in elements(shown, "button")] == ["钮0", "钮1", "钮2", "钮3", "钮4"]
    (rest,) = elements(shown, "select_static")
    assert [o["value"] for o in rest["options"]] == [f"mark|n={n}" for n in range(5, 9)]
    assert rest["placeholder"]["content"] == "更多"


def test_a_choice_is_one_command_for_each_option() -> None:
    family = Button(
        "改等级", "severity", "", options=(Button("P1", "severity", "", (("to", "P1"),)), Button("P2", "severity", ""))
    )
    shown = card(Card("x", "red", buttons=(family,)))
    taken(shown)
    assert [o["value"] for o in elements(shown, "select_static")[0]["options"]] == ["severity|to=P1", "severity"]


# ------------------------------------------------------------ strangers' words
HOSTILE = (
    "**bold** *it* ~~no~~ `code` _x_", "[click](https://evil.example)", "<at id=all></at>", "<at id=ou_zhang></at>",
    "<font color='red'>x</font>", "# title\n- item\n1. one\n> quote\n---", "![x](img_key)", ":DONE: &lt; &#60;",
    "a|b\\c", "<a href='x'>y</a>",
)  # fmt: skip


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_strangers_type_is_shown_as_they_typed_it(typed: str) -> None:
    printed = escaped(typed)
    assert html.unescape(printed) == typed
    assert not re.search(r"[<>*\[\]~`#_|!\\]", printed.replace("&#", "").replace("&", "")), printed
    shown = card(
        Card(typed, "red", sub=typed, fields=(Field(typed, plain(typed)),), footer=typed, buttons=(Button(typed, "x", ""),))
    )
    taken(shown)
    marked = marked_up(shown["body"])
    assert len(marked) == 2
    assert not [tag for words in marked for tag in re.findall(r"<(?!/?font)[^>]*>", words)], "a tag of theirs"
    assert paragraphs(plain(typed))[0][0]["tag"] == "text"


def test_only_a_person_with_an_account_here_is_called() -> None:
    said = (Span("张三", "person", target="ou_zhang"), Span("@李四", "person"), Span("x", "person", target="U0LI"))
    assert lark_md(said) == "<at id=ou_zhang></at>李四x"
    assert paragraphs(said) == [
        [{"tag": "at", "user_id": "ou_zhang"}, {"tag": "text", "text": "李四"}, {"tag": "text", "text": "x"}]
    ]  # fmt: skip


def test_a_link_leads_where_it_says_and_nothing_but_the_web_is_one() -> None:
    good = Span("看板 [x]", "link", target="https://x.example/(a)?b=1")
    assert lark_md((good,)) == "[看板 &#91;x&#93;](https://x.example/%28a%29?b=1)"
    bad = Span("x", "link", target="javascript:alert(1)")
    assert html.unescape(lark_md((bad,))) == "x (javascript:alert(1))"
    assert paragraphs((bad,))[0][0]["tag"] == "text"


def test_a_post_has_a_paragraph_for_each_line() -> None:
    sent = message((Span("一\n\n二 "), Span("看板", "link", target="https://x.example")))
    assert sent is not None and sent[0] == "post"
    assert json.loads(sent[1])["zh_cn"]["content"] == [
        [{"tag": "text", "text": "一"}], [{"tag": "text", "text": ""}],
        [{"tag": "text", "text": "二 "}, {"tag": "a", "text": "看板", "href": "https://x.example"}],
    ]  # fmt: skip


# ------------------------------------------------------------ limits
@pytest.mark.parametrize("piece", ["x", "汉", "😀", '"', "\\", "\n", "<", "\n字"])
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_text_at_its_limit_fits_the_platform_whatever_it_is_made_of(piece: str, over: int) -> None:
    most = min(LIMITS.text_chars // len(piece), LIMITS.text_bytes // len(piece.encode()))
    sent = message(plain(piece * (most + over)))
    if over > 0:
        assert sent is None
        return
    assert sent is not None
    assert (
        len(dumps({"receive_id": "oc_" + "0" * 32, "msg_type": "post", "content": sent[1], "uuid": "u" * 50}).encode())
        <= BODY_BYTES
    )
    rules.heavy(sent[1], "post")


pieces = st.sampled_from(["x", "汉", "😀", "<", "*", '"', "\\", "\n", "&", "支付失败 ", "a b "])
strings = st.builds(lambda piece, n: piece * n, pieces, st.sampled_from([0, 1, 10, 75, 100, 150, 301, 1000, 3001]))
spans = (
    st.builds(Span, strings)
    | st.builds(Span, strings, st.just("code"))
    | st.builds(Span, strings, st.just("link"), target=st.just("https://x.example/a"))
)
values = st.lists(spans, max_size=3).map(tuple)
buttons = st.builds(Button, strings, st.just("mark"), st.just(""), st.just((("n", "1"),)), confirm=st.none() | strings)
choices = st.builds(
    Button, strings, st.just("mark"), st.just(""),
    options=st.integers(1, 120).flatmap(
        lambda n: st.builds(lambda word: tuple(Button(word, "mark", "", (("n", str(i)),)) for i in range(n)), strings)
    ),
)  # fmt: skip
cards = st.builds(
    Card, strings, st.sampled_from(["red", "nonsense", "turquoise"]), st.just("F-1"), strings,
    st.lists(st.builds(Field, strings, values), max_size=12).map(tuple),
    st.lists(buttons | choices, max_size=9).map(tuple), strings, st.just(()) | values,
)  # fmt: skip


@given(cards, values)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_card_is_taken(made: Card, said: tuple[Span, ...]) -> None:
    shown = card(made, {"w": 1, "d": 1}, said)
    taken(shown)
    assert sent_size(shown) <= BODY_BYTES - 300


@pytest.mark.parametrize("count", [30, 60, 200, 400])
@pytest.mark.parametrize("size", [1, 20, 250])
def test_what_does_not_fit_is_counted_with_what_to_type(count: int, size: int) -> None:
    shown = card(Card("x", "red", fields=tuple(Field(f"字段{n}", plain("长" * size)) for n in range(count)), footer="v7"))
    taken(shown)
    words = "\n".join(texts(shown))
    left = [n for n in range(count) if f"**字段{n}**" not in words]
    assert left == list(range(count - len(left), count))
    assert not left or f"… 还有 {len(left)} 项，打字：@bot 现状" in words
    assert "v7" in words


# ------------------------------------------------------------ forms
def test_a_form_is_a_card_with_a_field_for_each_entry() -> None:
    shown = form_card(FORM, "a1b2", {"w": 1}, people=["ou_zhang"], zone="Asia/Shanghai")
    taken(shown)
    inside = {one["name"]: one for one in rules.walk(rules.body_of(shown)[0]["elements"]) if "name" in one}
    assert [one["tag"] for one in inside.values()] == [
        "input", "select_static", "multi_select_static", "input", "picker_datetime", "select_person", "multi_select_person",
        "checker", "button",
    ]  # fmt: skip
    assert (inside["title"]["default_value"], inside["title"]["required"], inside["title"]["max_length"]) == (
        "支付失败",
        True,
        150,
    )
    assert (inside["severity"]["initial_option"], inside["services"]["selected_values"]) == ("∅", ["pay"])
    assert inside["at"]["initial_datetime"] == "2024-05-20 14:05"
    assert (inside["commander"]["initial_option"], inside["commander"]["options"]) == (
        "ou_li", [{"value": "ou_li"}, {"value": "ou_zhang"}],
    )  # fmt: skip
    assert inside["drill"]["checked"] is True
    submit = inside["submit_a1b2"]
    assert submit["form_action_type"] == "submit"
    assert submit["behaviors"][0]["value"] == {"p": "declare|incident=F-1|?status=handling", "f": "a1b2", "w": 1}


def test_a_refused_form_says_why_at_its_field_and_keeps_what_was_typed() -> None:
    typed = {
        "title": "typed",
        "severity": "P2",
        "services": "order",
        "commander": "account:ou_zhang",
        "at": "2024-05-20T15:00:00+08:00",
    }
    shown = form_card(filled(FORM, typed), "a1b2", {}, wrong="还没到 <b>", field="at", zone="Asia/Shanghai")
    taken(shown)
    inside = rules.body_of(shown)[0]["elements"]
    at = next(n for n, one in enumerate(inside) if one.get("name") == "at")
    assert "还没到 <b>" in html.unescape(inside[at - 2]["content"])
    named = {one["name"]: one for one in inside if "name" in one}
    assert (named["title"]["default_value"], named["severity"]["initial_option"], named["at"]["initial_datetime"]) == (
        "typed", "P2", "2024-05-20 15:00",
    )  # fmt: skip
    assert named["drill"]["checked"] is False


@pytest.mark.parametrize(
    ("value", "zone", "shown"),
    [
        ("2024-05-20T06:05:00+00:00", "Asia/Shanghai", "2024-05-20 14:05"), ("2024-05-20T06:05:00+00:00", None, None),
        ("2024-05-20T14:05:00+08:00", "Europe/Berlin", "2024-05-20 08:05"), ("", "Asia/Shanghai", None),
        ("2024-05-20T14:05:00+08:00", "Nowhere/At_all", None), ("soon", "Asia/Shanghai", None),
    ],
)  # fmt: skip
def test_a_time_is_filled_in_by_the_clock_on_the_persons_wall(value: str, zone: str | None, shown: str | None) -> None:
    form = Form("recover", "t", "s", (Entry("at", "A", Input.TIME, value=value),), "x")
    (picker,) = elements(form_card(form, "f", {}, zone=zone), "picker_datetime")
    assert picker.get("initial_datetime") == shown


def test_a_form_with_hundreds_of_options_still_fits_and_says_how_many_are_left() -> None:
    options = tuple(Option(f"service-{n}", "长" * 80) for n in range(300))
    form = Form(
        "declare",
        "t",
        "s",
        (Entry("a", "A", Input.CHOICES, options=options), Entry("b", "B", Input.CHOICE, options=options)),
        "x",
    )
    shown = form_card(form, "f", {})
    taken(shown)
    assert sent_size(shown) <= BODY_BYTES
    kept = len(elements(shown, "select_static")[0]["options"])
    assert f"… {300 - kept} more" in "\n".join(texts(shown))
