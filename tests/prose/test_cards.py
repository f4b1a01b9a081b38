"""Cards show the fields and buttons of their status in the order that was promised, and read as their golden files say.

Golden files are written anew as tests/prose/test_events.py says.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commands
from bot.command import Declaration, declared_in
from bot.model.alert import GroupState
from bot.model.announcing import Audience, Reach
from bot.model.card import Button, Card
from bot.model.event import Mark, Method, Status
from bot.model.ids import ConnectionId, GroupId, IncidentId, PersonId, ServiceId
from bot.model.incident import Incident, Outcome
from bot.model.muting import Muting
from bot.model.person import Actor, ActorKind
from bot.model.policy import Policy
from bot.model.press import encode
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.prose import LANGS
from bot.romanise import romanise
from bot.views import alert_card, announcement_card, card_text, room_name, room_slug, status_card, storm_card, topic
from bot.views.status import BUTTONS, COMMANDS
from bot.views.titles import OFFERED
from tests.prose.test_events import GOLDEN, golden
from tests.prose.world import NOW, PROSE, ZHANG, at, busy, drawn, group, incident, show

EVERYTHING = {*OFFERED, "escalate", "announce", "observe", "postmortem", "action", "meeting", "subscribe"}
REPORTER = Actor(ActorKind.PERSON, "zhao")
RECOVERED = {**busy().marks, Mark.RECOVERED: at("14:33")}

# The table of statuses as people were promised it: labels of fields and buttons in order, in Chinese.
PROMISED: dict[str, tuple[Incident, str, str]] = {
    "pending": (
        incident(status=Status.PENDING, provisional=True, declared_by=REPORTER),
        "影响 指挥官 时间 告警 上报人",
        "确认故障 误报 并入… 改等级 更多",
    ),
    "no commander": (
        busy(commander=None),
        "影响 最新进展 指挥官 时间 1-5-10 告警 下次进展 入口",
        "我来指挥 发进展 记一笔 呼叫支援 已恢复 更多",
    ),
    "commander": (
        busy(marks=incident().marks),
        "影响 最新进展 指挥官 时间 1-5-10 告警 下次进展 入口",
        "发进展 记一笔 已定位 呼叫支援 已恢复 更多",
    ),
    "located": (
        busy(),
        "影响 最新进展 指挥官 时间 1-5-10 告警 下次进展 入口",
        "发进展 记一笔 已止血 呼叫支援 已恢复 更多",
    ),
    "mitigated": (
        busy(marks={**busy().marks, Mark.MITIGATED: at("14:12")}),
        "影响 最新进展 指挥官 时间 1-5-10 告警 下次进展 入口",
        "发进展 记一笔 呼叫支援 已恢复 更多",
    ),
    "recovered": (
        busy(status=Status.RECOVERED, marks=RECOVERED, observe_until=at("15:03"), recovery=plain("回滚"), next_update_by=None),
        "影响 时间 1-5-10 告警 历时",
        "撤销恢复 记一笔 通告恢复 结束观察 更多",
    ),
    "observed": (
        busy(status=Status.RECOVERED, severity=Severity.P3, marks=RECOVERED, recovery=plain("回滚"), next_update_by=None),
        "影响 时间 告警 历时",
        "撤销恢复 记一笔 通告恢复 关闭 更多",
    ),
    "reviewing": (
        busy(status=Status.REVIEWING, marks=RECOVERED, recovery=plain("回滚")),
        "影响 时间 1-5-10 复盘",
        "填写复盘 加改进 约复盘会 关闭 重开 更多",
    ),
    "closed": (
        busy(status=Status.CLOSED, marks=RECOVERED, outcome=Outcome.DONE, closed_at=at("16:00")),
        "时间 1-5-10",
        "重开",
    ),
}  # fmt: skip

GALLERY: dict[str, Callable[[str], Card]] = {}


def pictured(name: str) -> Callable[[Callable[[str], Card]], Callable[[str], Card]]:
    """Put a card into the gallery that golden files keep."""

    def put(make: Callable[[str], Card]) -> Callable[[str], Card]:
        GALLERY[name] = make
        return make

    return put


def _status(about: Incident) -> Callable[[str], Card]:
    return lambda lang: status_card(about, PROSE, show(lang), groups=[group()], runbook="https://wiki.example.com/pay")


for _name, (_about, _, _) in PROMISED.items():
    GALLERY[f"status {_name}"] = _status(_about)
GALLERY["status method"] = _status(replace(PROMISED["recovered"][0], method=Method.ROLLBACK, recovery=plain("回滚支付网关")))
GALLERY["status bare"] = _status(incident(firing=0, resolved=0, groups=()))
GALLERY["status drill"] = _status(busy(drill=True))
GALLERY["status private p4"] = _status(busy(private=True, severity=Severity.P4))
GALLERY["status no start"] = _status(busy(marks={Mark.DETECTED: at("14:03")}))
GALLERY["status undelivered"] = _status(busy(undelivered=1))
GALLERY["status english title"] = _status(busy(title_en="Payment failures"))
GALLERY["status dismissed"] = _status(busy(status=Status.CLOSED, outcome=Outcome.DISMISSED, closed_at=at("14:20")))
GALLERY["status merged"] = _status(
    busy(status=Status.CLOSED, outcome=Outcome.MERGED, closed_at=at("14:20"), merged_into=IncidentId("F-20240520-002"))
)
GALLERY["status cancelled"] = _status(busy(status=Status.CLOSED, outcome=Outcome.CANCELLED, closed_at=at("14:20")))
GALLERY["status waived"] = _status(
    busy(status=Status.CLOSED, outcome=Outcome.DONE, marks=RECOVERED, closed_at=at("16:00"), waiver="供应商故障", waived_by=ZHANG)
)
GALLERY["announcement handling"] = lambda lang: announcement_card(busy(), PROSE, show(lang))
GALLERY["announcement fresh"] = lambda lang: announcement_card(incident(services=()), PROSE, show(lang))
GALLERY["announcement room"] = lambda lang: announcement_card(incident(), PROSE, show(lang), link="https://chat.example.com/r/1")
GALLERY["status continued"] = lambda lang: status_card(
    busy(), PROSE, show(lang), runbook="https://wiki.example.com/pay", earlier="https://chat.example.com/r/1"
)
GALLERY["alert room"] = lambda lang: alert_card(
    group(state=GroupState.ATTACHED, incident=IncidentId("F-20240520-001")), PROSE, show(lang), related=busy(),
    link="https://chat.example.com/r/1",
)  # fmt: skip
GALLERY["announcement recovered"] = lambda lang: announcement_card(PROMISED["recovered"][0], PROSE, show(lang))
GALLERY["announcement closed"] = lambda lang: announcement_card(PROMISED["closed"][0], PROSE, show(lang))
GALLERY["alert proposed"] = lambda lang: alert_card(group(resolved=2, truncated=40, flaps=3), PROSE, show(lang))
GALLERY["alert to silence"] = lambda lang: alert_card(group(), PROSE, show(lang), silences=True)
GALLERY["alert silent"] = lambda lang: alert_card(
    group(muted_until=at("15:21"), muted_by=ZHANG), PROSE, show(lang), silences=True
)  # fmt: skip
GALLERY["alert not silenced"] = lambda lang: alert_card(
    group(muted_until=at("15:21"), muted_by=ZHANG, mute_refused="source_denied"), PROSE, show(lang), silences=True
)  # fmt: skip
GALLERY["status being silenced"] = _status(busy(muting=Muting(at("14:10"))))
GALLERY["status silent"] = _status(busy(muting=Muting(at("14:10"), on=(GroupId(12),))))
GALLERY["status silent for a time"] = _status(busy(muting=Muting(at("14:10"), at("16:10"), on=(GroupId(12),))))
GALLERY["status not silenced"] = _status(busy(muting=Muting(at("14:10"), failed=((GroupId(12), "source_denied"),))))
GALLERY["status silence ending"] = _status(busy(muting=Muting(on=(GroupId(12),))))
GALLERY["alert related"] = lambda lang: alert_card(
    group(seen_by=ZHANG, seen_at=at("14:06")), PROSE, show(lang), related=busy(severity=Severity.P2)
)
GALLERY["alert bare"] = lambda lang: alert_card(group(service=None, severity=None, reason=()), PROSE, show(lang))
GALLERY["alert attached"] = lambda lang: alert_card(
    group(state=GroupState.ATTACHED, incident=IncidentId("F-20240520-001")), PROSE, show(lang), related=busy()
)
GALLERY["alert dismissed"] = lambda lang: alert_card(
    group(state=GroupState.DISMISSED, dismissed_why="阈值不合理", quiet_until=at("15:07")), PROSE, show(lang)
)
GALLERY["alert over"] = lambda lang: alert_card(group(state=GroupState.OVER, last_at=at("14:21")), PROSE, show(lang))
GALLERY["alert ignored"] = lambda lang: alert_card(group(state=GroupState.IGNORED), PROSE, show(lang))


@pictured("storm")
def _storm(lang: str) -> Card:
    held = [
        incident(id=IncidentId(f"F-20240520-{n:03}"), services=(ServiceId(f"s-{n}"),), severity=list(Severity)[n % 4])
        for n in range(1, 13)
    ]
    return storm_card(held, PROSE, show(lang), limit=3, within=timedelta(minutes=10))


def described(button: Button) -> str:
    """Draw a button: its label, what it sends, what can be typed instead, whether it asks or opens a form (`!`)."""
    asks = f" ? {button.confirm}" if button.confirm else ""
    form = "!" if button.asks else ""
    return f"{button.label} = {button.command}{form} {dict(button.args)} {dict(button.assumes)} : {button.typed}{asks}"


def pictured_text(card: Card, lang: str) -> str:
    """Draw a card whole: what it shows, what each button is, and how it reads where there are no cards."""
    lines = [f"[{card.colour}] {card.headline}", f"about {card.about}", f"sub {card.sub}"]
    lines += [f"{field.label} | {drawn(field.value)}" for field in card.fields]
    for button in card.buttons:
        mark = "* " if button.primary else "- "
        lines += [mark + described(button), *(f"    {described(option)}" for option in button.options)]
    return "\n".join([*lines, f"foot {card.footer}", "--- as text", flat(card_text(card, PROSE, lang)), ""])


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", GALLERY)
def test_a_card_reads_as_its_golden_file_says(name: str, lang: str) -> None:
    golden(GOLDEN / "cards" / f"{name.replace(' ', '-')}.{lang}.txt", pictured_text(GALLERY[name](lang), lang))


def test_no_golden_card_outlives_its_picture() -> None:
    kept = {path.name for path in (GOLDEN / "cards").glob("*.txt")}
    assert kept == {f"{name.replace(' ', '-')}.{lang}.txt" for name in GALLERY for lang in LANGS}


ANNOUNCES = Policy(audiences={Audience.EXECS: Reach(people=(PersonId("zhang"),))})


@pytest.mark.parametrize("name", PROMISED)
def test_fields_and_buttons_stand_in_the_promised_order(name: str) -> None:
    about, fields, buttons = PROMISED[name]
    card = status_card(about, PROSE, show("zh"), runbook="https://wiki.example.com/pay", offered=EVERYTHING, policy=ANNOUNCES)
    assert [field.label for field in card.fields] == fields.split()
    assert [button.label for button in card.buttons] == buttons.split()
    assert len(card.buttons) <= 6
    assert [button.primary for button in card.buttons] == [True] + [False] * (len(card.buttons) - 1)


@pytest.mark.parametrize("name", PROMISED)
def test_both_languages_offer_the_same_commands(name: str) -> None:
    about = PROMISED[name][0]
    zh, en = (status_card(about, PROSE, show(lang)) for lang in LANGS)
    assert [(b.command, b.args, b.assumes) for b in zh.buttons] == [(b.command, b.args, b.assumes) for b in en.buttons]
    assert len(zh.fields) == len(en.fields)
    assert zh.colour == en.colour


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("drill", [False, True])
def test_colour_and_sign_say_level_while_active_and_status_afterwards(status: Status, severity: Severity, drill: bool) -> None:
    card = status_card(busy(status=status, severity=severity, drill=drill), PROSE, show("zh"))
    by_level = {"P1": ("red", "🔴"), "P2": ("orange", "🟠"), "P3": ("yellow", "🟡"), "P4": ("blue", "🔵")}[severity]
    colour, sign = {
        Status.PENDING: (by_level[0], "❓"), Status.HANDLING: by_level, Status.RECOVERED: ("green", "✅"),
        Status.REVIEWING: ("purple", "📝"), Status.CLOSED: ("grey", "⚪"),
    }[status]  # fmt: skip
    assert card.colour == ("turquoise" if drill else colour)
    assert card.headline.startswith(f"【演练】{sign}" if drill else sign)
    assert severity.value in card.headline


MINUTES = st.integers(min_value=0, max_value=600)


@settings(max_examples=60)
@given(
    status=st.sampled_from(list(Status)), severity=st.sampled_from(list(Severity)), commander=st.booleans(),
    marks=st.dictionaries(st.sampled_from(list(Mark)), MINUTES), due=st.none() | MINUTES, drill=st.booleans(),
    outcome=st.none() | st.sampled_from(list(Outcome)), lang=st.sampled_from(LANGS), changed=MINUTES,
)  # fmt: skip
def test_any_incident_has_a_card_whose_order_is_a_part_of_the_promised_one(
    status: Status, severity: Severity, commander: bool, marks: dict[Mark, int], due: int | None, drill: bool,
    outcome: Outcome | None, lang: str, changed: int,
) -> None:  # fmt: skip
    start = at("14:00")
    about = busy(
        status=status, severity=severity, commander=PersonId("zhang") if commander else None, drill=drill,
        outcome=outcome if status is Status.CLOSED else None, marks={m: start + timedelta(minutes=n) for m, n in marks.items()},
        next_update_by=None if due is None else start + timedelta(minutes=due),
    )  # fmt: skip
    about = replace(about, changed=about.changed and replace(about.changed, at=start + timedelta(minutes=changed)))
    card = status_card(about, PROSE, show("zh"), runbook="https://wiki.example.com/pay", offered=EVERYTHING)
    orders = [(f.split(), b.split()) for a, f, b in PROMISED.values() if a.status is status]
    fields, buttons = [field.label for field in card.fields], [button.label for button in card.buttons]
    assert any(subsequence(fields, [*f, "结果", "免复盘"]) for f, _ in orders)
    assert any(subsequence(buttons, b) for _, b in orders)
    assert all(dict(b.assumes).get("status", status.value) == status.value for b in card.buttons)
    assert all(flat(field.value) for field in status_card(about, PROSE, show(lang)).fields)
    assert flat(card_text(card, PROSE, lang))


def subsequence(part: list[str], whole: list[str]) -> bool:
    """Tell whether all of `part` stands in `whole` in the same order."""
    left = iter(whole)
    return all(word in left for word in part)


def test_the_same_state_gives_the_same_card_whenever_it_is_shown() -> None:
    cards = [status_card(busy(), PROSE, show("zh", now=NOW + timedelta(minutes=n))) for n in (0, 7, 90)]
    assert cards[0] == cards[1] == cards[2]
    asked = status_card(busy(), PROSE, show("zh"), as_of=at("14:41"))
    assert "下次进展：⚠️ 14:35 已过，超 6:00（截至 14:41）" in flat(card_text(asked, PROSE, "zh"))
    assert "持续 40 分钟（截至 14:41）" in flat(card_text(asked, PROSE, "zh"))


def test_ages_are_never_shown_without_the_instant_they_are_of() -> None:
    for name, make in GALLERY.items():
        words = flat(card_text(make("zh"), PROSE, "zh"))
        assert "分钟前" not in words, name
        assert words.count("持续") <= words.count("截至"), name


def test_a_button_that_asks_says_the_consequence() -> None:
    over = busy(status=Status.RECOVERED, severity=Severity.P3, marks=RECOVERED)
    asks = {b.command: b.confirm for b in status_card(over, PROSE, show("zh")).buttons if b.confirm}
    assert asks == {"close": "将关闭故障，应急群稍后归档"}
    levels = next(b for b in status_card(PROMISED["pending"][0], PROSE, show("zh")).buttons if b.command == "severity")
    assert [(b.label, b.confirm) for b in levels.options][:2] == [("P1", None), ("P2", "将从 P1 降为 P2，并告知 1 人")]
    known = declarations()
    for make in GALLERY.values():
        for button in make("zh").buttons:
            assert not (button.asks and button.confirm), button  # the form says what sending it does
            assert not button.asks or known[button.command].form, button


def test_taking_command_assumes_that_nobody_has_it() -> None:
    first = status_card(busy(commander=None), PROSE, show("zh")).buttons[0]
    assert (first.command, dict(first.assumes)) == ("commander", {"status": "handling", "commander": ""})


def test_every_button_names_the_typed_line_with_what_must_stand_in_front() -> None:
    for about, _, _ in PROMISED.values():
        card = status_card(about, PROSE, show("zh", hail="@bot "))
        assert all(button.typed.startswith("@bot ") for button in card.buttons)
        words = flat(card_text(card, PROSE, "zh"))
        clicks = [click for button in card.buttons for click in button.options or (button,)]
        assert card.buttons
        assert all(click.typed.startswith("@bot ") and click.typed in words for click in clicks)
        assert "可以发：" not in flat(card_text(card, PROSE, "zh", typed=False))


def test_a_private_incident_is_on_no_card_of_others() -> None:
    with pytest.raises(ValueError, match="private"):
        announcement_card(busy(private=True), PROSE, show("zh"))
    storm = storm_card([busy(private=True)], PROSE, show("zh"), limit=3, within=timedelta(minutes=10))
    assert "支付失败" not in repr(storm)
    assert "F-20240520-001" not in repr(storm)
    for state in (GroupState.PROPOSED, GroupState.ATTACHED):
        judged, hidden = group(state=state, incident=IncidentId("F-20240520-001")), busy(private=True, title=plain("密"))
        card = alert_card(judged, PROSE, show("zh"), related=hidden, link="https://chat.example.com/r/1")
        assert "密" not in repr(card)
        assert "chat.example.com" not in repr(card)


def test_encoded_buttons_are_small() -> None:
    for make in GALLERY.values():
        for lang in LANGS:
            for button in make(lang).buttons:
                for click in button.options or (button,):
                    assert len(encode(click).encode()) <= 128


def declarations() -> dict[str, Declaration]:
    """Collect every command of the product."""
    return declared_in([importlib.import_module(f"commands.{found.name}") for found in pkgutil.iter_modules(commands.__path__)])


def test_every_offered_command_is_declared() -> None:
    assert set(OFFERED) <= set(declarations())


ROOMS = [
    ({}, "zh", 50, "F-20240520-001 P1 支付失败"),
    ({}, "zh", 20, "P1 支付失败 0520-001"),
    ({"title": plain("订单服务下单接口全国大面积超时")}, "zh", 20, "P1 订单服务下单接… 0520-001"),
    ({"title": plain("订单服务下单接口全国大面积超时")}, "zh", 30, "F-20240520-001 P1 订单服务下单接口全国大…"),
    ({"title": plain("长" * 60)}, "zh", 50, "F-20240520-001 P1 " + "长" * 23 + "…"),
    ({"status": Status.CLOSED}, "zh", 50, "[已关闭] F-20240520-001 P1 支付失败"),
    ({"drill": True}, "zh", 50, "【演练】F-20240520-001 P1 支付失败"),
    ({"drill": True}, "en", 50, "[Drill] F-20240520-001 P1 支付失败"),
    ({"title_en": "Payment failures"}, "en", 50, "F-20240520-001 P1 Payment failures"),
    ({"status": Status.CLOSED, "drill": True}, "zh", 20, "[已关闭] 【演练】P1 支付失败 0520-001"[:20]),
]


@pytest.mark.parametrize(("changes", "lang", "limit", "name"), ROOMS)
def test_rooms_are_named_within_the_limit(changes: dict[str, object], lang: str, limit: int, name: str) -> None:
    assert len(room_name(incident(**changes), lang, limit)) <= limit
    if limit > 20 or not changes.get("drill"):
        assert room_name(incident(**changes), lang, limit) == name


def test_slugs_are_ascii_and_name_the_incident() -> None:
    assert room_slug(incident()) == "f-20240520-001"
    assert room_slug(incident(title_en="Payment failures!")) == "f-20240520-001-payment-failures"
    assert room_slug(incident(title=plain("Checkout is down"))) == "f-20240520-001-checkout-is-down"
    spelled = room_slug(incident(title=plain("支付失败，大促 500")), romanise)
    assert spelled == "f-20240520-001-zhi-fu-shi-bai-da-cu-500"
    long = room_slug(incident(title=plain("支付" * 60)), romanise)
    assert len(long) <= 60 and re.fullmatch(r"f-20240520-001(-zhi-fu)+(-zhi)?", long)
    assert room_slug(incident(title=plain("😀😀")), romanise) == "f-20240520-001"
    assert room_slug(incident(drill=True)) == "drill-f-20240520-001"


def test_the_topic_says_level_status_title_and_commander() -> None:
    assert topic(busy(), PROSE, show("zh")) == "P1 处理中｜支付失败｜指挥官 张三｜F-20240520-001"
    bare = incident(drill=True)
    assert topic(bare, PROSE, show("en")) == "[Drill] P1 Handling · 支付失败 · commander none yet · F-20240520-001"


def test_home_is_of_no_consequence_to_a_card() -> None:
    assert status_card(busy(home=ConnectionId("x")), PROSE, show("zh")) == status_card(busy(), PROSE, show("zh"))


def test_every_button_whose_command_there_is_is_offered() -> None:
    modules = (importlib.import_module(f"commands.{m.name}") for m in pkgutil.iter_modules(commands.__path__))
    there = declared_in(list(modules))
    wanted = {COMMANDS[name] for names in BUTTONS.values() for name in names if name in COMMANDS}
    assert (wanted & there.keys()) - OFFERED == set()
