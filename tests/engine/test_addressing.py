"""Whom a message calls: a person by their account on the chat where it is printed, and by name where they have none."""

from __future__ import annotations

import dataclasses

from bot.engine.addressing import addressed
from bot.model import event as ev
from bot.model.card import Card, Field
from bot.model.ids import ConnectionId, PersonId
from bot.model.person import ALL_SEEING, Account, Person
from bot.model.text import Span, Text, plain
from bot.ports import Store, UnitOfWork
from tests.engine.test_outbox_walk import CHAT, Walk

ELSEWHERE = ConnectionId("elsewhere")


def people(text: Text) -> list[tuple[str, str | None]]:
    return [(span.text, span.target) for span in text if span.kind == "person"]


async def test_a_request_calls_the_person_by_their_account_and_a_stranger_to_the_chat_by_name(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1)
    await walk.begin()

    def enrol(uow: UnitOfWork) -> None:
        uow.save_account(dataclasses.replace(uow.accounts(PersonId("wang"), CHAT)[0], id="W1"))
        uow.save_person(Person(PersonId("sun"), "孙七"))
        uow.save_account(Account(ELSEWHERE, "S1", PersonId("sun"), "孙七"))

    await store.tx(enrol)
    ident = await walk.declare()
    await walk.quiet()
    for name in ("wang", "sun"):
        await walk.state(ident, ev.CommandOffered(to=PersonId(name)))
        await walk.quiet()
    told, other = [post for post in walk.platform.posts if "接任" in post.words and not post.chat.startswith("@")]
    assert isinstance(told.content, tuple)
    assert people(told.content) == [("@wang", "W1")]
    assert "请 孙七 接任" in other.words, "no account here: a plain name"
    assert [post.chat for post in walk.platform.posts if "请你指挥：" in post.words] == ["@W1"]
    walk.end()


async def test_cards_and_people_who_turned_out_to_be_others(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1)
    await walk.begin()

    def enrol(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("p-9"), "wang?", merged_into=PersonId("wang")))

    await store.tx(enrol)
    met, unknown = Span("@王五", "person", PersonId("p-9")), Span("@谁", "person")
    card = Card("h", "red", fields=(Field("谁", (met, Span(" "), unknown)), Field("影响", plain("x"))))
    printed = await store.read(lambda reads: addressed(card, CHAT, reads), ALL_SEEING)
    assert isinstance(printed, Card)
    assert printed.fields[0].value == (dataclasses.replace(met, target="wang"), Span(" 谁"))
    untouched = Card("h", "red", fields=(Field("影响", plain("x")),))
    assert await store.read(lambda reads: addressed(untouched, CHAT, reads), ALL_SEEING) is untouched
    walk.end()
