"""What the demo organisation has besides a chat: who is on call, whom to tell, and where mail, SMS, calls and webhooks arrive."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.demo import PEOPLE, SOURCE
from adapters.sandbox.inbox.front import inbox_routes
from adapters.sandbox.inbox.inbox import Inbox
from adapters.sandbox.inbox.post import PostOffice
from adapters.sandbox.phone.aliyun import AliyunStandin

ZONE = ZoneInfo("Asia/Shanghai")
SIGNS = {"zh": "应急助手", "en": "warroom"}
# The texts that the vendor has approved; the Chinese ones are those that `warroom setup sms` prints.
TEXTS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "declared": "${level}故障，编号${no}，标题${title}，从${time}起，状态${status}，指挥官${ic}，详情见应急群。",
        "recovered": "编号${no}的故障${title}已恢复，历时${mins}。",
        "call": "${level}故障，标题${title}，请立即进入应急群签到。",
    },
    "en": {
        "declared": "${level} incident ${no}: ${title}. Since ${time}, now ${status}, commander ${ic}. See the incident room.",
        "recovered": "Incident ${no}, ${title}, has recovered after ${mins}.",
        "call": "${level} incident: ${title}. Enter the incident room and say that you are here.",
    },
}
GROUPS = {  # addresses outside the roster, as their mailing lists are called
    "board@example.com": ("管理层邮件组", "the board"),
    "everybody@example.com": ("全员邮件组", "everybody"),
    "customers@example.com": ("客户订阅邮件", "customers who subscribed"),
    "status-page": ("对外状态页", "the public status page"),
}


def mobile(ident: str) -> str:
    """Give somebody's number."""
    return f"1380000000{list(PEOPLE).index(ident) + 1}"


class Outside:
    """Be everything outside the chats, on this machine."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        at = 1 if lang == "en" else 0
        people = {ident: said[2 * at] for ident, said in PEOPLE.items()}
        names = {f"{ident}@example.com": name for ident, name in people.items()}
        names |= {mobile(ident): name for ident, name in people.items()}
        self.inbox = Inbox(names | {address: words[at] for address, words in GROUPS.items()})
        self.post = PostOffice(self.inbox.mail)
        self._secret, self._key, self._mute = secrets.token_hex(16), secrets.token_hex(16), secrets.token_hex(16)
        self._aliyun = AliyunStandin("LTAI-sandbox", self._key)
        self._aliyun.sign_names.add(SIGNS[lang])
        self._aliyun.sms_texts = {"SMS_1": TEXTS[lang]["declared"], "SMS_2": TEXTS[lang]["recovered"]}
        self._aliyun.call_texts = {"TTS_1": TEXTS[lang]["call"]}
        self.muted = Alertmanager(self._mute)
        self.closing = asyncio.Event()

    def routes(self) -> list[Any]:
        """List the routes by which people look at it and the bot reaches it."""
        return inbox_routes(self.inbox, self._aliyun, self.muted, self._secret, self.closing, lambda: self.lang)

    def configuration(self, said: Mapping[str, Any], url: str, port: int) -> dict[str, Any]:
        """Give a demo organisation's configuration with all of this; `url` = where the routes are, `port` = the bot's own."""
        everybody = {chat["chat"]: chat["channel"] for chat in said["announce"]}
        people = [{"mobile": mobile(p["id"]), "email": f"{p['id']}@example.com", **p} for p in said["people"]]
        people = [p if p["id"] == "zhou" else {**p, "manager": "zhou"} for p in people]
        services = {ident: entry | {"on_call": [_rotation(ident)]} for ident, entry in said["services"].items()}
        vendor = {"access_key_id": "LTAI-sandbox", "access_key_secret": self._key, "endpoint": f"{url}/phone/"}
        monitoring = {SOURCE: said["monitoring"][SOURCE] | {
            "api": {"url": f"{url}/alertmanager", "auth": {"bearer": self._mute}}
        }}  # fmt: skip
        return {
            **said, "people": people, "services": services, "monitoring": monitoring,
            "http": {"host": "127.0.0.1", "port": port, "public_url": f"http://127.0.0.1:{port}"},
            "rotations": self._rotations(),
            "channels": {
                "mail": {"adapter": "email", "title": "邮件", "title_en": "e-mail", "host": "127.0.0.1", "port": self.post.port,
                         "security": "none", "sender": f"{SIGNS[self.lang]} <warroom@example.com>"},
                "sms": {"adapter": "aliyun_sms", "title": "短信", "title_en": "SMS", "sign_name": SIGNS[self.lang], **vendor,
                        "templates": {"declared": "SMS_1", "recovered": "SMS_2"}},
                "voice": {"adapter": "aliyun_voice", "title": "电话", "title_en": "phone", **vendor,
                          "templates": {"call": "TTS_1"}},
                "status": {"adapter": "webhook", "title": "状态页", "title_en": "status page", "url": f"{url}/hook",
                           "secret": self._secret},
            },
            "webhooks": [{"channel": "status"}],
            "announcements": {"audiences": {
                "execs": {"people": ["zhou"], "notify": [{"channel": "mail", "to": ["zhou", "board@example.com"]},
                                                         {"channel": "sms", "to": ["zhou"]}]},
                "support": {"people": ["chen"], "notify": [{"channel": "mail", "to": ["chen"]}]},
                "all": {"chats": [{"chat": chat, "channel": channel} for chat, channel in everybody.items()],
                        "notify": [{"channel": "mail", "to": ["everybody@example.com"]}]},
                "external": {"notify": [{"channel": "mail", "to": ["customers@example.com"]}, {"channel": "status"}]},
            }},
            # Everything that waits for time waits a little only, so that a newcomer sees it.
            "policy": {**said.get("policy", {}), "duty_managers": ["zhou", "li"], "observation": {"P1": "1m", "P2": "1m"},
                       "roll_call": {"P1": "1m", "P2": "2m"}, "rung_after": {"P1": "20s", "P2": "40s"}},
        }  # fmt: skip

    def _rotations(self) -> dict[str, Any]:
        """List who is on call: the first of each since yesterday, for the rest of a week."""
        start = (datetime.now(ZONE) - timedelta(days=1)).date().isoformat()
        turns = {
            "payments-on-call": ("支付值班", "Payments on call", ["zhang", "wang"]),
            "ops-on-call": ("运维值班", "Operations on call", ["li", "zhang"]),
        }
        return {
            ident: {"name": zh, "name_en": en, "people": people, "start": start, "every": 7}
            for ident, (zh, en, people) in turns.items()
        }


def _rotation(service: str) -> str:
    return "payments-on-call" if service in ("payments", "orders") else "ops-on-call"
