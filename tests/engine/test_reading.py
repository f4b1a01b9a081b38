"""What typed text is taken to mean, before anything is looked up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.command import Context, Declaration, Where, Words, command, query
from bot.engine.reading import Ambiguous, Asked, Call, NoSuch, Nothing, read
from bot.engine.vocabulary import AMBIGUOUS, Vocabulary
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.text import Span, Text, flat, plain
from tests.engine.fakes import declarations, understood, vocabulary

# typed -> command, what is left for its arguments
COMMANDS = [
    ("声明 P1 支付失败", "declare", "P1 支付失败"),
    ("declare P1 payments failing", "declare", "P1 payments failing"),
    ("DECLARE P1 x", "declare", "P1 x"),
    ("ｄｅｃｌａｒｅ　Ｐ１　支付失败", "declare", "Ｐ１　支付失败"),
    ("declare: P1 x", "declare", "P1 x"),
    ("声明：支付失败", "declare", "支付失败"),
    ("声明，P1，支付失败", "declare", "P1，支付失败"),
    ("  声明\n支付失败  ", "declare", "支付失败"),
    ("/声明 支付失败", "declare", "支付失败"),
    ("@warroom 声明 支付失败", "declare", "支付失败"),
    # people type no space behind the harmless words
    ("进展已回滚", "update", "已回滚"),
    ("记录网关在重启", "note", "网关在重启"),
    ("记录一下 网关在重启", "note", "网关在重启"),
    ("上报支付付不了", "report", "支付付不了"),
    ("声明P1 支付失败", "declare", "P1 支付失败"),
    # the longest word wins
    ("进展如何", "brief", ""),
    ("取消关联 A-12", "unlink", "A-12"),
    ("撤销恢复 又坏了", "reopen", "又坏了"),
    ("撤销", "undo", ""),
    ("记一笔 切流", "note", "切流"),
    ("确认故障 P1", "confirm", "P1"),
    ("指挥官 @李四", "commander", "@李四"),
    ("指挥@李四", "commander", "@李四"),
    ("恢复。", "recover", ""),
    ("恢复 ！", "recover", "！"),
    # a bare word asks
    ("进展", "brief", ""),
    ("update", "brief", ""),
    ("更新", "brief", ""),
    # questions are answered by queries as they stand
    ("现状？", "brief", ""),
    ("现状呢", "brief", ""),
    ("什么情况啊", "brief", ""),
    ("状态 支付？", "status", "支付"),
    ("有哪些故障？？", "list", ""),
    ("为什么 等级呢？", "why", "等级"),
    ("?", "help", ""),
    ("？？", "help", ""),
    # a text in quotes is a statement, whatever it says
    ('记录 "能退款吗"', "note", '"能退款吗"'),
    ("记录 “能退款吗？”", "note", "“能退款吗？”"),
    ("进展 客户问「能退款吗」", "update", "客户问「能退款吗」"),
    ("bridge https://meet.example.com/a?", "bridge", "https://meet.example.com/a?"),
]


@pytest.mark.parametrize(("typed", "name", "rest"), COMMANDS)
def test_a_command_is_read(typed: str, name: str, rest: str) -> None:
    call = understood(typed)
    assert isinstance(call, Call), call
    assert (call.declaration.name, flat(call.rest)) == (name, rest)


# typed -> the line that would record it as a statement
QUESTIONS = [
    ("恢复了吗", None),
    ("恢复了吗？", None),
    ("恢复？", None),
    ("关闭?", None),
    ("关闭 可以吗", None),
    ("关闭 可以吗～", None),
    ("关闭 可以吗 @张三", None),
    ("恢复了没", None),
    ("恢复 了没有。", None),
    ("恢复呢", None),
    ("恢复？ 谢谢", None),
    ("等级 P1 对吗？🙏", None),
    ("升级了吗", None),
    ("确认了吗？", None),
    ("近展呢", None),
    ("大家都知道了吗", None),
    ("is it recovered?", None),
    ("recover?", None),
    ("close now？", None),
    ("进展？", None),
    ("进展怎么样了", '进展 "怎么样了"'),
    ("进展到哪一步", '进展 "到哪一步"'),
    ("记录 能退款吗", '记录 "能退款吗"'),
    ('记录 他说"好"了吗', "记录 \"他说'好'了吗\""),
    ("声明 P1 A-12 支付失败了吗", '声明 P1 A-12 "支付失败了吗"'),
    ("note is it ok?", 'note "is it ok?"'),
]


@pytest.mark.parametrize(("typed", "line"), QUESTIONS)
@pytest.mark.parametrize("pending", [False, True])
def test_a_question_changes_nothing(typed: str, line: str | None, pending: bool) -> None:
    asked = understood(typed, pending=pending)
    assert isinstance(asked, Asked), asked
    assert asked.line == line
    if line is not None:
        copied = understood(line)
        assert isinstance(copied, Call)
        assert copied.quoted


# typed -> what it is taken for, the corrected lines
OFFERS = [
    ("近展 已回滚", "近展", ["进展 已回滚"]),
    ("近展已回滚", "近展已回滚", ["进展 已回滚"]),
    ("udpate rolled back", "udpate", ["update rolled back"]),
    ("recovr 14:05 done", "recovr", ["recover 14:05 done"]),
    ("恢服 14:05 回滚", "恢服", ["恢复 14:05 回滚"]),
    # words that change things need a space
    ("等级P1", "等级P1", ["等级 P1"]),
    ("恢复了", "恢复了", ["恢复"]),
    ("恢复了网关", "恢复了网关", ["恢复 网关"]),
    ("关闭吧", "关闭吧", ["关闭"]),
    ("状态支付", "状态支付", ["状态 支付"]),
    # the command comes first
    ("@李四 指挥", "@李四", ["指挥 @李四"]),
    ("P1 声明 支付失败", "P1", ["声明 P1 支付失败"]),
]


@pytest.mark.parametrize(("typed", "word", "lines"), OFFERS)
def test_the_nearest_line_is_offered(typed: str, word: str, lines: list[str]) -> None:
    offer = understood(typed)
    assert isinstance(offer, NoSuch), offer
    assert offer.word == word
    assert [f"{near} {flat(offer.rest)}".strip() for near in offer.nearest] == lines
    for line in lines:
        assert isinstance(understood(line), Call)


@pytest.mark.parametrize("typed", ["大家注意一下网关", "好的", "notebook is full", "到了", "请帮忙恢复 一下"])
def test_a_sentence_that_only_contains_a_command_is_none(typed: str) -> None:
    offer = understood(typed)
    assert isinstance(offer, NoSuch), offer
    assert offer.nearest == ()
    assert flat(offer.rest) == typed


AMBIGUITIES = [
    ("升级", "zh", ["提高等级: 等级 P1", "呼叫支援: 呼叫 @谁"]),
    ("升级", "en", ["Raise the level: severity P1", "Call for help: escalate @who"]),
    ("升级 P1 扩大到全国", "zh", ["提高等级: 等级 P1 扩大到全国", "呼叫支援: 呼叫 @谁"]),
    ("升级 @李四", "zh", ["提高等级: 等级 P1", "呼叫支援: 呼叫 @李四"]),
    ("升级到P1", "zh", ["提高等级: 等级 P1", "呼叫支援: 呼叫 @谁"]),
    ("取消", "zh", ["撤销上一步: 撤销", "误报: 误报 原因"]),
    ("取消 搞错了", "zh", ["撤销上一步: 撤销", "误报: 误报 搞错了"]),
    ("cancel", "en", ["Undo the last step: undo", "False alarm: dismiss reason"]),
    ("确认", "zh", ["到: 到", "确认恢复: 恢复"]),
]


@pytest.mark.parametrize(("typed", "lang", "offered"), AMBIGUITIES)
def test_an_ambiguous_word_asks(typed: str, lang: str, offered: list[str]) -> None:
    asked = understood(typed, lang=lang)
    assert isinstance(asked, Ambiguous), asked
    assert [f"{label[lang]}: {line}" for label, line in asked.options] == offered


def test_confirm_is_plain_while_an_incident_is_pending() -> None:
    call = understood("确认 P1", pending=True)
    assert isinstance(call, Call)
    assert (call.declaration.name, flat(call.rest)) == ("confirm", "P1")
    assert isinstance(understood("确认了吧", pending=True), Ambiguous)


@pytest.mark.parametrize("typed", ["", "  \n", "@warroom", "，", "/"])
def test_an_empty_text_asks_for_help(typed: str) -> None:
    assert understood(typed) == Nothing()


def test_mentions_stay_mentions() -> None:
    typed: Text = (Span("@warroom", "person"), Span(" 记录 "), Span("@张三", "person", PersonId("zhang")), Span(" 在看"))
    call = understood(typed)
    assert isinstance(call, Call)
    assert call.rest == (Span("@张三", "person", PersonId("zhang")), Span(" 在看"))


def test_another_persons_mention_in_front_is_not_swallowed() -> None:
    typed: Text = (Span("@李四", "person", PersonId("li")), Span(" 指挥"))
    offer = understood(typed)
    assert isinstance(offer, NoSuch)
    assert offer.nearest == ("指挥",)
    assert offer.rest[0] == Span("@李四", "person", PersonId("li"))


FORCED = [
    ('关闭 --force "张三失联"', "close", "", "张三失联"),
    ("关闭 --force 张三 失联", "close", "", "张三 失联"),
    ("关闭 --代行 张三失联", "close", "", "张三失联"),
    ("关闭 代行 张三失联", "close", "", "张三失联"),
    ('恢复 14:03 回滚 —force "张三失联"', "recover", "14:03 回滚", "张三失联"),
    ('severity --force "no answer" P3 less', "severity", "P3 less", "no answer"),
    ("代行 张三失联 关闭", "close", "", "张三失联"),
    ("代行 张三 联系不上 等级 P3 已缓解", "severity", "P3 已缓解", "张三 联系不上"),
    ('--force "no answer" close', "close", "", "no answer"),
    ("代行 关闭", "close", "", ""),
    ("关闭 代行", "close", "", ""),
    ("关闭", "close", "", None),
    ("记录 李四 代行 指挥", "note", "李四 代行 指挥", None),
]


@pytest.mark.parametrize(("typed", "name", "rest", "reason"), FORCED)
def test_going_over_ones_standing_is_asked_for_with_a_reason(typed: str, name: str, rest: str, reason: str | None) -> None:
    call = understood(typed)
    assert isinstance(call, Call), call
    assert (call.declaration.name, flat(call.rest), call.force) == (name, rest, reason)


def test_a_forced_question_is_a_question() -> None:
    assert isinstance(understood("代行 张三失联 关闭？"), Asked)


# ---------------------------------------------------------------- the words themselves
def _declare(name: str, *, zh: tuple[str, ...] = (), glued: tuple[str, ...] = (), changes: bool = True) -> Declaration:
    nothing = Words("", "")

    def function(ctx: Context, incident: Incident) -> None:
        return None

    made = command if changes else query
    made(en=(name,), zh=zh, does=nothing, usage=nothing, example=nothing, where=Where.ROOM, glued=glued)(function)
    found: Declaration = vars(function)["__warroom__"]
    return found


def test_the_real_words_belong_to_one_command_each() -> None:
    known = vocabulary()
    for name, declaration in known.declarations.items():
        for word in declaration.words:
            call = read(plain(f"{word} x"), known, lang="zh", pending=False)
            assert isinstance(call, Call | NoSuch), (word, call)
            assert isinstance(call, Call), word
            assert call.declaration.name == name, word
    assert not set(AMBIGUOUS) & set(known.entries)


def test_a_word_of_two_commands_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="'ＮＯＴＥ' belongs to note and to other"):
        Vocabulary({"note": _declare("note"), "other": _declare("other", zh=("ＮＯＴＥ",))})


@pytest.mark.parametrize("word", ["升级", "取消", "确认"])
def test_the_ambiguous_words_belong_to_none(word: str) -> None:
    with pytest.raises(ValueError, match="belongs to no command"):
        Vocabulary({"x": _declare("x", zh=(word,))})


@pytest.mark.parametrize("glued", ["记", "关闭"])
def test_only_a_long_word_of_the_command_may_be_glued(glued: str) -> None:
    with pytest.raises(ValueError, match="cannot be glued"):
        Vocabulary({"x": _declare("x", zh=("记", "记录"), glued=(glued,))})


def test_a_loose_ambiguous_word_can_become_a_command() -> None:
    known = Vocabulary({"escalate": _declare("escalate"), "severity": _declare("severity")})
    call = read(plain("escalate dba"), known, lang="en", pending=False)
    assert isinstance(call, Call)
    assert call.declaration.name == "escalate"


def test_only_what_exists_is_offered() -> None:
    known = Vocabulary({"severity": _declare("severity", zh=("等级",))})
    asked = read(plain("升级"), known, lang="zh", pending=False)
    assert isinstance(asked, Ambiguous)
    assert [line for _, line in asked.options] == ["等级 P1"]
    assert isinstance(read(plain("取消"), known, lang="zh", pending=False), NoSuch)


def test_glued_words_are_those_that_do_no_harm() -> None:
    glued = {name for name, declaration in declarations().items() if declaration.glued}
    assert glued <= {"declare", "report", "note", "update"}


def test_every_entry_of_the_vocabulary_is_a_person_s() -> None:
    automatic = replace(_declare("timer"), by=frozenset())
    assert "timer" not in Vocabulary({"timer": automatic, "note": _declare("note")}).entries
