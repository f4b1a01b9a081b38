"""The whole product on WeCom's stand-in: an alert, its incident and its end, with the app alone and with the bot in a group."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.player import Player, Stage
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from bot.app import serve
from bot.config import build
from bot.document import Filled
from tests.adapters.wecom_world import free_port

BEARER = "a-bearer-token"
ALERT = {
    "version": "4", "groupKey": "{}:{alertname=\"PayFail\"}", "status": "firing", "receiver": "x", "groupLabels": {},
    "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am", "truncatedAlerts": 0,
    "alerts": [
        {
            "status": "firing", "labels": {"alertname": "PayFail", "service": "payment", "severity": "P1"},
            "annotations": {"summary": "支付成功率 61%"}, "startsAt": "2024-05-20T06:02:11Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prom", "fingerprint": "0123456789abcdef",
        }
    ],
}  # fmt: skip


@contextlib.asynccontextmanager
async def house(folder: Path, chats: Sequence[str], **more: Any) -> AsyncIterator[tuple[WeCom, Stage, Product]]:
    """Run the product beside the stand-in."""
    port = free_port()
    standin = WeCom(company.users(), company.chats(), request_url=f"http://127.0.0.1:{port}/chat/wecom")
    async with WeComSandbox(standin) as sandbox:
        app, bot = standin.app, standin.bot
        known = {
            "wecom": {
                "adapter": "wecom", "corp_id": app.corpid, "agent_id": app.agentid, "secret": app.secret, "token": app.token,
                "aes_key": app.aes_key, "api_url": sandbox.url, "company": ["wang"],
            },
            "wecom-bot": {
                "adapter": "wecom_bot", "bot_id": bot.id, "secret": bot.secret, "name": bot.name, "url": sandbox.ws_url,
                **({"hears_for": "wecom"} if len(chats) > 1 else {}),
            },
        }  # fmt: skip
        everywhere = {name: person for name in chats for person in ("x",)}
        data: dict[str, Any] = {
            "database": {"url": f"sqlite:///{folder}/w.db"},
            "http": {"port": port},
            "chats": {name: known[name] for name in chats},
            "default_chat": chats[0],
            "monitoring": {"alertmanager": {"adapter": "alertmanager", "auth": {"bearer": BEARER}}},
            "routing": [
                {"name": "pay", "match": ['severity="P1"'], "action": "declare", "service": "{service}", "severity": "P1"}
            ],
            "services": {"payment": {"name": "支付服务", "tier": 1, "owners": {"ops": ["li"], "dev": ["zhang"]}}},
            "people": [
                {"id": who, "name": name, "accounts": dict.fromkeys(everywhere, who)}
                for who, name in (("zhang", "张三"), ("li", "李四"), ("wang", "王五"))
            ],
            "admins": ["zhang"],
            "policy": {"close_room_after": "1s"},
            **more,
        }
        product = Product(data, folder)
        await product.start()
        try:
            async with Stage(sandbox.url, direct="app" if chats[0] == "wecom" else "bot") as stage:
                if "wecom-bot" in chats:
                    async with asyncio.timeout(40):
                        while standin.hub.live is None:  # noqa: ASYNC110  (the stand-in tells nobody)
                            await asyncio.sleep(0.01)
                yield standin, stage, product
        finally:
            await product.end()


class Product:
    """Be the whole product, which can be ended and started again on its database."""

    def __init__(self, data: dict[str, Any], folder: Path) -> None:
        self._data, self._folder = data, folder
        self.port = int(data["http"]["port"])

    async def start(self) -> None:
        self._stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        filled = build(self._data, self._folder, Filled({}))
        self._serving = asyncio.create_task(serve(filled, ready=ready.set_result, stop=self._stop))
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)

    async def end(self) -> None:
        began = time.monotonic()
        self._stop.set()
        assert await self._serving == 0
        assert time.monotonic() - began < 3


async def alert(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"http://127.0.0.1:{port}/webhooks/alertmanager", json=ALERT, headers={"authorization": f"Bearer {BEARER}"}
        )
    assert answer.status_code in (200, 202, 204), answer.text


async def told(player: Player, room: str, pattern: str) -> None:
    await player.expect(room, pattern, deadline=20)


async def test_an_alert_becomes_a_room_to_read_and_a_direct_chat_to_act_in(tmp_path: Path) -> None:
    async with house(tmp_path, ["wecom"]) as (standin, stage, product):
        zhang, li = stage.player("zhang"), stage.player("li")
        await alert(product.port)
        room = (await li.room(r"^F-\d{8}-001", deadline=20))["id"]
        await told(li, room, "(?s)支付成功率 61%.*支付服务")  # the status, as words
        await told(li, room, "私聊")  # how to act, since nobody is heard there
        await told(li, room, "(?s)📣 已呼叫 .*李四")
        await li.says("确认故障")
        await told(li, room, "P1 故障")
        await zhang.click("我来指挥", deadline=20)  # on the card in the direct chat
        await told(zhang, room, "指挥官：张三")
        await zhang.expect(None, "✓ #", deadline=20)
        standin.courier.repeat, standin.courier.at_once = 3, True
        await zhang.says("进展 已回滚 2/4")
        await told(li, room, "(?s)进展 1（张三）.*已回滚 2/4")
        standin.courier.repeat = 1
        await li.says("现状")
        await li.expect(None, "(?s)P1.*处理中.*张三", deadline=20)
        await zhang.says("恢复 回滚网关")
        await told(li, room, "已恢复")
        await zhang.says('关闭 --no-postmortem "演练，不复盘"')
        await told(li, room, "已关闭")
        await zhang.until(
            lambda sight: sight.channels[room]["name"].startswith("[已关闭]"), "the closed room's name", deadline=30
        )
        group = standin.corp.groups[room]
        rooms = [m.text for m in standin.corp.messages if m.chat == room and m.author == "app"]
        assert sum("已回滚 2/4" in text and "📣" in text for text in rooms) == 1  # though it was delivered three times
        assert not any("进展 2" in text for text in rooms)
        assert {"zhang", "li"} <= set(group.members) and group.appchat is not None
        calls = [call for call in standin.log.calls if call.path.startswith("/cgi-bin/")]
        assert [c.path for c in calls].count("/cgi-bin/appchat/create") == 1
        assert {call.said for call in calls} == {"0"}, [(c.path, c.said) for c in calls if c.said != "0"]
        assert not [m for m in standin.corp.messages if m.hidden]  # nothing was dropped silently


async def test_one_incident_lives_in_a_group_that_the_bot_was_put_into(tmp_path: Path) -> None:
    async with house(tmp_path, ["wecom-bot"]) as (standin, stage, _):
        zhang, li = stage.player("zhang"), stage.player("li")
        for player in (zhang, li):
            await player.says("帮助")  # so that the bot may write to them
            await player.expect(None, "声明", deadline=20)
        await zhang.asks("声明 P1 支付服务 支付失败 成功率跌到61%", "incidents")
        first = await zhang.expect("incidents", r"F-\d{8}-001|私信|私聊", deadline=20)
        number = re.search(r"F-\d{8}-001", first.shown)
        await zhang.expect(None, r"F-\d{8}-001", deadline=20) if number is None else None
        await zhang.asks("绑定群 001", "incidents")
        card = await li.card("incidents", "支付失败", deadline=20)
        assert "P1" in card.shown
        await told(li, "incidents", "未能在")  # what follows the card, so that it is known as shown
        await li.click("我来指挥", "incidents", deadline=20)
        await li.until(
            lambda sight: any("李四" in m.shown for m in sight.messages.values() if m.raw["card"]), "the card", deadline=20
        )
        await zhang.asks("进展 已回滚 2/4", "incidents")
        await told(li, "incidents", "已回滚 2/4")
        await zhang.asks("现状", "incidents")
        await zhang.expect(None, "(?s)P1.*李四", deadline=20)
        await li.asks("恢复 回滚网关", "incidents")
        await told(zhang, "incidents", "已恢复")
        await li.asks('关闭 --no-postmortem "演练，不复盘"', "incidents")
        await told(zhang, "incidents", "已关闭")
        said = {call.said for call in standin.log.calls if call.path.startswith("/aibot_")}
        assert said == {"0"}


async def test_the_bot_hears_for_the_app_in_a_room_that_it_was_put_into(tmp_path: Path) -> None:
    async with house(tmp_path, ["wecom", "wecom-bot"]) as (standin, stage, product):
        zhang, li = stage.player("zhang"), stage.player("li")
        await alert(product.port)
        room = (await li.room(r"^F-\d{8}-001", deadline=20))["id"]
        await told(li, room, "绑定群")  # the line that says how
        await li.invites("bot", room)
        await li.asks("绑定群 001", room)
        await told(li, room, "已绑定|听")
        await li.asks("确认故障", room)
        await told(zhang, room, "P1 故障")
        before = len(standin.corp.messages)
        await zhang.asks("进展 已回滚 2/4", room)
        await told(li, room, "(?s)进展 1（张三）.*已回滚 2/4")
        said = [m for m in standin.corp.messages[before:] if "已回滚 2/4" in m.text and m.author in ("app", "bot")]
        assert len(said) == 1  # the room is told once


async def test_a_card_changes_in_its_place_by_its_clicks_code_after_a_restart(tmp_path: Path) -> None:
    told_to = [{"chat": "wecom", "channel": "@li"}]  # what an announcement channel shows, in a direct chat
    async with house(tmp_path, ["wecom"], announce=told_to) as (standin, stage, product):
        zhang, li = stage.player("zhang"), stage.player("li")
        await zhang.says("声明 P1 支付服务 支付失败")
        await li.card(None, "支付失败（处理中）", deadline=20)
        await zhang.says("标题 全国付不了款")  # spends the code that came with the card
        card = await li.card(None, "全国付不了款（处理中）", deadline=20)
        await li.click("进群", on=card, deadline=20)
        await li.until(lambda sight: all(a["state"] != "waiting" for a in sight.acts.values()), "the answer", deadline=20)
        await product.end()
        await product.start()
        await zhang.says("恢复 回滚网关")
        task = card.raw["card"]["task_id"]
        await li.until(
            lambda sight: "历时" in sight.messages[card.ts].shown, "the card of before to say how long it took", deadline=20
        )
        assert [c.said for c in standin.log.calls if c.path.endswith("update_template_card")] == ["0", "0"]
        assert not [m for m in standin.corp.messages if f"{task}@" in str(m.card)]  # and no other message in its place
