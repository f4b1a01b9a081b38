"""Routing rules: first match decides, as Prometheus matches, with its reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.alert import Alert, AlertState
from bot.model.ids import ServiceId
from bot.model.routing import DEFAULT_RULE, Action, Decision, Rule, compile_rules
from bot.model.severity import Severity

AT = datetime(2024, 5, 20, 6, 2, tzinfo=UTC)
CATALOG = {"orders": ("orders",), "订单": ("orders",), "pay": ("pay-gateway", "pay-core")}


def services(word: str) -> tuple[ServiceId, ...]:
    return tuple(map(ServiceId, CATALOG.get(word, ())))


def alert(group: str = "g", **labels: str) -> Alert:
    return Alert("f", AlertState.FIRING, AT, labels, group=group)


def decide(*rules: Rule, source: str = "am", group: str = "g", **labels: str) -> Decision:
    return compile_rules(rules, services)(source, alert(group, **labels))


def test_without_rules_people_are_asked_with_what_the_labels_say() -> None:
    found = decide(severity="critical", service="订单")
    assert (found.action, found.rule, found.service, found.severity) == (Action.PROPOSE, DEFAULT_RULE, "orders", Severity.P1)
    assert found.reason == (("service=订单", "订单"), ("severity=critical", "critical"))


def test_the_first_rule_that_matches_decides() -> None:
    rules = (
        Rule("quiet", (("env", "=", "test"),), action=Action.IGNORE),
        Rule(
            "grave",
            (("severity", "=~", "critical|page"), ("env", "!=", "dev")),
            action=Action.DECLARE,
            severity="P1",
            service="orders",
        ),
        Rule("rest", action=Action.ATTACH),
    )
    assert decide(*rules, env="test", severity="critical").rule == "quiet"
    grave = decide(*rules, env="prod", severity="page")
    assert (grave.rule, grave.action, grave.service, grave.severity) == ("grave", Action.DECLARE, "orders", Severity.P1)
    assert grave.reason == (("severity=~critical|page", "page"), ("env!=dev", "prod"))
    assert decide(*rules, env="dev", severity="page").rule == "rest"


@pytest.mark.parametrize(
    ("matcher", "labels", "matches"),
    [
        (("a", "=", ""), {}, True),
        (("a", "=", "x"), {}, False),
        (("a", "!=", "x"), {}, True),
        (("a", "=~", "x"), {"a": "xx"}, False),  # anchored
        (("a", "=~", "x.*"), {"a": "xx"}, True),
        (("a", "!~", "x.*"), {"a": "xx"}, False),
        (("a", "=~", ".*"), {}, True),
    ],
)
def test_matchers_mean_what_they_mean_to_prometheus(matcher: tuple[str, str, str], labels: dict[str, str], matches: bool) -> None:
    assert (decide(Rule("it", (matcher,)), **labels).rule == "it") is matches


def test_a_rule_of_one_source_is_not_for_another() -> None:
    rule = Rule("only", source="zabbix")
    assert decide(rule).rule == DEFAULT_RULE
    assert decide(rule, source="zabbix").rule == "only"


@pytest.mark.parametrize("word", ["pay", "nobody-knows"])
def test_a_word_for_no_service_or_several_leaves_it_open_and_says_so(word: str) -> None:
    found = decide(service=word)
    assert found.service is None
    assert (f"service={word}", word) in found.reason


@pytest.mark.parametrize(
    ("word", "level"), [("P2", Severity.P2), ("p1", Severity.P1), ("WARNING", Severity.P3), ("odd", None), ("", None)]
)
def test_levels_are_read_in_the_words_that_alerts_use(word: str, level: Severity | None) -> None:
    assert decide(severity=word).severity is level


def test_groups_are_the_sources_own_unless_the_rule_names_labels() -> None:
    own = compile_rules((), services)
    assert own("am", alert("g1", a="1")).key == own("am", alert("g1", a="2")).key
    assert own("am", alert("g1")).key != own("am", alert("g2")).key
    assert own("am", alert("g1")).key != own("zabbix", alert("g1")).key
    by_label = compile_rules((Rule("r", group_by=("service", "region")),), services)
    assert by_label("am", alert("g1", service="a")).key == by_label("am", alert("g2", service="a", pod="x")).key
    assert by_label("am", alert("g1", service="a")).key != by_label("am", alert("g1", service="b")).key


def test_a_long_grouping_stays_distinct_in_a_short_key() -> None:
    one, two = decide(group="x" * 3000 + "1"), decide(group="x" * 3000 + "2")
    assert one.key != two.key
    assert len(one.key) < 300


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"])), max_size=30))
def test_what_is_remembered_is_what_would_be_decided_anew(labels: list[dict[str, str]]) -> None:
    rules = (
        Rule("one", (("a", "=", "1"), ("b", "!~", "2")), action=Action.DECLARE, group_by=("c",)),
        Rule("two", (("c", "=~", "1|2"),), service="{a}", severity="{b}"),
    )
    remembering = compile_rules(rules, services)
    for one in labels:
        assert remembering("am", alert(**one)) == compile_rules(rules, services)("am", alert(**one))
