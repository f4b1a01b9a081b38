"""Takes the calls of the REST API: with which token, from where, how often, and then what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.wecom import agents, appchat, calls, contacts, messages
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.calls import PhoneCall
from adapters.sandbox.wecom.corp import Corp
from adapters.sandbox.wecom.errors import No
from adapters.sandbox.wecom.messages import Code, Sent
from adapters.sandbox.wecom.rates import Rates
from adapters.sandbox.wecom.tokens import Tokens

Asked = Mapping[str, Any]
PREFIX = "/cgi-bin/"
METHODS: dict[str, Callable[[Desk, Asked], dict[str, Any]]] = {
    "appchat/create": appchat.create,
    "appchat/update": appchat.update,
    "appchat/get": appchat.get,
    "appchat/send": appchat.send,
    "message/send": messages.send,
    "message/recall": messages.recall,
    "message/update_template_card": messages.update,
    "pstncc/call": calls.call,
    "pstncc/getstates": calls.states,
    "agent/get": agents.get,
    "user/getuserid": contacts.by_mobile,
    "user/get_userid_by_email": contacts.by_email,
    "user/get": contacts.get,
    "user/simplelist": contacts.listed,
    "department/list": contacts.departments,
    "batch/openuserid_to_userid": contacts.opened,
}
GETS = ("agent/get", "appchat/get", "user/get", "user/simplelist", "department/list")
WRONG_JSON = "Warning: wrong json format. "


@dataclass(frozen=True, slots=True)
class Said:
    """Hold the answer to a call; `code` is its errcode, None = there is no such thing."""

    status: int
    body: dict[str, Any] | None
    headers: dict[str, str]
    code: int | None


class Desk:
    """Take calls one at a time: each is done at once and wholly, or not at all.

    `trusted` = the caller's address is a trusted one; `enabled` = the app is; `called_back` = it has a callback.
    """

    def __init__(self, corp: Corp, *, limited: bool, scale: float, headcount: int) -> None:
        self.corp = corp
        self.scale = scale
        self.headcount = headcount
        self.rates = Rates(limited, scale)
        self.tokens = Tokens(corp, self.rates, scale)
        self.trusted = True
        self.enabled = True
        self.called_back = False
        self.sent: dict[str, Sent] = {}
        self.codes: dict[str, Code] = {}
        self.tasks: set[str] = set()
        self.digests: dict[str, str] = {}
        self.calls: dict[str, PhoneCall] = {}
        self.blocked: dict[str, float] = {}

    def agent(self, given: Any, wrong: int = 301002) -> None:
        """Refuse another app's id."""
        if given is None:
            raise No(41011)
        if str(given) != str(self.corp.app.agentid):
            raise No(wrong)

    def take(self, path: str, query: Mapping[str, str], body: Any, peer: str) -> Said:
        """Handle one call; `body` None = it has none, or is no JSON object."""
        name = path.removeprefix(PREFIX).strip("/")
        method = METHODS.get(name)
        if method is None and name != "gettoken":
            return Said(404, None, {}, None)
        broken = name not in GETS and name != "gettoken" and not isinstance(body, dict)
        try:
            if name == "gettoken":
                answer = self.tokens.give(query)
            else:
                self._may(name, query)
                assert method is not None
                answer = method(self, query if name in GETS else body if isinstance(body, dict) else {})
        except No as no:
            errmsg = no.words(peer, WRONG_JSON if broken else "")
            headers = {"error-code": str(no.code), "error-msg": errmsg}
            return Said(200, {"errcode": no.code, "errmsg": errmsg, **no.more}, headers, no.code)
        return Said(200, {"errcode": 0, "errmsg": "ok", **answer}, {"error-code": "0", "error-msg": "ok"}, 0)

    def _may(self, name: str, query: Mapping[str, str]) -> None:
        self.tokens.check(query.get("access_token", ""))
        if not self.trusted:
            raise No(60020)
        if not self.enabled:
            raise No(50003)
        budgets = (
            (f"call/{name}", at_most.CALLS_A_MINUTE, at_most.MINUTE),
            (f"call/{name}", at_most.CALLS_AN_HOUR, at_most.HOUR),
        )
        if not self.rates.fits(self.corp.clock(), *budgets):
            raise No(45009)
