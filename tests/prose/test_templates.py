"""The two languages say the same things under the same names, each in its own words only; what is missing raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError

from bot.model.alert import GroupState
from bot.model.event import KINDS, Mark, Status
from bot.model.ids import GroupId
from bot.model.incident import Outcome
from bot.model.person import Actor, ActorKind, Standing
from bot.model.room import RoomState
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.prose import LANGS, Prose
from tests.prose.world import NOW, PROSE, at, busy, show

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
HAN = re.compile("[\u3400-\u9fff，。；：？！「」（）、｜]")
TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# Levels, ids, the names of the spellings that people type, and a word that Chinese has no other for.
ALLOWED = re.compile(r"P[1-4]|A-[\d…]*|F-[\d…-]*|\bIP\b|\d MB\b", re.ASCII)
LATIN = re.compile("[A-Za-z]+")


def sources(lang: str) -> dict[str, str]:
    """Map a name to every text of one language: labels, sayings, events."""
    found = {f"events/{path.name}": path.read_text(encoding="utf-8") for path in (TEMPLATES / lang / "events").glob("*.j2")}
    found |= {f"say.{key}": text for key, text in Prose().sayings(lang).items()}
    found |= {f"words.{key}": label for key, label in Prose().words(lang).items()}
    return found


def test_both_languages_have_the_same_files_and_keys() -> None:
    folders = (TEMPLATES / lang for lang in LANGS)
    zh, en = (sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) for folder in folders)
    assert zh == en
    assert sources("zh").keys() == sources("en").keys()
    for area in (TEMPLATES / "zh" / "say").glob("*.yaml"):
        twin = TEMPLATES / "en" / "say" / area.name
        assert yaml.safe_load(area.read_text("utf-8")).keys() == yaml.safe_load(twin.read_text("utf-8")).keys(), area.name


@pytest.mark.parametrize("lang", LANGS)
def test_every_kind_of_fact_has_a_template_and_a_label(lang: str) -> None:
    assert {path.stem for path in (TEMPLATES / lang / "events").glob("*.j2")} == {*KINDS, "Unknown"}
    assert {key.removeprefix("kind.") for key in PROSE.words(lang) if key.startswith("kind.")} == set(KINDS)


def test_english_sources_hold_no_han_character() -> None:
    assert {name: HAN.findall(text) for name, text in sources("en").items() if HAN.search(text)} == {}


def test_chinese_sources_hold_no_latin_word() -> None:
    ours = {name: LATIN.findall(ALLOWED.sub("", TAG.sub("", text))) for name, text in sources("zh").items()}
    assert {name: words for name, words in ours.items() if words} == {}


@pytest.mark.parametrize("lang", LANGS)
def test_every_template_compiles_and_names_only_known_filters(lang: str) -> None:
    prose = Prose()
    for key in prose.sayings(lang):
        prose._saying(key, lang)
    for kind in (*KINDS, "Unknown"):
        prose._telling(kind, lang)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", [Status, Severity, Outcome, Mark, Standing, RoomState, GroupState])
def test_every_value_of_our_enums_has_a_label(kind: type[Status], lang: str, tmp_path: Path) -> None:
    prose = saying(tmp_path, "word", "{{ value|word }}")
    assert all(flat(prose.say(say("word", value=value), show(lang))) for value in kind)


def saying(folder: Path, key: str, text: str, **words: str) -> Prose:
    """Make a Prose with one more text, of both languages."""
    for lang in LANGS:
        (folder / lang / "say").mkdir(parents=True, exist_ok=True)
        (folder / lang / "say" / "more.yaml").write_text(yaml.safe_dump({key: text}), encoding="utf-8")
        if words:
            (folder / lang / "words.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")
    return Prose(folder)


def said(folder: Path, text: str, lang: str = "zh", **params: object) -> str:
    return flat(saying(folder, "probe", text).say(say("probe", **params), show(lang)))


def test_what_is_missing_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        PROSE.say(say("no_such_text"), show("zh"))
    with pytest.raises(KeyError):
        PROSE.label("no.such.label", "en")
    with pytest.raises(UndefinedError):
        said(tmp_path, "{{ missing }}")
    with pytest.raises(UndefinedError):
        said(tmp_path, "{{ incident.no_such_field }}", incident=busy())
    with pytest.raises(ValueError, match="not there"):
        said(tmp_path, "{{ commander }}", commander=None)
    with pytest.raises(TypeError, match="dict"):
        said(tmp_path, "{{ value }}", value={})


def test_overrides_win_key_by_key_and_leave_the_rest(tmp_path: Path) -> None:
    prose = saying(tmp_path, "card_help", "请按铃", drill="[练习]")
    assert flat(prose.say(say("card_help"), show("zh"))) == "请按铃"
    assert prose.label("drill", "zh") == "[练习]"
    assert prose.label("status.handling", "zh") == "处理中"
    assert prose.sayings("zh").keys() == PROSE.sayings("zh").keys()


def test_a_key_that_two_areas_hold_is_an_error_that_names_both(tmp_path: Path) -> None:
    folder = tmp_path / "zh" / "say"
    folder.mkdir(parents=True)
    for area in ("a", "b"):
        (folder / f"{area}.yaml").write_text("twice: x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"twice stands in both a\.yaml and b\.yaml"):
        Prose(tmp_path).sayings("zh")


def test_values_are_printed_by_their_kind_without_a_filter(tmp_path: Path) -> None:
    text = "{{ status }} {{ level }} {{ when }} {{ long }} {{ who }} {{ words }} {{ inner }} {{ n }}"
    params = {
        "status": Status.HANDLING, "level": Severity.P1, "when": at("14:05"), "long": timedelta(minutes=37),
        "who": Actor(ActorKind.TIMER, ""), "words": plain("回\n滚"), "inner": say("card_help"), "n": 3,
    }  # fmt: skip
    assert said(tmp_path, text, **params) == "处理中 P1 14:05 37 分钟 定时 回 滚 帮助 3"
    assert said(tmp_path, text, "en", **params) == "Handling P1 14:05 37 min timer 回 滚 help 3"


CLOCKS = [
    (datetime(2024, 5, 20, 6, 5, tzinfo=UTC), "14:05", "14:05"),
    (datetime(2024, 5, 20, 15, 59, tzinfo=UTC), "23:59", "23:59"),
    (datetime(2024, 5, 20, 16, 0, tzinfo=UTC), "5月21日 00:00", "21 May 00:00"),
    (datetime(2024, 5, 19, 6, 5, tzinfo=UTC), "5月19日 14:05", "19 May 14:05"),
    (datetime(2023, 12, 31, 6, 5, tzinfo=UTC), "2023年12月31日 14:05", "31 Dec 2023 14:05"),
]


@pytest.mark.parametrize(("when", "zh", "en"), CLOCKS)
def test_instants_are_shown_in_the_readers_zone(when: datetime, zh: str, en: str, tmp_path: Path) -> None:
    assert (said(tmp_path, "{{ t|clock }}", t=when), said(tmp_path, "{{ t|clock }}", "en", t=when)) == (zh, en)


def test_a_zone_that_nobody_knows_reads_as_utc(tmp_path: Path) -> None:
    prose = saying(tmp_path, "probe", "{{ t|clock }}")
    for zone, shown in (("Mars/Phobos", "06:05"), ("../../etc/passwd", "06:05"), ("", "06:05"), ("Europe/Berlin", "08:05")):
        assert flat(prose.say(say("probe", t=at("14:05")), show("zh", tz=zone))) == shown


SPANS = [
    (0, "0:00", "0:00"), (-5, "0:00", "0:00"), (40, "0:40", "0:40"), (599, "9:59", "9:59"), (600, "10 分钟", "10 min"),
    (37 * 60 + 59, "37 分钟", "37 min"), (7500, "2 小时 05 分", "2 h 05 min"), (172_799, "47 小时 59 分", "47 h 59 min"),
    (187_200, "2 天 4 小时", "2 d 4 h"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "zh", "en"), SPANS)
def test_durations(seconds: int, zh: str, en: str, tmp_path: Path) -> None:
    assert said(tmp_path, "{{ s|span }}", s=seconds) == zh
    assert said(tmp_path, "{{ s|span }}", "en", s=timedelta(seconds=seconds)) == en


def test_filters_name_people_services_groups_and_refusals(tmp_path: Path) -> None:
    assert said(tmp_path, "{{ p|join_names }}", p=("zhang", "gone", "li")) == "张三、已删除用户、李四"
    assert said(tmp_path, "{{ p|join_names(2) }}", p=("zhang", "li", "wang")) == "张三、李四等 3 人"
    assert said(tmp_path, "{{ p|join_names(2) }}", "en", p=("zhang", "li", "wang")) == "张三, 李四 and others, 3 in all"
    assert said(tmp_path, "{{ s|services }}", "en", s=("payments", "unlisted")) == "Payments, unlisted"
    assert said(tmp_path, "{{ s|service }}", s=None) == "未定服务"
    assert said(tmp_path, "{{ g|group }}", g=GroupId(12)) == "A-12"
    assert said(tmp_path, "{{ c|refusal('raw') }}", c="not_visible") == "不在应用可见范围"
    assert said(tmp_path, "{{ c|refusal('quota: 99') }}", c="e_99") == "quota: 99"
    assert said(tmp_path, "{{ c|refusal }}", c="e_99") == "e_99"
    assert said(tmp_path, "{{ t|typed(5) }}", t=plain("一二三四五六")) == "一二三四…"


def test_the_card_of_an_incident_can_stand_in_a_text(tmp_path: Path) -> None:
    words = said(tmp_path, "{{ card(incident) }}", incident=busy())
    assert words.startswith("🔴 P1 处理中｜支付失败｜F-20240520-001\n影响：")
    assert f"截至 {NOW.hour + 8}:{NOW.minute}" in words


def test_the_words_for_commands_are_the_ones_that_people_type() -> None:
    from tests.prose.test_cards import declarations

    for name, declaration in declarations().items():
        if not declaration.zh:
            continue  # only machines give it
        assert PROSE.label(f"command.{name}", "zh") in declaration.zh, name
        assert PROSE.label(f"command.{name}", "en") in declaration.en, name
    typed = {key.removeprefix("command.") for key in PROSE.words("zh") if key.startswith("command.")}
    assert typed == {name for name, declaration in declarations().items() if declaration.zh}
