"""Every fact ever stored is told in both languages, word for word as its golden file says.

To write the golden files anew after a change of words: `WARROOM_GOLDEN=write pytest tests/prose`, then read the diff.
"""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.model.event import KINDS, Event, Unknown, decode
from bot.model.incident import Incident
from bot.model.person import actor
from bot.model.text import flat
from bot.prose import LANGS
from tests.prose.world import PROSE, drawn, incident, show

FIXTURES = Path(__file__).parent.parent / "fixtures" / "events"
GOLDEN = Path(__file__).parent / "golden"
STORED = sorted(FIXTURES.glob("*.json"))
HAN = re.compile("[\u3400-\u9fff]")
LATIN = re.compile("[A-Za-z]+")
ALLOWED = re.compile(r"P[1-4]|[AT]-\d+|F-\d{8}-\d{3}|https?://\S+|\d (?:B|KB|MB)\b(?: [0-9a-f]{8}\b)?")


def golden(path: Path, now: str) -> None:
    """Compare with a golden file, or write it when WARROOM_GOLDEN=write asks for that."""
    if os.environ.get("WARROOM_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing; see the top of tests/prose/test_events.py"
    assert now == path.read_text(encoding="utf-8")


def stored(path: Path, change: Any = lambda data: data) -> list[tuple[str, Event, Incident | None]]:
    """Read a fixture: (case, event, incident); `change` may replace what people typed before it is decoded."""
    said = json.loads(path.read_text(encoding="utf-8"))
    read = []
    for case, event in said["cases"].items():
        payload = decode(said["kind"], said["v"], change(event["data"]))
        place = event["incident"]
        about = None if place is None else incident(drill=place == "drill")
        at, known = datetime.fromisoformat(event["at"]), datetime.fromisoformat(event["recorded_at"])
        read.append((case, Event(event["n"], at, known, actor(event["actor"]), payload), about))
    return read


def numbered(value: Any) -> Any:
    """Replace everything that a person typed in either script by a digit, so that what is left are our own words."""
    if isinstance(value, dict):
        return {key: numbered(part) for key, part in value.items()}
    if isinstance(value, list):
        return [numbered(part) for part in value]
    return "7" if isinstance(value, str) and HAN.search(value) else value


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_fact_reads_as_its_golden_file_says(path: Path, lang: str) -> None:
    told = []
    for case, event, about in stored(path):
        told.append(f"## {case}")
        told.append(drawn(PROSE.tell(event, about, show(lang))))
        told.append(drawn(PROSE.entry(event, about, show(lang))))
    golden(GOLDEN / f"{path.stem}.{lang}.txt", "\n".join(told) + "\n")


def test_every_kind_and_version_has_a_fixture_and_every_fixture_is_known() -> None:
    released = {f"{kind}.v{version}" for kind, made in KINDS.items() for version in range(1, made.v + 1)}
    assert {path.stem for path in STORED} == released | {"MoonPhaseNoted.v3"}
    for path in STORED:
        for _, event, _ in stored(path):
            assert isinstance(event.payload, Unknown) == (path.stem == "MoonPhaseNoted.v3")


def test_no_golden_file_outlives_its_fixture() -> None:
    assert {path.name for path in GOLDEN.glob("*.v*.txt")} == {f"{path.stem}.{lang}.txt" for path in STORED for lang in LANGS}


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_an_english_text_has_no_han_character_of_ours(path: Path) -> None:
    for case, event, about in stored(path, numbered):
        untitled = about and incident(title=(), drill=about.drill)
        reader = show("en", han=False)
        told = flat(PROSE.entry(event, untitled, reader) + PROSE.tell(event, untitled, reader))
        assert not HAN.search(told), f"{case}: {told}"


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_chinese_text_has_no_latin_word_of_ours(path: Path) -> None:
    for case, event, about in stored(path):
        quoted = {span.text for span in PROSE.entry(event, about, show("zh")) if span.kind in ("code", "link")}
        told = flat(PROSE.entry(event, about, show("zh")) + PROSE.tell(event, about, show("zh")))
        for words in (*sorted(quoted, key=len, reverse=True), *typed_latin(event)):
            told = told.replace(words, "")
        assert not LATIN.search(ALLOWED.sub("", told)), f"{case}: {told}"


def typed_latin(event: Event) -> list[str]:
    """List the Latin words that people typed in a fixture's facts: titles in English and words for alerts."""
    return [words for words in ("Payment failures", "5xx", "javascript:alert") if words in repr(event.payload)]


def test_a_drill_is_marked_in_every_message_that_a_room_gets() -> None:
    for path in STORED:
        for _, event, about in stored(path):
            if about is None or event.payload.telling == "silent":
                continue
            drill = incident(drill=True)
            assert flat(PROSE.tell(event, drill, show("zh"))).startswith("【演练】")
            assert flat(PROSE.tell(event, drill, show("en"))).startswith("[Drill] ")
            assert "演练】" not in flat(PROSE.tell(event, incident(drill=False), show("zh")))


def test_typed_words_carry_what_must_stand_in_front_of_them() -> None:
    event = next(event for _, event, _ in stored(FIXTURES / "CommanderMissing.v1.json"))
    assert "发「@bot 指挥」" in flat(PROSE.tell(event, incident(), show("zh", hail="@bot ")))
    assert 'type "@bot commander"' in flat(PROSE.tell(event, incident(), show("en", hail="@bot ")))
