"""One person on several chats: by e-mail or number, by a one-time code; and the languages that people are spoken to in."""

from __future__ import annotations

import re

from bot.app import enrol
from bot.config import load
from bot.model.ids import ConnectionId, PersonId
from bot.model.person import ALL_SEEING, Account, Person
from bot.ports import Store, UnitOfWork
from tests.engine.town import WHOLE, Town

FEISHU, DING = ConnectionId("feishu"), ConnectionId("ding")
BOTH = {"feishu": WHOLE, "ding": WHOLE}
ID = "F-20240520-001"


async def town_of(store: Store, url: str, people: dict[str, tuple[str, ...]] | None = None, **policy: object) -> Town:
    given = {"titles": {FEISHU: ("飞书", "Feishu"), DING: ("钉钉", "DingTalk")}, **policy}
    return await Town(store, url, BOTH, people or {"li": ("feishu",), "zhao": ("feishu",), "root": ("feishu",)}, **given).begin()


async def who(town: Town, connection: str, ident: str) -> str:
    account = await town.store.read(lambda reads: reads.account(ConnectionId(connection), f"{connection}:{ident}"), ALL_SEEING)
    assert account is not None
    return account.person


def code_in(words: str) -> str:
    found = re.search(r"\b[2-9A-Z]{8}\b", words)
    assert found, words
    return found[0]


async def test_a_code_shown_on_one_chat_and_typed_on_another_makes_one_person(store: Store, url: str) -> None:
    town = await town_of(store, url)
    code = code_in(await town.says("li", "feishu", "", "绑定账号"))
    assert (await who(town, "feishu", "li")) == "li"
    answer = await town.says("li", "ding", "", f"绑定账号 {code.lower()}")
    assert answer == "✅ 已绑定：这个账号和另一个平台上的 李四 是同一个人。"
    assert await who(town, "ding", "li") == "li"
    assert "账号在 钉钉、飞书" in await town.says("li", "ding", "", "我是谁")
    assert "这个码不对、用过了或已过期" in await town.says("wang", "ding", "", f"绑定账号 {code}"), "once"
    town.end()


async def test_it_works_from_either_side_and_the_roster_wins(store: Store, url: str) -> None:
    town = await town_of(store, url)
    code = code_in(await town.says("li", "ding", "", "bind-account"))
    assert "李四" in await town.says("li", "feishu", "", f"bind-account {code}")
    assert await who(town, "ding", "li") == await who(town, "feishu", "li") == "li"
    town.end()


async def test_a_code_is_of_use_for_ten_minutes_and_kept_by_its_digest_only(store: Store, url: str) -> None:
    town = await town_of(store, url)
    words = await town.says("li", "feishu", "", "绑定账号", key="same")
    code = code_in(words)
    again = await town.says("li", "feishu", "", "绑定账号", key="same")
    assert again == "绑定码只显示一次。再要一个：绑定账号", "a repeated delivery does not get it"
    for table in ("delivery", "event", "link_code", "effect"):
        for row in town.rows(f"SELECT * FROM {table}"):
            assert code not in repr([bytes(c) if isinstance(c, memoryview) else c for c in row])
    town.clock.pass_by(601)
    assert "已过期" in await town.says("li", "ding", "", f"绑定账号 {code}")
    town.end()


async def test_refusals_say_what_to_do(store: Store, url: str) -> None:
    people = {"li": ("feishu",), "wang": ("ding",), "root": ("feishu",), "zhao": ("feishu",)}
    town = await town_of(store, url, people)
    code = code_in(await town.says("li", "feishu", "", "绑定账号"))
    assert "这是你自己的码" in await town.says("li", "feishu", "", f"绑定账号 {code}")
    assert "请私聊我" in await town.says("li", "feishu", "g1", "绑定账号")
    both = await town.says("wang", "ding", "", f"绑定账号 {code}")
    assert "李四" in both and "王五" in both and "都在人员名单里" in both
    assert await who(town, "ding", "wang") == "wang"
    town.end()


async def test_what_somebody_holds_in_an_open_incident_comes_along(store: Store, url: str) -> None:
    town = await town_of(store, url)
    await town.says("zhao", "feishu", "", "声明 P1 支付 支付失败")
    await town.says("li", "ding", "", f"指挥 {ID}")
    before = (await town.incident(ID)).commander
    assert before is not None and before != "li"
    code = code_in(await town.says("li", "feishu", "", "绑定账号"))
    await town.says("li", "ding", "", f"绑定账号 {code}")
    after = await town.incident(ID)
    assert after.commander == "li" and "li" in after.involved
    assert "指挥官 李四" in await town.says("li", "ding", "", f"现状 {ID}")
    town.end()


async def test_a_number_links_like_an_address_when_exactly_one_has_it(store: Store, url: str) -> None:
    town = await town_of(store, url)

    def add(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("chen"), "陈晨", mobile="+8613800000001"))
        uow.save_person(Person(PersonId("zhou"), "周舟", mobile="13800000002"))
        uow.save_person(Person(PersonId("zhou2"), "周周", email="zhou@example.com"))
        uow.save_account(Account(FEISHU, "old", PersonId("chen"), "陈晨"))

    await town.store.tx(add)
    await town.says("c1", "ding", "", "帮助", mobile="13800000001")
    assert await who(town, "ding", "c1") == "chen"
    await town.says("z1", "ding", "", "帮助", mobile="+8613800000002", email="zhou@example.com")
    assert (await who(town, "ding", "z1")).startswith("p-"), "two people are meant"
    await town.says("c2", "feishu", "", "帮助", mobile="13800000001")
    assert (await who(town, "feishu", "c2")).startswith("p-"), "they have another account there"
    found = await town.store.read(lambda reads: [*reads.look_ups(DING), *reads.look_ups(FEISHU)], ALL_SEEING)
    assert sorted((d.code, d.sought) for d in found) == [("conflict", "chen"), ("conflict", "zhou,zhou2")]
    town.end()


async def test_people_and_rooms_have_their_own_languages(store: Store, url: str) -> None:
    town = await town_of(store, url)
    await town.says("zhao", "feishu", "", "声明 P1 支付 支付失败")
    await town.quiet()
    room = (await town.rooms(ID))["feishu"].address or ""
    assert await town.says("li", "feishu", "", "语言 English") == "✅ I answer you in English from now on."
    assert "You are 李四" in await town.says("li", "feishu", "", "whoami")
    assert "say which language" in await town.says("li", "feishu", "", "lang klingon")
    assert "in the room whose language" in await town.says("li", "feishu", "", "lang zh room")
    await town.says("zhao", "feishu", room, "指挥")
    assert "for the commander" in await town.says("li", "feishu", room, "lang en room")
    assert await town.says("zhao", "feishu", room, "语言 英文 本群") == "✅ 这个群以后用英文。"
    await town.says("li", "feishu", "", f"note {ID} scaled out")
    await town.quiet()
    assert town.told("feishu", room)[-1].endswith("李四 noted: scaled out")
    assert "commander 赵六" in town.platforms[FEISHU].rooms[room].topic
    town.end()


async def test_a_chosen_language_outlives_a_start_unless_the_roster_says_one(store: Store, url: str, tmp_path: object) -> None:
    town = await town_of(store, url)
    path = tmp_path / "config.yaml"  # type: ignore[operator]

    def starts(lang: str) -> None:
        path.write_text(
            "chats: {feishu: {adapter: plain, base_url: 'http://127.0.0.1:9', secret: aaaaaaaaaaaaaaaaaaaa}}\n"
            f"people:\n  - {{id: li, name: 李四{lang}, accounts: {{feishu: 'feishu:li'}}}}\n",
            encoding="utf-8",
        )

    starts("")
    await town.store.tx(lambda uow: enrol(uow, load(path, {})))
    await town.says("li", "feishu", "", "lang en")
    await town.store.tx(lambda uow: enrol(uow, load(path, {})))
    assert "You are" in await town.says("li", "feishu", "", "我是谁")
    starts(", lang: zh")
    await town.store.tx(lambda uow: enrol(uow, load(path, {})))
    assert "你是" in await town.says("li", "feishu", "", "我是谁")
    town.end()
