"""Cards and forms as variables: within every limit, nothing lost without a word, strangers' words inert."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from adapters.chat.dingtalk.forms import CHAT, PRESS, SHEET, drawn, filled, hidden, refilled
from adapters.chat.dingtalk.limits import LIMITS, PARAM_BYTES, VALUE_BYTES
from adapters.chat.dingtalk.markdown import cut_bytes, escaped, markdown
from adapters.chat.dingtalk.render import (
    BODY,
    BUTTONS,
    NO_FORM,
    NOTE,
    PRIVATE,
    PUBLIC,
    SELECTS,
    alert,
    fits,
    mentions,
    message,
    private,
    public,
)
from adapters.chat.dingtalk.session import body
from adapters.chat.dingtalk.template import FILE, exported
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.press import decode
from bot.model.text import Span, plain
from bot.ports import Done, Reply
from tests.adapters.dingtalk_world import world

ZONE = "Asia/Shanghai"
PIECES = ("x", "汉", "😀", "é", '"', "\\", "*", "\n", "<b>", "[a](b)")


def sizes(said: dict[str, str]) -> dict[str, int]:
    return {name: len(value.encode()) for name, value in said.items()}


def body_of(said: dict[str, str]) -> str:
    return "\n".join(said[name] for name in BODY if said[name])


# ------------------------------------------------------------ the template and its variables
def test_the_shipped_template_is_what_the_code_fills_in() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == exported()
    editor = json.loads(exported()["editorData"])
    declared = {one["name"]: one["private"] for one in editor["variableList"]}
    assert declared == dict.fromkeys(PUBLIC, False) | dict.fromkeys(PRIVATE, True)
    drawn_parts = json.dumps(editor["schema"], ensure_ascii=False)
    for name in (*PUBLIC, *PRIVATE):
        assert (
            f'"variable": "{name}"' in drawn_parts or f'"variable": "{name}[0]' in drawn_parts or f"${{{name}}}" in drawn_parts
        ), name
    known = {one["componentName"] for one in editor["schema"]["componentsMap"]}
    assert known == {"Card", "CardHeaderV2", "BaseText", "Markdown", "Loop", "SingleButton", "SelectBlock", "Form"}


def test_every_variable_is_set_every_time_so_that_nothing_of_before_remains() -> None:
    assert tuple(public(Card("x", "red"))) == PUBLIC
    assert tuple(private(Reply())[0]) == PRIVATE
    assert json.loads(private(Reply())[0]["form"]) == {"fields": []}


def test_an_unknown_colour_is_grey_and_a_headline_one_line() -> None:
    said = public(Card("a\nb\x00\u202ec", "pink", sub="s\ns"))
    assert (said["title"], said["colour"], said["sub"]) == ("a bc", "grey", "s s")


# ------------------------------------------------------------ limits
TEXTS = some.text(alphabet=some.sampled_from('ab汉😀é"\\*_<>[]()#`~|\n \u202e'), max_size=400)
BUTTON = some.builds(
    lambda label, n, asks: Button(label, "note", f"@bot 记 {n}", (("incident", "F-20240520-001"), ("n", str(n))), confirm=asks),
    TEXTS.filter(str.strip), some.integers(0, 10**9), some.none() | TEXTS,
)  # fmt: skip
FAMILY = some.builds(
    lambda label, options: Button(label, "severity", "", options=tuple(options)), TEXTS, some.lists(BUTTON, max_size=40)
)
CARDS = some.builds(
    lambda head, sub, fields, buttons, footer, text: Card(
        head, "red", "F-1", sub, tuple(Field(a, plain(b)) for a, b in fields), tuple(buttons), footer, plain(text)
    ),
    TEXTS, TEXTS, some.lists(some.tuples(TEXTS, TEXTS), max_size=30), some.lists(BUTTON | FAMILY, max_size=10), TEXTS, TEXTS,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(CARDS)
def test_no_card_has_a_variable_over_its_limit(card: Card) -> None:
    said = public(card)
    assert {name: size for name, size in sizes(said).items() if size > VALUE_BYTES} == {}
    for name in (*BUTTONS, *SELECTS):
        for one in json.loads(said[name]):
            assert one["id"] and one["text"]
    kept = [one["id"] for name in BUTTONS for one in json.loads(said[name])]
    assert all(decode(ident).command for ident in kept) and len(kept) <= 6
    assert alert(card)


@pytest.mark.parametrize("piece", ["x", "汉", "😀", "é"])
async def test_at_its_limits_a_card_is_taken(piece: str) -> None:
    async with world() as there:
        for chars in (VALUE_BYTES, VALUE_BYTES * len(BODY)):
            for over in (-1, 0, 1):
                words = piece * (chars // len(piece.encode()) + over)
                for content in (
                    Card(words, "red", sub=words, footer=words, buttons=(Button(words, "note", words, confirm=words),)),
                    Card("h", "red", text=plain(words)),
                    Card("h", "red", fields=(Field(words, plain(words)),) * 3),
                ):
                    number = len(there.cards())
                    assert isinstance(await there.chat.post(there.group().cid, content, f"k{number}"), Done)
        assert len(there.cards()) == 18


async def test_two_hundred_entries_are_counted_where_they_end() -> None:
    card = Card("h", "red", fields=tuple(Field(f"字段{n}", plain("长" * 30)) for n in range(200)), footer="v1")
    said = public(card)
    shown = [n for n in range(200) if f"**字段{n}**：" in body_of(said)]
    assert shown == list(range(len(shown))) and 0 < len(shown) < 200
    assert body_of(said).endswith(f"… 还有 {200 - len(shown)} 项，打字：@bot 现状")


def test_a_message_with_buttons_keeps_every_word() -> None:
    said = public(Card("h", "red", text=plain("汉" * 2000), buttons=(Button("ok", "note", "@bot 记"),)))
    assert "".join(said[name] for name in BODY) == "汉" * 2000


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_up_to_its_limits_fits_a_message(piece: str) -> None:
    most = min(LIMITS.text_chars // len(piece), LIMITS.text_bytes // len(piece.encode()))
    for content in (plain(piece * most), (Span("a", "link", target="https://a.example"), Span(piece * (most - 3)))):
        rendered = message(content)
        assert rendered is not None
        assert len(rendered[1].encode()) <= PARAM_BYTES, piece
    assert message(plain(piece * (most + 1))) is None


def test_buttons_that_are_cut_can_be_typed_and_the_one_for_more_stays() -> None:
    buttons = (*(Button(f"b{n}", "note", f"@bot 记 {n}", (("n", str(n)),)) for n in range(9)), Button("更多", "menu", ""))
    said = public(Card("h", "red", buttons=buttons))
    drawn_labels = [one["text"] for name in BUTTONS for one in json.loads(said[name])]
    assert drawn_labels == ["b0", "b1", "b2", "b3", "b4", "更多"]
    assert all(f"@bot 记 {n}" in body_of(said) for n in range(5, 9))


def test_options_that_have_no_room_are_counted_and_can_be_typed() -> None:
    options = tuple(Button(f"选项{n}" + "长" * 16, "severity", f"@bot 选 {n}", (("to", f"{n:>080}"),)) for n in range(30))
    said = public(Card("h", "red", buttons=(Button("选", "severity", "", options=options),)))
    (one,) = json.loads(said["selects"])
    left = 30 - len(one["options"])
    assert one["text"] == f"选 (… {left})" and 0 < left < 30 and f"@bot 选 {len(one['options'])}" in body_of(said)


# ------------------------------------------------------------ strangers' words
@pytest.mark.parametrize(
    "typed",
    ["**b** _i_ ~~s~~ `c`", "[bank](https://evil.example)", "![x](https://evil.example/x.png)", "<font color=red>x</font>", "# h",
     "> q", "- a", "1. a", "a\n---\nb"],
)  # fmt: skip
def test_mark_up_that_strangers_typed_is_none(typed: str) -> None:
    said = escaped(typed)
    assert not set(said) & set("*`<[]~")
    assert not any(row.lstrip()[:1] in "#>-" for row in said.split("\n") if row.strip())
    assert "](" not in said


def test_words_stay_readable() -> None:
    assert escaped("order_service 5xx 35% @张三 a-b (c) 10:30") == "order_service 5xx 35% @张三 a-b (c) 10:30"


def test_a_link_leads_where_it_says_and_nothing_else_is_one() -> None:
    assert markdown((Span("看板]", "link", target="https://g.example/(1)"),)) == "[看板］](https://g.example/%281%29)"
    assert markdown((Span("x", "link", target="javascript:alert(1)"),)) == "x (javascript:alert(1))"


def test_only_a_token_calls_and_only_in_a_message_of_its_own() -> None:
    li = Span("@李四", "person", target="li")
    assert mentions((plain("请")[0], li)) == {"li": "李四"}
    assert mentions(Card("h", "red", fields=(Field("指挥官", (li,)),))) == {}
    assert body((li, Span(" 看看 @所有人"))) == {
        "msgtype": "text", "text": {"content": "@li  看看 ＠所有人"}, "at": {"atUserIds": ["li"], "isAtAll": False},
    }  # fmt: skip
    assert body((Span("张三", "person"),))["at"]["atUserIds"] == []


@given(some.text(max_size=60), some.integers(3, 60))
def test_bytes_are_cut_between_characters(words: str, size: int) -> None:
    clean = words.encode(errors="ignore").decode()
    assert len(cut_bytes(clean, size).encode()) <= size
    assert cut_bytes(clean, 400) == clean


def test_long_text_that_calls_somebody_is_told_apart() -> None:
    assert fits(plain("汉" * 2000)) and not fits(plain("汉" * 2100))


# ------------------------------------------------------------ answers
def test_an_answer_over_its_room_says_so() -> None:
    said, whole = private(Reply(plain("汉" * 700)))
    assert not whole and said["note2"].endswith("…") and max(sizes(said).values()) <= VALUE_BYTES
    assert private(Reply(plain("汉" * 600)))[1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(TEXTS, CARDS)
def test_no_answer_is_over_its_limit(words: str, card: Card) -> None:
    said, _ = private(Reply(plain(words), card=card))
    assert max(sizes(said).values()) <= VALUE_BYTES
    assert tuple(said) == PRIVATE and all(said[name] is not None for name in NOTE)


def test_offers_that_have_no_room_can_be_typed() -> None:
    offers = tuple(Button(f"选{n}", "note", f"@bot 记 {n}", (("n", f"{n:>060}"),)) for n in range(14))
    said, _ = private(Reply(plain("选一个"), card=Card("", "blue", buttons=offers)))
    kept = len(json.loads(said["offers"]))
    assert 0 < kept < 14 and len(said["offers"].encode()) <= VALUE_BYTES
    assert all(f"@bot 记 {n}" in said["note"] + said["note2"] for n in range(kept, 14))


# ------------------------------------------------------------ forms
ENTRIES = some.lists(
    some.builds(
        lambda n, label, kind, required, hint, options, value: Entry(
            f"e{n}", label, kind, required, hint, tuple(Option(f"v{i}", o) for i, o in enumerate(options)), value
        ),
        some.integers(0, 30), TEXTS, some.sampled_from(Input), some.booleans(), TEXTS, some.lists(TEXTS, max_size=25), TEXTS,
    ),
    max_size=12, unique_by=lambda entry: entry.name,
)  # fmt: skip


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ENTRIES)
def test_no_form_is_over_its_limit_and_optional_entries_go_first(entries: list[Entry]) -> None:
    form = Form("declare", "声明", "声明", tuple(entries), "@bot 声明", args=(("incident", "F-20240520-001"),))
    said = drawn(form, "12345678", "cid6KeBBLoveMJOGXoYKF5x7EeiodoA==", ZONE)
    assert len(said.encode()) <= VALUE_BYTES
    fields = [one for one in json.loads(said)["fields"] if not one.get("hidden")]
    if len(fields) < len(entries) and any(e.required for e in entries):
        shown = [one["name"].partition("__")[0] for one in fields]
        first_gone = next((e for e in entries if e.name not in shown), None)
        assert first_gone is not None
        optional_shown = [e.name for e in entries if not e.required and e.name in shown]
        required_gone = [e.name for e in entries if e.required and e.name not in shown]
        assert not (optional_shown and required_gone)


def test_what_a_form_holds_already_comes_back_as_it_was() -> None:
    form = Form(
        "update", "t", "ok",
        (
            Entry("severity", "等级", Input.CHOICE, options=(Option("", "自动"), Option("P1", "P1")), value="P1"),
            Entry("services", "服务", Input.CHOICES, options=(Option("a", "A"), Option("b", "B")), value="a,b"),
            Entry("at", "时间", Input.TIME, value="2024-05-20T06:05:00+00:00"), Entry("drill", "演练", Input.FLAG, value="true"),
            Entry("text", "现状", Input.TEXT, value="第一行\n第二行"), Entry("title", "标题", Input.LINE, value="支付"),
        ),
        "@bot 进展", args=(("incident", "F-1"),),
    )  # fmt: skip
    fields = json.loads(drawn(form, "s", "cid1", ZONE))["fields"]
    values = {one["name"]: one.get("defaultValue") for one in fields}
    assert (hidden(values, PRESS), hidden(values, SHEET), hidden(values, CHAT)) == ("update|incident=F-1", "s", "cid1")
    assert filled(values, ZONE) == {
        "severity": "P1", "services": "a,b", "at": "2024-05-20T14:05:00+08:00", "drill": "true", "text": "第一行\n第二行",
        "title": "支付",
    }  # fmt: skip


def test_what_was_filled_in_is_read_by_its_shape() -> None:
    # The values are those of the official sample of a form's callback.
    sample = json.loads(
        '{"date":"2024-06-13","datetime__time":"2024-06-13 10:26","select":{"index":2,"value":"3"},'
        '"multi_select":{"index":[1,2],"value":["2","3"]},"text":"222","checkbox_readonly":true,"off":false,"empty":"",'
        '"who__people":"@李四、 王 五,","none":{"index":0,"value":"∅"},"bad__time":"2024-13-45 99:99","press":"x"}'
    )
    assert filled(sample, ZONE) == {
        "date": "2024-06-13", "datetime": "2024-06-13T10:26:00+08:00", "select": "3", "multi_select": "2,3", "text": "222",
        "checkbox_readonly": "true", "who": "李四,王 五",
    }  # fmt: skip
    assert datetime.fromisoformat(filled(sample, ZONE)["datetime"]).utcoffset() is not None


def test_no_form_is_an_empty_one() -> None:
    assert json.loads(NO_FORM) == {"fields": []}


def test_what_should_stand_below_a_field_that_has_words_in_it_is_said_above_the_form() -> None:
    entries = (
        Entry("summary", "结论", Input.LINE, hint="将告知 8 人", placeholder="回滚支付网关"),
        Entry("cause", "原因", Input.LINE, hint="写在这里"),
    )
    said, _ = private(Reply(form=Form("recover", "已恢复", "已恢复", entries, "@bot 恢复")))
    assert said["note"].splitlines()[-1] == "将告知 8 人"


FILLED = some.one_of(
    TEXTS, some.booleans(), some.none(), some.builds(lambda text: {"index": 0, "value": text}, TEXTS),
    some.builds(lambda texts: {"index": list(range(len(texts))), "value": texts}, some.lists(TEXTS, max_size=5)),
)  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ENTRIES, some.lists(FILLED, min_size=12, max_size=12))
def test_a_form_drawn_again_holds_all_that_was_filled_in_or_is_not_drawn(entries: list[Entry], filled_in: list[Any]) -> None:
    form = Form("declare", "声明", "声明", tuple(entries), "@bot 声明", args=(("incident", "F-20240520-001"),))
    fields = json.loads(drawn(form, "12345678", "cid6KeBBLoveMJOGXoYKF5x7EeiodoA==", ZONE))["fields"]
    values = {one["name"]: one["defaultValue"] for one in fields if one.get("hidden")}
    values |= {one["name"]: value for one, value in zip((f for f in fields if not f.get("hidden")), filled_in, strict=False)}
    again = refilled(form, values, ZONE)
    if again is not None:
        assert len(again.encode()) <= VALUE_BYTES
        held = {one["name"]: one.get("defaultValue") for one in json.loads(again)["fields"]}
        kept = {name: value for name, value in held.items() if value is not None}
        assert kept == {name: value for name, value in values.items() if value not in (None, "", False, [])}
