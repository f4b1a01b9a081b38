"""A gateway for SMS like many: a token in a header, JSON in and out, its own codes at HTTP status 200."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.phone.handset import LINK, NUMBER, PLACE, Phones

LIMITS = {"hour": (20, 3600.0)}
CHARS = 12


class GatewayStandin:
    """Take `POST /send` with `{"mobile", "template", "params"}`; `texts` are those that were approved."""

    def __init__(self, token: str, texts: dict[str, str], clock: Callable[[], float] = time.time) -> None:
        self._token, self.texts, self.sms = token, texts, Phones(clock)
        self.lose_answers = 0
        self._app = Starlette(routes=[Route("/send", self._send, methods=["POST"])])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    async def _send(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return JSONResponse({"code": "401", "message": "bad token"}, 401)
        try:
            given = json.loads(await request.body())
            number, params = given["mobile"], given["params"]
            text = self.texts.get(given["template"])
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"code": "400", "message": "bad request"}, 400)
        if not NUMBER.fullmatch(number):
            return JSONResponse({"code": "1001", "message": "bad number"})
        if text is None:
            return JSONResponse({"code": "1002", "message": "no such template"})
        if any(not params.get(name) for name in PLACE.findall(text)):
            return JSONResponse({"code": "1003", "message": "a variable is missing"})
        if any(len(value) > CHARS or LINK.search(value) for value in params.values()):
            return JSONResponse({"code": "1004", "message": "a variable is too long, or a link"})
        if self.sms.over(number, LIMITS):
            return JSONResponse({"code": "429", "message": "slow down"}, 429, {"retry-after": "120"})
        receipt = self.sms.take(number, PLACE.sub(lambda found: params[found[1]], text), str(given.get("ref", "")))
        if self.lose_answers:
            self.lose_answers -= 1
            return JSONResponse({"code": "500"}, 502)
        return JSONResponse({"code": "0", "data": {"receipt": receipt}})
