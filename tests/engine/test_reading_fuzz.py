"""Whatever people type, in any mixture of scripts: nothing raises but a refusal, nothing typed is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.engine.binding import bind, bind_press
from bot.engine.claiming import Line
from bot.engine.fold import blank, fold
from bot.engine.parameters import parameters
from bot.engine.reading import Asked, Call, read
from bot.engine.tokens import SEPARATORS, atoms, together, tokenize
from bot.errors import Refused
from bot.model.ids import PersonId
from bot.model.text import Span, Text, flat, plain
from tests.engine.fakes import ROOM, Roster, context, declarations, vocabulary

WORDS = sorted({word for declaration in declarations().values() for word in declaration.words})
BITS = [
    "P1", "Ｐ２", "p0", "sev3", "一级", "支付", "支付服务", "订单", "checkout", "Stock Keeping", "@张三", "@陈晨", "@nobody",
    "A-12", "Ａ－１０２９", "A-999", "001", "0520-002", "F-20240520-001", "F-20240520-999", "14:05", "14点05", "5分钟前",
    "昨晚23:10", "10m ago", "5月20日 14:05", "下次 14:50", "下次14:10", "next 20m", "明天 10:00", "决策", "发现", "记录",
    "--演练", "——保密", "--new", "--force", "代行", "--免复盘", "en", "https://a.example/x,y?z", "20", "#12", "7d", "我的",
    "全部", "【演练】", "？", "?", "吗", "了没", "呢", "，", "、", "：", ":", '"', "“", "”", "「", "」", "『", "\n", "　",
    "\u200b", "🙏", "👨\u200d👩\u200d👧", "é", "e\u0301", "ﬁ", "İ", "ß", "支付失败", "网关超时", "rolled back", "the", "to",
    "@", "-", "--", "/", "F-", "A-", "P", "99999999999", "٣", "1" * 30,
]  # fmt: skip
MENTIONS = [
    Span("@张三", "person", PersonId("zhang")), Span("@谁", "person"), Span("@走了", "person", PersonId("gone")),
    Span("看板", "link", target="https://a.example/1"), Span("x = 1", "code"), Span(":wave:", "emoji"),
]  # fmt: skip

pieces = st.one_of(st.sampled_from(WORDS), st.sampled_from(BITS), st.text(max_size=6))
gaps = st.sampled_from([" ", "", " ", "，", "　", "\n"])
lines = st.lists(st.tuples(pieces, gaps), max_size=8).map(lambda found: "".join(part for pair in found for part in pair))
commands = st.builds(lambda word, gap, rest: f"{word}{gap}{rest}", st.sampled_from(WORDS), gaps, lines)
spans = st.one_of(lines.map(Span), st.sampled_from(MENTIONS))
texts: st.SearchStrategy[Text] = st.one_of(commands.map(plain), lines.map(plain), st.lists(spans, max_size=5).map(tuple))


def visible(words: str) -> list[str]:
    """List the characters that somebody typed and would miss."""
    return [char for char in words if not blank(char) and char not in SEPARATORS]


@settings(max_examples=250)
@given(texts, st.booleans(), st.sampled_from(["zh", "en"]), st.booleans())
def test_any_text_is_read_and_bound_or_refused(typed: Text, pending: bool, lang: str, in_room: bool) -> None:
    found = read(typed, vocabulary(), lang=lang, pending=pending)
    call = found.call if isinstance(found, Asked) else found
    if isinstance(found, Asked) and found.line is not None:
        copied = read(plain(found.line), vocabulary(), lang=lang, pending=pending)
        assert isinstance(copied, Call)
        assert copied.declaration.name == found.call.declaration.name  # type: ignore[union-attr]
    if not isinstance(call, Call):
        return
    roster = Roster()
    try:
        made = bind(call, context(roster, lang=lang), implied=ROOM if in_room else None, lock=roster.incident)
    except Refused:
        return
    assert set(made.arguments) == {name for name, _, _ in call.declaration.parameters}


@settings(max_examples=250)
@given(st.sampled_from(sorted(n for n, d in declarations().items() if d.words)), texts)
def test_every_typed_character_is_claimed_or_in_the_text(name: str, typed: Text) -> None:
    declaration = declarations()[name]
    line = Line(declaration, parameters(declaration), context(), atoms(typed), True, name)
    try:
        found = line.read()
        line.nothing_left(ROOM)
    except Refused:
        return
    left = [token for n, token in enumerate(line.tokens) if not line.taken[n]]
    if not line.has_text:
        assert not left
        return
    text = flat(next((value for want, value in found.items() if want.name == "TEXT"), ()))
    kept = visible("".join(flat(token.typed) for token in left))
    said = visible(text)
    for char in kept:
        assert char in said
        said.remove(char)
    assert all(char in '"“”＂「」『』｢｣' for char in said)  # what is there beyond the words is their own quotes


@given(texts)
def test_tokens_and_gaps_give_the_text_back(typed: Text) -> None:
    parts = atoms(typed)
    tokens = tokenize(parts)
    rebuilt: list[Any] = []
    at = 0
    for token in tokens:
        assert token.start >= at
        assert token.gap == "".join(part for part in parts[at : token.start] if isinstance(part, str))
        rebuilt += [*token.gap, *parts[token.start : token.end]]
        at = token.end
    assert together([*rebuilt, *parts[at:]]) == together(parts)


QUESTION_ENDS = st.sampled_from(
    ["？", "?", "吗", "了没", "呢", "了吗？", "吗。", "？！", "呢～", "吗 🙏", "? @张三", "？ \n", "吗!!"]
)


@settings(max_examples=250)
@given(st.one_of(commands, lines), QUESTION_ENDS, st.booleans())
def test_a_question_never_changes_anything(typed: str, end: str, pending: bool) -> None:
    assume("//" not in typed)  # a question mark can be a part of an address
    found = read(plain(typed + end), vocabulary(), lang="zh", pending=pending)
    assert not (isinstance(found, Call) and found.declaration.changes)


SAFE = st.text(st.sampled_from("网关超时回滚慢登录缓存队列堆积的在已客户投诉abcxyz.%"), min_size=1, max_size=6).filter(
    lambda word: fold(word) not in {fold(known) for known in WORDS}
)


@settings(max_examples=250)
@given(st.lists(SAFE, min_size=1, max_size=5), st.sampled_from(["P1", "Ｐ２"]), st.integers(0, 5))
def test_a_title_is_what_was_typed_without_its_level(words: list[str], level: str, place: int) -> None:
    typed = [*words[:place], level, *words[place:]]
    found = read(plain("声明 " + " ".join(typed)), vocabulary(), lang="zh", pending=False)
    assert isinstance(found, Call)
    roster = Roster()
    made = bind(found, context(roster), implied=None, lock=roster.incident)
    assert flat(made.arguments["title"]) == " ".join(words)
    assert made.arguments["severity"] == fold(level).upper()


@given(st.one_of(st.text(), lines))
def test_folding_twice_changes_nothing(typed: str) -> None:
    once = fold(typed)
    assert fold(once) == once


@settings(max_examples=250)
@given(
    st.sampled_from(sorted(n for n, d in declarations().items() if d.words)),
    st.data(),
)
def test_any_button_is_bound_or_refused(name: str, data: st.DataObject) -> None:
    declaration = declarations()[name]
    names = [parameter for parameter, _, _ in declaration.parameters] or ["x"]
    args = data.draw(st.dictionaries(st.sampled_from(names), st.one_of(pieces, lines), max_size=3))
    roster = Roster()
    try:
        made = bind_press(declaration, args, context(roster), implied=ROOM, lock=roster.incident)
    except Refused:
        return
    assert set(made.arguments) == {parameter for parameter, _, _ in declaration.parameters}
