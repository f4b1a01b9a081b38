"""Alertmanager's own API, version 2: silences, and the alerts that fire (`api/v2/openapi.yaml` of prometheus/alertmanager)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from adapters.http import BODY_BYTES, Answered, Http
from bot.model.alert import Alert, AlertState
from bot.model.muting import Matcher
from bot.ports import Done, Firing, Lost, Ref, Rejected, Result, Retry, Silence

T = TypeVar("T")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_CODES = {400: "silence_invalid", 401: "source_denied", 403: "source_denied", 404: "source_not_found", 405: "source_not_found"}
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # by whichever clock: Alertmanager lets a silence begin now at the earliest
_GONE = b"not found"  # of a silence


class _Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class _State(msgspec.Struct):
    state: str


class _Silence(msgspec.Struct, rename="camel"):
    id: str
    matchers: list[_Matcher]
    starts_at: _Instant
    ends_at: _Instant
    comment: str
    status: _State


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    starts_at: _Instant
    fingerprint: str
    annotations: dict[str, str] = {}


class _Made(msgspec.Struct):
    id: str = msgspec.field(name="silenceID")


class _Status(msgspec.Struct):
    uptime: _Instant


class Api:
    """Keep alerts silent through `base_url` (without `/api/v2`), with `headers` that prove who asks."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secrets: Sequence[str] = (),
        timeout: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = Http(base_url.rstrip("/") + "/api/v2/", secrets=secrets, timeout=timeout, connections=4, transport=transport)
        self._headers = dict(headers)

    async def silence(
        self, matchers: Sequence[Matcher], until: datetime, comment: str, creator: str, key: str, known: Silence | None = None
    ) -> Result:
        """Begin a silence or change `known`: with its own start and the same matchers Alertmanager keeps its id, with others
        it ends that one and begins another (`silence.Silences.Set`)."""
        body: dict[str, Any] = {
            "matchers": [_written(matcher) for matcher in matchers],
            "startsAt": _stamp(known.starts_at if known is not None else _AT_ONCE),
            "endsAt": _stamp(until),
            "createdBy": creator,
            "comment": f"{comment} [{key}]",
        }
        if known is not None:
            body["id"] = known.id
        made = await self._read("POST", "silences", _Made, msgspec.json.encode(body))
        return Done(Ref("", made.id)) if isinstance(made, _Made) else made

    async def expire(self, ident: str) -> Result:
        """End a silence; one that is not known any more is done, or by an old Alertmanager (a 500) to be looked for again."""
        got = await self._http.call("DELETE", f"silence/{quote(ident, safe='')}", headers=self._headers, code_of=_code)
        match got:
            case Answered() | Rejected(code="silence_gone"):
                return Done()
            case Lost():
                return Retry(1.0, "busy")  # ending it twice is ending it once
            case _:
                return got

    async def find(self, key: str) -> tuple[Silence, ...] | Retry | Rejected:
        """List the silences whose comment ends in the key; Alertmanager itself cannot look for one by its comment."""
        found = await self._read("GET", "silences", list[_Silence])
        if not isinstance(found, list):
            return _asked(found)
        mine = [one for one in found if one.comment.endswith(f"[{key}]")]
        return tuple(
            Silence(
                one.id, tuple(sorted(map(_read, one.matchers), key=lambda m: m.name)), one.starts_at, one.ends_at,
                one.status.state != "expired", one.comment.removesuffix(f"[{key}]").strip(),
            )
            for one in sorted(mine, key=lambda one: one.starts_at, reverse=True)
        )  # fmt: skip

    async def firing(self, matchers: Sequence[Matcher]) -> Firing | Retry | Rejected:
        """List what fires, silenced and inhibited ones too, and since when this Alertmanager has been up."""
        asked = [("active", "true"), ("silenced", "true"), ("inhibited", "true"), *(("filter", _typed(m)) for m in matchers)]
        status = await self._read("GET", "status", _Status)
        found = await self._read("GET", f"alerts?{urlencode(asked)}", list[_Alert])
        if not isinstance(status, _Status):
            return _asked(status)
        if not isinstance(found, list):
            return _asked(found)
        alerts = (
            Alert(one.fingerprint, AlertState.FIRING, one.starts_at.astimezone(UTC), one.labels, one.annotations) for one in found
        )
        return Firing(tuple(alerts), status.uptime)

    async def _read(self, method: str, path: str, kind: type[T], content: bytes = b"") -> T | Retry | Rejected | Lost:
        headers = {**self._headers, **({"content-type": "application/json"} if content else {})}
        got = await self._http.call(
            method, path, content=content, headers=headers, reads=method == "GET", code_of=_code
        )  # fmt: skip
        if not isinstance(got, Answered):
            return got
        try:
            return msgspec.json.decode(got.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Rejected("source_too_much" if len(got.body) >= BODY_BYTES else "source_not_understood")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def basic(user: str, password: str) -> str:
    """Write the header of HTTP basic authentication."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _asked(outcome: Retry | Rejected | Lost) -> Retry | Rejected:
    return Retry(1.0, "busy") if isinstance(outcome, Lost) else outcome


def _code(status: int, body: bytes) -> str | None:
    return "silence_gone" if status == 404 and _GONE in body else _CODES.get(status)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _pattern(values: Sequence[str]) -> str:
    return "|".join(map(re.escape, values))  # Go's regexp takes an escaped sign for itself, whatever it is


def _written(matcher: Matcher) -> dict[str, Any]:
    several = len(matcher.values) != 1
    value = _pattern(matcher.values) if several else matcher.values[0]
    return {"name": matcher.name, "value": value, "isRegex": several, "isEqual": True}


def _typed(matcher: Matcher) -> str:
    several = len(matcher.values) != 1
    value = _pattern(matcher.values) if several else matcher.values[0]
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{matcher.name}{"=~" if several else "="}"{quoted}"'


def _read(matcher: _Matcher) -> Matcher:
    if not matcher.is_regex:
        return Matcher(matcher.name, (matcher.value,))
    return Matcher(matcher.name, tuple(_alternatives(matcher.value)))


def _alternatives(pattern: str) -> list[str]:
    """Take apart what `_pattern` wrote."""
    found, left = [""], iter(pattern)
    for sign in left:
        if sign == "|":
            found.append("")
        else:
            found[-1] += next(left, "") if sign == "\\" else sign
    return found
