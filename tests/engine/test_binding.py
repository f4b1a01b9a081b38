"""What typed and pressed arguments become, with the real commands and a small house to look things up in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.engine.binding import bind_press
from bot.engine.reading import Call
from bot.errors import Refused
from bot.model.alert import AlertGroup
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.say import Say
from bot.model.text import Span, flat, plain
from bot.ports import Filter, Place
from tests.engine.fakes import PEOPLE, ROOM, ZONE, Roster, bound, context, declarations, incident, understood


def shown(value: Any) -> Any:
    """Write an argument as a person would."""
    match value:
        case Incident() | Person():
            return str(value.id)
        case AlertGroup():
            return f"A-{value.id}"
        case datetime():
            assert value.utcoffset() == UTC.utcoffset(None)
            return value.astimezone(ZONE).strftime("%m-%d %H:%M")
        case (Span(), *_):
            return flat(value)
        case tuple():
            return [shown(part) for part in value]
        case str():
            return str(value)
        case _:
            return value


def arguments(typed: str, **changes: Any) -> dict[str, Any]:
    """Bind a line typed in the room of F-20240520-001 and show the arguments that it gave, the implied incident left out."""
    found = {
        name: shown(value) for name, value in bound(typed, **changes).arguments.items() if value not in (None, (), False, "")
    }
    return {name: value for name, value in found.items() if (name, value) != ("incident", ROOM.id)}


BOUND: list[tuple[str, dict[str, Any]]] = [
    # declaring: tokens in any order, the rest is the title as typed
    ("声明 P1 支付服务 支付失败，成功率跌到61%",
     {"severity": "P1", "services": ["payments"], "title": "支付失败，成功率跌到61%"}),
    ("声明 p1 订单 下单超时 @张三 14:05",
     {"severity": "P1", "services": ["orders"], "title": "下单超时", "commander": "zhang", "at": "05-20 14:05"}),
    ("declare P2 checkout \"Payment timeouts\" 10m ago",
     {"severity": "P2", "services": ["orders"], "title": "Payment timeouts", "at": "05-20 14:10"}),
    ("声明 昨晚23:10 下单超时 Ｐ１ 订单 @zhang",
     {"severity": "P1", "services": ["orders"], "title": "下单超时", "commander": "zhang", "at": "05-19 23:10"}),
    ("声明 下单 慢 P3 客户 投诉", {"severity": "P3", "title": "下单 慢 客户 投诉"}),
    ("声明 P2 ＡＰＩ　５０３　变多", {"severity": "P2", "title": "ＡＰＩ　５０３　变多"}),
    ("声明 P2 登录慢\n重试也不行", {"severity": "P2", "title": "登录慢\n重试也不行"}),
    ("声明 sev1 登录慢", {"severity": "P1", "title": "登录慢"}),
    ("声明 SEV-2 登录慢", {"severity": "P2", "title": "登录慢"}),
    ("声明 S3 登录慢", {"severity": "P3", "title": "登录慢"}),
    ("声明 一级 登录慢", {"severity": "P1", "title": "登录慢"}),
    ("声明 4级 登录慢", {"severity": "P4", "title": "登录慢"}),
    ("声明 P1 P2 之间 登录慢", {"severity": "P1", "title": "P2 之间 登录慢"}),
    ("声明 P5 登录慢", {"title": "P5 登录慢"}),
    ("声明，P1，订单服务，库存服务，下单慢", {"severity": "P1", "services": ["orders", "stock"], "title": "下单慢"}),
    ("声明 订单服务、库存服务 下单慢", {"services": ["orders", "stock"], "title": "下单慢"}),
    ("declare Stock Keeping is slow", {"services": ["stock"], "title": "is slow"}),
    ("声明 下单慢，P1", {"severity": "P1", "title": "下单慢"}),
    ("声明 登录慢，订单也慢", {"title": "登录慢，订单也慢"}),
    ("声明 A-12、ａ－１０２９ 5xx 变多", {"groups": ["A-12", "A-1029"], "title": "5xx 变多"}),
    ("声明 A1029", {"groups": ["A-1029"]}),
    ("声明 A1 机房断电", {"title": "A1 机房断电"}),
    ("声明 P3 --演练 --保密 --新建 断网", {"severity": "P3", "drill": True, "private": True, "new": True, "title": "断网"}),
    ("declare P3 --drill —private --new cut", {"severity": "P3", "drill": True, "private": True, "new": True, "title": "cut"}),
    ("声明 【演练】断网", {"drill": True, "title": "断网"}),
    ("声明 [drill] cut", {"drill": True, "title": "cut"}),
    ("声明 演练系统 断网", {"title": "演练系统 断网"}),
    ("声明 P2 “登录慢 P1 订单”", {"severity": "P2", "title": "登录慢 P1 订单"}),
    ("声明 P2 「登录慢」", {"severity": "P2", "title": "登录慢"}),
    ("声明 P2 ”登录慢“", {"severity": "P2", "title": "登录慢"}),
    ('声明 P2 "登录慢" 华东', {"severity": "P2", "title": '"登录慢" 华东'}),
    ('声明 P2 登录"慢', {"severity": "P2", "title": '登录"慢'}),
    ("声明 P1", {"severity": "P1"}),
    # an ambiguous name is asked about afterwards and stays in the title
    ("声明 P1 支付挂了", {"severity": "P1", "title": "支付挂了", "unsure": [["支付", ["pay-gw", "pay-core"]]]}),
    ("声明 P1 支付 全挂", {"severity": "P1", "title": "支付 全挂", "unsure": [["支付", ["pay-gw", "pay-core"]]]}),
    ("声明 订单下不了", {"title": "订单下不了", "unsure": [["订单", ["orders"]]]}),
    ("上报 支付有人投诉付不了", {"text": "支付有人投诉付不了", "unsure": [["支付", ["pay-gw", "pay-core"]]]}),
    ("report orders users cannot order", {"services": ["orders"], "text": "users cannot order"}),
    # alerts, levels, people
    ("认领 A-1029", {"groups": ["A-1029"]}),
    ("确认故障 P1", {"to": "P1"}),
    ("误报 阈值不合理", {"reason": "阈值不合理"}),
    ("误报 A-12 阈值不合理", {"groups": ["A-12"], "reason": "阈值不合理"}),
    ("等级 P1 扩大到全国 P2 也慢", {"to": "P1", "reason": "扩大到全国 P2 也慢"}),
    ("指挥", {}),
    ("指挥 @李四", {"who": "li"}),
    ("指挥 李四", {"who": "li"}),
    ("指挥 我", {"who": "zhang"}),
    ("角色 记录 @王五", {"role": "scribe", "who": "wang"}),
    ("角色 @王五 comms", {"role": "comms", "who": "wang"}),
    ("角色 副指挥 王五", {"role": "deputy", "who": "wang"}),
    ("角色 数据修复 @王五", {"role": "数据修复", "who": "wang"}),
    ("邀请 @赵六、@wang 库存服务", {"people": ["zhao", "wang"], "services": ["stock"]}),
    ("invite zhao and inventory", {"people": ["zhao"], "services": ["stock"]}),
    # times lead in what people write down; the text is never searched
    ("记录 14:05 决策 回滚", {"at": "05-20 14:05", "sort": "decision", "text": "回滚"}),
    ("记录 决策：14:05 回滚", {"at": "05-20 14:05", "sort": "decision", "text": "回滚"}),
    ("note 14:05 action: roll back", {"at": "05-20 14:05", "sort": "action", "text": "roll back"}),
    ("记录 网关 14:05 超时 P1 订单 @李四 决策", {"text": "网关 14:05 超时 P1 订单 @李四 决策"}),
    ("记录 404 变多", {"text": "404 变多"}),
    ("记录 0520 批次失败", {"text": "0520 批次失败"}),
    ("恢复 14:03 回滚网关", {"at": "05-20 14:03", "text": "回滚网关"}),
    ("恢复 回滚网关 14:03 生效", {"text": "回滚网关 14:03 生效"}),
    ("定位 14:07 网关超时", {"mark": "located", "at": "05-20 14:07", "text": "网关超时"}),
    ("定位 发现是网关", {"mark": "located", "text": "发现是网关"}),
    ("mark mitigated 10m ago rollback", {"mark": "mitigated", "at": "05-20 14:10", "text": "rollback"}),
    ("影响 支付服务 成功率61%", {"services": ["payments"], "text": "成功率61%"}),
    ("影响 成功率61% 订单 下降", {"text": "成功率61% 订单 下降"}),
    ("进展 已回滚 2/4 集群，成功率 83%，下次 14:50", {"text": "已回滚 2/4 集群，成功率 83%", "next_by": "05-20 14:50"}),
    ("进展 现状：成功率83%，下次：20分钟", {"text": "现状：成功率83%", "next_by": "05-20 14:40"}),
    ("update next by 14:50 rolled back", {"text": "rolled back", "next_by": "05-20 14:50"}),
    ("进展 下次 再扩容", {"text": "下次 再扩容"}),
    ("标题 全国支付失败 en \"Payment failures\"", {"text": "全国支付失败", "english": "Payment failures"}),
    ("title en Payment failures", {"english": "Payment failures"}),
    ("电话会 https://meet.example.com:8443/a,b?x=1", {"url": "https://meet.example.com:8443/a,b?x=1"}),
    ("关闭 --no-postmortem \"vendor outage\"", {"waiver": "vendor outage"}),
    ("关闭 已交接 --免复盘 供应商 故障", {"note": "已交接", "waiver": "供应商 故障"}),
    # incidents by number
    ("恢复 002 回滚", {"incident": "F-20240520-002", "text": "回滚"}),
    ("恢复 0520-002 回滚", {"incident": "F-20240520-002", "text": "回滚"}),
    ("恢复 f－20240520－002 回滚", {"incident": "F-20240520-002", "text": "回滚"}),
    ("恢复 001 回滚", {"text": "回滚"}),
    ("恢复 0519-001 回滚", {"incident": "F-20240519-001", "text": "回滚"}),
    ("记录 与 F-20240520-002 同因", {"text": "与 F-20240520-002 同因"}),
    ("进群 007", {"incident": "F-20240518-007"}),
    ("时间线 20", {"count": 20}),
    ("时间线 002 100", {"incident": "F-20240520-002", "count": 100}),
    ("时间线 500", {"count": 500}),
    ("时间线 订单", {"incident": "F-20240520-002"}),
    ("合并 002", {"other": "F-20240520-002"}),
    ("merge into F-20240520-002", {"other": "F-20240520-002"}),
    ("merge 002 into 001", {"incident": "F-20240520-002", "other": "F-20240520-001"}),
    ("关联 A-12 A-13", {"groups": ["A-12", "A-13"]}),
    ("关联 002", {"other": "F-20240520-002"}),
    ("状态 支付", {"services": ["pay-gw", "pay-core"]}),
    ("status of orders", {"services": ["orders"]}),
    ("为什么 A-12", {"groups": ["A-12"]}),
    ("为什么 等级", {"what": "等级"}),
    ("帮助 进展", {"word": "进展"}),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "given"), BOUND, ids=[typed for typed, _ in BOUND])
def test_typed_words_become_arguments(typed: str, given: dict[str, Any]) -> None:
    assert arguments(typed) == given


LISTS = [
    ("列表", None),
    ("列表 进行中", Filter(open=True)),
    ("list closed", Filter(open=False)),
    ("列表 全部", Filter(open=None)),
    ("列表 我的", Filter(open=True, involved=PEOPLE["zhang"].id)),  # type: ignore[index]
    ("list P1 orders", Filter(open=True, severity="P1", service="orders")),  # type: ignore[arg-type]
    ("list 7d", Filter(open=None, since=datetime(2024, 5, 13, 6, 20, tzinfo=UTC))),
    ("列表 最近 2 周 进行中", Filter(open=True, since=datetime(2024, 5, 6, 6, 20, tzinfo=UTC))),
    ("列表 今天", Filter(open=None, since=datetime(2024, 5, 19, 16, 0, tzinfo=UTC))),
    ("列表 待复盘 已恢复", Filter(open=None, statuses=("reviewing", "recovered"))),  # type: ignore[arg-type]
    ("list all real", Filter(open=None, drills=False)),
]


@pytest.mark.parametrize(("typed", "only"), LISTS, ids=[typed for typed, _ in LISTS])
def test_a_list_is_narrowed(typed: str, only: Filter | None) -> None:
    assert bound(typed).arguments == {"only": only}


def refusal(typed: str, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Give why a line is refused, and the facts told with it."""
    with pytest.raises(Refused) as refused:
        bound(typed, **changes)
    return refused.value.reason.key, {name: shown(value) for name, value in refused.value.reason.params.items()}


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("指挥 @赵六儿", "person_unknown", {"word": "赵六儿", "people": ["zhao"]}),
    ("指挥 @陈晨", "person_which", {"word": "陈晨", "people": ["chen", "chen2"]}),
    ("邀请 陈晨", "person_which", {"word": "陈晨", "people": ["chen", "chen2"]}),
    ("指挥 @nobody", "person_unknown", {"word": "nobody", "people": []}),
    ("认领 A-9999", "group_unknown", {"word": "A-9999"}),
    ("声明 A-9999 登录慢", "group_unknown", {"word": "A-9999"}),
    ("邀请 支付", "service_which", {"word": "支付", "services": ["pay-gw", "pay-core"]}),
    ("状态 收银台", "unreadable", {"words": ["收银台"], "example": "状态 支付"}),
    ("撤销 好吗好吧", "unreadable", {"words": ["好吗好吧"], "example": "撤销"}),
    ("列表 支付服务 hello", "unreadable", {"words": ["hello"], "example": "列表 进行中"}),
    ("列表 支付", "service_which", {"word": "支付", "services": ["pay-gw", "pay-core"]}),
    ("指挥 @李四 @王五", "unreadable", {"words": ["@王五"], "example": "指挥 @李四"}),
    ("恢复 F-20240520-099 回滚", "incident_unknown", {"word": "F-20240520-099"}),
    ("合并 099", "incident_unknown", {"word": "099"}),
    ("状态 003", "incident_which", {"incidents": ["F-20240519-003", "F-20240518-003"], "command": "状态", "rest": ""}),
    ("关闭 --免复盘", "waiver_why", {"word": "关闭", "flag": "--免复盘"}),
    ("关闭 --force", "force_why", {"word": "关闭", "rest": ""}),
    ("进展 已回滚 下次 14:10", "next_is_past", {"when": "05-20 14:10"}),
    ("恢复 明天 10:00", "not_yet", {"when": "05-21 10:00"}),
    ("时间线 支付", "incident_which",
     {"incidents": ["F-20240519-003", "F-20240518-003"], "command": "时间线", "rest": ""}),
    ("时间线 库存服务", "service_quiet", {"services": ["stock"]}),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "key", "facts"), REFUSED, ids=[typed for typed, _, _ in REFUSED])
def test_what_cannot_be_read_is_named(typed: str, key: str, facts: dict[str, Any]) -> None:
    assert refusal(typed) == (key, facts)


def test_p0_is_taken_for_p1_and_said() -> None:
    found = bound("声明 Ｐ０ 登录慢")
    assert found.arguments["severity"] == "P1"
    assert found.notes == (Say("p0_is_p1", {"word": "Ｐ０"}),)


def test_an_unknown_person_does_not_stop_a_declaration() -> None:
    found = bound("声明 登录慢 @赵六儿")
    assert found.arguments["commander"] is None
    assert flat(found.arguments["title"]) == "登录慢"
    assert found.notes == (Say("person_unknown", {"word": "赵六儿", "people": ("zhao",)}),)


def test_mentions_that_the_chat_resolved_are_believed() -> None:
    typed = (Span("指挥 "), Span("@小李", "person", PEOPLE["li"].id))  # type: ignore[index]
    assert bound(typed).arguments["who"] == PEOPLE["li"]  # type: ignore[index]


def test_mentions_inside_a_note_stay_mentions() -> None:
    typed = (Span("记录 "), Span("@小李", "person", PEOPLE["li"].id), Span(" 在回滚"))  # type: ignore[index]
    assert bound(typed).arguments["text"] == typed[1:]


def test_two_mentions_with_no_space_are_two_people() -> None:
    li, wang = (Span(f"@{name}", "person", PEOPLE[name].id) for name in ("li", "wang"))  # type: ignore[index]
    assert [p.id for p in bound((Span("邀请"), li, wang)).arguments["people"]] == ["li", "wang"]


def test_a_link_span_is_a_url() -> None:
    typed = (Span("bridge "), Span("会议", "link", target="https://meet.example.com/1"))
    assert bound(typed).arguments["url"] == "https://meet.example.com/1"


# ---------------------------------------------------------------- which incident
def test_outside_a_room_a_command_asks_for_the_incident() -> None:
    key, facts = refusal("恢复 回滚", implied=None)
    assert key == "incident_which"
    assert facts == {"incidents": ["F-20240520-001"], "command": "恢复", "rest": "回滚"}


def test_who_is_in_no_incident_is_offered_the_open_ones() -> None:
    key, facts = refusal("恢复 回滚", implied=None, person=PEOPLE["wang"])  # type: ignore[index]
    assert key == "incident_which"
    assert facts["incidents"][0] == "F-20240520-001"
    assert len(facts["incidents"]) == 5


def test_with_no_incident_at_all_nothing_is_listed() -> None:
    assert refusal("恢复 回滚", implied=None, roster=Roster(stored=[])) == ("incident_none", {})


def test_an_incident_named_in_a_direct_chat_is_found_and_locked() -> None:
    found = bound("恢复 002 回滚", implied=None, place=Place.DIRECT)
    assert found.incident is not None
    assert found.incident.id == "F-20240520-002"
    assert found.arguments["incident"] is found.incident


def test_a_hidden_incident_is_as_if_it_were_not_there() -> None:
    roster = Roster()
    roster.stored = [i for i in roster.stored if i.id != "F-20240520-002"]
    assert refusal("恢复 F-20240520-002", implied=None, roster=roster)[0] == "incident_unknown"


def test_of_many_days_todays_number_wins_and_then_the_only_open_one() -> None:
    assert arguments("进群 001") == {}  # the room's own, of today
    assert arguments("进群 007") == {"incident": "F-20240518-007"}
    roster = Roster(stored=[incident("F-20240519-009"), *Roster().stored])
    assert arguments("进群 009", roster=roster) == {"incident": "F-20240519-009"}


def test_an_optional_incident_is_the_rooms_or_none() -> None:
    assert bound("撤销").arguments["incident"] == ROOM
    assert bound("撤销", implied=None).arguments["incident"] is None


def test_linking_alerts_from_outside_names_the_incident() -> None:
    assert arguments("关联 A-12 F-20240520-002", implied=None) == {"groups": ["A-12"], "incident": "F-20240520-002"}
    assert arguments("关联 A-12 F-20240520-002") == {"groups": ["A-12"], "other": "F-20240520-002"}


# ---------------------------------------------------------------- buttons and forms
def pressed(name: str, implied: Incident | None = ROOM, **args: str) -> dict[str, Any]:
    """Bind a button's arguments."""
    roster = Roster()
    found = bind_press(declarations()[name], args, context(roster), implied=implied, lock=roster.incident)
    return {k: shown(v) for k, v in found.arguments.items() if v not in (None, (), False, "")}


PRESSED: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("declare",
     {"title": "登录慢", "severity": "P2", "services": "orders,stock", "commander": "li", "at": "2024-05-20T06:05:00+00:00",
      "drill": "1", "groups": "A-12"},
     {"title": "登录慢", "severity": "P2", "services": ["orders", "stock"], "commander": "li", "at": "05-20 14:05", "drill": True,
      "groups": ["A-12"]}),
    ("declare", {"title": "登录慢", "severity": "", "at": "10m ago"}, {"title": "登录慢", "at": "05-20 14:10"}),
    ("mark", {"incident": "F-20240520-001", "mark": "located"}, {"incident": "F-20240520-001", "mark": "located"}),
    ("update", {"text": "记录 P1 好了吗？", "next_by": "20m"},
     {"incident": "F-20240520-001", "text": "记录 P1 好了吗？", "next_by": "05-20 14:40"}),
    ("merge", {"incident": "F-20240520-002", "other": "0520-001"}, {"incident": "F-20240520-002", "other": "F-20240520-001"}),
    ("list", {"only": "open"}, {"only": Filter()}),
    ("invite", {"people": "zhao,wang"}, {"incident": "F-20240520-001", "people": ["zhao", "wang"]}),
    ("timeline", {"count": "20"}, {"incident": "F-20240520-001", "count": 20}),
    ("note", {"text": "回滚", "sort": "decision", "at": "14:05"},
     {"incident": "F-20240520-001", "text": "回滚", "sort": "decision", "at": "05-20 14:05"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "given"), PRESSED)
def test_a_button_gives_arguments(name: str, args: dict[str, str], given: dict[str, Any]) -> None:
    assert pressed(name, **args) == given


@pytest.mark.parametrize(
    ("name", "args", "key"),
    [
        ("update", {"nonsense": "1"}, "stale_click"),
        ("join", {"incident": "F-20240520-099"}, "incident_unknown"),
        ("join", {"incident": "x"}, "incident_unknown"),
        ("severity", {"to": "P7"}, "unreadable"),
        ("declare", {"services": "nothing"}, "service_unknown"),
        ("declare", {"services": "支付"}, "service_which"),
        ("declare", {"groups": "A-99"}, "group_unknown"),
        ("declare", {"at": "whenever"}, "unreadable"),
        ("update", {"next_by": "13:00", "text": "x"}, "next_is_past"),
        ("timeline", {"count": "٣x"}, "unreadable"),
        ("list", {"only": "hello"}, "unreadable"),
        ("commander", {"who": "nobody"}, "person_unknown"),
    ],
)
def test_a_forged_or_stale_button_is_refused(name: str, args: dict[str, str], key: str) -> None:
    with pytest.raises(Refused) as refused:
        pressed(name, **args)
    assert refused.value.reason.key == key


# ---------------------------------------------------------------- what every command promises
_SAID = {name: declaration for name, declaration in declarations().items() if declaration.words}


@pytest.mark.parametrize("name", sorted(_SAID))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_example_is_read_and_bound(name: str, lang: str) -> None:
    example = _SAID[name].example[lang]
    call = understood(example)
    assert isinstance(call, Call)
    assert call.declaration.name == name
    found = bound(example)
    assert set(found.arguments) == {parameter for parameter, _, _ in _SAID[name].parameters}


def test_nothing_typed_gives_the_declared_defaults() -> None:
    assert bound("声明").arguments == {name: default for name, _, default in declarations()["declare"].parameters}
    assert bound("电话会").arguments == {"incident": ROOM, "url": None}


def test_the_text_of_a_title_is_one_text() -> None:
    assert bound("标题 登录慢").arguments["text"] == plain("登录慢")
