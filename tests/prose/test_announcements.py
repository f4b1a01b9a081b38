"""Announcements: every template in both languages over a gallery of incidents, its lint, and what each way makes of it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from bot.announcing import FACTS, as_html, as_json, own_words, problems_of, subject_of, worded
from bot.config import build
from bot.document import Filled
from bot.engine.announcement_notice import can_say, reader_of, token
from bot.errors import ConfigError
from bot.model.announcing import UNSAID, Announcing, Audience, Occasion, Post, Stage, findings
from bot.model.event import Mark, Method, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.service import Catalog, Service
from bot.model.text import Span, flat, plain
from bot.ports import Medium
from bot.prose import LANGS, Prose
from tests.prose.test_events import HAN, LATIN, golden
from tests.prose.world import PROSE, at, busy, incident, show

GOLDEN = Path(__file__).parent / "golden" / "announcements"
SAID = [(occasion, audience) for occasion in Occasion for audience in Audience if (occasion, audience) not in UNSAID]
HOSTILE = "**粗** [点我](javascript:alert(1)) {{ 7*7 }} <script>alert(1)</script> <@U1> \u202e\ue000ab.0\ue001\n# 标题"
CATALOG = Catalog({name: Service(name, name) for name in ("payments", "orders")})  # type: ignore[misc,arg-type]


def post(occasion: Occasion, audience: Audience, **given: Any) -> Post:
    shape: dict[str, Any] = {"before": "P2", "reason": plain("“1.2 万单”应为“2100 单”"), **given}
    return Post(
        3, occasion, audience, Stage.DRAFT, PersonId("zhang"), at("14:10"), about=1 if "about" not in given else None, **shape
    )


def over(**more: Any) -> Incident:
    first = dataclasses.replace(post(Occasion.FIRST, Audience.EXECS), number=1, stage=Stage.SENT, sent_at=at("14:05"))
    marks = {**busy().marks, Mark.RECOVERED: at("14:33")}
    return busy(
        status=Status.RECOVERED, marks=marks, method=Method.ROLLBACK, recovery=plain("回滚支付网关"), observe_until=at("15:03"),
        complaints=37, announcing=Announcing((first,)), **more,
    )  # fmt: skip


def huge() -> Incident:
    long = plain("很长的文字" * 400)
    return over(title=long, impact=long, involved=tuple(PersonId(f"p{n}") for n in range(200)))


def hostile() -> Incident:
    words = plain(HOSTILE)
    latest = dataclasses.replace(busy().latest, text=words)  # type: ignore[type-var]
    return over(title=words, title_en=HOSTILE, impact=words, latest=latest)


GALLERY = {
    "full": over,
    "empty": lambda: incident(services=()),
    "huge": huge,
    "hostile": hostile,
    "drill": lambda: over(drill=True),
}


@pytest.mark.parametrize("lang", LANGS)
def test_each_occasion_reads_as_its_golden_file_says(lang: str) -> None:
    for occasion in Occasion:
        told = []
        for audience in Audience:
            if (occasion, audience) in SAID:
                for name in ("full", "empty", "drill"):
                    found = worded(post(occasion, audience), GALLERY[name](), PROSE, show(lang), CATALOG)
                    said = [f"## {audience} {name}", flat(found.text)]
                    told += [*said, *([f"lacks {', '.join(found.missing)}"] if found.missing else [])]
                    told += [f"finds {one.kind}: {one.words}" for one in found.findings]
        golden(GOLDEN / f"{occasion}.{lang}.txt", "\n".join(told) + "\n")


def test_no_golden_file_outlives_its_occasion() -> None:
    assert {path.name for path in GOLDEN.glob("*.txt")} == {f"{occasion}.{lang}.txt" for occasion in Occasion for lang in LANGS}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize(("occasion", "audience"), SAID)
def test_every_template_words_every_incident(occasion: Occasion, audience: Audience, name: str, lang: str) -> None:
    found = worded(post(occasion, audience), GALLERY[name](), PROSE, show(lang), CATALOG)
    said = flat(found.text)
    assert said.strip() == said
    assert said
    assert len(said) < 1000
    assert ("待补】" in said or " open]" in said) == bool(found.missing)
    if name == "drill":
        assert said.startswith("【演练】" if lang == "zh" else "[Drill] ")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(("occasion", "audience"), SAID)
def test_what_strangers_typed_is_no_markup_anywhere(occasion: Occasion, audience: Audience, lang: str) -> None:
    text = worded(post(occasion, audience, reason=plain(HOSTILE)), hostile(), PROSE, show(lang), CATALOG).text
    assert {span.kind for span in text} <= {"text", "time"}  # no link, no mention
    assert "49" not in flat(text)
    assert not re.search("[\u202e\ue000\ue001]", flat(text))
    page = as_html(text)
    assert "<script" not in page
    body = page.partition("<body")[2].partition("</body>")[0]
    assert re.sub(r"</?(?:p|div)(?: style=\"[^\"<>]*\")?>", "", body).count("<") == 0


@pytest.mark.parametrize(("occasion", "audience"), SAID)
def test_our_own_words_are_of_one_language(occasion: Occasion, audience: Audience) -> None:
    bare = dataclasses.replace(over(), title=plain("7"), title_en="7", impact=plain("7"), recovery=plain("7"))
    bare = dataclasses.replace(bare, latest=dataclasses.replace(bare.latest, text=plain("7")))  # type: ignore[type-var]
    one = post(occasion, audience, reason=plain("7"))
    assert not HAN.search(flat(worded(one, bare, PROSE, show("en", han=False), CATALOG).text))
    assert not LATIN.search(re.sub(r"P[1-4]", "", flat(worded(one, bare, PROSE, show("zh"), CATALOG).text)))


def test_what_nobody_stated_is_named_and_may_be_left_out_where_it_is_asked_for_first() -> None:
    bare = incident()
    found = worded(post(Occasion.FIRST, Audience.EXECS), bare, PROSE, show("zh"), CATALOG)
    assert found.missing == ("impact",)
    assert "指挥官 待定" in flat(found.text)
    assert "【影响待补】" in flat(found.text)
    known = worded(post(Occasion.FIRST, Audience.EXECS), busy(), PROSE, show("zh"), CATALOG)
    assert known.missing == ()


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("部分支付可能失败，我们正在处理，请稍后重试。15:00 前更新", []),
        ("支付服务已恢复，抱歉影响了您。仍有异常请联系客服", []),
        ("Some payments may fail. We are working on it; please retry later. Next update by 15:00", []),
        ("李四正在处理", ["person"]),
        ("paycore 异常", ["service"]),
        ("10.2.3.4 与 db-master-01 异常，见 https://wiki.example.com", ["host", "host", "host"]),
        ("由于数据库故障", ["cause", "cause"]),
        ("caused by a deployment", ["cause", "cause"]),
        ("预计 15:00 恢复", ["promise"]),
        ("30 分钟内恢复，赔偿 20 元", ["promise", "promise", "promise"]),
        ("we guarantee a refund", ["promise", "promise"]),
    ],
)
def test_what_must_not_be_said_outside_is_found(words: str, kinds: list[str]) -> None:
    assert [one.kind for one in findings(words, ["李四", "Li Si"], ["paycore"])] == kinds


def test_own_words_stay_as_they_were_typed() -> None:
    assert own_words("第一行\r\n  **第二行** \u202e\n") == (Span("第一行\n  **第二行**"),)


def test_each_way_gets_its_form() -> None:
    words = worded(post(Occasion.FIRST, Audience.SUPPORT), busy(), PROSE, show("en"), CATALOG).text
    made = dataclasses.replace(post(Occasion.FIRST, Audience.SUPPORT), text=words)
    assert subject_of(words).startswith("[P1 declared · what to say] Since 14:01")
    assert subject_of(plain("【P1 首报】支付失败｜14:01 起｜指挥官 张三\n下一行")) == "【P1 首报】支付失败"
    assert len(subject_of(plain("长" * 200))) == 78
    assert lines_of(as_html(words, "en"))[0].startswith("[P1 declared · what to say] Since 14:01")
    letter = as_html(
        (
            Span("【首报】支付失败｜14:01 起｜"),
            Span("报告｜一", "link", target="https://x.example.com/?a=1&b=2"),
            Span("<b>\n下一行｜尾"),
        )
    )
    assert lines_of(letter) == ["【首报】支付失败", "14:01 起", "报告｜一&lt;b&gt;", "下一行｜尾"]
    assert '<a href="https://x.example.com/?a=1&amp;b=2"' in letter
    assert "font-weight:600" in as_html(plain("一\n二"), "zh") and "font-weight" not in as_html(plain("一"), "zh")
    assert lines_of(as_html(plain("一"), "zh", ("已知悉", "https://x.example.com/?a=1&b=2")))[-1] == "已知悉"
    assert as_json(made, busy())["text"] == flat(words)
    assert as_json(made, busy())["audience"] == "support"


def lines_of(letter: str) -> list[str]:
    """List the paragraphs of an e-mail, without its mark-up."""
    return [re.sub(r"<[^>]*>", "", line) for line in re.findall(r"<p[^>]*>(.*?)</p>", letter)]


def test_sms_and_calls_say_only_what_a_vendor_approved_and_nothing_outside() -> None:
    said = {(m, o, a) for m in Medium for o in Occasion for a in Audience if can_say(m, post(o, a))}
    assert (Medium.SMS, Occasion.RECOVERED, Audience.EXECS) in said
    assert (Medium.SMS, Occasion.CORRECTION, Audience.EXECS) not in said
    assert (Medium.VOICE, Occasion.RECOVERED, Audience.EXECS) not in said
    assert not any(audience is Audience.EXTERNAL for medium, _, audience in said if medium in (Medium.SMS, Medium.VOICE))
    assert all((Medium.EMAIL, *one) in said for one in SAID)


def test_a_link_to_take_note_is_of_one_recipient_of_one_announcement() -> None:
    sent = dataclasses.replace(
        post(Occasion.FIRST, Audience.EXECS), seal="ABCDEFGH", targets=("notify:mail:li", "chat:plain:hall")
    )
    assert reader_of(sent, token(sent, "notify:mail:li")) == "li"
    assert reader_of(sent, token(sent, "notify:mail:wang")) is None
    assert reader_of(dataclasses.replace(sent, number=4), token(sent, "notify:mail:li")) is None
    assert reader_of(dataclasses.replace(sent, seal="OTHER234"), token(sent, "notify:mail:li")) is None
    unsealed = dataclasses.replace(sent, seal="")
    assert reader_of(unsealed, token(unsealed, "notify:mail:li")) is None


def own(folder: Path, text: str, name: str = "first/execs") -> Path:
    file = folder / "zh" / "announcements" / f"{name}.md.j2"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return folder


def test_ones_own_template_wins_and_is_read_as_markdown(tmp_path: Path) -> None:
    prose = Prose(own(tmp_path, "# 【快报】**{{ title }}**\n\n\n\n- [手册](https://wiki.example.com)：{{ impact }}\n"))
    said = worded(post(Occasion.FIRST, Audience.EXECS), busy(impact=plain("**不是粗体**")), prose, show("zh"), CATALOG).text
    assert flat(said) == "【快报】支付失败\n\n· 手册：**不是粗体**"
    assert [(span.text, span.target) for span in said if span.kind == "link"] == [("手册", "https://wiki.example.com")]


def test_what_is_wrong_with_ones_own_templates_is_said_by_check(tmp_path: Path) -> None:
    assert problems_of(own(tmp_path, "{{ title }} {{ level }}{% if next %}{{ next }}{% endif %}")) == []
    own(tmp_path, "{{ titel }}", "update/all")
    own(tmp_path, "{% if %}", "recovered/all")
    own(tmp_path, "x", "fisrt/execs")
    own(tmp_path, "x", "raised/external")
    found = dict(problems_of(tmp_path))
    assert found.keys() == {
        f"zh/announcements/{name}.md.j2" for name in ("update/all", "recovered/all", "fisrt/execs", "raised/external")
    }
    assert found["zh/announcements/update/all.md.j2"].startswith("there is no fact 'titel'; there are: before, cause")
    assert found["zh/announcements/recovered/all.md.j2"].startswith("line 1: ")
    with pytest.raises(ConfigError) as wrong:
        build({"chats": {"plain": {"adapter": "plain", "base_url": "http://x", "secret": "x" * 16}}, "templates": str(tmp_path)},
              tmp_path, Filled({}))  # fmt: skip
    assert "there is no fact 'titel'" in str(wrong.value)


def test_every_fact_has_a_label_in_both_languages() -> None:
    for lang in LANGS:
        assert {key.removeprefix("fact.") for key in PROSE.words(lang) if key.startswith("fact.")} == {*FACTS, "open"}
