"""The demo organisation, and an incident that plays itself from alert to closed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.sandbox.chat import ChatRoom, Resident
from adapters.sandbox.outage import Outage, SampleAlert
from adapters.sandbox.plain import Plain
from adapters.sandbox.player import Stage
from adapters.sandbox.players import NotSeen
from adapters.sandbox.server import Listener, Sandbox

CONNECTION = "plain"
SOURCE = "alertmanager"
CHATS = ("plain", "slack", "feishu", "dingtalk", "wecom", "all")
NOWHERE = "http://127.0.0.1:1"  # until the bot listens
PEOPLE = {  # id: names and duties, in Chinese and in English
    "zhang": ("张三", "支付研发·值班", "Zhang San", "payments dev, on call"),
    "li": ("李四", "运维", "Li Si", "operations"),
    "wang": ("王五", "产品", "Wang Wu", "product"),
    "chen": ("小陈", "客服", "Xiao Chen", "support"),
    "zhou": ("老周", "管理员", "Lao Zhou", "admin"),
}


def people(lang: str) -> list[Resident]:
    """List the people of the chat; the sample outage is about a service of 张三 and 李四."""
    locale = "en-US" if lang == "en" else "zh-CN"
    at = 2 if lang == "en" else 0
    return [Resident(ident, said[at], said[at + 1], locale, "Asia/Shanghai") for ident, said in PEOPLE.items()]


def halls(lang: str) -> list[ChatRoom]:
    """List the rooms that everybody is in from the start."""
    named = {"hall": ("大厅", "Everybody"), "alerts": ("告警", "Alerts")}
    return [ChatRoom(name, titles[lang == "en"], hall=True) for name, titles in named.items()]


def company(
    chats: Mapping[str, Any],
    announce: Mapping[str, str],
    alerts: str,
    people: Sequence[Mapping[str, Any]],
    *,
    token: str,
    database: str,
    lang: str,
    port: int = 0,
) -> dict[str, Any]:
    """Give the bot's configuration for the demo organisation on some chat, as its YAML file would say it.

    `alerts` = the channel to which the services' alert cards go, `announce` where the announcement cards go.
    """
    services = {
        "payments": ("支付服务", "Payments", 1, ["支付"], {"ops": "li", "dev": "zhang", "product": "wang"}, []),
        "orders": ("订单服务", "Orders", 1, ["订单"], {"ops": "li", "dev": "wang"}, ["payments"]),
        "login": ("登录服务", "Login", 2, ["登录"], {"ops": "li"}, []),
        "search": ("搜索服务", "Search", 3, ["搜索"], {"dev": "zhang"}, []),
    }
    return {
        "install": "sandbox",
        "timezone": "Asia/Shanghai",
        "language": lang,
        "database": {"url": database},
        "http": {"host": "127.0.0.1", "port": port},
        "chats": dict(chats),
        "announce": [dict(announce)],
        "monitoring": {SOURCE: {"adapter": "alertmanager", "auth": {"bearer": token}}},
        "routing": [
            {"name": "vital-critical", "match": ["severity=critical", "service=~payments|orders"], "action": "declare",
             "service": "{service}", "severity": "P1"},
            {"name": "warnings", "match": ["severity=warning"], "action": "propose", "service": "{service}", "severity": "P3"},
        ],
        "services": {
            ident: {"name": zh, "name_en": en, "tier": tier, "aliases": aliases, "owners": owners, "depends_on": needs,
                    "channel": alerts}
            for ident, (zh, en, tier, aliases, owners, needs) in services.items()
        },
        "people": [dict(person) for person in people],
        "admins": ["zhou"],
    }  # fmt: skip


def organisation(*, chat_url: str, secret: str, token: str, database: str, lang: str = "zh", port: int = 0) -> dict[str, Any]:
    """Give the bot's configuration for the demo organisation on the plain chat."""
    return company(
        {CONNECTION: {"adapter": "plain", "base_url": chat_url, "secret": secret}},
        {"chat": CONNECTION, "channel": "hall"},
        "alerts",
        [{"id": p.id, "name": p.name, "lang": lang, "tz": p.tz, "accounts": {CONNECTION: p.id}} for p in people(lang)],
        token=token, database=database, lang=lang, port=port,
    )  # fmt: skip


def outage(bot_url: str, token: str, lang: str = "zh") -> Outage:
    """Make the sample outage: two payment alerts of one group, in two regions."""
    summary = "Payment success rate 61 % ({}), threshold 95 %" if lang == "en" else "支付成功率 61%（{}），阈值 95%"
    regions = {"east": "East China" if lang == "en" else "华东", "south": "South China" if lang == "en" else "华南"}
    common = {"alertname": "PaymentSuccessRateLow", "service": "payments", "severity": "critical"}
    return Outage(
        f"{bot_url.rstrip('/')}/webhooks/{SOURCE}",
        token,
        [
            SampleAlert({**common, "region": region}, {"summary": summary.format(name)}, f"{number:016x}")
            for number, (region, name) in enumerate(regions.items(), 0x5EED)
        ],
    )


def warning(bot_url: str, token: str, lang: str = "zh") -> Outage:
    """Make an alert that declares nothing: people judge it."""
    summary = "Search takes 1.8 s (p99), threshold 1 s" if lang == "en" else "搜索 P99 1.8 秒，阈值 1 秒"
    labels = {"alertname": "SearchSlow", "service": "search", "severity": "warning"}
    return Outage(
        f"{bot_url.rstrip('/')}/webhooks/{SOURCE}", token, [SampleAlert(labels, {"summary": summary}, f"{0x5EEF:016x}")]
    )


def stand_in(bot_url: str, secret: str, token: str, *, lang: str = "zh", scale: float = 1.0) -> Plain:
    """Make the demo's chat with its people, halls and sample outage."""
    return Plain(
        people(lang), halls(lang), bot_url, secret, connection=CONNECTION, scale=scale, outage=outage(bot_url, token, lang)
    )


class Demo(Protocol):
    """Be one chat to try the bot in: its stand-in, the bot's configuration, and an incident that plays itself."""

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page on a port, 0 = any free one; nothing listens yet."""
        ...

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration, with the stand-in listening at `url`."""
        ...

    def meet(self, bot_url: str) -> None:
        """Learn where the bot listens."""
        ...

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident from the alert to closed; gives what was not seen."""
        ...


def of(chat: str, lang: str = "zh") -> Demo:
    """Make the whole demo on one chat, or on all at once; raises LookupError naming those that there are."""
    from adapters.sandbox.together.whole import WholeDemo

    if chat == "all":
        return WholeDemo(lang)
    if chat not in CHATS:
        raise LookupError(f"there is no chat '{chat}' to try; there are: {', '.join(CHATS)}")
    return WholeDemo(lang, (chat,))


def chat_of(chat: str, lang: str = "zh") -> Demo:
    """Make the demo of one chat alone."""
    match chat:
        case "plain":
            return PlainDemo(lang)
        case "slack":
            from adapters.sandbox.slack.company import SlackDemo

            return SlackDemo(lang)
        case "dingtalk":
            from adapters.sandbox.dingtalk.company import DingTalkDemo

            return DingTalkDemo(lang)
        case "feishu":
            from adapters.sandbox.feishu.demo import FeishuDemo

            return FeishuDemo(lang)
        case "wecom":
            from adapters.sandbox.wecom.company import WeComDemo

            return WeComDemo(lang)
        case _:
            raise LookupError(chat)


class PlainDemo:
    """Be the demo of the plain chat."""

    def __init__(self, lang: str = "zh") -> None:
        self.lang = lang
        self.secret, self.token = secrets.token_hex(16), secrets.token_hex(16)
        self.plain = stand_in(NOWHERE, self.secret, self.token, lang=lang)

    def serve(self, port: int) -> Listener:
        """Make what serves the stand-in and its page."""
        return Sandbox(self.plain, port)

    def organisation(self, url: str, database: str) -> dict[str, Any]:
        """Give the bot's configuration."""
        return organisation(chat_url=url, secret=self.secret, token=self.token, database=database, lang=self.lang)

    def meet(self, bot_url: str) -> None:
        """Learn where the bot listens."""
        self.plain.courier.bot_url = bot_url
        self.plain.outage = outage(bot_url, self.token, self.lang)

    async def play(self, url: str, write: Callable[[str], None]) -> list[str]:
        """Play an incident."""
        return await play(url, lang=self.lang, write=write)


@dataclass(frozen=True, slots=True)
class _Step:
    """Let somebody type a line: what the answer must say, and what the room must then be told."""

    who: str
    line: str
    answer: str = "✓ #"
    told: str | None = None
    directly: bool = False


@dataclass(frozen=True, slots=True)
class _Script:
    """Hold the words of one language."""

    called: str
    pending: str
    life: tuple[_Step, ...]
    quiet: str
    end: tuple[_Step, ...]
    over: str


_CHINESE = _Script(
    "支付成功率 61%",
    "待确认",
    (
        _Step("zhang", "@bot 确认故障 P1", told="P1 故障（张三）"),
        _Step("li", "@bot 指挥 @李四", told="指挥官：李四"),
        _Step("zhang", "@bot 影响 支付服务 华东用户付不了款"),
        _Step("wang", "@bot 记录 决策 暂停大促，先回滚支付网关"),
        _Step("li", "@bot 进展 已回滚 2/4 集群，成功率 83%", told="进展 1（李四）：已回滚 2/4 集群"),
        _Step("zhang", "@bot 定位 网关发布引入超时"),
        _Step("chen", "现状 支付", "(?s)P1.*处理中.*李四.*华东用户付不了款.*已回滚 2/4 集群", directly=True),
        _Step("wang", "@bot 时间线", "(?s)暂停大促.*网关发布引入超时"),
    ),
    "告警已全部恢复",
    (
        _Step("li", "@bot 恢复 回滚支付网关", told="已恢复"),
        _Step("li", '@bot 关闭 --no-postmortem "沙盒演示，不复盘"', told="已关闭（李四）.*沙盒演示，不复盘"),
    ),
    "（已关闭）",
)
_ENGLISH = _Script(
    "Payment success rate 61 %",
    "To be confirmed",
    (
        _Step("zhang", "@bot confirm P1", told=r"P1 incident \(Zhang San\)"),
        _Step("li", "@bot commander @li", told="Commander: Li Si"),
        _Step("zhang", "@bot impact payments users in East China cannot pay"),
        _Step("wang", "@bot note decision stop the sale and roll back the payment gateway"),
        _Step("li", "@bot update rolled back 2 of 4 clusters, success rate 83%", told=r"Update 1 \(Li Si\): rolled back 2 of 4"),
        _Step("zhang", "@bot mark located timeouts since the gateway release"),
        _Step(
            "chen", "brief payments", "(?s)P1.*handling.*Li Si.*East China cannot pay.*rolled back 2 of 4 clusters", directly=True
        ),
        _Step("wang", "@bot timeline", "(?s)stop the sale.*timeouts since the gateway release"),
    ),
    "alerts have resolved",
    (
        _Step("li", "@bot recover rolled back the payment gateway", told="(?i)recovered"),
        _Step("li", '@bot close --no-postmortem "sandbox demo, no review"', told="(?i)closed.*sandbox demo, no review"),
    ),
    r"(?i)\(closed\)",
)


async def play(chat_url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `chat_url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(chat_url, write) as stage:
        try:
            await _play(stage, _ENGLISH if lang == "en" else _CHINESE, deadline)
        except NotSeen as missing:
            write(f"✗ {missing}")
            return [str(missing)]
    return []


async def _play(stage: Stage, script: _Script, deadline: float) -> None:
    zhang, li = stage.player("zhang"), stage.player("li")
    _taken(await stage.outage(firing=True))
    await zhang.expect(None, script.called, deadline=deadline)
    room = await zhang.room(r"F-\d{8}-\d{3}", deadline=deadline)
    await zhang.expect(room, script.pending, deadline=deadline)
    for step in script.life:
        await _step(stage, step, room, deadline)
    await li.look()
    before = li.last(room)
    _taken(await stage.outage(firing=False))
    await li.expect(room, script.quiet, deadline=deadline, after=before)
    for step in script.end:
        await _step(stage, step, room, deadline)
    await zhang.expect("hall", script.over, deadline=deadline)


async def _step(stage: Stage, step: _Step, room: str, deadline: float) -> None:
    player = stage.player(step.who)
    await player.look()
    before = player.last(room)
    answer = await player.says(step.line, None if step.directly else room, deadline=deadline)
    if not re.search(step.answer, answer):
        raise NotSeen(f"{step.who} typed {step.line!r}; the answer does not say {step.answer!r}: {answer!r}")
    if step.told is not None:
        await player.expect(room, step.told, deadline=deadline, after=before)


def _taken(status: int) -> None:
    if not 200 <= status < 300:
        raise NotSeen(f"the bot's webhook answered {status or 'nothing'} to the sample outage")
