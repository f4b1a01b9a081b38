"""What is outside the sandbox's chats: mail, phones, the status page and Alertmanager, reached by the bot's own adapters."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.notify import aliyun_sms, aliyun_voice, email, webhook
from adapters.sandbox.demo import CHATS, of
from adapters.sandbox.inbox.company import TEXTS
from adapters.sandbox.together.whole import WholeDemo
from bot.config import Config, build
from bot.document import Filled
from bot.ports import Done, Notice, NotifyChannel, Rejected
from tests.fakes import HandClock

NOTICE = Notice(
    "【P1 首报】<b>支付失败", "第一行\n.点开头的一行\n" + "长" * 3000, html="<html><head></head><body><p>正文 <a href='https://x'>看</a></p>",
    template="declared",
    variables={"level": "P1", "id": "F-1", "title": "支付失败", "time": "14:01", "status": "处理中", "ic": "张三"},
)  # fmt: skip


@contextlib.asynccontextmanager
async def running(lang: str = "zh") -> AsyncIterator[tuple[WholeDemo, str, Config]]:
    """Serve the demo of the plain chat; gives its address and the bot's configuration."""
    demo = WholeDemo(lang, ("plain",))
    square = demo.serve(0)
    await square.start()  # type: ignore[attr-defined]
    try:
        yield demo, square.url, build(demo.organisation(square.url, "sqlite:///x.db"), Path(), Filled({}))
    finally:
        await square.stop()  # type: ignore[attr-defined]


async def sent(config: Config, name: str, adapter: Any, to: str, notice: Notice = NOTICE, key: str = "k1") -> Any:
    """Send by the adapter that the configuration names, as the bot would."""
    channel: NotifyChannel = adapter.connect(name, config.channels[name].settings, HandClock(datetime.now(UTC)))
    try:
        return await channel.send(to, notice, key)
    finally:
        await channel.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("chat", CHATS)
async def test_each_demo_has_people_on_call_and_somebody_to_tell(chat: str, lang: str) -> None:
    demo = of(chat, lang)
    square = demo.serve(0)
    await square.start()  # type: ignore[attr-defined]
    said = demo.organisation(square.url, "sqlite:///x.db")
    await square.stop()  # type: ignore[attr-defined]
    config = build(said, Path(), Filled({}))
    assert config.warnings == ()
    assert {person.id for person in config.people if person.mobile and person.email} == {"zhang", "li", "wang", "chen", "zhou"}
    assert all(service.on_call for service in config.services.values())
    assert len(config.announcements.audiences) == 4
    assert str(config.http.public_url) == f"http://127.0.0.1:{config.http.port}"


async def test_a_mail_arrives_as_it_was_written_and_with_the_name_of_whose_it_is() -> None:
    async with running() as (demo, _, config):
        assert isinstance(await sent(config, "mail", email, "zhou@example.com"), Done)
        assert isinstance(await sent(config, "mail", email, "nobody@example.com"), Done)
    mine, strange = demo.outside.inbox.items
    assert (mine.kind, mine.to, mine.subject) == ("mail", "老周", "【P1 首报】<b>支付失败")
    assert mine.text.rstrip("\n") == NOTICE.text
    assert strange.to == "nobody@example.com"


async def test_a_mail_is_shown_where_it_can_do_nothing() -> None:
    async with running() as (_, url, config), httpx.AsyncClient(trust_env=False) as web:
        await sent(config, "mail", email, "zhou@example.com")
        shown = await web.get(f"{url}/inbox/mail/1")
        assert '<base target="_blank">' in shown.text
        rules = dict(rule.strip().partition(" ")[::2] for rule in shown.headers["content-security-policy"].split(";"))
        assert rules["default-src"] == "'none'"
        assert "script-src" not in rules
        assert "allow-scripts" not in rules["sandbox"]
        assert "allow-same-origin" not in rules["sandbox"]
        assert (await web.get(f"{url}/inbox/mail/2")).status_code == 404


async def test_the_post_office_takes_no_mail_without_whom_it_is_for() -> None:
    async with running() as (demo, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", demo.outside.post.port)
        said = [await reader.readline()]
        for line in ("RCPT TO:<li@example.com>", "MAIL FROM:<a@example.com>", "DATA", "RCPT TO:<nobody>", "VRFY li", "QUIT"):
            writer.write(f"{line}\r\n".encode())
            said.append(await asyncio.wait_for(reader.readline(), 10))
        writer.close()
    assert [line[:3] for line in said] == [b"220", b"503", b"250", b"503", b"550", b"502", b"221"]
    assert demo.outside.inbox.items == []


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_phones_ring(lang: str) -> None:
    async with running(lang) as (demo, _, config):
        assert isinstance(await sent(config, "sms", aliyun_sms, "13800000002"), Done)
        call = Notice("", "", template="call", variables=NOTICE.variables)
        assert isinstance(await sent(config, "voice", aliyun_voice, "13800000002", call), Done)
        twice = await sent(config, "voice", aliyun_voice, "13800000002", call)
    assert not isinstance(twice, Done)  # one call a minute, as the vendor wants it
    sms, rang = demo.outside.inbox.items
    assert [(one.kind, one.to) for one in (sms, rang)] == [("sms", "Li Si" if lang == "en" else "李四"), ("call", sms.to)]
    assert "支付失败" in sms.text
    assert "支付失败" in rang.text


def test_the_approved_texts_are_those_that_are_printed_to_be_submitted() -> None:
    assert dict(TEXTS["zh"]) == {**aliyun_sms.approval.texts, **aliyun_voice.approval.texts}
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()


async def test_the_status_page_takes_what_is_signed_and_a_repeat_once() -> None:
    async with running() as (demo, url, config), httpx.AsyncClient(trust_env=False) as web:
        body = Notice("", "", body={"change": "recovered", "incident": {"title": "支付失败"}})
        for key in ("k1", "k1", "k2"):
            assert isinstance(await sent(config, "status", webhook, "status", body, key), Done)
        forged = await web.post(f"{url}/hook", content=b"{}", headers={"x-warroom-key": "k3", "x-warroom-signature": "v1=00"})
        assert forged.status_code == 401
    assert [item.change for item in demo.outside.inbox.items] == ["recovered", "recovered"]


async def test_a_wrong_key_of_the_vendor_is_refused() -> None:
    async with running() as (demo, _, config):
        wrong = config.channels["sms"].settings.model_copy(update={"access_key_id": "LTAI-other"})
        refused = await aliyun_sms.connect("sms", wrong, HandClock(datetime.now(UTC))).send("13800000002", NOTICE, "k1")
    assert isinstance(refused, Rejected)
    assert demo.outside.inbox.items == []
