"""Cards and texts within every limit of WeCom: whatever the core shows is taken, drawn uncut, and counts what it leaves out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.wecom import render as app
from adapters.chat.wecom_bot import render as bot
from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.cards import answers, drawn
from adapters.sandbox.wecom.standin import WeCom
from adapters.wecom_card import (
    Asked,
    Pressed,
    Sizes,
    Unchosen,
    Withdrawn,
    clicked,
    confirming,
    cut,
    line,
    question,
    template_card,
    unchosen,
    width,
    withdrawn,
)
from adapters.wecom_markdown import escaped, fitted, markdown, parts, plain, text
from bot.model.card import Button, Card, Field
from bot.model.press import encode
from bot.model.text import Span
from bot.model.text import plain as words

PIECES = ["x", "汉", "😀", "é", "&", "<", "*", "`", "\n", " ", "｜", "@all", "](", "\u202e", "\x00", "P1"]


def lengths(*limits: int) -> st.SearchStrategy[int]:
    """Give lengths one under, at and one over each limit."""
    return st.sampled_from(sorted({max(limit + d, 0) for limit in limits for d in (-1, 0, 1)} | {0, 1}))


@st.composite
def typed(draw: st.DrawFn, *limits: int) -> str:
    piece = draw(st.sampled_from(PIECES))
    return (piece * draw(lengths(*limits)))[: max(limits) + 1]


@st.composite
def buttons(draw: st.DrawFn, depth: int = 1) -> Button:
    command = draw(st.sampled_from(["command", "severity", "recover", "more"]))
    args = (("to", draw(st.sampled_from(["P1", "P2", "x" * 60, "汉" * 20]))),) if draw(st.booleans()) else ()
    options = tuple(draw(st.lists(buttons(0), max_size=12))) if depth and draw(st.integers(0, 3)) == 0 else ()
    return Button(
        draw(typed(10, 16)), command, draw(typed(20)), args, primary=draw(st.booleans()),
        confirm=draw(typed(300, 1000)) or None if draw(st.integers(0, 2)) == 0 else None, options=options,
    )  # fmt: skip


@st.composite
def cards(draw: st.DrawFn) -> Card:
    fields = draw(
        st.lists(st.builds(Field, typed(5), typed(30, 160, 700).map(words)), max_size=draw(st.sampled_from([0, 6, 7, 40])))
    )
    return Card(
        draw(typed(26, 36, 80)), draw(st.sampled_from(["red", "orange", "blue", "green", "grey", "turquoise"])), "F-1",
        draw(typed(13, 30, 44)), tuple(fields), tuple(draw(st.lists(buttons(), max_size=9))), draw(typed(112, 160)),
        text=words(draw(typed(112, 160, 2000))) if draw(st.booleans()) else (),
    )  # fmt: skip


class Company:
    """Take messages as WeCom does, by the stand-in's own rules."""

    def __init__(self) -> None:
        self.standin = WeCom(company.users(), company.chats(), request_url="http://127.0.0.1:9/", limited=False)
        self.standin.corp.spoke.add("zhang")
        given = self.take("gettoken", {"corpid": self.standin.app.corpid, "corpsecret": self.standin.app.secret}, None)
        self.token = given["access_token"]

    def take(self, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        said = self.standin.desk.take(f"/cgi-bin/{path}", query, body, "127.0.0.1")
        assert said.body["errcode"] == 0, (said.body, body)
        return dict(said.body)

    def direct(self, body: dict[str, Any]) -> str:
        """Send to a person; gives the response_code, and forgets the task so that ids can be used again."""
        self.standin.desk.tasks.clear()
        message = {"touser": "zhang", "agentid": self.standin.app.agentid, **body}
        return str(self.take("message/send", {"access_token": self.token}, message).get("response_code", ""))

    def update(self, code: str, card: dict[str, Any]) -> None:
        body = {"userids": ["zhang"], "agentid": self.standin.app.agentid, "response_code": code, "template_card": card}
        self.take("message/update_template_card", {"access_token": self.token}, body)

    def room(self, body: dict[str, Any]) -> None:
        self.take("appchat/send", {"access_token": self.token}, {"chatid": "incidents", **body})

    def push(self, body: dict[str, Any]) -> None:
        self.standin.hub.mouth.tasks.clear()
        self.standin.hub.mouth.push({"chatid": "zhang", "chat_type": 1, **body})


@pytest.fixture(scope="module")
def wecom() -> Company:
    return Company()


def uncut(card: dict[str, Any], by_bot: bool) -> None:
    """Show that a client draws every word of a card as we wrote it."""
    seen = drawn(card, by_bot)
    sent = [card["source"]["desc"]] if "source" in card else [""]
    sent += [card["main_title"]["title"], card["main_title"].get("desc", ""), card.get("sub_title_text", "")]
    assert [seen["source"]["desc"], seen["title"], seen["desc"], seen["sub_title_text"]] == sent
    assert [(r["keyname"], r["value"]) for r in seen["rows"]] == [
        (r["keyname"], r["value"]) for r in card.get("horizontal_content_list", [])
    ]
    assert [b["text"] for b in seen["buttons"]] == [b["text"] for b in card["button_list"]]
    for select in seen["selects"]:
        assert select["title"] == card["button_selection"]["title"]
        assert select["option_list"] == card["button_selection"]["option_list"]


@settings(max_examples=60)
@given(shown=cards())
def test_every_card_is_taken_by_both_and_drawn_uncut(wecom: Company, shown: Card) -> None:
    for render, by_bot, take in ((app.direct, False, wecom.direct), (bot.messages, True, wecom.push)):
        made = render(shown, "task-1")
        assert made
        for body in made:
            if not str(body.get("markdown", {"content": "x"})["content"]).strip():
                continue  # nothing at all is refused before it gets here
            take(body)
            if "template_card" in body:
                uncut(body["template_card"], by_bot)
    room = app.room(shown)
    assert room is not None and len(room["markdown"]["content"].encode()) <= 2048
    if room["markdown"]["content"].strip():
        wecom.room(room)


@settings(max_examples=30)
@given(shown=cards())
def test_every_card_can_take_anothers_place(wecom: Company, shown: Card) -> None:
    for sizes in (app.SIZES, bot.SIZES):
        card = template_card(shown, sizes, "task-1", instead=True)
        assert card is not None and card["button_list"]
        uncut(card, sizes is bot.SIZES)
    code = wecom.direct(
        {"msgtype": "template_card", "template_card": template_card(Card("x", "red"), app.SIZES, "task-1", instead=True)}
    )
    made = template_card(shown, app.SIZES, "task-1", instead=True)
    assert made is not None
    wecom.update(code, made)


@settings(max_examples=30)
@given(shown=cards())
def test_what_is_pressed_is_what_the_button_said_also_after_a_question(shown: Card) -> None:
    card = template_card(shown, app.SIZES, "task-1")
    if card is None:
        return
    every = {encode(one) for b in shown.buttons for one in (*b.options, b)}
    options = card.get("button_selection", {}).get("option_list", [])
    assert not options or isinstance(clicked("0s:", answers(card, {})), Unchosen)  # nothing is chosen by itself
    chosen = {"choice": [option["id"] for option in options[1:2]]}
    for button in card["button_list"]:
        click = clicked(button["key"], chosen)
        if isinstance(click, Asked):
            for asking in (confirming(card, click, app.SIZES), question(click, app.SIZES, "task-1")):
                uncut(asking, False)
                click = clicked(asking["button_list"][0]["key"], {})
        assert isinstance(click, Pressed)
        assert encode(Button("", click.press.command, "", tuple(click.press.args.items()))) in every
        assert click.press.command != "unreadable"


@settings(max_examples=100)
@given(st.lists(st.sampled_from([*PIECES, *"#>-_~![]()ab\r", "font", "<@", "</"]), max_size=60).map("".join))
def test_strangers_words_are_never_marks_tags_or_calls(raw: str) -> None:
    for shown in (escaped(raw), markdown((Span(raw),)), markdown((Span(raw[:3]), Span(raw[3:])))):
        assert not re.search(r"[*`]|\]\(|~~|<\s*(@|/?font|a\b)", shown), shown
        assert not re.search(r"(?m)^[ \t]*(#{1,6}(\s|$)|>)", shown)
    assert not re.search(r"<\s*@|@all(?![A-Za-z0-9_])", text((Span(raw),)))
    assert "\n" not in line(raw)


@given(st.text(max_size=300), st.integers(1, 200))
def test_what_is_cut_fits_and_says_so(raw: str, most: int) -> None:
    safe = raw.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    made = cut(safe, most)
    assert width(made) <= most and (made == safe or made.endswith("…"))


@settings(max_examples=80)
@given(st.lists(st.builds(Span, typed(200, 700), st.sampled_from(["text", "code", "link", "person"]), st.none(),
                          st.sampled_from([None, "zhang", "https://x.example/a?b=1"])), max_size=6))  # fmt: skip
def test_tokens_fit_any_size(spans: list[Span]) -> None:
    for marked in (False, True):
        assert len(fitted(tuple(spans), 500, marked=marked).encode()) <= 500
    whole = text(tuple(spans))
    assert "".join("".join(parts(whole, 97)).split()) == "".join(whole.split())
    assert all(len(part.encode()) <= 97 for part in parts(whole, 97))


# ------------------------------------------------------------ how it looks
STATUS = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001",
    tuple(Field(label, words(value)) for label, value in (
        ("影响", "支付服务、订单服务"), ("最新进展", "回滚 2/4 — 张三 14:20"), ("指挥官", "张三（记录 李四）"),
        ("时间", "发生 14:01"),
        ("告警", "触发 8｜已恢复 4"), ("下次进展", "14:35 前"), ("电话会", "https://meet.example/1"),
    )),
    (Button("发进展", "update", "进展 …", primary=True), Button("记一笔", "note", "记录 …")), "v7 · 李四 14:19",
)  # fmt: skip


def test_a_status_card_says_the_level_three_times_and_all_of_its_facts() -> None:
    card = template_card(STATUS, app.SIZES, "t")
    assert card is not None
    assert card["source"] == {"desc": "P1", "desc_color": 2}
    assert card["main_title"] == {"title": "🔴 P1 处理中｜支付失败", "desc": "F-20240520-001"}
    assert [row["keyname"] for row in card["horizontal_content_list"]] == [
        "影响",
        "最新进展",
        "指挥官",
        "时间",
        "告警",
        "下次进展",
    ]
    assert card["sub_title_text"] == "电话会：https://meet.example/1｜v7 · 李四 14:19"
    assert [(b["text"], b["style"]) for b in card["button_list"]] == [("发进展", 1), ("记一笔", 4)]


def test_what_fits_nowhere_is_counted_with_a_way_to_see_it() -> None:
    many = Card("x", "red", fields=tuple(Field(f"字段{n}", words("长" * 50)) for n in range(30)), buttons=STATUS.buttons)
    card = template_card(many, Sizes(26, 30, 112, "@bot "), "t")
    assert card is not None
    rows = card["horizontal_content_list"]
    shown = len(re.findall(r"字段\d+", str(rows) + card.get("sub_title_text", "")))
    assert rows[5] == {"keyname": "其余", "value": f"… 还有 {30 - shown} 项，打字：@bot 现状"}
    english = Card("x", "red", fields=tuple(Field(f"field {n}", words("long " * 20)) for n in range(300)), buttons=())
    card = template_card(english, Sizes(26, 30, 112, "@bot "), "t", instead=True)
    assert card is not None and re.fullmatch(r"… 29\d more: @bot brief", card["horizontal_content_list"][5]["value"])


@given(st.integers(0, 60), st.integers(0, 200), st.booleans(), typed(20, 112, 160))
def test_every_fact_is_shown_or_counted(count: int, length: int, by_bot: bool, footer: str) -> None:
    fields = tuple(Field(f"{n:02}项", words("长" * length)) for n in range(count))
    card = template_card(
        Card("🔴 P1", "red", "F-1", "F-1", fields, STATUS.buttons, footer), bot.SIZES if by_bot else app.SIZES, "t"
    )
    assert card is not None
    rows = card.get("horizontal_content_list", [])
    shown = {row["keyname"] for row in rows} | set(re.findall(r"\d\d项(?=：)", card.get("sub_title_text", "")))
    counted = re.search(r"… 还有 (\d+) 项", rows[-1]["value"]) if rows and rows[-1]["keyname"] == "其余" else None
    missing = {field.label for field in fields} - shown
    assert len(missing) == (int(counted[1]) if counted else 0)


def test_buttons_that_do_not_fit_are_counted_and_more_stays_the_last() -> None:
    several = [Button(f"按钮{n}", "note", "记录") for n in range(8)]
    card = template_card(Card("x", "red", buttons=tuple(several)), app.SIZES, "t")
    assert card is not None and [b["text"] for b in card["button_list"]][4:] == ["按钮4", "按钮5 +2"]
    card = template_card(Card("x", "red", buttons=(*several, Button("更多", "more", "更多"))), app.SIZES, "t")
    assert card is not None and card["button_list"][-1]["text"] == "更多 +3" and len(card["button_list"]) == 6


def test_a_room_reads_what_to_type_to_the_app() -> None:
    body = app.room(STATUS)
    assert body is not None
    content = body["markdown"]["content"]
    assert content.startswith("**🔴 P1 处理中｜支付失败**\n")
    assert (
        "影响：支付服务、订单服务" in content
        and "\n打字：进展 …　｜　记录 …\n" in content
        and content.endswith("v7 · 李四 14:19")
    )


def test_english_facts_have_short_names() -> None:
    card = Card(
        "🔴 P1 Handling",
        "red",
        fields=(Field("Commander", words("Zhang San")), Field("Impact", words("61%"))),
        buttons=STATUS.buttons,
    )
    made = template_card(card, app.SIZES, "t")
    assert made is not None and [r["keyname"] for r in made["horizontal_content_list"]] == ["IC", "Hit"]


def test_names_in_the_passive_answer_are_wecoms() -> None:
    card = template_card(STATUS, app.SIZES, "t")
    assert card is not None
    said = app.passive_card("ww1", "zhang", 1, card)["TemplateCard"]
    assert set(said) == {"CardType", "Source", "MainTitle", "SubTitleText", "HorizontalContentList", "ButtonList"}
    assert set(said["HorizontalContentList"][0]) == {"KeyName", "Value"} and set(said["Source"]) == {"Desc", "DescColor"}


def test_an_address_and_a_name_in_text() -> None:
    content = (Span("看 "), Span("单子", "link", target="https://x.example/a_b*c"), Span(" "), Span("@王五", "person"), Span("`"))
    assert text(content) == "看 单子 https://x.example/a_b*c 王五`"
    assert markdown(content) == "看 [单子](https://x.example/a_b*c) 王五ˋ"
    hostile = "<font color='warning'>x</font> <a href='x'>y</a> <script>"
    assert plain(hostile) == "＜font color='warning'>x＜/font> ＜a href='x'>y＜/a> <script>"


# ------------------------------------------------------------ languages
def test_a_card_speaks_its_language_whatever_its_labels_look_like() -> None:
    levels = tuple(Button(level, "severity", f"等级 {level}", (("to", level),)) for level in ("P1", "P2", "P3"))
    asked = Card("", "grey", buttons=(Button("P1-P3", "severity", "", options=levels),), lang="zh")
    made = template_card(asked, bot.SIZES, "t")
    assert made is not None and made["main_title"]["title"] == "请选择"
    assert made["button_selection"]["option_list"][0]["text"] == "请选择"
    assert unchosen(made, bot.SIZES)["sub_title_text"] == "⚠️ 先选一项，再按按钮"
    english = Card("P1 支付失败", "grey", buttons=(Button("F-1 支付失败", "brief", "brief F-1", options=levels),), lang="en")
    made = template_card(english, bot.SIZES, "t")
    assert made is not None and made["button_selection"]["option_list"][0]["text"] == "Choose"
    assert unchosen(made, bot.SIZES)["sub_title_text"] == "⚠️ Choose first, then press"


@pytest.mark.parametrize(
    ("question_", "said"), [("将通知 8 人", "已取消，没有改动"), ("8 people are told", "Cancelled, nothing changed")]
)
def test_what_was_declined_after_a_start_is_told_in_its_language(question_: str, said: str) -> None:
    made = question(Asked("recover", "OK", question_), bot.SIZES, "t")
    declined = clicked(made["button_list"][1]["key"], {})
    assert isinstance(declined, Withdrawn)
    assert withdrawn(None, "t", declined.chinese)["main_title"]["title"] == said


def test_where_to_type_is_said_once_before_all_lines() -> None:
    pressable = (Button("确认故障", "confirm", "私聊我：确认故障"), Button("误报", "dismiss", "私聊我：误报 …"))
    shown = app.room(Card("❓ 待确认", "red", buttons=pressable, lang="zh"))
    assert shown is not None and shown["markdown"]["content"].endswith("\n私聊我：确认故障　｜　误报 …")
    here = app.room(Card("❓ 待确认", "red", buttons=(Button("误报", "dismiss", "@bot 误报 …"),), lang="zh"))
    assert here is not None and here["markdown"]["content"].endswith("\n打字：@bot 误报 …")


def test_what_does_not_fit_into_a_card_stands_above_it_and_not_in_it_again() -> None:
    long = Card(
        "通告已起草", "grey", text=words("通告 1（首报）\n" + "字" * 300), buttons=(Button("发送", "note", "记录"),), lang="zh"
    )
    above, below = app.direct(long, "t") or []
    assert "字" * 300 in above["text"]["content"]
    assert below["template_card"]["main_title"]["title"] == "通告已起草"
    assert "字字" not in str(below)
    (alone,) = app.direct(Card("通告已起草", "grey", text=words("一句话"), buttons=long.buttons, lang="zh"), "t") or []
    assert "一句话" in str(alone)
