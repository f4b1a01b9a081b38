"""People are found by what they are called, and stay one person after a merge."""

from __future__ import annotations

import pytest

from bot.model.ids import ConnectionId, PersonId
from bot.model.person import Account, Person
from store.unit import Unit

ZHANG = Person(PersonId("zhang"), "张三", email="z@example.com", aliases=("三哥", "San"), tz="Asia/Shanghai")
LI = Person(PersonId("li"), "李四", lang="en")


@pytest.fixture
def met(uow: Unit) -> Unit:
    for person in (ZHANG, LI, Person(PersonId("gone"), "王五", active=False)):
        uow.save_person(person)
    return uow


@pytest.mark.parametrize("word", ["zhang", "ZHANG", "张三", " 张三 ", "三哥", "san", "ＳＡＮ"])
def test_a_person_is_called_by_id_name_or_alias(met: Unit, word: str) -> None:
    assert met.people_called(word) == [ZHANG]


@pytest.mark.parametrize("word", ["张", "王五", "", "%", "zhan"])
def test_nobody_is_called_by_a_part_or_after_leaving(met: Unit, word: str) -> None:
    assert met.people_called(word) == []


def test_two_of_one_name_are_both_given(met: Unit) -> None:
    other = Person(PersonId("zhang2"), "张三")
    met.save_person(other)
    assert {person.id for person in met.people_called("张三")} == {"zhang", "zhang2"}


def test_candidates_contain_the_word_or_are_in_it(met: Unit) -> None:
    assert met.people_like("张") == [ZHANG]
    assert met.people_like("李四老师") == [LI]
    assert met.people_like("王五") == []
    assert met.people_like("100%") == []
    assert met.people_like("") == []
    assert len(met.people_like("i", limit=1)) == 1


def test_a_new_name_replaces_the_old(met: Unit) -> None:
    met.save_person(Person(PersonId("li"), "李思"))
    assert met.people_called("李四") == []
    assert met.people_called("李思") == [Person(PersonId("li"), "李思")]


def test_a_merged_person_is_the_one_they_turned_out_to_be(met: Unit) -> None:
    met.save_person(Person(PersonId("p-1"), "三三", merged_into=PersonId("p-2")))
    met.save_person(Person(PersonId("p-2"), "Zhang San", merged_into=ZHANG.id))
    assert met.person(PersonId("p-1")) == met.person(PersonId("p-2")) == met.person(ZHANG.id) == ZHANG
    assert met.people_called("三三") == [ZHANG]
    assert met.person(PersonId("nobody")) is None


def test_accounts_are_unique_on_a_connection(met: Unit) -> None:
    slack, feishu = ConnectionId("slack"), ConnectionId("feishu")
    first = Account(slack, "U1", LI.id, "li", locale="en-US", tz="UTC", outsider=True)
    met.save_account(first)
    met.save_account(Account(feishu, "U1", LI.id, "李四"))
    assert met.account(slack, "U1") == first
    assert met.account(slack, "U2") is None
    moved = Account(slack, "U1", ZHANG.id, "zhang")
    met.save_account(moved)
    assert met.accounts(ZHANG.id, slack) == [moved]
    assert met.accounts(LI.id, slack) == []
    assert len(met.accounts(LI.id, feishu)) == 1


def test_ids_of_people_met_in_chats_never_repeat(uow: Unit) -> None:
    assert [uow.new_person_id() for _ in range(3)] == ["p-1", "p-2", "p-3"]
