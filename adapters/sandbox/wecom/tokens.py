"""Access tokens: given for a secret, the same one while it is good, and ended early when WeCom feels like it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.corp import Corp
from adapters.sandbox.wecom.errors import No
from adapters.sandbox.wecom.rates import Rates


class Tokens:
    """Know the app's tokens: `good` until a time, `ended` with the code that they are refused with since."""

    def __init__(self, corp: Corp, rates: Rates, scale: float) -> None:
        self._corp, self._rates, self._scale = corp, rates, scale
        self.good: dict[str, float] = {}
        self.ended: dict[str, int] = {}

    def give(self, query: Mapping[str, str]) -> dict[str, object]:
        """Answer gettoken; a token that is still good is given again."""
        app, now = self._corp.app, self._corp.clock()
        if not query.get("corpid"):
            raise No(41002)
        if not query.get("corpsecret"):
            raise No(41004)
        if query["corpid"] != app.corpid:
            raise No(40013)
        if query["corpsecret"] != app.secret:
            raise No(40001)
        if not self._rates.fits(now, ("gettoken", at_most.GETTOKEN_A_MINUTE, at_most.MINUTE)):
            raise No(45009)
        token = next((token for token, until in self.good.items() if until > now), None)
        if token is None:
            token = secrets.token_urlsafe(48)
            self.good[token] = now + at_most.TOKEN_SECONDS * self._scale
        left = (self.good[token] - now) / self._scale
        return {"access_token": token, "expires_in": max(1, round(left))}

    def check(self, token: str) -> None:
        """Refuse a token that is missing, made up or over."""
        if not token:
            raise No(41001)
        if token in self.ended:
            raise No(self.ended[token])
        if token not in self.good:
            raise No(40014)
        if self.good[token] <= self._corp.clock():
            raise No(42001)

    def end(self, code: int) -> int:
        """End every token early; gives how many."""
        ending = list(self.good)
        for token in ending:
            del self.good[token]
            self.ended[token] = code
        return len(ending)
