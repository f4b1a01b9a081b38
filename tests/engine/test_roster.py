"""People of the roster are found on the chats ahead of need: once a day, slowly, and only when exactly one can be meant."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.engine.roster import Roster
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.event import Invitee
from bot.model.ids import ConnectionId, PersonId
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person
from bot.ports import Capability, Limits, Lost, Rejected, Retry, Store, UnitOfWork
from tests.engine.test_outbox_walk import CHAT, Walk
from tests.fakes import FakeChat, Platform

DEAF = ConnectionId("deaf")
ZHOU = PersonId("zhou")


class House:
    """A walk whose chat can look people up, and the roster that does."""

    def __init__(self, store: Store, url: str) -> None:
        self.walk = Walk(store, url, "find", 1, Limits(per_second=10, burst=11, chat_per_second=20, chat_burst=20))
        self.store, self.platform, self.pauses = store, self.walk.platform, list[float]()
        self.metrics = Metrics()
        self.platform.abilities |= {Capability.LOOK_UP}
        self.walk.house = dataclasses.replace(self.walk.house, capabilities={CHAT: frozenset(self.platform.abilities)})
        mute = FakeChat("deaf", "p1", Platform(self.walk.clock, frozenset()), Limits())
        chats = {CHAT: FakeChat("fake", "p1", self.platform, self.walk.limits), DEAF: mute}
        self.roster = Roster(store, self.walk.house, chats, self.metrics, self.pause)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.walk.clock.pass_by(seconds)

    async def enrol(self, *people: Person, accounts: tuple[Account, ...] = ()) -> None:
        def job(uow: UnitOfWork) -> None:
            for person in people:
                uow.save_person(person)
            for account in accounts:
                uow.save_account(account)

        await self.store.tx(job)

    async def account(self, person: str) -> str | None:
        found = await self.store.read(lambda reads: reads.accounts(PersonId(person), CHAT), ALL_SEEING)
        return found[0].id if found else None

    async def vain(self) -> dict[str, str]:
        found = await self.store.read(lambda reads: reads.look_ups(CHAT), ALL_SEEING)
        return {missed.person: missed.code for missed in found}


@pytest.fixture
async def house(store: Store, url: str) -> AsyncIterator[House]:
    made = House(store, url)
    await made.walk.begin(1)
    yield made
    made.walk.end()


def person(ident: str, **more: object) -> Person:
    return Person(PersonId(ident), ident, **{"email": f"{ident}@example.com", **more})  # type: ignore[arg-type]


async def test_who_can_be_reached_is_found_and_who_cannot_is_asked_again_after_a_day(house: House) -> None:
    gone, unreachable = person("gone", active=False), Person(PersonId("nobody"), "nobody")
    by_number = person("sun", email=None, mobile="+8613800000000")
    await house.enrol(person("zhou"), person("qian"), by_number, gone, unreachable)
    house.platform.known = {"zhou@example.com": "U-ZHOU", "+8613800000000": "U-SUN"}
    await house.roster.refresh()
    assert house.platform.asked == ["qian@example.com", "+8613800000000", "zhou@example.com"]
    assert [await house.account(who) for who in ("zhou", "sun", "qian", "gone")] == ["U-ZHOU", "U-SUN", None, None]
    assert await house.vain() == {"qian": "unknown_person"}
    house.walk.clock.pass_by(timedelta(hours=23).total_seconds())
    await house.roster.refresh()
    assert len(house.platform.asked) == 3, "a miss is not asked again within the day"
    house.platform.known["qian@example.com"] = "U-QIAN"
    house.walk.clock.pass_by(timedelta(hours=2).total_seconds())
    await house.roster.refresh()
    assert house.platform.asked[3:] == ["qian@example.com"]
    assert await house.account("qian") == "U-QIAN"
    assert b'warroom_look_ups_total{connection="fake",outcome="linked"} 3.0' in house.metrics.text()


async def test_a_changed_entry_is_asked_at_once(house: House) -> None:
    await house.enrol(person("zhou"))
    await house.roster.refresh()
    await house.enrol(person("zhou", email="z@example.com"))
    house.platform.known["z@example.com"] = "U-ZHOU"
    await house.roster.refresh()
    assert await house.account("zhou") == "U-ZHOU"


async def test_what_two_people_share_links_nobody(house: House) -> None:
    both = {"email": "TEAM@example.com"}, {"email": "team@example.com"}
    await house.enrol(person("zhou", **both[0]), person("qian", **both[1]))
    house.platform.known = {"team@example.com": "U-TEAM", "TEAM@example.com": "U-TEAM"}
    await house.roster.refresh()
    assert await house.account("zhou") is None
    assert await house.account("qian") is None
    assert await house.vain() == {"zhou": "conflict", "qian": "conflict"}


async def test_an_account_of_somebody_else_in_the_roster_stays_theirs(house: House) -> None:
    await house.enrol(person("zhou"))
    house.platform.known["zhou@example.com"] = "wang"  # the walk's people have accounts already
    await house.roster.refresh()
    assert await house.account("zhou") is None
    assert await house.account("wang") == "wang"
    assert await house.vain() == {"zhou": "conflict"}


async def test_somebody_met_in_the_chat_turns_out_to_be_of_the_roster(house: House) -> None:
    met = Person(PersonId("p-7"), "Zhou", tz="Asia/Tokyo")
    await house.enrol(person("zhou"), met, accounts=(Account(CHAT, "U-ZHOU", met.id, "Zhou", tz="Asia/Tokyo"),))
    house.platform.known["zhou@example.com"] = "U-ZHOU"
    await house.roster.refresh()
    (account,) = await house.store.read(lambda reads: reads.accounts(ZHOU, CHAT), ALL_SEEING)
    assert (account.id, account.name, account.tz) == ("U-ZHOU", "Zhou", "Asia/Tokyo")
    who = await house.store.read(lambda reads: reads.person(met.id), ALL_SEEING)
    assert who is not None
    assert who.id == "zhou"


async def test_but_not_while_they_act_in_an_open_incident(house: House) -> None:
    met = Person(PersonId("p-7"), "Zhou")
    await house.enrol(person("zhou"), met, accounts=(Account(CHAT, "U-ZHOU", met.id, "Zhou"),))
    ident = await house.walk.declare()
    await house.walk.state(ident, ev.CommanderChanged(before=None, after=met.id), by=Actor(ActorKind.PERSON, met.id))
    house.platform.known["zhou@example.com"] = "U-ZHOU"
    await house.roster.refresh()
    assert await house.account("p-7") == "U-ZHOU"
    await house.walk.state(ident, ev.IncidentCancelled())
    house.walk.clock.pass_by(timedelta(days=1, hours=1).total_seconds())
    await house.roster.refresh()
    assert await house.account("zhou") == "U-ZHOU"


async def test_look_ups_keep_to_the_rate_and_leave_room_for_what_is_urgent(house: House) -> None:
    await house.enrol(*(person(f"x{n:02}") for n in range(20)))
    began = house.walk.clock.now()
    await house.roster.refresh()
    assert len(house.platform.asked) == 20
    assert house.walk.clock.now() - began >= timedelta(seconds=1), "ten a second after a burst of four fifths"

    def spent(uow: UnitOfWork) -> timedelta | None:
        interval = timedelta(seconds=0.1)
        return uow.grant(CHAT, house.walk.clock.now(), interval, interval * 10)

    assert await house.store.tx(spent) is None, "something urgent goes out at once"


async def test_trouble_puts_the_rest_off_and_forgets_nobody(house: House) -> None:
    await house.enrol(*(person(f"x{n}") for n in range(3)))
    house.platform.known = {f"x{n}@example.com": f"U{n}" for n in range(3)}
    house.platform.answers = [Lost("no answer"), Retry(7.0, "busy")]
    await house.roster.refresh()
    assert [await house.account(f"x{n}") for n in range(3)] == ["U0", "U1", "U2"]
    assert 7.0 in house.pauses, "as the platform asked"
    await house.enrol(*(person(f"y{n}") for n in range(5)))
    house.platform.asked.clear()
    house.platform.answers = [Rejected("missing_scope", "users:read.email")]
    await house.roster.refresh()
    assert len(house.platform.asked) == 1, "a chat that does not let us is not asked on"
    assert await house.vain() == {}
    await house.roster.refresh()
    assert set(await house.vain()) == {f"y{n}" for n in range(5)}


async def test_a_chat_that_is_away_is_asked_again_every_minute(house: House) -> None:
    await house.enrol(*(person(f"y{n}") for n in range(5)))
    house.platform.known = {"y0@example.com": "U0"}
    house.platform.answers = [Lost("no answer")] * 3 + [Retry(1.0, "unreachable")] * 3
    await house.roster.refresh()
    assert house.pauses.count(60.0) == 2, "twice away, and then there"
    assert await house.account("y0") == "U0" and len(house.platform.asked) == 6 + 5
    house.pauses.clear()
    await house.enrol(person("z"))
    house.platform.answers = [Lost("no answer")] * 1000
    await house.roster.refresh()
    assert 30 < house.pauses.count(60.0) < 60, "the next hour's turn comes all the same"
    assert "z" not in await house.vain()


async def test_somebody_found_late_comes_into_the_room_and_is_told_why(house: House) -> None:
    walk = house.walk
    await house.enrol(person("zhou"))
    ident = await walk.declare()
    await walk.state(ident, ev.PeopleInvited(people=(Invitee(ZHOU, "asked"),)))
    await walk.quiet()
    (place,) = walk.platform.rooms.values()
    assert "U-ZHOU" not in place.people
    assert not [post for post in walk.platform.posts if "未能拉入" in post.words], "nobody is given up before they were looked up"
    await house.roster.refresh()
    await walk.quiet()
    refused = [post.words for post in walk.platform.posts if "未能拉入" in post.words]
    assert len(refused) == 1
    house.platform.known["zhou@example.com"] = "U-ZHOU"
    walk.clock.pass_by(timedelta(days=1, hours=1).total_seconds())
    await house.roster.refresh()
    await walk.quiet()
    assert "U-ZHOU" in place.people
    assert [post.words for post in walk.platform.posts if "未能拉入" in post.words] == refused, "named once"
    assert sum("同事邀请你" in post.words for post in walk.platform.posts if post.chat == "@U-ZHOU") == 1
    await walk.note(ident)
    await house.roster.refresh()
    await walk.quiet()
    assert sum(post.chat == "@U-ZHOU" for post in walk.platform.posts) == 1


async def test_two_refreshes_at_once_are_one(house: House) -> None:
    await house.enrol(person("zhou"))
    await asyncio.gather(house.roster.refresh(), house.roster.refresh())
    assert house.platform.asked == ["zhou@example.com"]


async def test_an_account_met_meanwhile_is_left_as_it_is(house: House) -> None:
    await house.enrol(person("zhou"))
    zhou = person("zhou")

    class Quick(FakeChat):
        async def look_up(self, email: str | None, mobile: str | None) -> object:  # type: ignore[override]
            await house.enrol(accounts=(Account(CHAT, "U-OWN", zhou.id, "by hand"),))
            return await super().look_up(email, mobile)

    chat = Quick("fake", "p1", house.platform, house.walk.limits)
    house.platform.known["zhou@example.com"] = "U-OTHER"
    await Roster(house.store, house.walk.house, {CHAT: chat}, Metrics(), house.pause).refresh()  # type: ignore[dict-item]
    assert await house.account("zhou") == "U-OWN"
    assert zhou == await house.store.read(lambda reads: reads.person(ZHOU), ALL_SEEING)
