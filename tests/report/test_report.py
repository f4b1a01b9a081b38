"""The report of a postmortem as people read it, in both languages; golden files are written with WARROOM_GOLDEN=write."""

from __future__ import annotations

import html
import itertools
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bot.model import event as ev
from bot.model.announcing import Audience
from bot.report import document, gather, markdown, page
from bot.report.document import Tick
from bot.report.draw import placed
from bot.report.gather import MOST_ENTRIES
from tests.commands.fakes import PROSE, TIMER
from tests.prose.test_events import golden
from tests.report.gallery import GALLERY, empty, ordinary, show, written

GOLDEN = Path(__file__).parent / "golden"
LANGS = ("zh", "en")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", [name for name in GALLERY if name != "huge"])
def test_a_report_reads_as_its_golden_file_says(name: str, lang: str) -> None:
    golden(GOLDEN / f"{name}.{lang}.md", markdown(written(name, lang)))


class Reader(HTMLParser):
    """Collect what a browser would make of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data if "style" not in self.open else ""


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", GALLERY)
def test_the_page_needs_nothing_else_and_lets_nobody_in(name: str, lang: str) -> None:
    read = Reader(page(written(name, lang), PROSE))
    assert read.open == []
    known = {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "span", "dl", "dt", "dd", "div", "table",
        "thead", "tbody", "tr", "th", "td", "figure", "svg", "rect", "text", "line", "circle", "ol", "li", "time", "b", "a",
    }  # fmt: skip
    assert {tag for tag, _ in read.tags} <= known
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
        if tag == "a":
            assert re.match(r"https?://", attributes["href"] or "")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", GALLERY)
def test_the_page_says_all_that_the_markdown_says(name: str, lang: str) -> None:
    doc = written(name, lang)
    words = " ".join(Reader(page(doc, PROSE)).words.split())
    for row in (*doc.overview, *doc.analysis, *doc.lessons):
        for line in row.text.split("\n"):
            assert " ".join(line.split()) in words
    for cells in (*doc.firsts, *doc.notices):
        assert all(str(getattr(cells, name)) in words for name in cells.__slots__ if name != "kept")
    for entry in doc.entries:
        assert " ".join(entry.text.split()) in words
        assert not entry.silence or entry.silence in words


def test_markdown_keeps_what_strangers_typed_as_words() -> None:
    told = markdown(written("hostile", "zh"))
    for line in told.splitlines():
        assert not re.search(r"(?<!\\)<", line), line
        assert not re.search(r"(?<!\\)\]\(", line), line
        assert not re.match(r"\s*(?:===|```)", line), line
    headings = [line for line in told.splitlines() if re.match(r"#{1,6} ", line)]
    assert len(headings) == 8  # the title, the five parts, 1-5-10 and the announcements
    assert "</style><script>" in html.unescape(re.sub(r"\\(.)", r"\1", told))


def test_a_decision_has_a_star_and_a_long_silence_is_said() -> None:
    doc = written("ordinary", "zh")
    (star,) = [entry for entry in doc.entries if entry.star]
    assert star.text == "★ 张三 记录（决策）：回滚支付网关，不等扩容"
    assert [entry.silence for entry in doc.entries if entry.silence] == ["空白 14 分钟，没有任何记录"]


def test_one_five_ten_is_of_the_marks_only() -> None:
    told = [(t.label, t.target, t.took, t.gap, t.kept) for t in written("ordinary", "zh").targets]
    assert told == [
        ("发现", "1:00", "3:00", "+2:00", False), ("定位", "5:00", "6:00", "+1:00", False),
        ("恢复", "10 分钟", "32 分钟", "+22 分钟", False),
    ]  # fmt: skip
    assert [(t.took, t.kept) for t in written("empty", "en").targets] == [("not recorded", None)] * 3


def test_the_first_announcement_is_held_against_its_deadline_and_receipts_are_counted() -> None:
    doc = written("ordinary", "zh")
    assert [(t.label, t.target[11:], t.took[11:], t.gap, t.kept) for t in doc.firsts] == [
        ("管理层", "14:05:00", "14:03:00", "−2:00", True), ("客服", "14:05:00", "14:17:00", "+12 分钟", False),
    ]  # fmt: skip
    assert [(n.number, n.what, n.whom, n.reached, n.noted) for n in doc.notices] == [
        ("1", "首报", "管理层", "2/3", "1/3"), ("2", "首报｜已撤回", "客服", "1/1", "0/1"),
    ]  # fmt: skip
    assert "boss@example.com" not in markdown(doc)


def test_a_first_announcement_that_nobody_sent_is_not_recorded() -> None:
    world, incident = empty()
    due = ev.FirstAnnouncementDue(due=world.now + timedelta(minutes=5), remind_at=world.now + timedelta(minutes=3))
    world.enter(TIMER, due, incident.id)
    world.enter(TIMER, ev.FirstAnnouncementOverdue(minutes=5, audiences=(Audience.EXECS,)), incident.id)
    doc = document(gather(world.reads("root"), world.now_of(incident)), PROSE, show(world, "zh"))
    assert [(t.label, t.took, t.kept) for t in doc.firsts] == [("管理层", "未记录", None)]
    told = page(doc, PROSE)
    assert re.search(r'<td>管理层</td><td>2024-05-20 [0-9:]{8}</td><td class="missing">未记录</td>', told)
    assert "没有发过通告。" in told


def test_what_is_too_much_to_list_is_counted() -> None:
    world, incident = ordinary()
    for n in range(MOST_ENTRIES):
        world.later(seconds=1)
        world.run("note", "li", incident, text=f"{n}")
    doc = document(gather(world.reads("root"), world.now_of(incident)), PROSE, show(world, "zh"))
    assert len(doc.entries) == MOST_ENTRIES
    assert re.fullmatch(r"还有 \d+ 条没有列出", doc.left_out)


def test_no_two_labels_of_the_drawing_lie_over_each_other() -> None:
    spots, rows = placed([Tick(share, f"{share}", "") for share in (0, 0.01, 0.02, 0.5, 0.52, 0.97, 1)])
    by_row: dict[int, list[float]] = {}
    for spot in spots:
        by_row.setdefault(spot.row, []).append(spot.x)
    assert rows == 3
    for xs in by_row.values():
        assert all(after - before >= 50 for before, after in itertools.pairwise(xs))
