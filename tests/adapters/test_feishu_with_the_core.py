"""The whole product on Feishu's stand-in: from an alert to a closed incident, by long connection and by webhook."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.chat.feishu.setup import EVENTS, SCOPES
from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Message
from bot.app import serve
from bot.config import build
from bot.document import Filled
from tests.adapters.feishu_world import SECRETS, free_port

BEARER = "t0ken-t0ken-t0ken"
LONG = 40.0  # seconds
BOTH = ["socket", "http"]


@dataclass(frozen=True)
class House:
    """Hold the running product, the stand-in and the people."""

    standin: Feishu
    stage: Stage
    url: str

    async def alert(self, firing: bool = True) -> None:
        """Let the monitoring system say that payments fail, or work again."""
        labels = {"alertname": "HighErrorRate", "service": "payment", "severity": "critical"}
        state = "firing" if firing else "resolved"
        ends = "0001-01-01T00:00:00Z" if firing else "2030-01-01T00:00:00Z"
        alert = {
            "status": state, "labels": labels, "annotations": {"summary": "支付成功率 61%"}, "fingerprint": "a1",
            "startsAt": "2026-11-23T19:05:59Z", "endsAt": ends, "generatorURL": "",
        }  # fmt: skip
        body = {
            "version": "4", "groupKey": "g", "truncatedAlerts": 0, "status": state, "receiver": "warroom", "groupLabels": {},
            "commonLabels": labels, "commonAnnotations": {}, "externalURL": "", "alerts": [alert],
        }  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self.url}/webhooks/alertmanager", json=body, headers={"authorization": f"Bearer {BEARER}"}
            )
        assert answer.status_code < 300

    def calls(self, method: str, path: str) -> int:
        """Count the calls of one kind that the stand-in took."""
        return sum(c.method == method and re.fullmatch(path, c.path) is not None and c.applied for c in self.standin.log.calls)

    def of_the_bot(self, chat: str) -> list[Message]:
        mine = self.standin.tenant.chats[chat].messages.values()
        return [m for m in mine if m.sender == self.standin.app.id and not m.only]


@contextlib.asynccontextmanager
async def house(mode: str, folder: Path, *, scale: float = 1.0, **policy: str) -> AsyncIterator[House]:
    secret, key, token = SECRETS
    app = App(secret=secret, encrypt_key=key, verification=token, scopes=tuple(SCOPES), events=EVENTS)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    standin = Feishu(people(), chats(app), app=app, request_url=f"{url}/chat/feishu" if mode == "http" else None, scale=scale)
    async with FeishuSandbox(standin) as sandbox:
        way = {"encrypt_key": key, "verification_token": token} if mode == "http" else {}
        announce = next(c.id for c in standin.tenant.chats.values() if c.name == "alerts")
        data: dict[str, Any] = {
            "database": {"url": f"sqlite:///{folder}/w.db"},
            "http": {"port": port},
            "chats": {
                "feishu": {"adapter": "feishu", "app_id": app.id, "app_secret": secret, "api_url": sandbox.url, **way}
            },
            "announce": [{"chat": "feishu", "channel": announce}],
            "monitoring": {"alertmanager": {"adapter": "alertmanager", "auth": {"bearer": BEARER}}},
            "routing": [
                {
                    "name": "payment", "match": ['severity="critical"'], "action": "declare", "service": "{service}",
                    "severity": "P1",
                }
            ],
            "services": {"payment": {"name": "支付服务", "tier": 1, "owners": {"ops": ["li"], "dev": ["gone"]}}},
            "people": [
                {"id": "zhang", "name": "张三", "accounts": {"feishu": "ou_zhang"}},
                {"id": "li", "name": "李四", "email": "li@example.com"},
                {"id": "gone", "name": "老六", "accounts": {"feishu": "ou_gone"}},
            ],
            "admins": ["zhang"],
            "policy": policy,
        }  # fmt: skip
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        config = build(data, folder, Filled({}))
        serving = asyncio.create_task(serve(config, ready=ready.set_result, stop=stop))
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        try:
            async with asyncio.timeout(40):
                while mode == "socket" and not standin.hub.sockets:  # noqa: ASYNC110  (the stand-in tells nobody)
                    await asyncio.sleep(0.01)
            async with Stage(sandbox.url) as stage:
                yield House(standin, stage, url)
        finally:
            stop.set()
            assert await serving == 0


async def opened(player: Player) -> str:
    room = await player.room(r"F-\d{8}-001 P1", deadline=LONG)
    return str(room["name"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", BOTH)
async def test_an_alert_becomes_an_incident_that_is_worked_on_and_closed(mode: str, tmp_path: Path) -> None:
    async with house(mode, tmp_path) as there:
        await there.alert()
        li = there.stage.player("ou_li")  # known by e-mail alone, and asked in as the service's owner
        name = await opened(li)
        room = await li.channel(name)
        chat = there.standin.tenant.chats[room]
        card = await li.card(name, "待确认", deadline=LONG)
        assert "支付服务" in card.shown
        await li.until(lambda sight: chat.pins and chat.notices, "the pin on top", deadline=LONG)
        await li.expect(name, "老六", deadline=LONG)  # who could not be added
        await li.until(lambda sight: "P1" in sight.channels[room]["description"], "the topic", deadline=LONG)

        await li.click("确认故障", name, deadline=LONG)
        await li.card(name, "P1 处理中", deadline=LONG)
        ident = await li.says("@warroom 进展 已回滚 2/4", name)
        await li.until(
            lambda sight: [e for e, *_ in there.standin.tenant.messages[ident].reactions.values()] == ["DONE"], "the tick",
            deadline=LONG,
        )  # fmt: skip
        await li.card(name, "已回滚 2/4", deadline=LONG)
        await li.click("我来指挥", name, deadline=LONG)
        answered = [one["answer"] for one in there.standin.courier.sink.attempts if one["kind"] == "card.action.trigger"][-1]
        assert "李四" in json.dumps(answered["card"], ensure_ascii=False) and answered["toast"]  # in the answer itself
        await li.card(name, r"指挥官\*\*\n李四", deadline=LONG)
        await li.says("@warroom 现状", name)
        assert "李四" in (await li.expect(name, "处理中", private=True, deadline=LONG)).shown

        await li.click("记一笔", name, deadline=LONG)
        form = await li.form(channel=name, deadline=LONG)
        assert form.private
        await li.fill(form.fields[0], "回滚完成", name)
        await li.submit(channel=name)
        await li.says("@warroom 时间线", name)
        await li.expect(name, "回滚完成", private=True, deadline=LONG)

        await there.alert(firing=False)
        await li.says("@warroom 恢复 回滚网关", name)
        await li.card(name, "✅ P1 已恢复", deadline=LONG)
        refused = await li.says("@warroom 关闭", name)
        await li.expect(name, "复盘", private=True, after=refused, deadline=LONG)
        zhang = there.stage.player("ou_zhang")
        assert await zhang.says("列表")
        await zhang.expect(None, "001", deadline=LONG)
        assert there.calls("POST", "/open-apis/im/v1/chats") == 1
        bad = {(c.method, c.path, c.said) for c in there.standin.log.calls if c.said not in ("0", "")}
        # The direct message to whoever is not there, and the card that called them, which is shown with names then.
        assert bad <= {("POST", "/open-apis/im/v1/messages", code) for code in ("99992351", "230099")}


@pytest.mark.slow
@pytest.mark.parametrize("mode", BOTH)
async def test_a_delivery_that_comes_three_times_has_one_effect(mode: str, tmp_path: Path) -> None:
    async with house(mode, tmp_path) as there:
        there.standin.courier.repeat, there.standin.courier.at_once = 3, True
        zhang = there.stage.player("ou_zhang")
        await zhang.says("@warroom 声明 P1 支付服务 支付失败", "incidents")
        name = await opened(zhang)
        room = await zhang.channel(name)
        await zhang.card(name, "支付失败", deadline=LONG)
        await zhang.says("@warroom 进展 已回滚", name)
        await zhang.card(name, "已回滚", deadline=LONG)
        await zhang.says("@warroom 时间线", name)
        told = await zhang.expect(name, "已回滚", private=True, deadline=LONG)
        assert told.shown.count("已回滚") == 1
        assert there.calls("POST", "/open-apis/im/v1/chats") == 1
        cards = [m for m in there.of_the_bot(room) if m.card is not None and m.id in there.standin.tenant.chats[room].pins]
        assert len(cards) == 1


async def test_a_killed_connection_loses_nothing(tmp_path: Path) -> None:
    async with house("socket", tmp_path, scale=0.05) as there:
        zhang = there.stage.player("ou_zhang")
        await zhang.says("@warroom 声明 P1 支付服务 支付失败", "incidents")
        name = await opened(zhang)
        await zhang.card(name, "支付失败", deadline=LONG)
        for n in range(5):
            await there.standin.hub.disturb(("abort", "close")[n % 2])
            await zhang.says(f"@warroom 记录 第{n}条", name)
        room = await zhang.channel(name)
        chat = there.standin.tenant.chats[room]

        def ticked(sight: object) -> bool:
            notes = [m for m in chat.messages.values() if m.kind == "text" and "记录" in m.content]
            return len(notes) == 5 and all(m.reactions for m in notes)

        await zhang.until(ticked, "five ticks", deadline=LONG)
        await zhang.says("@warroom 时间线 20", name)
        told = await zhang.expect(name, "第4条", private=True, deadline=LONG)
        assert [told.shown.count(f"第{n}条") for n in range(5)] == [1] * 5


async def test_a_room_follows_the_level_closes_by_name_and_can_be_had_again(tmp_path: Path) -> None:
    async with house("socket", tmp_path, close_room_after="1s") as there:
        zhang = there.stage.player("ou_zhang")
        await zhang.says("@warroom 声明 P4 支付服务 支付失败", "incidents")
        await zhang.until(lambda sight: any(m.private for m in sight.messages.values()), "the receipt", deadline=LONG)
        await zhang.says("@warroom 等级 001 P3 全国", "incidents")
        room = await zhang.room(r"F-\d{8}-001 P3", deadline=LONG)
        chat, name = there.standin.tenant.chats[room["id"]], str(room["name"])
        await zhang.card(name, "支付失败", deadline=LONG)
        await zhang.says("@warroom 恢复 回滚网关", name)
        await zhang.card(name, "已恢复", deadline=LONG)
        await zhang.says("@warroom 关闭", name)
        await zhang.until(lambda sight: chat.moderation == "only_owner", "silence", deadline=LONG)
        await zhang.until(lambda sight: chat.name.startswith("[已关闭]"), "the closed name", deadline=LONG)
        assert not chat.disbanded and len(chat.messages) > 3
        await zhang.says("重开 001 又来了")
        await zhang.until(lambda sight: chat.moderation == "all_members", "speech", deadline=LONG)
        await zhang.until(lambda sight: not chat.name.startswith("[已关闭]"), "the open name", deadline=LONG)
