"""Takes the calls of the open API: who calls, how often, with which rights, what is still under way, and then what."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.feishu import chats, contacts, fittings, marks, members, messages
from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask, read
from adapters.sandbox.feishu.rates import Rates
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import Tenant
from adapters.sandbox.feishu.tokens import Tokens

Answer = dict[str, Any]
OPEN = "/open-apis"
TOKEN = f"{OPEN}/auth/v3/tenant_access_token/internal"


@dataclass(frozen=True, slots=True)
class Method:
    """Describe one call: what it does and the scopes of which one is needed.

    `key` names what must not be under way twice (refused with `busy` meanwhile); `keeps` = how many seconds the same key
    gives the same answer; `works` = it takes a moment, so that calls can overlap.
    """

    act: Callable[[Desk, Ask], Any]
    scopes: tuple[str, ...] = ()
    key: Callable[[Desk, Ask], str] | None = None
    busy: int = 0
    keeps: float = 0.0
    works: bool = False
    bare: bool = False  # the answer is not wrapped in `data`


@dataclass(slots=True)
class Said:
    """Hold the answer to a call; `key` is under way until the answer is out."""

    status: int
    body: Answer
    headers: dict[str, str]
    key: str = ""
    given: bytes | None = None  # in place of the body


@dataclass(slots=True)
class Click:
    """Hold the token of one click on a card."""

    message: str
    at: float
    uses: int = 0


IM, CHAT = "/im/v1", "/im/v1/chats"
SEND, CHANGE, READ = (
    ("im:message", "im:message:send_as_bot"),
    ("im:message", "im:message:update"),
    ("im:message", "im:message:readonly"),
)
LOOK, ALTER = ("im:chat", "im:chat:read", "im:chat:readonly"), ("im:chat", "im:chat:update")
SEE_MEMBERS, MEMBERS = ("im:chat", "im:chat.members:read"), ("im:chat", "im:chat.members:write_only")
MANAGERS, TABS = ("im:chat", "im:chat.managers:write_only"), ("im:chat", "im:chat.tabs:write_only")
NOTICE = ("im:chat", "im:chat.top_notice:write_only")
PINS, SEE_PINS = ("im:message", "im:message.pins:write_only"), ("im:message", "im:message.pins:read")
REACT, SEE_REACTIONS = ("im:message", "im:message.reactions:write_only"), ("im:message", "im:message.reactions:read")
COMMANDS, SEE_COMMANDS = ("application:app_slash_command:write",), ("application:app_slash_command:read",)
PEOPLE = ("contact:user.base:readonly",)
_OVERLAP: dict[str, Any] = {"key": members.key, "busy": 232019, "works": True}
METHODS: dict[str, Method] = {
    f"POST {CHAT}": Method(
        chats.create, ("im:chat", "im:chat:create"), chats.key, 232068, at_most.CHAT_UUID_SECONDS, works=True
    ),
    f"GET {CHAT}": Method(chats.listed, LOOK),
    f"GET {CHAT}/:chat_id": Method(chats.get, LOOK),
    f"PUT {CHAT}/:chat_id": Method(chats.update, ALTER),
    f"DELETE {CHAT}/:chat_id": Method(chats.disband, ("im:chat", "im:chat:delete")),
    f"POST {CHAT}/:chat_id/members": Method(members.add, MEMBERS, **_OVERLAP),
    f"DELETE {CHAT}/:chat_id/members": Method(members.remove, MEMBERS, **_OVERLAP),
    f"GET {CHAT}/:chat_id/members": Method(members.listed, SEE_MEMBERS),
    f"GET {CHAT}/:chat_id/members/is_in_chat": Method(members.inside, SEE_MEMBERS),
    f"POST {CHAT}/:chat_id/managers/add_managers": Method(members.add_managers, MANAGERS),
    f"POST {CHAT}/:chat_id/managers/delete_managers": Method(members.delete_managers, MANAGERS),
    f"PUT {CHAT}/:chat_id/moderation": Method(members.moderate, ("im:chat", "im:chat:moderation:write_only")),
    f"GET {CHAT}/:chat_id/moderation": Method(members.moderation, ("im:chat", "im:chat.moderation:read")),
    f"POST {CHAT}/:chat_id/link": Method(fittings.link, LOOK),
    f"POST {CHAT}/:chat_id/chat_tabs": Method(fittings.add_tabs, TABS),
    f"GET {CHAT}/:chat_id/chat_tabs/list_tabs": Method(fittings.tabs, ("im:chat", "im:chat.tabs:read")),
    f"POST {CHAT}/:chat_id/chat_tabs/update_tabs": Method(fittings.update_tabs, TABS),
    f"DELETE {CHAT}/:chat_id/chat_tabs/delete_tabs": Method(fittings.delete_tabs, TABS),
    f"POST {CHAT}/:chat_id/chat_tabs/sort_tabs": Method(fittings.sort_tabs, TABS),
    f"POST {CHAT}/:chat_id/top_notice/put_top_notice": Method(fittings.put_notice, NOTICE),
    f"POST {CHAT}/:chat_id/top_notice/delete_top_notice": Method(fittings.drop_notice, NOTICE),
    f"POST {IM}/messages": Method(messages.create, SEND, messages.key, 230049, at_most.UUID_SECONDS),
    f"GET {IM}/messages": Method(messages.history, READ),
    f"POST {IM}/messages/:message_id/reply": Method(messages.reply, SEND, messages.key, 230049, at_most.UUID_SECONDS),
    f"PATCH {IM}/messages/:message_id": Method(messages.patch, (*SEND, "im:message:update")),
    f"PUT {IM}/messages/:message_id": Method(messages.edit, CHANGE),
    f"GET {IM}/messages/:message_id": Method(messages.get, READ),
    f"GET {IM}/messages/:message_id/resources/:file_key": Method(messages.resource, READ),
    f"DELETE {IM}/messages/:message_id": Method(messages.recall, (*SEND, "im:message:recall")),
    f"PATCH {IM}/messages/:message_id/urgent_app": Method(marks.urgent_app, ("im:message.urgent",)),
    f"PATCH {IM}/messages/:message_id/urgent_sms": Method(marks.urgent_sms, ("im:message.urgent:sms",)),
    f"PATCH {IM}/messages/:message_id/urgent_phone": Method(marks.urgent_phone, ("im:message.urgent:phone",)),
    f"POST {IM}/messages/:message_id/reactions": Method(marks.react, REACT),
    f"GET {IM}/messages/:message_id/reactions": Method(marks.reactions, SEE_REACTIONS),
    f"DELETE {IM}/messages/:message_id/reactions/:reaction_id": Method(marks.unreact, REACT),
    f"POST {IM}/pins": Method(marks.pin, PINS),
    f"GET {IM}/pins": Method(marks.pins, SEE_PINS),
    f"DELETE {IM}/pins/:message_id": Method(marks.unpin, PINS),
    f"POST {IM}/images": Method(contacts.upload, ("im:resource", "im:resource:upload")),
    "POST /ephemeral/v1/send": Method(messages.whisper, SEND),
    "POST /ephemeral/v1/delete": Method(messages.unwhisper, SEND),
    "POST /interactive/v1/card/update": Method(messages.by_token),
    "POST /contact/v3/users/batch_get_id": Method(contacts.by_address, ("contact:user.id:readonly",)),
    "GET /contact/v3/users/batch": Method(contacts.batch, PEOPLE),
    "GET /contact/v3/users/:user_id": Method(contacts.info, PEOPLE),
    "GET /bot/v3/info": Method(contacts.bot, bare=True),
    "POST /application/v7/app_slash_commands": Method(contacts.command_add, COMMANDS),
    "GET /application/v7/app_slash_commands": Method(contacts.commands, SEE_COMMANDS),
    "PATCH /application/v7/app_slash_commands/:command_id": Method(contacts.command_change, COMMANDS),
    "DELETE /application/v7/app_slash_commands/:command_id": Method(contacts.command_delete, COMMANDS),
}  # fmt: skip
_ROUTES = [
    (name, name.split(" ")[0], re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", name.split(" ")[1]))) for name in METHODS
]  # fmt: skip


class Desk:
    """Take calls: each is done at once and wholly, or not at all."""

    def __init__(self, tenant: Tenant, *, limited: bool, scale: float) -> None:
        self.tenant = tenant
        self.tokens = Tokens(tenant)
        self.rates = Rates(limited, scale)
        self.scale = scale
        self.clicked: dict[str, int] = {}  # messages whose click waits for an answer
        self.clicks: dict[str, Click] = {}
        self.ready = True  # the bot ability is on
        self._under_way: set[str] = set()
        self._kept: dict[str, tuple[float, Answer]] = {}

    @property
    def bot_ids(self) -> dict[str, str]:
        """Give the bot as an event's operator."""
        return {"open_id": self.tenant.app.bot, "user_id": "", "union_id": "on_bot"}

    def people(self) -> set[str]:
        """List every id by which a card may name somebody."""
        users = self.tenant.users.values()
        return {i for u in users for i in (u.id, u.user_id, u.union_id)} | {self.tenant.app.bot}

    async def take(self, verb: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Said:
        """Handle one call; the caller must `land` what it gets once the answer is out."""
        log = {"X-Tt-Logid": f"{int(self.tenant.now * 1000)}{secrets.token_hex(8).upper()}"}
        key = ""
        try:
            if path == TOKEN and verb == "POST":
                said = read({}, {}, headers, body)
                return Said(200, {"code": 0, "msg": "ok", **self.tokens.give(said.text("app_id"), said.text("app_secret"))}, log)
            name, method, parts = self._find(verb, path.removeprefix(OPEN))
            self.tokens.check(headers, method.scopes)
            self.rates.call(name, self.tenant.now)
            ask = read(parts, dict(query), headers, body)
            if not self.ready and IM in path:
                raise No(232025 if "/chats" in path else 230006)
            key = method.key(self, ask) if method.key is not None else ""
            if key in self._under_way:
                key = ""
                raise No(method.busy)
            if key:
                self._under_way.add(key)
            if method.works:
                await asyncio.sleep(at_most.WORK_SECONDS * self.scale)
            answer = self._kept_for(key, method, ask)
            if isinstance(answer, bytes):
                return Said(200, {"code": 0}, {**log, "content-type": "application/octet-stream"}, key, answer)
            return Said(200, {"code": 0, "msg": "ok", **answer} if method.bare else _success(answer), log, key)
        except No as no:
            error = {"log_id": log["X-Tt-Logid"], "troubleshooter": f"https://open.feishu.cn/search?code={no.code}"}
            more = dict(no.data or {})
            error |= more.pop("error", {})
            return Said(no.status, {"code": no.code, "msg": no.words, **more, "error": error}, {**log, **no.headers}, key)

    def land(self, said: Said) -> None:
        """Note that an answer is out, or lost: its key may come again."""
        self._under_way.discard(said.key)

    def _find(self, verb: str, path: str) -> tuple[str, Method, dict[str, str]]:
        for name, wanted, pattern in _ROUTES:
            match = pattern.fullmatch(path)
            if match is not None and verb == wanted:
                return name, METHODS[name], match.groupdict()
        raise No(404, "404 page not found", status=404)

    def _kept_for(self, key: str, method: Method, ask: Ask) -> Any:
        """Do a call, or give what the same key gave before."""
        if not key or not method.keeps:
            return method.act(self, ask)
        until, answer = self._kept.get(key, (0.0, {}))
        if until <= self.tenant.now:
            answer = method.act(self, ask)
            self._kept[key] = (self.tenant.now + method.keeps, answer)
        return answer


def _success(answer: Answer) -> Answer:
    return {"code": 0, "msg": "success", "data": answer}
