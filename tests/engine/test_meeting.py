"""The review meeting end to end: cards and their answers, invitations over a real SMTP server, reminders, two processes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from adapters.notify.email import Config, connect
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.ids import ConnectionId, PersonId
from bot.model.person import Person
from bot.ports import Capability, Medium, Store, UnitOfWork
from tests.engine.test_cadence import ID, buttons, led, press
from tests.engine.town import WHOLE, Town
from tests.postman import Postman, serving

MAIL = ConnectionId("mail")
EDITLESS = WHOLE - {Capability.EDIT}
START = datetime(2024, 5, 21, 15, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@contextlib.asynccontextmanager
async def office(
    store: Store, url: str, postman: Postman, abilities: frozenset[Capability] = WHOLE, processes: int = 1, **policy: Any
) -> AsyncIterator[Town]:
    """Give a town with a mail server; everybody but 老周 has an address."""
    async with serving(postman) as port:
        settings = Config(host="127.0.0.1", port=port, security="none", sender="warroom@example.com")
        town = Town(store, url, {"slack": abilities}, postmortem_measures=0, **policy)
        channel = connect("mail", settings, town.clock)
        town.channels = {MAIL: channel}
        town.house = replace(town.house, channels={MAIL: Medium.EMAIL}, rates={MAIL: channel.rates})
        town.timers = Timers(store, town.house, Metrics())
        town.processes = [town.process() for _ in range(processes)]
        await town.begin()

        def addresses(uow: UnitOfWork) -> None:
            for name in ("li", "wang", "zhao"):
                known = uow.person(PersonId(name))
                assert isinstance(known, Person)
                uow.save_person(replace(known, email=f"{name}@example.com"))

        await store.tx(addresses)
        yield town
        town.end()


async def goes_on(town: Town, steps: int = 3) -> None:
    """Let a quarter of a minute go by at a time, with the timers and the work."""
    for _ in range(steps):
        town.clock.pass_by(15)
        await town.timers.tick()
        while await town.round():
            pass


async def reviewed(town: Town) -> str:
    """Let a P1 recover; gives its room. 赵六 writes, 李四 commands, 王五 took part."""
    room = await led(town)
    await town.says("wang", "slack", room, "记录 行动 回滚")
    await town.says("li", "slack", room, "恢复 回滚")
    await goes_on(town)
    return room


def calendar(message: EmailMessage) -> tuple[str, icalendar.Event]:
    """Read the invitation that a mail program shows: its method, and the event."""
    (part,) = [p for p in message.walk() if p.get_content_type() == "text/calendar" and not p.is_attachment()]
    (file,) = message.iter_attachments()
    assert file.get_content() in (part.get_content(), part.get_content().encode())
    read = icalendar.Calendar.from_ical(part.get_content())
    assert part.get_param("method") == str(read["METHOD"])
    (event,) = read.walk("VEVENT")
    assert [str(zone["TZID"]) for zone in read.walk("VTIMEZONE")] == [event["DTSTART"].params["TZID"]]
    return str(read["METHOD"]), event


def mails(postman: Postman) -> dict[str, list[EmailMessage]]:
    found: dict[str, list[EmailMessage]] = {}
    for message, to in zip(postman.taken, postman.recipients, strict=True):
        found.setdefault(to.partition("@")[0], []).append(message)
    return found


def direct(town: Town, who: str, part: str) -> list[str]:
    return [words for words in town.direct("slack", who) if part in words]


async def later(town: Town, at: datetime) -> None:
    """Let the clock jump to an instant, then half a minute go by."""
    town.clock.at = at.astimezone(UTC)
    await town.timers.tick()
    await goes_on(town)


async def test_everybody_is_asked_once_by_card_and_by_mail_and_again_once_when_it_moves(store: Store, url: str) -> None:
    postman = Postman()
    async with office(store, url, postman) as town:
        room = await reviewed(town)
        assert "请 李四、赵六、王五" in await town.says("li", "slack", room, "复盘会 明天 15:00 1小时 三楼会议室")
        await goes_on(town)
        assert not [line for line in town.told("slack", room) if "复盘会" in line], "the room saw it typed"
        for who in ("wang", "zhao"):
            (told,) = direct(town, who, "请你参加复盘会")
            assert "时间：5月21日 15:00，60 分钟；地点：三楼会议室；召集：李四" in told
            assert list(buttons(town, f"@slack:{who}", "请你参加复盘会")) == ["接受", "谢绝"]
        (mine,) = direct(town, "li", "你召集的复盘会")
        assert "未回复：赵六、王五" in mine
        assert sorted(mails(postman)) == ["li", "wang", "zhao"]
        assert all(len(got) == 1 for got in mails(postman).values())

        (message,) = mails(postman)["wang"]
        assert message["subject"] == f"复盘会 支付失败（{ID}）2024-05-21 15:00–16:00 (Asia/Shanghai)"
        words = message.get_body(("plain",))
        assert words is not None
        assert "时间：2024-05-21 15:00–16:00 (Asia/Shanghai)\n地点：三楼会议室\n召集：李四\n" in words.get_content().replace(
            "\r\n", "\n"
        )
        (file,) = message.iter_attachments()
        assert (file.get_filename(), file.get_content_type()) == ("invite.ics", "text/calendar")
        method, event = calendar(message)
        assert (method, event["SEQUENCE"], str(event["STATUS"])) == ("REQUEST", 0, "CONFIRMED")
        assert event.start == START
        assert event.end == START + timedelta(hours=1)
        assert event["DTSTART"].params["TZID"] == "Asia/Shanghai"
        assert str(event["LOCATION"]) == "三楼会议室"
        assert str(event["ORGANIZER"]) == "mailto:li@example.com"
        answers = {str(a): a.params["PARTSTAT"] for a in event["ATTENDEE"]}
        assert answers == {
            "mailto:li@example.com": "ACCEPTED", "mailto:wang@example.com": "NEEDS-ACTION",
            "mailto:zhao@example.com": "NEEDS-ACTION",
        }  # fmt: skip
        uid = str(event["UID"])

        assert "复盘会已改：5月22日 10:30" in await town.says("li", "slack", "", f"复盘会 {ID} 后天 10:30")
        await goes_on(town)
        assert [line.partition("📝 ")[2] for line in town.told("slack", room) if "复盘会" in line] == [
            "复盘会改到 5月22日 10:30，60 分钟，三楼会议室，请 李四、赵六、王五（李四）"
        ]
        for who in ("wang", "zhao"):
            assert [words.count("5月22日 10:30") for words in direct(town, who, "请你参加复盘会")] == [0, 1]
            old, new = mails(postman)[who]
            assert new["message-id"] != old["message-id"]
            assert new["subject"].startswith("有变：复盘会 支付失败")
            method, event = calendar(new)
            assert (method, event["SEQUENCE"], str(event["UID"])) == ("REQUEST", 1, uid)
            assert event.start == datetime(2024, 5, 22, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))

        await town.says("li", "slack", room, "取消复盘会 改成书面评审")
        await goes_on(town)
        for who in ("wang", "zhao"):
            card, told = direct(town, who, "取消了")
            assert card == f"📝 5月22日 10:30 的复盘会取消了（{ID}「支付失败」）", "nothing to click on it any more"
            assert told == f"📝 5月22日 10:30 的复盘会取消了（{ID}「支付失败」）：改成书面评审 — 李四"
            method, event = calendar(mails(postman)[who][2])
            assert (method, event["SEQUENCE"], str(event["UID"]), str(event["STATUS"])) == ("CANCEL", 2, uid, "CANCELLED")
            assert [str(a) for a in [event["ATTENDEE"]]] == [f"mailto:{who}@example.com"]
        assert all(len(got) == 3 for got in mails(postman).values())
        await later(town, datetime(2024, 5, 22, 10, 20, tzinfo=ZoneInfo("Asia/Shanghai")))
        assert direct(town, "wang", "开始") == [], "nobody is reminded of what is off"


async def test_a_click_answers_and_the_organizers_card_says_who_comes(store: Store, url: str) -> None:
    async with office(store, url, Postman()) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 明天 15:00")
        await goes_on(town)
        old = buttons(town, "@slack:wang", "请你参加复盘会")
        assert "你回复了来" in await press(town, "wang", old["接受"])
        await goes_on(town)
        (mine,) = direct(town, "li", "你召集的复盘会")
        assert "来：李四、王五\n不来：—\n未回复：赵六" in mine, "the card is edited, nobody is told anew"
        (his,) = direct(town, "wang", "请你参加复盘会")
        assert his.endswith("✅ 你回复了：来")
        assert list(buttons(town, "@slack:wang", "请你参加复盘会")) == ["谢绝"]
        assert direct(town, "li", "都回复了") == []

        await town.says("zhao", "slack", "", f"不参会 {ID} 在休假")
        await goes_on(town)
        (mine,) = direct(town, "li", "你召集的复盘会")
        assert "不来：赵六（在休假）\n未回复：—" in mine
        (told,) = direct(town, "li", "都回复了")
        assert "来：李四、王五\n不来：赵六（在休假）" in told

        await press(town, "li", buttons(town, "@slack:li", "你召集的复盘会")["取消复盘会"])
        await town.says("li", "slack", room, "复盘会 明天 17:00")
        await goes_on(town)
        assert "复盘会改到了 5月21日 17:00" in await press(town, "wang", old["接受"]), "a card of the earlier time"
        assert (await town.incident(ID)).meeting.silent == ("zhao", "wang")


async def test_people_who_come_in_are_asked_alone_and_those_left_out_are_told(store: Store, url: str) -> None:
    postman = Postman()
    async with office(store, url, postman) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 明天 15:00 @王五")
        await goes_on(town)
        assert sorted(mails(postman)) == ["li", "wang"]
        await town.says("li", "slack", room, "复盘会 加 @赵六 @老周")
        await goes_on(town)
        assert {who: len(got) for who, got in mails(postman).items()} == {"li": 1, "wang": 1, "zhao": 1}
        assert len(direct(town, "root", "请你参加复盘会")) == 1
        (mine,) = direct(town, "li", "你召集的复盘会")
        assert mine.endswith("没有邮箱，收不到日历邀请：老周")
        await store.tx(lambda uow: uow.save_person(Person(PersonId("sun"), "孙七")))
        await town.says("li", "slack", room, "复盘会 加 @孙七")
        await goes_on(town)
        assert direct(town, "li", "你召集的复盘会")[0].endswith("没有聊天账号和邮箱，请当面告诉：孙七")
        await town.says("li", "slack", room, "复盘会 去掉 @王五 @孙七")
        await goes_on(town)
        assert direct(town, "wang", "不再请你")
        method, event = calendar(mails(postman)["wang"][1])
        assert (method, event["SEQUENCE"]) == ("CANCEL", 3)
        assert {who: len(got) for who, got in mails(postman).items()} == {"li": 1, "wang": 2, "zhao": 1}


async def test_reminders_come_a_day_and_a_quarter_before_to_those_who_may_come(store: Store, url: str) -> None:
    async with office(store, url, Postman()) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 5-23 15:00")
        await goes_on(town)
        await town.says("zhao", "slack", "", f"不参会 {ID}")
        start = START + timedelta(days=2)
        await later(town, start - timedelta(days=1, minutes=1))
        assert direct(town, "wang", "⏳") == []
        await later(town, start - timedelta(days=1))
        (told,) = direct(town, "wang", "⏳")
        assert told == f"⏳ 复盘会 5月23日 15:00 开始：P1「支付失败」（{ID}）"
        assert list(buttons(town, "@slack:wang", "⏳")) == ["接受", "谢绝"]
        assert direct(town, "li", "⏳") == [f"⏳ 复盘会 5月23日 15:00 开始：P1「支付失败」（{ID}）\n未回复：王五"]
        await later(town, start - timedelta(minutes=15))
        await later(town, start - timedelta(minutes=5))
        assert len(direct(town, "wang", "⏳")) == len(direct(town, "li", "⏳")) == 2
        assert direct(town, "zhao", "⏳") == [], "who declined is left alone"
        assert "复盘会 15:00 开始" in direct(town, "wang", "⏳")[1]


@pytest.mark.parametrize(("late", "told"), [(10, ["⏳ 复盘会 15:00 已经开始"]), (61, [])])
async def test_a_reminder_that_is_late_says_that_it_has_begun_and_nothing_of_what_is_over(
    store: Store, url: str, late: int, told: list[str]
) -> None:
    async with office(store, url, Postman()) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 5-23 15:00 60分钟")
        await goes_on(town)
        await later(town, START + timedelta(days=2, minutes=late))
        assert [words.partition("：")[0] for words in direct(town, "wang", "⏳")] == told
        await later(town, START + timedelta(days=2, minutes=90))
        assert len(direct(town, "wang", "⏳")) == len(told)


async def test_it_is_called_off_by_itself_when_the_postmortem_is_waived(store: Store, url: str) -> None:
    async with office(store, url, Postman(), duty_managers=(PersonId("root"),), observation={}) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 明天 15:00")
        await goes_on(town)
        await town.says("root", "slack", "", f"豁免复盘 {ID} 供应商故障")
        await goes_on(town)
        assert direct(town, "wang", "取消了")[1:] == [f"📝 5月21日 15:00 的复盘会取消了（{ID}「支付失败」）：不做复盘"]
        assert [line.partition("📝 ")[2] for line in town.told("slack", room) if "的复盘会取消了" in line] == [
            "5月21日 15:00 的复盘会取消了：不做复盘（机器人）"
        ]


async def test_without_edits_the_organizer_is_told_when_all_have_answered(store: Store, url: str) -> None:
    async with office(store, url, Postman(), EDITLESS) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 明天 15:00")
        await goes_on(town)
        for who in ("wang", "zhao"):
            await town.says(who, "slack", "", f"参会 {ID}")
        await goes_on(town)
        assert len(direct(town, "li", "你召集的复盘会")) == 1
        assert len(direct(town, "li", "都回复了")) == 1


async def test_two_processes_ask_mail_and_remind_once_even_where_the_servers_word_was_lost(store: Store, url: str) -> None:
    postman = Postman(cut=True)
    async with office(store, url, postman, processes=2) as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "复盘会 明天 15:00")
        await goes_on(town)
        postman.cut = False
        await goes_on(town, 8)
        for who, got in mails(postman).items():
            assert len({message["message-id"] for message in got}) == 1, f"{who}: a repeat is the same message"
            assert len({part.as_bytes() for message in got for part in message.iter_attachments()}) == 1
        assert all(len(got) > 1 for got in mails(postman).values()), "each was tried again"
        sent = len(postman.taken)
        await goes_on(town, 5)
        assert len(postman.taken) == sent
        town.clock.at = (START - timedelta(minutes=15)).astimezone(UTC)
        twin = Timers(town.store, town.house, Metrics())
        await twin.tick()
        await town.timers.tick()
        await goes_on(town)
        assert [len(direct(town, who, "⏳")) for who in ("li", "wang", "zhao")] == [1, 1, 1]
        reminded = [e for e in await town.log(ID) if isinstance(e.payload, ev.MeetingReminded)]
        assert len(reminded) == 1


async def test_what_strangers_typed_breaks_no_calendar_and_the_zone_is_the_houses(store: Store, url: str) -> None:
    postman, berlin = Postman(), ZoneInfo("Europe/Berlin")
    async with office(store, url, postman, timezone="Europe/Berlin") as town:
        room = await reviewed(town)
        await town.says("li", "slack", room, "标题 支付;失败,\nBEGIN:VALARM X-A:b")
        await town.says("li", "slack", room, "复盘会 明天 15:00 三楼;X:1,END:VEVENT")
        await goes_on(town)
        method, event = calendar(mails(postman)["wang"][0])
        assert method == "REQUEST"
        assert str(event["LOCATION"]) == "三楼;X:1,END:VEVENT"
        assert str(event["SUMMARY"]) == f"复盘会：支付;失败, BEGIN:VALARM X-A:b（{ID}）"
        assert not event.subcomponents
        assert (event.start, event["DTSTART"].params["TZID"]) == (datetime(2024, 5, 21, 15, 0, tzinfo=berlin), "Europe/Berlin")
        assert "2024-05-21 15:00–16:00 (Europe/Berlin)" in mails(postman)["wang"][0]["subject"]
        assert "\n" not in mails(postman)["wang"][0]["subject"]
