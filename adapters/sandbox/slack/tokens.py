"""Which tokens are good, for what, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.sandbox.slack.args import No
from adapters.sandbox.slack.workspace import App


@dataclass(slots=True)
class Token:
    """Hold one token; `kind` is bot or app, `state` good | expired | revoked | inactive."""

    kind: str
    scopes: tuple[str, ...]
    state: str = "good"


WRONG = {"expired": "token_expired", "revoked": "token_revoked", "inactive": "account_inactive"}


class Tokens:
    """Know the tokens of the app."""

    def __init__(self, app: App) -> None:
        self.known = {app.bot_token: Token("bot", app.scopes), app.app_token: Token("app", ("connections:write",))}

    def check(self, headers: Mapping[str, str], said: str, kinds: Sequence[str], scopes: Sequence[str]) -> Token:
        """Give the token of a call that is of one of these kinds and has one of these scopes, or refuse."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        value = value.strip() if scheme.lower() == "bearer" else said
        if not value:
            raise No("not_authed")
        token = self.known.get(value)
        if token is None:
            raise No("invalid_auth")
        if token.state != "good":
            raise No(WRONG[token.state])
        if token.kind not in kinds:
            raise No("not_allowed_token_type")
        if scopes and not set(scopes) & set(token.scopes):
            raise No("missing_scope", needed=",".join(scopes), provided=",".join(token.scopes))
        return token
