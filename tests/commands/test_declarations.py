"""What is read off the declarations and the texts: words, examples, both languages, no text missing or unused."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

import commands
from bot.command import Declaration
from bot.engine.fold import fold
from bot.engine.reading import Call, Nothing, read
from bot.model.person import ActorKind, Standing
from bot.model.text import flat, plain
from tests.commands.fakes import DECLARATIONS, NOT_OF_COMMANDS, VOCABULARY, World

HERE = Path(next(iter(commands.__path__)))
TEXTS = HERE.parent / "templates"
TYPED = [d for d in DECLARATIONS.values() if ActorKind.PERSON in d.by]

# The table that people were promised: name -> its Chinese words.
PROMISED = {
    "report": "上报 报障 反馈",
    "declare": "声明 宣布 建故障 拉群",
    "ack": "认领 我在看",
    "confirm": "确认故障 属实",
    "dismiss": "误报 不是故障",
    "severity": "等级 定级 调级",
    "commander": "指挥 接管 交接 指挥官",
    "role": "角色 分工",
    "invite": "邀请 拉人 加人",
    "join": "进群 加入",
    "here": "到 签到 收到 在",
    "pass": "转给 我不在",
    "recall": "再叫一次 再叫",
    "escalate": "呼叫 呼叫支援 求助 加急",
    "impact": "影响 影响面 范围",
    "complaints": "客诉 投诉",
    "note": "记录 记 记一笔 备注",
    "note-edit": "改记录",
    "update": "进展 同步 更新",
    "cadence": "频率 稍后 推迟",
    "decline": "拒绝 不接",
    "mark": "节点 定位 止血 发现 发生",
    "bridge": "电话会 语音会 拉会",
    "title": "标题 改名",
    "bind": "绑定群 备用群",
    "mirror": "同步到 镜像",
    "bind-account": "绑定账号",
    "lang": "语言",
    "link": "关联",
    "unlink": "取消关联",
    "merge": "合并 重复",
    "gather": "合并风暴",
    "recover": "恢复 已恢复",
    "observe": "结束观察",
    "reopen": "重开 撤销恢复 复发",
    "close": "关闭 结单",
    "postmortem": "复盘",
    "return-postmortem": "退回复盘",
    "transfer-postmortem": "转复盘",
    "waive": "豁免复盘",
    "meeting": "复盘会 约复盘 复盘会议",
    "cancel-meeting": "取消复盘会",
    "attend": "参会",
    "absent": "不参会",
    "undo": "撤销",
    "status": "状态 卡片",
    "brief": "现状 进展如何 什么情况 catchup",
    "list": "列表 有哪些故障",
    "timeline": "时间线",
    "why": "为什么",
    "whoami": "我是谁",
    "silence": "静默 屏蔽",
    "announce": "通告 通报 公告",
    "reword": "改通告",
    "withdraw": "撤回",
    "read": "已知悉 知悉",
    "subscribe": "订阅",
    "unsubscribe": "取消订阅 退订",
    "oncall": "值班 谁值班",
    "swap": "换班 替班",
    "action": "改进 措施 待办 加改进",
    "revise": "改措施",
    "reassign": "转派",
    "extend": "延期 改期",
    "take": "接手",
    "done": "完成",
    "verify": "验收",
    "sendback": "打回",
    "items": "改进列表 我的改进",
    "stats": "统计 月报",
    "menu": "更多 more",
    "help": "帮助 怎么用 ?",
}


def test_every_promised_command_answers_to_every_promised_word() -> None:
    assert {d.name for d in TYPED} == set(PROMISED)
    for name, words in PROMISED.items():
        assert {fold(w) for w in (name, *words.split())} <= {fold(w) for w in DECLARATIONS[name].words}


def test_a_word_belongs_to_one_command() -> None:
    words = Counter(fold(word) for d in TYPED for word in set(d.words))
    assert [word for word, times in words.items() if times > 1] == []


@pytest.mark.parametrize("word", ["升级", "取消", "确认"])
def test_the_three_ambiguous_words_belong_to_none(word: str) -> None:
    assert word not in {w for d in TYPED for w in d.words}


@pytest.mark.parametrize("declaration", TYPED, ids=lambda d: d.name)
class TestEach:
    def test_is_explained_in_both_languages(self, declaration: Declaration) -> None:
        for words in (declaration.does, declaration.usage, declaration.example):
            assert re.search(r"[一-鿿]", words.zh)
            assert words.en
            assert not re.search(r"[一-鿿]", words.en)

    def test_has_examples_that_are_read_as_itself(self, declaration: Declaration) -> None:
        for lang in ("zh", "en"):
            understood = read(plain(declaration.example[lang]), VOCABULARY, lang=lang, pending=False)
            if declaration.name == "help" and isinstance(understood, Nothing):
                continue
            assert isinstance(understood, Call), f"{declaration.example[lang]!r} reads as {understood}"
            assert understood.declaration.name == declaration.name
            assert declaration.usage[lang].split()[0].split("|")[0] in declaration.words

    def test_says_what_its_function_does(self, declaration: Declaration) -> None:
        assert (declaration.function.__doc__ or "").strip()

    def test_asks_no_more_of_people_than_the_table(self, declaration: Declaration) -> None:
        everyone = {
            "bind-account",
            "complaints",
            "lang",
            "report",
            "declare",
            "join",
            "here",
            "pass",
            "undo",
            "status",
            "brief",
            "list",
            "why",
            "whoami",
            "read",
            "subscribe",
            "unsubscribe",
            "oncall",
            "swap",
            "revise",
            "reassign",
            "extend",
            "take",
            "done",
            "verify",
            "sendback",
            "meeting",
            "cancel-meeting",
            "attend",
            "absent",
            "items",
            "stats",
            "menu",
            "help",
        }
        commanders = {"merge", "close"}
        least = (
            Standing.MEMBER
            if declaration.name in everyone
            else Standing.COMMANDER
            if declaration.name in commanders
            else Standing.RESPONDER
        )
        assert declaration.may is least


def test_only_harmless_words_may_be_glued_to_their_text() -> None:
    assert {word for d in TYPED for word in d.glued} == {"上报", "声明", "记录", "进展"}


def test_timers_and_sources_are_not_typed() -> None:
    for declaration in DECLARATIONS.values():
        assert (ActorKind.PERSON in declaration.by) == bool(declaration.words)


# ---------------------------------------------------------------- texts
def texts(lang: str) -> dict[str, str]:
    loaded: dict[str, str] = {}
    for file in sorted((TEXTS / lang / "say").glob("*.yaml")):
        if file.stem not in NOT_OF_COMMANDS:
            loaded |= yaml.safe_load(file.read_text("utf-8"))
    return loaded


def keys_used() -> set[str]:
    """Collect the keys that the commands say or refuse with, off their syntax trees."""
    found: set[str] = set()
    for path in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            place = {"say": 0, "refuse": 0, "as_commander": 3}.get(node.func.id)
            if place is None:
                continue
            given = node.args[place]
            keys = [c.value for c in ast.walk(given) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
            assert keys or isinstance(given, ast.Name), f"{path.name}:{node.lineno} builds a key that cannot be checked"
            found.update(keys)
    return found


def named_by_the_core() -> set[str]:
    """Collect every word that stands in the core's code: its rules say texts of a topic, too."""
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted((HERE.parent / "bot").rglob("*.py"))]
    return {c.value for tree in trees for c in ast.walk(tree) if isinstance(c, ast.Constant) and isinstance(c.value, str)}


def test_every_text_that_is_said_is_there_in_both_languages_and_every_text_there_is_said() -> None:
    said = keys_used()
    assert set(texts("zh")) == set(texts("en")) <= said | named_by_the_core()
    assert said <= set(World().house.prose.sayings("zh"))


def outside_tags(template: str) -> str:
    """Leave only what stands in a text itself, between its tags."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", template, flags=re.DOTALL)


def test_chinese_texts_hold_no_latin_word_and_english_ones_no_chinese() -> None:
    for key, text in texts("zh").items():
        left = re.sub(r"\bP[1-4]\b|\bF-…|\bA-(?:\d+|…)", "", outside_tags(text))
        assert not re.search("[A-Za-z]", left), f"{key}: {left}"
    for key, text in texts("en").items():
        assert not re.search(r"[一-鿿，。：；（）、？！「」]", outside_tags(text)), key


def test_no_text_blames_shouts_or_flatters() -> None:
    for key, text in texts("zh").items():
        assert not re.search("您|非法|失败！|错误|！|亲|哦|系统检测", outside_tags(text)), key
    for key, text in texts("en").items():
        assert not re.search(r"!|\b(?:sorry|please note|invalid|illegal|error|oops)\b", outside_tags(text), re.IGNORECASE), key


def test_help_tells_of_every_command() -> None:
    words = World().run("help", "chen", word="all")
    for declaration in TYPED:
        assert declaration.usage.zh in words.zh
        assert declaration.usage.en in words.en
    assert flat(plain(words.zh)).count("\n") == len(TYPED)
