"""Aliyun's SMS and calls: the signature, approved texts, variables and limits, as an ASGI application."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.phone.handset import LINK, NUMBER, PLACE, Phones, unfit

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
SMS_LIMITS = {"天级": (50, DAY)}
CALL_LIMITS = {"分钟级": (1, MINUTE), "小时级": (5, HOUR), "天级": (20, DAY)}
SMS_CHARS, CALL_CHARS = 35, 250
SMS_FORBIDDEN, CALL_FORBIDDEN = "【】『』「」〖〗①★※→•#", "#/:-%¥【】"
SKEW = 900.0


class AliyunStandin:
    """Be one account with approved signatures and texts; `fault(code)` is answered instead while it is set."""

    def __init__(self, key_id: str, key_secret: str, clock: Callable[[], float] = time.time) -> None:
        self._id, self._secret, self._clock = key_id, key_secret, clock
        self.sms, self.calls = Phones(clock), Phones(clock)
        self.sign_names: set[str] = set()
        self.sms_texts: dict[str, str] = {}
        self.call_texts: dict[str, str] = {}
        self.fault: str | None = None
        self.lose_answers = 0  # so many calls are applied and answered with a 500
        self._nonces: set[str] = set()
        self._app = Starlette(routes=[Route("/", self._called, methods=["GET", "POST"])])

    def approve_sms(self, code: str, text: str) -> None:
        """Approve a text; ValueError says why it is not."""
        if why := unfit(text, SMS_FORBIDDEN):
            raise ValueError(why)
        self.sms_texts[code] = text

    def approve_call(self, code: str, text: str) -> None:
        """Approve a text to be read out by a public number; ValueError says why it is not."""
        why = unfit(text, CALL_FORBIDDEN) or ("more than two variables" if len(PLACE.findall(text)) > 2 else None)
        if why:
            raise ValueError(why)
        self.call_texts[code] = text

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    async def _called(self, request: Request) -> Response:
        body = await request.body()
        wrong = self._wrong(request, body)
        if wrong is not None:
            status, code = wrong
            return JSONResponse({"Code": code, "Message": code, "RequestId": "r"}, status)
        if self.fault is not None:
            return JSONResponse({"Code": self.fault, "Message": self.fault, "RequestId": "r"})
        action = request.headers["x-acs-action"]
        given = dict(parse_qsl(request.url.query, keep_blank_values=True))
        code, message, more = self._send_sms(given) if action == "SendSms" else self._single_call(given)
        if self.lose_answers and code == "OK":
            self.lose_answers -= 1
            return JSONResponse({"Code": "InternalError", "Message": "lost"}, 500)
        return JSONResponse({"Code": code, "Message": message, "RequestId": "r", **more})

    # ------------------------------------------------------------ who calls
    def _wrong(self, request: Request, body: bytes) -> tuple[int, str] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        action, version = headers.get("x-acs-action"), headers.get("x-acs-version")
        if action not in ("SendSms", "SingleCallByTts") or version != "2017-05-25":
            return 404, "InvalidAction.NotFound"
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        fields = dict(part.partition("=")[::2] for part in rest.split(","))
        if scheme != "ACS3-HMAC-SHA256" or not fields.get("Signature"):
            return 400, "IncompleteSignature"
        if fields.get("Credential") != self._id:
            return 404, "InvalidAccessKeyId.NotFound"
        try:
            sent = calendar.timegm(time.strptime(headers.get("x-acs-date", ""), "%Y-%m-%dT%H:%M:%SZ"))
        except ValueError:
            return 400, "InvalidTimeStamp.Format"
        if abs(self._clock() - sent) > SKEW:
            return 400, "InvalidTimeStamp.Expired"
        if headers.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
            return 400, "SignatureDoesNotMatch"
        names = sorted(name for name in headers if name in ("host", "content-type") or name.startswith("x-acs-"))
        if fields.get("SignedHeaders") != ";".join(names) or fields["Signature"] != self._signature(request, headers, names):
            return 400, "SignatureDoesNotMatch"
        nonce = headers.get("x-acs-signature-nonce", "")
        if nonce in self._nonces:
            return 400, "SignatureNonceUsed"
        self._nonces.add(nonce)
        return None

    def _signature(self, request: Request, headers: Mapping[str, str], names: list[str]) -> str:
        pairs = sorted(parse_qsl(request.url.query, keep_blank_values=True))
        query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
        lines = "\n".join(f"{name}:{headers[name].strip()}" for name in names)
        whole = "\n".join(
            (request.method, request.url.path, query, lines, "", ";".join(names), headers["x-acs-content-sha256"])
        )  # fmt: skip
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(whole.encode()).hexdigest()
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    # ------------------------------------------------------------ what is sent
    def _send_sms(self, given: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
        number = given.get("PhoneNumbers", "")
        if not NUMBER.fullmatch(number):
            return "isv.MOBILE_NUMBER_ILLEGAL", f"{number}invalid mobile number", {}
        if given.get("SignName") not in self.sign_names:
            return "isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名", {}
        text = self.sms_texts.get(given.get("TemplateCode", ""))
        if text is None:
            return "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板", {}
        variables, wrong = _variables(given.get("TemplateParam", "{}"), text)
        if wrong is not None:
            return wrong, "参数不合法", {}
        if any(len(value) > SMS_CHARS for value in variables.values()):
            return "isv.PARAM_LENGTH_LIMIT", "参数超过长度限制", {}
        if any(set(value) & set(SMS_FORBIDDEN) for value in variables.values()):
            return "isv.TEMPLATE_PARAMS_ILLEGAL", "变量不符合规范", {}
        if over := self.sms.over(number, SMS_LIMITS):
            return "isv.BUSINESS_LIMIT_CONTROL", f"触发{over}流控Permits:{SMS_LIMITS[over][0]}", {}
        words = f"【{given['SignName']}】" + PLACE.sub(lambda found: variables[found[1]], text)
        return "OK", "OK", {"BizId": self.sms.take(number, words, given.get("OutId", ""))}

    def _single_call(self, given: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
        number = given.get("CalledNumber", "")
        if not NUMBER.fullmatch(number):
            return "isv.MOBILE_NUMBER_ILLEGAL", "号码格式非法", {}
        if len(given.get("OutId", "").encode()) > 15 or given.get("PlayTimes", "1") not in ("1", "2", "3"):
            return "isv.INVALID_PARAMETERS", "参数非法", {}
        text = self.call_texts.get(given.get("TtsCode", ""))
        if text is None:
            return "isv.TTS_TEMPLATE_ILLEGAL", "TTS模板不合法", {}
        variables, wrong = _variables(given.get("TtsParam", "{}"), text)
        if wrong is not None:
            return wrong, "参数不合法", {}
        if sum(map(len, variables.values())) >= CALL_CHARS:
            return "isv.PARAM_LENGTH_LIMIT", "参数超过长度限制", {}
        if any(set(value) & set(CALL_FORBIDDEN) for value in variables.values()):
            return "isv.TEMPLATE_PARAMS_ILLEGAL", "变量不符合规范", {}
        if over := self.calls.over(number, CALL_LIMITS):
            return "isv.BUSINESS_LIMIT_CONTROL", f"触发{over}流控Permits:{CALL_LIMITS[over][0]}", {}
        words = PLACE.sub(lambda found: variables[found[1]], text)
        return "OK", "OK", {"CallId": self.calls.take(number, words, given.get("OutId", ""))}


def _variables(written: str, text: str) -> tuple[dict[str, str], str | None]:
    try:
        given = json.loads(written)
    except ValueError:
        return {}, "isv.INVALID_JSON_PARAM"
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        return {}, "isv.INVALID_JSON_PARAM"
    if any(not given.get(name) for name in PLACE.findall(text)):
        return {}, "isv.TEMPLATE_MISSING_PARAMETERS"
    return given, "isv.PARAM_NOT_SUPPORT_URL" if any(LINK.search(value) for value in given.values()) else None
