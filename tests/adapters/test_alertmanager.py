"""Alertmanager bodies: captured ones read exactly, malformed ones refused by field, hostile ones harmless."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.monitoring.alertmanager import Source, fingerprint
from bot.errors import Malformed
from bot.model.alert import AlertState, Posting

CAPTURED = Path(__file__).parent.parent / "fixtures" / "alertmanager"
NAMES = sorted(p.stem for p in CAPTURED.glob("*.json") if not p.name.endswith(".expected.json"))


def read(body: Any) -> Posting:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Source().parse(raw, {})


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing", "labels": {"alertname": "Down", "instance": "a"}, "annotations": {"summary": "a is down"},
        "startsAt": "2024-05-20T06:02:11.123456789Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example/graph", "fingerprint": "f1", **changes,
    }  # fmt: skip


def body(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "alerts": list(alerts), **changes}


@pytest.mark.parametrize("name", NAMES)
def test_a_captured_body_reads_as_expected(name: str) -> None:
    posting = read((CAPTURED / f"{name}.json").read_bytes())
    assert json.loads(msgspec.json.encode(posting)) == json.loads((CAPTURED / f"{name}.expected.json").read_text())


def test_there_are_captured_bodies_of_every_sort() -> None:
    assert set(NAMES) >= {"firing", "resolved", "truncated", "one_resolved", "only_a_name"}


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_fingerprint_is_computed_as_alertmanager_does(name: str) -> None:
    given = json.loads((CAPTURED / f"{name}.json").read_text())
    for alert in given["alerts"]:
        assert fingerprint(alert["labels"]) == alert["fingerprint"]
        del alert["fingerprint"]
    assert read(given) == read((CAPTURED / f"{name}.json").read_bytes())


def test_times_lose_their_nanoseconds_and_zones_and_the_zero_time_is_none() -> None:
    first, second = read(
        body(
            statement(),
            statement(fingerprint="f2", status="resolved", startsAt="2024-05-20T14:02:11+08:00", endsAt="2024-05-20T06:03:00Z"),
        )
    ).alerts
    assert first.starts_at == datetime(2024, 5, 20, 6, 2, 11, 123457, tzinfo=UTC)
    assert first.ends_at is None
    assert second.starts_at == datetime(2024, 5, 20, 6, 2, 11, tzinfo=UTC)
    assert second.starts_at.tzinfo is UTC
    assert second.ends_at == datetime(2024, 5, 20, 6, 3, tzinfo=UTC)


def test_bodies_of_older_versions_without_later_fields_are_read() -> None:
    old = {
        "version": "4",
        "groupKey": "k",
        "alerts": [{"status": "firing", "labels": {"a": "b"}, "startsAt": "2024-05-20T06:02:11Z"}],
    }
    posting = read(old)
    assert posting.truncated == 0
    assert posting.alerts[0].annotations == {}
    assert posting.alerts[0].fingerprint == fingerprint({"a": "b"})
    assert posting.alerts[0].group == "k"


def test_unknown_fields_are_ignored_at_every_level() -> None:
    assert read(body(statement(new={"deep": [1, None]}), future=True)).alerts == read(body(statement())).alerts


def test_a_fingerprint_is_given_once_and_the_later_statement_wins() -> None:
    fires, ends = statement(), statement(status="resolved", endsAt="2024-05-20T06:09:00Z")
    again = statement(startsAt="2024-05-20T06:30:00Z")
    for order in ([fires, ends], [ends, fires]):
        (alert,) = read(body(*order)).alerts
        assert alert.state is AlertState.RESOLVED
    for order in ([fires, ends, again], [again, fires, ends], [ends, again, fires]):
        (alert,) = read(body(*order)).alerts
        assert (alert.state, alert.starts_at.minute) == (AlertState.FIRING, 30)


def test_an_end_counts_although_its_start_was_moved_back() -> None:
    fires, ends = statement(), statement(status="resolved", startsAt="2024-05-20T06:02:00Z", endsAt="2024-05-20T06:09:00Z")
    (alert,) = read(body(ends, fires)).alerts
    assert alert.state is AlertState.RESOLVED


def test_truncated_alerts_are_counted() -> None:
    assert read((CAPTURED / "truncated.json").read_bytes()).truncated == 5


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "graph?x", "data:text/html,x"])
def test_an_address_that_is_none_is_left_out(url: str) -> None:
    assert read(body(statement(generatorURL=url))).alerts[0].url is None


def test_a_nul_never_reaches_the_store() -> None:
    posting = read(body(statement(labels={"a": "x\0y"}, annotations={"summary": "\0"}, fingerprint="f\0"), groupKey="k\0"))
    assert "\\u0000" not in msgspec.json.encode(posting).decode()
    assert posting.alerts[0].labels == {"a": "x\ufffdy"}


GOOD = statement()
MALFORMED = {
    "not JSON": (b"alerts!", "body"),
    "empty": (b"", "body"),
    "cut off": (json.dumps(body(GOOD)).encode()[:-9], "body"),
    "trailing": (json.dumps(body(GOOD)).encode() + b"x", "body"),
    "not UTF-8": (json.dumps(body(GOOD)).encode().replace(b"a is down", b"\xff\xfe"), "body"),
    "half a surrogate": (json.dumps(body(GOOD)).encode().replace(b"a is down", b"\\ud800"), "body"),
    "nested": (b'{"version":"4","groupKey":"","alerts":[],"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "body"),
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "no version": ({k: v for k, v in body(GOOD).items() if k != "version"}, "version"),
    "another version": (body(GOOD, version="3"), "version"),
    "another version, another shape": ({"version": "1", "orgId": 1, "alerts": 3}, "version"),
    "a number as version": (body(GOOD, version=4), "version"),
    "no groupKey": ({k: v for k, v in body(GOOD).items() if k != "groupKey"}, "groupKey"),
    "no alerts": ({k: v for k, v in body().items() if k != "alerts"}, "alerts"),
    "alerts null": (body(GOOD, alerts=None), "alerts"),
    "alerts not a list": (body(GOOD, alerts={"a": 1}), "alerts"),
    "an alert that is none": (body(GOOD, "x"), "alerts[1]"),  # type: ignore[arg-type]
    "no status": (body(GOOD, {k: v for k, v in GOOD.items() if k != "status"}), "alerts[1].status"),
    "unknown status": (body(GOOD, statement(status="suppressed")), "alerts[1].status"),
    "no labels": (body({k: v for k, v in GOOD.items() if k != "labels"}), "alerts[0].labels"),
    "labels null": (body(statement(labels=None)), "alerts[0].labels"),
    "a label that is a number": (body(statement(labels={"a": 1})), "alerts[0].labels[...]"),
    "an annotation that is a list": (body(statement(annotations={"a": []})), "alerts[0].annotations[...]"),
    "no startsAt": (body(GOOD, {k: v for k, v in GOOD.items() if k != "startsAt"}), "alerts[1].startsAt"),
    "startsAt in words": (body(GOOD, GOOD, GOOD, statement(startsAt="soon")), "alerts[3].startsAt"),
    "startsAt without a zone": (body(statement(startsAt="2024-05-20T06:02:11")), "alerts[0].startsAt"),
    "startsAt as a number": (body(statement(startsAt=1716184931)), "alerts[0].startsAt"),
    "startsAt zero": (body(GOOD, statement(startsAt="0001-01-01T00:00:00Z")), "alerts[1].startsAt"),
    "the 31st of June": (body(statement(startsAt="2024-06-31T06:02:11Z")), "alerts[0].startsAt"),
    "endsAt in words": (body(statement(endsAt="never")), "alerts[0].endsAt"),
    "truncated below zero": (body(GOOD, truncatedAlerts=-1), "truncatedAlerts"),
    "truncated in words": (body(GOOD, truncatedAlerts="many"), "truncatedAlerts"),
    "a fingerprint that is a number": (body(statement(fingerprint=1)), "alerts[0].fingerprint"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_body_is_refused_by_its_field(case: str) -> None:
    given, where = MALFORMED[case]
    with pytest.raises(Malformed) as refused:
        read(given)
    assert refused.value.where == where
    assert refused.value.why


def test_a_refusal_repeats_nothing_that_the_sender_wrote() -> None:
    with pytest.raises(Malformed) as refused:
        read(body(statement(status="hunter2")))
    assert "hunter2" not in str(refused.value)


def test_times_at_the_edges_of_the_calendar_do_no_harm() -> None:
    (alert,) = read(body(statement(endsAt="0001-01-01T05:00:00+08:00"))).alerts
    assert alert.ends_at is None
    with pytest.raises(Malformed):
        read(body(statement(startsAt="9999-12-31T23:59:59-08:00")))
