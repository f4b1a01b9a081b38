"""Which access tokens are good, and until when."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.world import App


class Tokens:
    """Issue tokens for the app; asked again while one is good, the same is given."""

    def __init__(self, app: App, clock: Callable[[], float]) -> None:
        self.scopes = app.scopes
        self._app = app
        self._clock = clock
        self._token = ""
        self._ends = 0.0

    def issue(self, key: str, secret: str) -> tuple[str, int] | None:
        """Give the token and its seconds left, or None for another app's credentials."""
        if (key, secret) != (self._app.client_id, self._app.client_secret):
            return None
        if not self.good(self._token):
            self._token, self._ends = secrets.token_hex(16), self._clock() + at_most.TOKEN_SECONDS
        return self._token, int(self._ends - self._clock())

    def good(self, token: str) -> bool:
        """Say whether a token may be used now."""
        return bool(token) and token == self._token and self._clock() < self._ends

    def expire(self) -> None:
        """End the token that is out; the next one asked for is another."""
        self._ends = 0.0
