"""A stand-in for Alertmanager's API of silences and alerts (version 2), which refuses what the real one refuses.

What it knows of silences was read off Alertmanager 0.25 itself, and is held against a real one in tests/live: a silence
begins now at the earliest; one that is written again with its own start and matchers keeps its id, with others it ends and
another begins; ending one twice is no error, an unknown one is; matchers that could match everything are refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Matchers = tuple[tuple[str, str, bool, bool], ...]  # name, value, whether it is a regular expression, whether it must match


@dataclass(frozen=True, slots=True)
class Silence:
    """Hold a silence."""

    id: str
    matchers: Matchers
    starts: datetime
    ends: datetime
    by: str
    comment: str

    def state(self, now: datetime) -> str:
        return "expired" if self.ends <= now else "pending" if self.starts > now else "active"


@dataclass(slots=True)
class Alertmanager:
    """Hold silences and the alerts that fire; `token` is what a caller must bear, `now` its clock."""

    token: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    silences: dict[str, Silence] = field(default_factory=dict)
    firing: dict[str, tuple[Mapping[str, str], datetime]] = field(default_factory=dict)  # by fingerprint
    up_since: datetime | None = None
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.up_since = self.up_since or self.now()

    @property
    def active(self) -> list[Silence]:
        """List the silences that keep something silent now."""
        return [silence for silence in self.silences.values() if silence.state(self.now()) == "active"]

    def app(self) -> Starlette:
        """Make the application that serves it."""
        return Starlette(routes=[
            Route("/api/v2/silences", self._silences, methods=["GET", "POST"]),
            Route("/api/v2/silence/{id}", self._silence, methods=["DELETE"]),
            Route("/api/v2/alerts", self._alerts, methods=["GET"]),
            Route("/api/v2/status", self._status, methods=["GET"]),
        ])  # fmt: skip

    def _denied(self, request: Request) -> Response | None:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response("Unauthorized\n", 401)
        return None

    async def _silences(self, request: Request) -> Response:
        if (denied := self._denied(request)) is not None:
            return denied
        if request.method == "POST":
            return self._set(await request.json())
        return JSONResponse([self._told(silence) for silence in self.silences.values()])

    def _set(self, said: Mapping[str, Any]) -> Response:
        now = self.now()
        starts, ends = datetime.fromisoformat(said["startsAt"]), datetime.fromisoformat(said["endsAt"])
        matchers = tuple(sorted((m["name"], m["value"], m["isRegex"], m.get("isEqual", True)) for m in said["matchers"]))
        if ends <= now:
            return JSONResponse("end time can't be in the past", 400)
        if starts >= ends:
            return JSONResponse("failed to create silence: start time must be before end time", 400)
        if all(_matches(matcher, {}) for matcher in matchers):
            return JSONResponse("silence invalid: at least one matcher must not match the empty string", 400)
        known = self.silences.get(said.get("id") or "")
        if said.get("id") and known is None:
            return JSONResponse("silence not found", 404)
        made = Silence("", matchers, max(starts, now), ends, said["createdBy"], said["comment"])
        if known is not None and known.state(now) == "active":
            if (known.matchers, known.starts) == (matchers, starts):
                made = replace(made, id=known.id, starts=known.starts)
            else:
                self.silences[known.id] = replace(known, ends=now)
        made = replace(made, id=made.id or f"{next(self.ids):08}-0000-4000-8000-000000000000")
        self.silences[made.id] = made
        return JSONResponse({"silenceID": made.id})

    async def _silence(self, request: Request) -> Response:
        if (denied := self._denied(request)) is not None:
            return denied
        known = self.silences.get(request.path_params["id"])
        if known is None:
            return JSONResponse("silence not found", 500)  # 404 since 0.27
        if known.state(self.now()) != "expired":
            self.silences[known.id] = replace(known, ends=self.now())
        return Response(status_code=200)

    async def _alerts(self, request: Request) -> Response:
        if (denied := self._denied(request)) is not None:
            return denied
        asked = [_filter(one) for one in request.query_params.getlist("filter")]
        return JSONResponse([
            {"fingerprint": ident, "labels": dict(labels), "annotations": {}, "startsAt": _stamp(starts),
             "status": {"state": "suppressed" if self._silenced(labels) else "active"}}
            for ident, (labels, starts) in self.firing.items()
            if all(_matches(matcher, labels) for matcher in asked)
        ])  # fmt: skip

    async def _status(self, request: Request) -> Response:
        assert self.up_since is not None
        return self._denied(request) or JSONResponse({"uptime": _stamp(self.up_since)})

    def _silenced(self, labels: Mapping[str, str]) -> bool:
        return any(all(_matches(matcher, labels) for matcher in silence.matchers) for silence in self.active)

    def _told(self, silence: Silence) -> dict[str, Any]:
        return {
            "id": silence.id, "startsAt": _stamp(silence.starts), "endsAt": _stamp(silence.ends), "createdBy": silence.by,
            "comment": silence.comment, "status": {"state": silence.state(self.now())},
            "matchers": [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in silence.matchers],
        }  # fmt: skip


def _matches(matcher: tuple[str, str, bool, bool], labels: Mapping[str, str]) -> bool:
    name, value, regex, equal = matcher
    has = labels.get(name, "")
    return (re.fullmatch(value, has) is not None if regex else has == value) is equal


def _filter(written: str) -> tuple[str, str, bool, bool]:
    found = re.fullmatch(r'([^=!~]+)(=~|!~|!=|=)"(.*)"', written, re.DOTALL)
    assert found is not None, written
    value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[3])
    return found[1], value, "~" in found[2], found[2][0] != "!"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
