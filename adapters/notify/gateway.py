"""A gateway for SMS or voice that takes an HTTP call: what the call looks like and which answer is good is configured.

In `url`, `headers` and `body`, `{name}` stands for: `to` (the number), `text` (the whole text), `template` (the vendor's
code of it), `key` (the same for every try of one delivery), `subject`, and the text's variables, `level`, `id`, `title`,
`time`, `status`, `ic` and `mins`; one that a text has not is empty. In headers, what is not ASCII is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.http import Answered, Http
from bot.ports import Clock, Done, Lost, Medium, Notice, NotifyChannel, Rate, Ref, Rejected, Result

NAMES = frozenset({"to", "text", "template", "key", "subject", "level", "id", "title", "time", "status", "ic", "mins"})
_PLACE = re.compile(r"\{([a-z]+)\}")


class Config(BaseModel):
    """Configure one gateway."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    medium: Literal["sms", "voice"]
    url: SecretStr
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: dict[str, SecretStr] = {}
    body: dict[str, Any] = {}
    encoding: Literal["json", "form"] = "json"
    templates: dict[str, str] = {}
    variable_chars: int = Field(default=20, ge=1, le=500)
    success_field: str | None = None
    success_values: tuple[str, ...] = ("0", "200", "OK", "ok", "true", "success")
    receipt_field: str | None = None
    timeout_seconds: float = Field(default=8.0, ge=0.5, le=14)
    per_second: int = Field(default=5, ge=1, le=1000)
    per_hour_each: int = Field(default=20, ge=1, le=1000)
    proxy: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Config:
        url = self.url.get_secret_value()
        if not re.match(r"https?://[^/{}]+", url):
            raise ValueError("url must be a web address whose host is fixed")
        said = [url, *(value.get_secret_value() for value in self.headers.values()), *_strings(self.body)]
        unknown = sorted({name for text in said for name in _PLACE.findall(text)} - NAMES)
        if unknown:
            raise ValueError(f"there is no {{{unknown[0]}}}; there are: {', '.join(sorted(NAMES))}")
        if any("\n" in value.get_secret_value() or "\r" in value.get_secret_value() for value in self.headers.values()):
            raise ValueError("a header must be one line")
        return self


def connect(name: str, settings: Config, clock: Clock) -> NotifyChannel:
    """Make the channel; opens no connection yet."""
    return Gateway(name, settings)


class Gateway:
    """Call one gateway."""

    def __init__(self, name: str, settings: Config) -> None:
        self.medium = Medium(settings.medium)
        self.rates: tuple[Rate, ...] = (
            Rate(settings.per_second, timedelta(seconds=1)), Rate(settings.per_hour_each, timedelta(hours=1), each=True),
        )  # fmt: skip
        self._name, self._settings = name, settings
        self._url = settings.url.get_secret_value()
        self._headers = {key.lower(): value.get_secret_value() for key, value in settings.headers.items()}
        self._http = Http(
            "", secrets=(*self._headers.values(), self._url), timeout=settings.timeout_seconds, proxy=settings.proxy
        )  # fmt: skip

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Make the call for one number."""
        of = self._settings
        number = re.sub(r"[ -]", "", to)
        short = {name: value[: of.variable_chars] for name, value in notice.variables.items()}
        template = of.templates.get(notice.template or "", notice.template or "")
        known = {**short, "to": number, "text": notice.text, "template": template, "key": key, "subject": notice.subject}

        url = filled(self._url, known, lambda value: quote(value, safe=""))
        headers = {name: filled(value, known, _plain) for name, value in self._headers.items()}
        body = _walk(of.body, lambda text: filled(text, known, str))
        content = b""
        if of.method == "GET":
            url += ("&" if "?" in url else "?") + urlencode(_flat(body)) if body else ""
        elif of.encoding == "json":
            content, headers = msgspec.json.encode(body), {"content-type": "application/json", **headers}
        else:
            content = urlencode(_flat(body)).encode()
            headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", **headers}
        answer = await self._http.call(of.method, url, content=content, headers=headers, bucket=self._name)
        return self._read(to, answer.body) if isinstance(answer, Answered) else answer

    def _read(self, to: str, body: bytes) -> Result:
        """Read a good status: whether the field that decides has one of the good values, and the receipt."""
        of = self._settings
        if of.success_field is None and of.receipt_field is None:
            return Done(Ref(to))
        try:
            answer = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return Lost("the answer is no JSON") if of.success_field is not None else Done(Ref(to))
        if of.success_field is not None and _at(answer, of.success_field) not in of.success_values:
            return Rejected("refused", self._http.redact(body.decode("utf-8", "replace"))[:300])
        return Done(Ref(to, (_at(answer, of.receipt_field) or "")[:100] if of.receipt_field is not None else ""))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def filled(text: str, known: Mapping[str, str], fit: Callable[[str], str]) -> str:
    """Put values into a text; what stands in braces within a value stays as it is."""
    return _PLACE.sub(lambda found: fit(known.get(found[1], "")), text)


def _plain(value: str) -> str:
    """Make a value fit for a header: what is not printable ASCII is left out."""
    return "".join(letter for letter in value if letter.isascii() and letter.isprintable())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _walk(inner, change) for key, inner in value.items()}
    return [_walk(inner, change) for inner in value] if isinstance(value, list) else value


def _flat(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the fields of a form; what is no text stands in it as JSON."""
    return [(key, value if isinstance(value, str) else msgspec.json.encode(value).decode()) for key, value in body.items()]


def _at(answer: Any, path: str) -> str | None:
    """Give what stands at a dotted path of an answer, as text; None = nothing does."""
    for part in path.split("."):
        if isinstance(answer, list) and part.isdigit() and int(part) < len(answer):
            answer = answer[int(part)]
        elif isinstance(answer, dict) and part in answer:
            answer = answer[part]
        else:
            return None
    return answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
