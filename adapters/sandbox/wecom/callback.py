"""Posts to the app's callback: signed, encrypted XML, and reads the passive answer as strictly as WeCom would."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from adapters.sandbox.wecom import cards
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.corp import Corp
from adapters.sandbox.wecom.crypt import Broken, Crypt
from adapters.sandbox.wecom.errors import No
from adapters.sandbox.wecom.parcels import Outcome, Parcel, card_of, read_xml, xml
from adapters.sandbox.wire import IDLE

UPDATES = ("update_button", "update_template_card")
CLICKS = ("template_card_event", "template_card_menu_event")


class Callback:
    """Post each parcel to `url`. `fresh` = every try is signed anew; else all tries of one are alike, byte for byte."""

    def __init__(self, corp: Corp, url: str, scale: float = 1.0) -> None:
        self.url = url
        self.scale = scale
        self.patience = 0.0  # how much of the time it waits for an answer, where that is another scale: the bot's clock has none
        self.fresh = False
        self.stamps = corp.clock  # when what is posted was signed
        self.attempts: list[dict[str, Any]] = []
        self._corp = corp
        self._client: httpx.AsyncClient | None = None

    @property
    def crypt(self) -> Crypt:
        """Give the keys as they are set up now."""
        app = self._corp.app
        return Crypt(app.token, app.aes_key, app.corpid)

    async def deliver(self, parcel: Parcel, attempt: int = 1) -> Outcome:
        """Post a parcel; five seconds later at most it is known what became of it."""
        entry: dict[str, Any] = {
            "via": "callback", "kind": parcel.kind, "person": parcel.person, "attempt": attempt, "clock": time.monotonic(),
            "outcome": None, "took": None,
        }  # fmt: skip
        self.attempts.append(entry)
        if not parcel.seal or self.fresh:
            parcel.seal.update(self.sealed(parcel.payload))
        seal = parcel.seal
        query = urlencode({name: seal[name] for name in ("msg_signature", "timestamp", "nonce")})
        outer = {"ToUserName": self._corp.app.corpid, "AgentID": str(self._corp.app.agentid), "Encrypt": seal["encrypt"]}
        headers = {"Content-Type": "text/xml"}
        try:
            response = await self._http.post(
                f"{self.url}?{query}", content=xml(outer).encode(), headers=headers,
                timeout=at_most.CALLBACK_SECONDS * (self.patience or self.scale),
            )  # fmt: skip
        except httpx.HTTPError as error:
            entry |= {"outcome": type(error).__name__, "took": time.monotonic() - entry["clock"]}
            late = isinstance(error, httpx.TimeoutException)
            return Outcome("timeout" if late else "connection_failed")
        entry |= {"outcome": response.status_code, "took": time.monotonic() - entry["clock"]}
        if response.status_code != 200:
            return Outcome("http_error")
        try:
            return Outcome(reply=self._passive(parcel, response.content))
        except (Broken, ValueError, No) as wrong:
            entry["outcome"] = f"bad answer: {wrong.where if isinstance(wrong, No) else wrong}"
            return Outcome("bad_answer", again=False)

    def sealed(self, plain: str) -> dict[str, str]:
        """Encrypt and sign something."""
        crypt, stamp, nonce = self.crypt, str(int(self.stamps())), str(secrets.randbelow(10**10))
        encrypted = crypt.seal(plain)
        return {"encrypt": encrypted, "timestamp": stamp, "nonce": nonce, "msg_signature": crypt.sign(stamp, nonce, encrypted)}

    async def verify(self) -> bool:
        """Ask the callback to prove itself: it must give back the decrypted echo and nothing else, in a second."""
        echo = str(secrets.randbelow(10**19))
        seal = self.sealed(echo)
        seal["echostr"] = seal.pop("encrypt")
        try:
            response = await self._http.get(self.url, params=seal, timeout=at_most.VERIFY_SECONDS)
        except httpx.HTTPError:
            return False
        return response.status_code == 200 and response.content == echo.encode()

    def _passive(self, parcel: Parcel, body: bytes) -> dict[str, Any] | None:
        """Read a passive answer; None = nothing was said. Raises on anything that would not be understood."""
        if not body:
            return None
        outer = read_xml(body.decode("utf-8"))
        parts = {name: outer.findtext(name) or "" for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")}
        missing = [name for name, value in parts.items() if not value]
        if missing:
            raise ValueError(f"without {', '.join(missing)}")
        crypt = self.crypt
        if crypt.sign(parts["TimeStamp"], parts["Nonce"], parts["Encrypt"]) != parts["MsgSignature"]:
            raise ValueError("the signature is wrong")
        inner = read_xml(crypt.open(parts["Encrypt"]))
        said = {name: inner.findtext(name) or "" for name in ("ToUserName", "FromUserName", "CreateTime", "MsgType")}
        if said["ToUserName"] != parcel.person or said["FromUserName"] != self._corp.app.corpid:
            raise ValueError("to or from somebody else")
        if not said["CreateTime"].isdigit():
            raise ValueError("CreateTime is no number")
        kind = said["MsgType"]
        if kind in UPDATES and parcel.kind not in CLICKS:
            raise ValueError(f"{kind} answers no click")
        match kind:
            case "text":
                content = inner.findtext("Content") or ""
                if not content:
                    raise ValueError("without Content")
                return {"text": cards.cut_bytes(content, at_most.REPLY_BYTES)}
            case "update_button":
                name = inner.findtext("Button/ReplaceName") or ""
                if not name:
                    raise ValueError("without ReplaceName")
                return {"button": name}
            case "update_template_card":
                card = inner.find("TemplateCard")
                if card is None:
                    raise ValueError("without TemplateCard")
                return {"card": cards.check(card_of(card), task_id=False)}
        raise ValueError(f"a MsgType {kind!r}")

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False, verify=False, limits=IDLE
            )  # this machine; loading certificates takes 0.1 s
        return self._client

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
