"""Prometheus Alertmanager: webhook payloads of version 4, as `webhook_configs` posts them, and silences through its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.alertmanager_api import Api, basic
from bot.errors import Malformed
from bot.model.alert import Alert, AlertState, Posting
from bot.ports import Silencer

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK, _FNV_SEPARATOR = 14695981039346656037, 1099511628211, (1 << 64) - 1, b"\xff"


class _Statement(msgspec.Struct, rename="camel", gc=False):
    status: AlertState
    labels: dict[str, str]
    starts_at: _Instant
    annotations: dict[str, str] | None = None
    ends_at: _Instant | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")
    fingerprint: str = ""


class _Body(msgspec.Struct, rename="camel"):
    version: str
    group_key: str
    alerts: list[_Statement]
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0)] = 0


class _Version(msgspec.Struct):
    version: str


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BasicAuth(_Keys):
    """Hold the name and password of HTTP basic authentication."""

    user: str = Field(min_length=1)
    password: SecretStr


class ApiAuth(_Keys):
    """Say how we prove to Alertmanager who we are: at most one way."""

    bearer: SecretStr | None = None
    basic: BasicAuth | None = None

    @model_validator(mode="after")
    def _one(self) -> ApiAuth:
        if (self.bearer is None) == (self.basic is None):
            raise ValueError("needs exactly one of bearer, basic")
        return self


class ApiSettings(_Keys):
    """Say where Alertmanager takes silences."""

    url: AnyHttpUrl
    auth: ApiAuth | None = None
    timeout_seconds: float = Field(default=5.0, ge=0.5, le=7.0)  # several calls of one attempt stay below its 15 s


class Config(_Keys):
    """Configure what goes to Alertmanager; without `api` nothing does."""

    api: ApiSettings | None = None


def silencer(settings: Config) -> Silencer | None:
    """Make what keeps alerts silent; None where Alertmanager is only heard."""
    if settings.api is None:
        return None
    auth = settings.api.auth
    headers, secrets = {}, []
    if auth is not None and auth.bearer is not None:
        secrets = [auth.bearer.get_secret_value()]
        headers = {"authorization": f"Bearer {secrets[0]}"}
    elif auth is not None and auth.basic is not None:
        password = auth.basic.password.get_secret_value()
        header = basic(auth.basic.user, password)
        secrets, headers = [password, header], {"authorization": header}
    return Api(str(settings.api.url), headers, secrets=secrets, timeout=settings.api.timeout_seconds)


class Source:
    """Read webhook bodies of version 4; fields that this version does not know are ignored."""

    def __init__(self, settings: Config | None = None) -> None:
        self._bodies = msgspec.json.Decoder(_Body)
        self._versions = msgspec.json.Decoder(_Version)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Posting:
        """Read a body, each fingerprint once; raises `Malformed` naming the field, as `alerts[3].startsAt`."""
        try:
            read = self._bodies.decode(body)
        except msgspec.ValidationError as error:
            self._check_version(body)
            raise _malformed(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Malformed("body", "is not JSON in UTF-8") from None
        except RecursionError:
            raise Malformed("body", "is nested too deeply") from None
        if read.version != "4":
            raise Malformed("version", "only version 4 is understood")
        clean = b"\\u0000" not in body  # no database keeps a NUL in a text
        newest: dict[str, Alert] = {}
        for index, statement in enumerate(read.alerts):
            alert = _alert(statement, index, read.group_key)
            if not clean:
                alert = _without_nul(alert)
            known = newest.get(alert.fingerprint)
            if known is None or (alert.as_of, alert.rank) >= (known.as_of, known.rank):
                newest[alert.fingerprint] = alert
        return Posting(tuple(newest.values()), read.truncated_alerts)

    def _check_version(self, body: bytes) -> None:
        """Blame the version where it is another: that says more than a field which this version lacks."""
        try:
            version = self._versions.decode(body).version
        except msgspec.ValidationError:
            return
        if version != "4":
            raise Malformed("version", "only version 4 is understood") from None


def _alert(statement: _Statement, index: int, group: str) -> Alert:
    starts_at = _utc(statement.starts_at, index, "startsAt")
    if starts_at is None:
        raise Malformed(f"alerts[{index}].startsAt", "is the zero time")
    url = statement.generator_url
    return Alert(
        statement.fingerprint or fingerprint(statement.labels),
        statement.status,
        starts_at,
        statement.labels,
        statement.annotations or {},
        _utc(statement.ends_at, index, "endsAt") if statement.ends_at is not None else None,
        group,
        url if url.startswith(("https://", "http://")) else None,
    )


def _utc(at: datetime, index: int, name: str) -> datetime | None:
    """Give an instant in UTC; None for Go's zero time, year 1."""
    if at.year <= 1:
        return None
    try:
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except OverflowError:
        raise Malformed(f"alerts[{index}].{name}", "is out of range") from None


def fingerprint(labels: Mapping[str, str]) -> str:
    """Compute what Alertmanager itself calls an alert with these labels: FNV-1a, 64 bits, over the sorted labels."""
    value = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + _FNV_SEPARATOR + labels[name].encode() + _FNV_SEPARATOR:
            value = ((value ^ byte) * _FNV_PRIME) & _FNV_MASK
    return f"{value:016x}"


def _malformed(error: msgspec.ValidationError) -> Malformed:
    why, _, path = str(error).partition(" - at ")
    where = path.strip("`").removeprefix("$").removeprefix(".")
    missing = _MISSING.fullmatch(why)
    if missing is not None:
        return Malformed(f"{where}.{missing[1]}" if where else missing[1], "is required")
    if why.startswith("Invalid enum value"):
        why = "must be firing or resolved"  # the message would repeat what a stranger wrote
    return Malformed(where or "body", why[:1].lower() + why[1:])


def _without_nul(alert: Alert) -> Alert:
    def bare(texts: Mapping[str, str]) -> dict[str, str]:
        return {name.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for name, value in texts.items()}

    return Alert(
        alert.fingerprint.replace("\0", "\ufffd"), alert.state, alert.starts_at, bare(alert.labels), bare(alert.annotations),
        alert.ends_at, alert.group.replace("\0", "\ufffd"), alert.url and alert.url.replace("\0", "\ufffd"),
    )  # fmt: skip
