"""Aliyun's OpenAPI (RPC style) by signature V3, ACS3-HMAC-SHA256.

The signature is that of the vendor's page "V3 request structure and signature", help.aliyun.com/zh/sdk/product-overview/
v3-request-structure-and-signature; it is checked with that page's own example and with the vendor's library
`alibabacloud-openapi-util`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from adapters.http import Answered, Http
from bot.ports import Clock, Done, Lost, Ref, Rejected, Result, Retry

ALGORITHM = "ACS3-HMAC-SHA256"
# The vendor's codes; `isv` = ours to mend, `isp` = theirs. Those of SMS stand in its public lists and in programs that read
# them; those of calls and of the signature were not seen on a page of the vendor: [tenant]. An unlisted one is `refused`.
REFUSED: Mapping[str, str] = {
    "InvalidAccessKeyId.NotFound": "bad_token",
    "InvalidAccessKeyId.Inactive": "bad_token",
    "SignatureDoesNotMatch": "bad_token",
    "IncompleteSignature": "bad_token",
    "Forbidden.RAM": "missing_scope",
    "NoPermission": "missing_scope",
    "isp.RAM_PERMISSION_DENY": "missing_scope",
    "isv.RAM_CHECK_FAILED": "missing_scope",
    "isv.AMOUNT_NOT_ENOUGH": "no_balance",
    "isv.OUT_OF_SERVICE": "no_balance",
    "isv.PRODUCT_UNSUBSCRIBE": "not_subscribed",
    "isv.PRODUCT_UN_SUBSCRIPT": "not_subscribed",
    "isv.ACCOUNT_NOT_EXISTS": "not_subscribed",
    "isv.ACCOUNT_ABNORMAL": "not_subscribed",
    "isv.MOBILE_NUMBER_ILLEGAL": "bad_number",
    "isv.CALLED_NUMBER_ILLEGAL": "bad_number",
    "isv.SMS_TEMPLATE_ILLEGAL": "bad_template",
    "isv.TTS_TEMPLATE_ILLEGAL": "bad_template",
    "isv.TEMPLATE_ERROR": "bad_template",
    "isv.SMS_SIGNATURE_ILLEGAL": "bad_sign_name",
    "isv.DISPLAY_NUMBER_ILLEGAL": "bad_show_number",
    "isv.TEMPLATE_MISSING_PARAMETERS": "bad_variables",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "bad_variables",
    "isv.INVALID_PARAMETERS": "bad_variables",
    "isv.INVALID_JSON_PARAM": "bad_variables",
    "isv.PARAM_LENGTH_LIMIT": "bad_variables",
    "isv.PARAM_NOT_SUPPORT_URL": "bad_variables",
    "isv.BLACK_KEY_CONTROL_LIMIT": "bad_words",
    "isv.DAY_LIMIT_CONTROL": "account_limit",
    "isv.MONTH_LIMIT_CONTROL": "account_limit",
}
OVER_LIMIT = frozenset({"isv.BUSINESS_LIMIT_CONTROL", "isv.FLOW_LIMIT"})  # of one number, by minute, hour or day
THROTTLED = frozenset({"Throttling", "Throttling.User", "Throttling.Api", "ServiceUnavailable", "isv.SYSTEM_LIMIT_CONTROL"})
UNKNOWN = frozenset({"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "InternalError", "isp.UNKNOWN"})
MINUTE, HOUR = 60.0, 3600.0
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
RESERVED: Mapping[str, str] = {"id": "no"}  # names that no variable of a template may have, and what ours is called there


class Account(BaseModel):
    """Configure an account, and how its interface is called."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_key_id: str = Field(min_length=4)
    access_key_secret: SecretStr = Field(min_length=8)
    endpoint: AnyHttpUrl
    timeout_seconds: float = Field(default=8.0, ge=0.5, le=14)
    proxy: str | None = None


class Aliyun:
    """Call actions of one of the vendor's interfaces, in one version."""

    def __init__(self, name: str, version: str, account: Account, clock: Clock) -> None:
        self._name, self._version, self._clock = name, version, clock
        self._id, self._secret = account.access_key_id, account.access_key_secret.get_secret_value()
        endpoint = str(account.endpoint)
        self._host = urlsplit(endpoint).netloc
        self._http = Http(endpoint.rstrip("/"), secrets=(self._secret,), timeout=account.timeout_seconds, proxy=account.proxy)

    async def call(self, action: str, params: Mapping[str, str], to: str, receipt: str) -> Result:
        """Make one call that reaches `to`, and read what became of it; `receipt` names the field of its receipt."""
        query = canonical(params)
        digest = hashlib.sha256(b"").hexdigest()
        headers = {
            "host": self._host, "x-acs-action": action, "x-acs-version": self._version,
            "x-acs-date": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": digest,
        }  # fmt: skip
        headers["authorization"] = authorization("POST", "/", query, headers, digest, self._id, self._secret)
        answer = await self._http.call("POST", f"/?{query}", headers=headers, bucket=self._name, code_of=_code_of)
        match answer:
            case Answered(body=body):
                said = _decoded(body)
                code, message = str(said.get("Code", "")), str(said.get("Message", ""))
                if code == "OK":
                    return Done(Ref(to, str(said.get(receipt, ""))[:100]))
                return self._refused(code, message)
            case Rejected(code=code, raw=raw) if code.startswith("aliyun:"):
                return self._refused(code.removeprefix("aliyun:"), raw)
            case _:
                return answer

    def _refused(self, code: str, message: str) -> Result:
        if code in OVER_LIMIT:
            return Retry(_limit(message), "over_limit")
        if code in THROTTLED:
            return Retry(2.0, "rate_limited", self._name)
        if code in UNKNOWN or not code:
            return Lost(code or "an answer without a code")
        return Rejected(REFUSED.get(code, "refused"), self._http.redact(f"{code}: {message}")[:300])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def canonical(params: Mapping[str, str]) -> str:
    """Write parameters as the signature wants them: sorted, percent-encoded by RFC 3986."""
    return "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in sorted(params.items()))


def authorization(
    method: str, path: str, query: str, headers: Mapping[str, str], digest: str, key_id: str, key_secret: str
) -> str:
    """Sign a request: its canonical query, the `host`, `content-type` and `x-acs-*` of its headers, its body's SHA-256."""
    signed = {
        name.lower(): value.strip()
        for name, value in headers.items()
        if name.lower() in ("host", "content-type") or name.lower().startswith("x-acs-")
    }
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key_secret.encode(), text.encode(), hashlib.sha256).hex()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"


def of_texts(texts: Mapping[str, str]) -> Callable[[dict[str, str]], dict[str, str]]:
    """Check that codes were given for texts that there are, and for one at least."""

    def check(codes: dict[str, str]) -> dict[str, str]:
        there = ", ".join(texts)
        unknown = next((name for name in codes if name not in texts), None)
        if unknown is not None or not codes:
            raise ValueError(f"there is no text '{unknown}'; there are: {there}" if codes else f"needs the code of {there}")
        return codes

    return check


def number_of(to: str) -> str:
    """Write a number as the vendor wants it: one of the Chinese mainland without a prefix, others by country code."""
    digits = re.sub(r"[^0-9+]", "", to)
    return digits.removeprefix("+86") if digits.startswith("+86") else digits.removeprefix("+")


def variables_of(variables: Mapping[str, str], forbidden: str) -> dict[str, str]:
    """Name variables as templates may, and leave out of their values what they must not hold: links, and some characters."""
    found = {}
    for name, value in variables.items():
        kept = "".join(" " if letter in forbidden else letter for letter in _LINK.sub(" ", value))
        found[RESERVED.get(name, name)] = " ".join(kept.split()) or "见应急群"  # an empty one is refused
    return found


def _limit(message: str) -> float:
    """Give how long a limit lasts: its message says 分钟级, 小时级 or 天级 (`触发小时级流控Permits:5`)."""
    return MINUTE if "分钟" in message or "minute" in message else HOUR if "小时" in message or "hour" in message else 6 * HOUR


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _code_of(status: int, body: bytes) -> str | None:
    code = _decoded(body).get("Code")
    return f"aliyun:{code}" if isinstance(code, str) and code else None
