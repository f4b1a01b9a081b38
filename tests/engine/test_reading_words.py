"""How unreadable lines are answered, in both languages, word for word."""

from __future__ import annotations

import re

import pytest

from bot.engine.reading import Ambiguous, NoSuch
from bot.errors import Refused
from bot.model.say import Say, say
from bot.model.text import flat
from bot.prose import Prose, Show
from tests.engine.fakes import CATALOG, NOW, PEOPLE, bound, understood

PROSE = Prose()
HAN = re.compile("[\u4e00-\u9fff]")


def told(what: Say, lang: str) -> str:
    """Word a Say as its reader sees it in a group."""
    show = Show(lang, "Asia/Shanghai", NOW, lambda person: PEOPLE[person].name, CATALOG.label, hail="@bot ")
    return flat(PROSE.say(what, show))


def answer(typed: str, lang: str) -> str:
    """Give the words that answer a line which is not run."""
    found = understood(typed, lang=lang)
    match found:
        case Ambiguous():
            return told(say("ambiguous", word=found.word, options=found.options), lang)
        case NoSuch():
            return told(say("no_such", word=found.word, nearest=found.nearest, rest=found.rest), lang)
        case _:
            with pytest.raises(Refused) as refused:
                bound(typed)
            return told(refused.value.reason, lang)


SAID = [
    ("近展 已回滚", "zh", "没有“近展”，是不是“进展”？照抄：\n@bot 进展 已回滚"),
    ("udpate done", "en", 'There is no "udpate". Is it "update"? Copy:\n@bot update done'),
    ("等级P1", "zh", "没有“等级P1”，是不是“等级”？照抄：\n@bot 等级 P1"),
    ("大家看下网关", "zh", "没看懂“大家看下网关”，没有改动任何东西。要记下来：@bot 记录 大家看下网关\n看能做什么：@bot 帮助"),
    (
        "good luck", "en",
        '"good" is not a command; nothing was changed. To record it: @bot note good luck\nWhat can be done: @bot help',
    ),
    ("升级", "zh", "“升级”可能有几个意思，没有改动任何东西。要哪个？照抄一行：\n提高等级：@bot 等级 P1\n呼叫支援：@bot 呼叫 @谁"),
    (
        "cancel", "en",
        '"cancel" could mean several things; nothing was changed. Which one? Copy a line:\nUndo the last step: @bot undo\n'
        "False alarm: @bot dismiss reason",
    ),
    ("指挥 @赵六儿", "zh", "没找到“赵六儿”。是 赵六 吗？请 @ 全名。"),
    ("指挥 @陈晨", "zh", "叫“陈晨”的不止一人：陈晨（chen）、陈晨（chen2）。请写括号里的编号，如 @chen。"),
    ("指挥 @nobody", "zh", "没找到“nobody”，没有叫到人。请在成员里选人，或写全名。"),
    ("commander @nobody", "en", 'There is no "nobody", so nobody was called. Pick a member, or give the full name.'),
    ("邀请 支付", "zh", "没有执行：“支付”是几个服务共用的叫法：支付网关、支付核心。请写全名。"),
    ("撤销 全部", "zh", "没有执行：没看懂“全部”。照这样写：@bot 撤销"),
    ("认领 A-9999", "zh", "没有执行：没找到告警 A-9999。"),
    ("恢复 F-20240520-099", "zh", "没有执行：没找到故障 F-20240520-099。看全部：@bot 列表"),
    (
        "恢复 003 回滚", "zh",
        "没有执行：是哪个故障？\nP2 处理中｜昨日三：@bot 恢复 F-20240519-003 回滚\n"
        "P2 处理中｜前日三：@bot 恢复 F-20240518-003 回滚",
    ),
    ("时间线 库存服务", "zh", "库存服务没有进行中的故障。"),
    ("关闭 --force", "zh", "没有执行：代行要写明原因，会告诉全群。照抄：@bot 代行 指挥官联系不上 关闭"),
    ("关闭 --免复盘", "zh", '没有执行：免复盘要写明原因。照抄：@bot 关闭 --免复盘 "供应商故障"'),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "lang", "words"), SAID, ids=[typed for typed, _, _ in SAID])
def test_what_is_said(typed: str, lang: str, words: str) -> None:
    assert answer(typed, lang) == words


@pytest.mark.parametrize("typed", [typed for typed, _, _ in SAID])
def test_an_english_answer_holds_no_chinese_but_what_was_typed(typed: str) -> None:
    words = answer(typed, "en")
    ours = words
    names = [p.name for p in PEOPLE.values()]
    for known in [*typed.replace("@", "").split(), *names, "昨日三", "前日三", "支付网关", "支付核心", "等级", "进展", "撤销"]:
        ours = ours.replace(known, "")
    assert not HAN.search(ours), words


LINES = re.compile(r"@bot (.+)")


@pytest.mark.parametrize(("typed", "lang", "words"), SAID, ids=[typed for typed, _, _ in SAID])
def test_every_line_to_copy_can_be_copied(typed: str, lang: str, words: str) -> None:
    for line in LINES.findall(words):
        assert not isinstance(understood(line), NoSuch | Ambiguous), line


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "what",
    [say("missing", want=want, example="x") for want in (
        "incident", "other", "groups", "severity", "services", "person", "people", "moment", "next", "mark", "role", "sort",
        "waiver", "url", "count", "english", "word", "text",
    )],
    ids=lambda what: what.params["want"],
)  # fmt: skip
def test_whatever_is_missing_is_named(what: Say, lang: str) -> None:
    assert told(what, lang).endswith("@bot x")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_notes_about_the_reading(lang: str) -> None:
    note = told(bound("声明 P0 登录慢").notes[0], lang)
    assert note == {"zh": "没有 P0 这一级，按 P1 记。", "en": "There is no level P0; P1 was taken."}[lang]
    assert told(say("unreadable", words=("x",), example=None), lang) == {
        "zh": "没有执行：没看懂“x”。", "en": 'Not done: "x" could not be read.',
    }[lang]  # fmt: skip
    assert told(say("service_unknown", word="x"), lang).startswith({"zh": "没有执行", "en": "Not done"}[lang])
    assert told(say("incident_none"), lang).startswith({"zh": "没有执行", "en": "Not done"}[lang])


def test_strangers_words_are_made_harmless() -> None:
    words = answer("再见 第一行\u202e\n第二行", "zh")
    assert "\u202e" not in words
    assert words.count("\n") == 1
