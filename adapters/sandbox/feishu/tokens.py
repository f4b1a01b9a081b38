"""The app's tenant_access_token: given for id and secret, the same one while it is good, gone after two hours."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.refusals import WORDS, No
from adapters.sandbox.feishu.tenant import Tenant


class Tokens:
    """Know which tokens are good, until when, and what the app was granted."""

    def __init__(self, tenant: Tenant) -> None:
        self.scopes: tuple[str, ...] = tenant.app.scopes
        self.disabled = False
        self._tenant = tenant
        self._good: dict[str, float] = {}  # token -> until when

    def give(self, app_id: str, secret: str) -> dict[str, object]:
        """Answer the token call."""
        app = self._tenant.app
        if not app_id or not secret or app_id != app.id:
            raise No(10003)
        if secret != app.secret:
            raise No(10014)
        if self.disabled:
            raise No(99991662)
        now = self._tenant.now
        self._good = {token: until for token, until in self._good.items() if until > now}
        newest = next(reversed(self._good.items()), None)
        if newest is None or newest[1] - now < at_most.TOKEN_RENEWED:
            newest = (f"t-{secrets.token_hex(16)}", now + at_most.TOKEN_SECONDS)
            self._good[newest[0]] = newest[1]
        return {"tenant_access_token": newest[0], "expire": int(newest[1] - now)}

    def end(self) -> None:
        """Let every token end now, as when the app is published anew or its secret changes."""
        self._good.clear()

    def check(self, headers: Mapping[str, str], scopes: Sequence[str]) -> None:
        """Refuse a call without a good token, or without one of these scopes."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise No(99991661)
        if not token.startswith(("t-", "u-", "a-")):
            raise No(99991671)
        if self._good.get(token.strip(), 0.0) <= self._tenant.now:
            raise No(99991663)
        if self.disabled:
            raise No(99991662)
        if scopes and not set(scopes) & set(self.scopes):
            violations = [{"type": "action_scope_required", "subject": scope} for scope in scopes]
            words = f"{WORDS[99991672]}[{', '.join(scopes)}]"
            raise No(99991672, words, data={"error": {"permission_violations": violations}})
