"""Every monitoring plug-in, found by listing files, reads its captured payloads and refuses everything else by name."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adapters.monitoring
from bot.errors import Malformed
from bot.model.alert import AlertState
from bot.ports import MonitoringSource

SOURCES = sorted(m.name for m in pkgutil.iter_modules(adapters.monitoring.__path__))
FIXTURES = Path(__file__).parents[1] / "fixtures"


def source(name: str) -> MonitoringSource:
    made: MonitoringSource = importlib.import_module(f"adapters.monitoring.{name}").Source()
    return made


def captured(name: str) -> list[Path]:
    return sorted(path for path in (FIXTURES / name).glob("*.json") if not path.name.endswith(".expected.json"))


PAYLOADS = [(name, path) for name in SOURCES for path in captured(name)]


def test_there_are_sources() -> None:
    assert SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_it_has_payloads_of_both_states(name: str) -> None:
    states = {alert.state for path in captured(name) for alert in source(name).parse(path.read_bytes(), {}).alerts}
    assert states == {AlertState.FIRING, AlertState.RESOLVED}
    assert importlib.import_module(f"adapters.monitoring.{name}").__doc__


@pytest.mark.parametrize(("name", "path"), PAYLOADS, ids=[f"{name}-{path.stem}" for name, path in PAYLOADS])
def test_a_captured_payload_is_read_the_same_every_time(name: str, path: Path) -> None:
    body = path.read_bytes()
    posting = source(name).parse(body, {})
    assert posting.alerts
    assert posting == source(name).parse(body, {})
    fingerprints = [alert.fingerprint for alert in posting.alerts]
    assert len(set(fingerprints)) == len(fingerprints)
    for alert in posting.alerts:
        assert alert.fingerprint
        assert alert.summary
        assert alert.starts_at.tzinfo is not None


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"{}", b"[" * 50_000])
def test_what_is_no_payload_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(Malformed) as error:
        source(name).parse(body, {})
    assert error.value.where


@settings(max_examples=150)
@given(st.data())
def test_a_payload_with_one_thing_wrong_is_read_or_refused_by_name(data: st.DataObject) -> None:
    name, path = data.draw(st.sampled_from(PAYLOADS))
    document = json.loads(path.read_bytes())
    junk = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2) | st.just({})
    here: object = document
    while isinstance(here, (dict, list)) and here:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        inner = here[key]  # type: ignore[call-overload]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            here[key] = data.draw(junk)  # type: ignore[call-overload]
            break
        here = inner
    try:
        posting = source(name).parse(json.dumps(document).encode(), {})
    except Malformed as error:
        refused = error
    else:
        assert all(alert.fingerprint for alert in posting.alerts)
        return
    assert refused.where
    assert refused.why
