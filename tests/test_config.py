"""What an admin sees of the configuration: everything wrong at once, by path, and nothing secret."""

from __future__ import annotations

import dataclasses
import itertools
import re
import string
import typing
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.app import connect_calendars
from bot.config import Config, build, catalog_of, lint, load, policy_of, roster_of, rules_of, secrets_of
from bot.contradictions import contradictions
from bot.document import Filled
from bot.errors import ConfigError
from bot.matchers import matcher
from bot.model.announcing import Audience, Reach
from bot.model.policy import Policy
from bot.model.routing import Action
from bot.model.severity import Severity
from bot.oncall.holidays import holidays
from bot.plugins import available, plugin

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "config.example.yaml"
SECRET = "s3cret-s3cret-s3cret"
OUTSIDE = {"PLAIN_SECRET": SECRET, "ALERTMANAGER_TOKEN": "t0ken-t0ken-t0ken"}
CHATS = f"chats: {{plain: {{adapter: plain, base_url: 'http://127.0.0.1:9', secret: {SECRET}}}}}\n"


def written(tmp_path: Path, text: str, **files: str) -> Path:
    """Write a configuration, and files beside it by their stem."""
    for stem, content in files.items():
        (tmp_path / f"{stem}.yaml").write_text(content, encoding="utf-8")
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {})
    found = dict(caught.value.problems)
    assert len(found) == len(caught.value.problems), "the same place is reported twice"
    return found


# ------------------------------------------------------------------------------------------------ the least and the example
def test_the_least_that_works_is_a_chat(tmp_path: Path) -> None:
    config = load(written(tmp_path, CHATS), {})
    assert policy_of(config) == Policy(
        default_chat="plain", titles={"plain": ("plain", "plain")}, holidays=holidays({})
    )  # every documented default, and the only chat
    assert catalog_of(config).services == {}
    assert rules_of(config) == []
    assert roster_of(config) == []
    assert config.database.url == "sqlite:///data/warroom.db"


def test_the_example_loads_without_a_doubt() -> None:
    config = load(EXAMPLE, OUTSIDE)
    assert config.warnings == ()
    assert secrets_of(config) == set(OUTSIDE.values())


def test_the_example_shows_the_real_defaults() -> None:
    shown, real = load(EXAMPLE, OUTSIDE), Policy()
    policy = policy_of(shown)
    examples = {"default_chat", "titles", "announce", "admins", "founders", "holidays", "reports"}
    for field in dataclasses.fields(Policy):
        if field.name not in examples:
            assert getattr(policy, field.name) == getattr(real, field.name), field.name
    for name in ("install", "timezone", "language", "database", "log", "retention"):
        assert getattr(shown, name) == Config.model_fields[name].get_default(call_default_factory=True), name


def test_without_its_variables_the_example_says_which_are_missing() -> None:
    assert problems(EXAMPLE) == {
        "chats.plain.secret": "the environment variable PLAIN_SECRET is not set",
        "monitoring.alertmanager.auth.bearer": "the environment variable ALERTMANAGER_TOKEN is not set",
        "monitoring.alertmanager-old.auth.basic.password": "the environment variable ALERTMANAGER_TOKEN is not set",
        "monitoring.gateway.auth.hmac.secret": "the environment variable ALERTMANAGER_TOKEN is not set",
    }


def keys_of_models(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        place = f"{above}.{name}".lstrip(".")
        yield place
        yield from _inside(field.annotation, place)


def _inside(annotation: Any, place: str) -> Iterator[str]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from keys_of_models(annotation, place)
    elif origin is dict:
        yield from _inside(get_args(annotation)[1], f"{place}.*")
    elif origin is tuple or origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        for part in get_args(annotation):
            yield from _inside(part, place if origin is not tuple else f"{place}.*")


def keys_of_document(value: Any, named: set[str], above: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from keys_of_document(item, named, f"{above}.*")
    elif isinstance(value, dict):
        for key, inner in value.items():
            place = f"{above}.{'*' if above in named else key}".lstrip(".")
            yield place
            yield from keys_of_document(inner, named, place)


def plugin_keys() -> Iterator[str]:
    for section, package in (("chats", "adapters.chat"), ("monitoring", "adapters.monitoring"), ("channels", "adapters.notify")):
        for name in available(package):
            own = getattr(plugin(package, name), "Config", None)
            if own is not None:
                yield from keys_of_models(own, f"{section}.*")


def test_the_example_explains_every_key_and_no_other() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    document = yaml.safe_load(re.sub(r"(?m)^( *)#(?=\w+:)", r"\1", text))
    maps = {
        "policy.observation",
        "policy.warm_rooms",
        "policy.cadence",
        "policy.cadence_settled",
        "policy.nag_commander",
        "announcements.first_within",
        "policy.roll_call",
        "policy.rung_after",
        "policy.call_caps",
        "severity.matrix",
        "severity.extents",
        "severity.complaints",
        "people.*.accounts",
        "channels.*.templates",
        "channels.*.headers",
        "channels.*.body",
        "chats.*.capture",
    }  # their keys are values of the user
    named = {"chats", "monitoring", "channels", "services", "rotations", "holidays", "announcements.audiences"}
    there = {key for key in keys_of_document(document, named) if not any(key.startswith(f"{m}.") for m in maps)}
    there -= named_entries(there, named)
    assert there == {*keys_of_models(Config), *plugin_keys()}
    undocumented = [line for line in text.splitlines() if re.match(r"\w+:", line) and not _explained(text, line)]
    assert undocumented == []


def named_entries(keys: set[str], named: set[str]) -> set[str]:
    return {f"{name}.*" for name in named} & keys


def _explained(text: str, line: str) -> bool:
    """Say whether a key at the top has a comment above it, beside it, or at its first key inside."""
    lines = text.splitlines()
    at = lines.index(line)
    return "#" in line or lines[at - 1].startswith("#") or any("#" in inner for inner in lines[at + 1 : at + 3])


def test_the_channels_of_the_example_are_good_once_they_are_used(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    begin, end = text.index("#channels:"), text.index("\n\n", text.index("#channels:"))
    used = re.sub(r"(?m)^( *)#(?=\w+:)", r"\1", text[begin:end])
    path = tmp_path / "config.yaml"
    path.write_text(text[:begin] + used + text[end:], encoding="utf-8")
    secrets = {f"{name}_{kind}": f"{name}-of-a-test-{n:08}" for n, (name, kind) in enumerate(
        (("SMTP", "PASSWORD"), ("HOOK", "SECRET"), ("ALIYUN", "SECRET"), ("GATEWAY", "TOKEN"))
    )}  # fmt: skip
    config = load(path, {**OUTSIDE, **secrets})
    assert list(config.channels) == ["mail", "hook", "sms", "voice", "gateway"]
    assert set(OUTSIDE.values()) | {v for k, v in secrets.items() if k != "GATEWAY_TOKEN"} <= secrets_of(config)
    assert f"Bearer {secrets['GATEWAY_TOKEN']}" in secrets_of(config)
    assert policy_of(config).channels["mail"][0] == "邮件"


def test_every_number_of_the_policy_can_be_set() -> None:
    above = {"timezone": "timezone", "lang": "language", "default_chat": "default_chat", "fallback": "fallback",
             "mirror": "mirror", "announce": "announce", "admins": "admins", "titles": "chats.*.title",
             "channels": "channels.*.title", "webhooks": "webhooks.*.channel", "silencers": "monitoring",
             "silence_rules": "routing.*.silence", "audiences": "announcements.audiences",
             "first_within": "announcements.first_within", "approve_within": "announcements.approve_within",
             "holidays": "holidays", "reports": "reports.weekly.chat",
             "languages": "chats.*.language", "hears_for": "chats.*.hears_for", "matrix": "severity.matrix"}  # fmt: skip
    keys = set(keys_of_models(Config))
    for field in dataclasses.fields(Policy):
        assert above.get(field.name, f"policy.{field.name}") in keys


@pytest.mark.parametrize(
    ("package", "name"), [(p, n) for p in ("adapters.chat", "adapters.monitoring", "adapters.notify") for n in available(p)]
)  # fmt: skip
def test_every_adapter_refuses_keys_that_it_does_not_know(package: str, name: str) -> None:
    own = getattr(plugin(package, name), "Config", None)
    if own is not None:
        assert own.model_config.get("extra") == "forbid"
        assert own.model_config.get("hide_input_in_errors") is True
        for key, field in own.model_fields.items():
            if re.search(r"secret|token|password|key$", key):
                assert "Secret" in repr(field.annotation), f"{name}.{key} must be a SecretStr"


# ------------------------------------------------------------------------------------------------ what is read
def test_everything_arrives_in_the_terms_of_the_core(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        CHATS + """
timezone: Europe/Berlin
language: en
announce: [{chat: plain, channel: ops}]
admins: [li]
catalog: services.yaml
services: {orders: {name: 订单, tier: 2}}
people: people.yaml
monitoring: {am: {adapter: alertmanager, auth: {bearer: 0123456789}, stale_after: 90s}}
routing:
  - {name: one, match: ['severity="critical"', 'job=~a.*|b', "team != 'x'"], source: am, action: declare, service: PAY,
     severity: p1, group_by: [job]}
  - {name: two, service: "{app}"}
policy: {undo_for: 2m, observation: {P1: 1h30m}, room_while_pending: P1, founders: [li], auto_rooms: 5, duty_managers: wang}
channels: {hook: {adapter: webhook, url: "https://hooks.example.com/x", secret: another-secret-of-length}}
announcements:
  audiences:
    support: {chats: [{chat: plain, channel: 7}], people: li, notify: [{channel: hook}], language: zh}
  first_within: {P1: 4m}
retention: {deliveries: 1d}
""",
        services="pay: {name: 支付, name_en: Pay, aliases: 付款, owners: {ops: li, dev: [wang, li]}, depends_on: orders}",
        people="- {id: li, name: 李四, aliases: [四哥], mobile: 13800000000, tz: Asia/Tokyo, accounts: {plain: 1001}}\n"
        "- {id: wang, name: 王五}",
    )  # fmt: skip
    config = load(path, {})
    policy = policy_of(config)
    assert (policy.timezone, policy.lang, policy.default_chat) == ("Europe/Berlin", "en", "plain")
    assert policy.announce == (("plain", "ops"),)
    assert policy.admins == {"li"}
    assert policy.founders == ("li",)
    assert policy.duty_managers == ("wang",)
    assert policy.audiences == {Audience.SUPPORT: Reach((("plain", "7"),), ("li",), (("hook", "hook"),), "zh")}
    assert policy.first_within == {Severity.P1: timedelta(minutes=4)}
    assert policy.undo_for == timedelta(minutes=2)
    assert policy.observation == {Severity.P1: timedelta(minutes=90)}
    assert policy.room_while_pending == {Severity.P1}
    assert policy.auto_rooms == 5
    pay = catalog_of(config).services["pay"]
    assert (pay.name, pay.aliases, pay.ops, pay.dev, pay.depends_on) == ("支付", ("付款",), ("li",), ("wang", "li"), ("orders",))
    assert list(catalog_of(config).services) == ["pay", "orders"]
    li, wang = roster_of(config)
    assert (li.person.name, li.person.mobile, li.person.tz, li.accounts) == (
        "李四",
        "13800000000",
        "Asia/Tokyo",
        {"plain": "1001"},
    )
    assert wang.accounts == {}
    one, two = rules_of(config)
    assert one.match == (("severity", "=", "critical"), ("job", "=~", "a.*|b"), ("team", "!=", "'x'"))
    assert (one.source, one.action, one.service, one.severity, one.group_by) == ("am", Action.DECLARE, "PAY", "p1", ("job",))
    assert (two.match, two.action, two.service) == ((), Action.PROPOSE, "{app}")
    assert config.monitoring["am"].stale_after == timedelta(seconds=90)
    assert config.retention.deliveries == timedelta(days=1)
    assert config.chats["plain"].settings.secret.get_secret_value() == SECRET


def test_a_folder_of_services_is_one_catalog(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "a.yaml").write_text("pay: {name: 支付}")
    (folder / "b.yaml").write_text("orders: {name: 订单}\npay: {name: 又}")
    found = problems(written(tmp_path, CHATS + "catalog: catalog"))
    assert found == {f"{folder}/b.yaml: pay": f"is already in {folder}/a.yaml"}
    (folder / "b.yaml").write_text("orders: {name: 订单}")
    assert list(load(tmp_path / "config.yaml", {}).services) == ["pay", "orders"]


def test_values_come_from_the_environment_and_from_files(tmp_path: Path) -> None:
    held = tmp_path / "secret"
    held.write_text("from-a-file-0123456789\n")
    text = (
        "install: ${NAME}-x\n"
        f"chats: {{plain: {{adapter: plain, base_url: 'http://127.0.0.1:${{PORT}}', secret: '${{file:{held}}}'}}}}\n"
        "services: {pay: {name: '$${NAME}'}}"
    )
    config = load(written(tmp_path, text), {"NAME": "shop", "PORT": "77"})
    assert config.install == "shop-x"
    assert config.services["pay"].name == "${NAME}"
    assert str(config.chats["plain"].settings.base_url) == "http://127.0.0.1:77/"
    assert secrets_of(config) == {"from-a-file-0123456789"}
    held.unlink()
    assert problems(tmp_path / "config.yaml", {"NAME": "shop"}) == {
        "chats.plain.base_url": "the environment variable PORT is not set",
        "chats.plain.secret": f"the file {held} cannot be read",
    }


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    text = CHATS.replace("plain:", "plain-eu:", 1) + "http: {port: 1000, host: 0.0.0.0}\npolicy: {undo_for: 1m}"
    variables = {
        "WARROOM_HTTP__PORT": "9000",
        "WARROOM_CHATS__PLAIN_EU__SECRET": "another-secret-of-length",
        "WARROOM_POLICY__UNDO_FOR": "3m",
        "WARROOM_FALLBACK": '["plain-eu"]',
        "WARROOM_CONFIG": "/somewhere.yaml",
    }
    config = load(written(tmp_path, text), variables)
    assert (config.http.port, config.http.host) == (9000, "0.0.0.0")
    assert list(config.chats) == ["plain-eu"]
    assert secrets_of(config) == {"another-secret-of-length"}
    assert config.policy.undo_for == timedelta(minutes=3)
    assert config.fallback == ("plain-eu",)


# ------------------------------------------------------------------------------------------------ what is refused
WRONG = """
install: Shop_1
timezone: Asia/Nowhere
bogus: 1
http: {port: 99999, prot: 1}
chats:
  plain: {adapter: plain, base_url: nowhere, secret: "${NOPE}", typo: 1}
  slack-eu: {adapter: nosuch, token: xoxb-should-never-be-shown}
fallback: [x]
announce: [{chat: y, channel: ops}]
monitoring:
  am: {adapter: alertmanager, auth: {bearer: a-bearer-token, basic: {user: a, password: basic-password}}}
  two: {adapter: alertmanager, stale_after: soon}
routing:
  - {name: a, match: ['severity="critical', 'x=~"("', novalue], action: explode, service: nothing, source: zabbix}
  - {name: a, service: twice}
  - {name: default}
services:
  pay: {name: 支付, aliases: [twice], owners: {ops: nobody}, depends_on: [a]}
  a: {name: A, aliases: [twice], depends_on: [pay, gone], tier: 9}
people:
  - {id: zhang, name: 张三, tz: Mars, accounts: {plain: u1}}
  - {id: zhang, name: 李四}
  - {id: wang, name: 王五, accounts: {plain: u1}, phone: 1}
admins: [ghost]
policy: {undo_for: 1x, observation: {P9: 3m}, authority: none, founders: [phantom], auto_rooms: -1, duty_managers: [spook]}
announcements:
  audiences:
    execs: {chats: [{chat: z, channel: c}], people: [shade], notify: [{channel: fax}]}
    press: {people: [wang]}
    all: {language: zh}
  approve_within: 1s
retention: {deliveries: 1h}
templates: missing
"""


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    found = problems(written(tmp_path, WRONG))
    assert set(found) == {
        "install", "timezone", "bogus", "http.port", "http.prot",
        "chats.plain.base_url", "chats.plain.secret", "chats.plain.typo", "chats.slack-eu.adapter",
        "default_chat", "fallback.0", "announce.0.chat",
        "monitoring.am.auth", "monitoring.two.auth", "monitoring.two.stale_after",
        "routing.0.match.0", "routing.0.match.1", "routing.0.match.2", "routing.0.action", "routing.0.service",
        "routing.0.source", "routing.1.name", "routing.1.service", "routing.2.name",
        "services.pay.owners.ops.0", "services.pay.depends_on", "services.a.tier", "services.a.depends_on.1",
        "people.zhang.tz", "people.zhang.id", "people.wang.accounts.plain", "people.wang.phone",
        "admins.0", "policy.undo_for", "policy.observation.P9", "policy.authority", "policy.founders.0", "policy.auto_rooms",
        "policy.duty_managers.0",
        "announcements.audiences.execs.chats.0.chat", "announcements.audiences.execs.people.0",
        "announcements.audiences.execs.notify.0.channel", "announcements.audiences.press", "announcements.audiences.all",
        "announcements.approve_within",
        "retention.deliveries", "templates",
    }  # fmt: skip
    assert found["bogus"] == "is not a known key"
    assert found["chats.slack-eu.adapter"].startswith("there is no adapter 'nosuch'; there are: ")
    assert found["services.pay.depends_on"] == "goes round in a circle: pay → a → pay"
    assert found["routing.1.service"] == "'twice' means a and pay"
    assert found["policy.undo_for"] == "must be a duration such as 90s, 30m, 24h, 7d or 1h30m"
    assert found["people.wang.accounts.plain"] == "this account is already zhang's"
    assert found["monitoring.am.auth"] == "needs exactly one of bearer, basic, hmac"


def test_no_problem_shows_a_value_that_may_be_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, WRONG), {"NOPE": "short", "WARROOM_CHATS__SLACK_EU__KEY": "a-secret-variable"})
    shown = str(caught.value)
    for secret in ("xoxb-should-never-be-shown", "a-bearer-token", "basic-password", "short", "a-secret-variable"):
        assert secret not in shown


def test_a_value_of_a_variable_never_comes_back_in_a_message(tmp_path: Path) -> None:
    found = problems(written(tmp_path, CHATS + "fallback: ['${WORD}']"), {"WORD": "hunter2hunter2"})
    assert found == {"fallback.0": "there is no chat ***"}


def test_a_problem_in_another_file_names_that_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        CHATS + "catalog: services.yaml\npeople: people.yaml",
        services="pay: {name: 支付, owner: [a], owners: {ops: [nobody]}, runbook: '${BOOK}'}",
        people="- {id: zhang, name: 张三, lang: fr}",
    )
    assert problems(path) == {
        f"{tmp_path}/services.yaml: pay.runbook": "the environment variable BOOK is not set",
        f"{tmp_path}/services.yaml: pay.owner": "is not a known key",
        f"{tmp_path}/services.yaml: pay.owners.ops.0": "nobody is not in the roster",
        f"{tmp_path}/people.yaml: zhang.lang": "must match ^(zh|en)$",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chats: {a: 1", "not valid YAML: expected ',' or '}'"),
        ("a: b: hunter2", "not valid YAML: mapping values are not allowed here, line 1, column 5"),
        ("install: a\ninstall: b", "the key 'install' stands here twice, line 2, column 1"),
        ("[1, 2]", "must be a mapping of keys"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML: could not determine a constructor"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    found = problems(path)
    assert list(found) == [str(path)]
    assert said in found[str(path)]
    assert "hunter2" not in found[str(path)]


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == {str(tmp_path / "none.yaml"): "no such file"}
    found = problems(written(tmp_path, CHATS + "catalog: a.yaml\npeople: b.yaml"))
    assert found == {str(tmp_path / "a.yaml"): "no such file", str(tmp_path / "b.yaml"): "no such file"}


def test_nothing_at_all_needs_a_chat(tmp_path: Path) -> None:
    assert problems(written(tmp_path, "")) == {"chats": "is required"}
    assert problems(written(tmp_path, "chats: {}")) == {"chats": "must not be empty"}


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Config.model_fields, JUNK)))
def test_junk_is_refused_by_place_and_never_crashes(data: dict[str, Any]) -> None:
    # Junk never holds a working chat, so it is never accepted.
    with pytest.raises(ConfigError) as caught:
        build(data, Path("/nonexistent"), Filled({}))
    assert caught.value.problems
    assert all(place and message for place, message in caught.value.problems)


def test_words_that_mean_two_things_are_allowed_but_told(tmp_path: Path) -> None:
    config = load(
        written(
            tmp_path,
            CHATS
            + """
services: {pay: {name: 支付, aliases: [P]}, play: {name: 播放, aliases: [p]}}
people: [{id: li, name: 李四, aliases: [老李]}, {id: li2, name: 李五, aliases: [老李], accounts: {slack: U1}}]
""",
        ),
        {},
    )
    assert dict(config.warnings) == {
        "services.play": "'p' also means pay: people will be asked which",
        "people.li2": "'老李' also means li: people will be asked which",
        "people.li2.accounts.slack": "is not a chat of this configuration",
    }


def test_secrets_do_not_show_in_the_configuration_itself(tmp_path: Path) -> None:
    text = CHATS + "database: {url: 'postgresql://bot:pass-word@db/x'}\n" + (
        "monitoring: {a: {adapter: alertmanager, auth: {bearer: bearer-token}}, "
        "b: {adapter: alertmanager, auth: {basic: {user: u, password: basic-password}}}, "
        "c: {adapter: alertmanager, auth: {hmac: {secret: hmac-secret}}, "
        "api: {url: 'http://am', auth: {basic: {user: u, password: api-password}}}}, "
        "d: {adapter: alertmanager, auth: {bearer: bearer-token}, api: {url: 'http://am', auth: {bearer: api-token}}}}"
    )  # fmt: skip
    config = load(written(tmp_path, text), {})
    known = {SECRET, "pass-word", "bearer-token", "basic-password", "hmac-secret", "api-password", "api-token"}
    assert secrets_of(config) == known
    for secret in known:
        assert secret not in repr(config) + str(config) + repr(config.chats["plain"].settings)


def test_silences_are_wanted_only_where_something_takes_them(tmp_path: Path) -> None:
    text = CHATS + (
        "monitoring: {heard: {adapter: alertmanager, auth: {bearer: bearer-token}}}\n"
        "policy: {silence_handling: P1}\n"
        "routing: [{name: a, silence: true}, {name: b, source: heard, silence: true}]\n"
    )
    assert problems(written(tmp_path, text)) == {
        "policy.silence_handling": "no monitoring system has an api to silence alerts at",
        "routing.0.silence": "no monitoring system has an api to silence alerts at",
        "routing.1.silence": "heard has no api to silence alerts at",
    }
    there = text.replace("bearer-token}}", "bearer-token}, api: {url: 'http://am'}}")
    policy = policy_of(load(written(tmp_path, there), {}))
    assert (policy.silencers, policy.silence_rules, policy.silence_handling) == ({"heard"}, {"a", "b"}, {Severity.P1})


def test_a_status_webhook_goes_to_a_channel_that_is_one(tmp_path: Path) -> None:
    text = CHATS + (
        "channels: {cmdb: {adapter: webhook, url: 'http://cmdb', secret: a-secret-of-the-test}}\n"
        "webhooks: [{channel: cmdb, levels: P1, changes: [closed]}, {channel: nowhere}]\n"
    )
    assert problems(written(tmp_path, text)) == {"webhooks.1.channel": "there is no channel nowhere of the adapter webhook"}
    (hook,) = policy_of(load(written(tmp_path, text.replace(", {channel: nowhere}", "")), {})).webhooks
    assert (hook.channel, hook.levels, hook.changes, hook.drills) == ("cmdb", {Severity.P1}, {"closed"}, False)


# ------------------------------------------------------------------------------------------------ matchers
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('severity="critical"', ("severity", "=", "critical")),
        ("severity=critical", ("severity", "=", "critical")),
        (' job =~ "a.*|b" ', ("job", "=~", "a.*|b")),
        ("job!~(a|b)=c", ("job", "!~", "(a|b)=c")),
        ('team!=""', ("team", "!=", "")),
        ("team=", ("team", "=", "")),
        ("a==", ("a", "=", "=")),
        (r'path="C:\\x \"y\""', ("path", "=", r'C:\x "y"')),
        ('name="支付 服务"', ("name", "=", "支付 服务")),
        (r'host=~"web-\\d+"', ("host", "=~", r"web-\d+")),
        (r"host=~web-\d+", ("host", "=~", r"web-\d+")),
    ],
)
def test_matchers_read_as_prometheus_reads_them(text: str, read: tuple[str, str, str]) -> None:
    assert matcher(text) == read


@pytest.mark.parametrize("text", ["", "x", "=a", 'a="b', 'a=b"', 'a="b"c"', "a=~(", "a=~*", "1a=b", "a<b"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        matcher(text)


@given(st.text(), st.sampled_from(["=", "!="]))
def test_a_quoted_value_comes_back_as_it_was(value: str, op: str) -> None:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    assert matcher(f"label{op}{quoted}") == ("label", op, value)


# ------------------------------------------------------------------------------------------------ who is on call
ROTATION = "{name: 值班, people: [li], start: 2026-01-05}"
PEOPLE = "people: [{id: li, name: 李四}]\n"


def test_rotations_arrive_in_the_terms_of_the_core(tmp_path: Path) -> None:
    """Also as YAML reads what nobody quoted: 10:00 is the number 600 to it."""
    text = (
        CHATS
        + PEOPLE
        + """
timezone: Europe/Berlin
services: {pay: {name: 支付, on_call: night}}
rotations:
  night:
    {name: 夜班, people: [li], start: 2026-01-05, handover: 22:00, until: "08:30", every: 1, days: workdays,
     overrides: [{begin: 2026-03-29 00:30, end: 2026-03-29 04:00:00, person: li}]}
  other: {name: DBA, tz: Asia/Tokyo, feed: {url: "https://calendar.example.com/s3cret.ics"}}
holidays: {2035: {rest: [2035-10-01], work: []}}
"""
    )
    config = load(written(tmp_path, text), {})
    known = catalog_of(config)
    night, other = known.rotations.values()
    assert (night.handover, night.until, night.tz) == (time(22), time(8, 30), "Europe/Berlin")
    assert [(c.start.hour, c.end.hour) for c in night.overrides] == [(23, 2)]  # 00:30 +01:00, and 04:00 +02:00 that night
    assert (other.tz, other.feed) == ("Asia/Tokyo", True)
    assert known.served(night.id) == ("pay",)
    assert not known.holidays.works(date(2035, 10, 1))
    assert "https://calendar.example.com/s3cret.ics" in secrets_of(config)


@pytest.mark.parametrize(("rotation", "place", "message"), [
    ("{name: x}", "", "needs either people or a feed"),
    ("{name: x, people: [li], start: 2026-01-05, feed: {url: x}}", "", "needs either people or a feed"),
    ("{name: x, people: [li]}", "", "needs the day of its start"),
    ("{name: x, people: [li], start: soon}", ".start", "must be a day such as 2026-01-05"),
    ("{name: x, people: [li], start: 2026-01-05, handover: noon}", ".handover", "must be a time of day such as 10:00"),
    ("{name: x, people: [li], start: 2026-01-05, every: 0}", ".every", "must be at least 1"),
    ("{name: x, people: [wu], start: 2026-01-05}", ".people.0", "wu is not in the roster"),
    ("{name: x, people: [li], start: 2026-01-05, overrides: [{begin: 2026-01-01, end: 2026-01-01, person: li}]}",
     ".overrides.0", "must end after it begins"),
    ("{name: x, people: [li], start: 2026-01-05, overrides: [{begin: 2026-01-01, end: 2026-01-02, person: wu}]}",
     ".overrides.0.person", "wu is not in the roster"),
])  # fmt: skip
def test_a_wrong_rotation_is_named(tmp_path: Path, rotation: str, place: str, message: str) -> None:
    assert problems(written(tmp_path, CHATS + PEOPLE + f"rotations: {{r: {rotation}}}")) == {f"rotations.r{place}": message}


def test_the_calendar_of_leave_is_read_as_those_of_rotations(tmp_path: Path) -> None:
    wrong = CHATS + PEOPLE + "leave: {url: https://calendar.example.com/l3ave.ics, adapter: outlook}"
    assert problems(written(tmp_path, wrong)) == {"leave.adapter": "there is no adapter 'outlook'; there are: ical"}
    config = load(written(tmp_path, wrong.replace(", adapter: outlook", "")), {})
    assert catalog_of(config).leave and not catalog_of(load(written(tmp_path, CHATS + PEOPLE), {})).leave
    assert "https://calendar.example.com/l3ave.ics" in secrets_of(config)
    assert set(connect_calendars(config)) == {"@leave"}


def test_a_service_may_only_name_rotations_that_there_are(tmp_path: Path) -> None:
    text = CHATS + PEOPLE + f"rotations: {{r: {ROTATION}}}\nservices: {{pay: {{name: 支付, on_call: [r, q]}}}}"
    assert problems(written(tmp_path, text)) == {"services.pay.on_call.1": "there is no rotation q"}


def test_rotations_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    text = CHATS + PEOPLE + "rotations: r.yaml"
    assert list(load(written(tmp_path, text, r=f"night: {ROTATION}"), {}).rotations) == ["night"]
    wrong = problems(written(tmp_path, text, r="night: {name: x, people: [wu], start: 2026-01-05}"))
    assert wrong == {f"{tmp_path / 'r.yaml'}: night.people.0": "wu is not in the roster"}


def test_lint_names_every_fault_of_the_catalog_and_of_nothing_else(tmp_path: Path) -> None:
    """With secrets that are not set and a chat that is wrong: who looks after the catalog need not have them."""
    text = """
chats: {plain: {adapter: nowhere, secret: "${NOT_SET}"}}
catalog: catalog
people: [{id: li, name: 李四}]
rotations: {r: {name: 值班, people: [li, wu], start: 2026-01-05}}
"""
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "pay.yaml").write_text(
        "a: {name: A, owners: {ops: [li, wei]}, depends_on: [b]}\nb: {name: B, owners: {dev: li}, depends_on: [a, c]}\n"
        "c: {name: C, on_call: r, depends_on: [b, d]}\n", encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "catalog" / "order.yaml").write_text("d: {name: D}\ne: {name: E, on_call: s, tier: 9}", encoding="utf-8")
    pay, order = tmp_path / "catalog" / "pay.yaml", tmp_path / "catalog" / "order.yaml"
    assert set(lint(written(tmp_path, text), {})) == {
        (f"{pay}: a.owners.ops.1", "wei is not in the roster"),
        (f"{pay}: a.depends_on", "goes round in a circle: a → b → a"),
        (f"{pay}: b.depends_on", "goes round in a circle: b → c → b"),
        (f"{order}: d.owners", "nobody answers for this service: name an owner or who is on call"),
        (f"{order}: e.on_call.0", "there is no rotation s"),
        (f"{order}: e.tier", "must be at most 5"),
        ("rotations.r.people.1", "wu is not in the roster"),
    }


def test_lint_of_a_good_catalog_has_nothing_to_say() -> None:
    assert lint(EXAMPLE, {}) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14))
def test_every_dependency_on_a_circle_is_in_one_that_is_named(edges: list[tuple[int, int]]) -> None:
    graph: dict[str, list[str]] = {str(n): [] for n in range(7)}
    for one, other in edges:
        graph[str(one)].append(str(other))
    data = {"services": {node: {"depends_on": needed} for node, needed in graph.items()}}
    named = [m.removeprefix("goes round in a circle: ").split(" → ") for _, m in contradictions(data) if "circle" in m]
    assert len({tuple(circle) for circle in named}) == len(named)
    there = {(a, b) for circle in named for a, b in itertools.pairwise(circle)}
    reached: dict[str, set[str]] = {node: set(needed) for node, needed in graph.items()}
    for _ in graph:
        for node in graph:
            reached[node] |= {far for near in reached[node] for far in reached[near]}
    assert there == {(a, b) for a in graph for b in graph[a] if a in reached[b] or a == b}
