"""The arguments of a Web API call, merged from the query, a form and a JSON body, and the way to refuse them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class No(Exception):
    """Refuse a call with Slack's error code, further fields of the answer and, rarely, a status other than 200."""

    def __init__(self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error, self.status, self.headers, self.more = error, status, headers or {}, more


def missing(name: str) -> No:
    """Refuse a call that lacks an argument."""
    return invalid(f"[ERROR] missing required field: {name}")


def invalid(*messages: str) -> No:
    """Refuse arguments, saying why as Slack does."""
    return No("invalid_arguments", response_metadata={"messages": list(messages)})


def merged(method: str, query: bytes, content_type: str, body: bytes) -> dict[str, Any]:
    """Merge the arguments of a call; the body wins over the query."""
    found: dict[str, Any] = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
    kind, _, charset = content_type.partition(";")
    if method != "POST" or not body:
        return found
    if charset.strip() and charset.strip().lower().removeprefix("charset=").strip('"') not in ("utf-8", "iso-8859-1"):
        raise No("invalid_charset")
    match kind.strip().lower():
        case "application/json":
            try:
                said = json.loads(body)
            except (ValueError, UnicodeDecodeError):
                raise No("invalid_json") from None
            if not isinstance(said, dict):
                raise No("json_not_object")
            found |= {name: value for name, value in said.items() if value is not None}
        case "application/x-www-form-urlencoded":
            try:
                found |= dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True))
            except ValueError:
                raise No("invalid_form_data") from None
        case "":
            raise No("missing_post_type")
        case _:
            raise No("invalid_post_type")
    return found


class Args:
    """Read the arguments of one call."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def has(self, name: str) -> bool:
        """Say whether an argument was given and is not empty."""
        return self.given.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """Give a text argument."""
        value = self.given.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list)):
            raise invalid(f"[ERROR] must be a string [json-pointer:/{name}]")
        return str(value)

    def need(self, name: str) -> str:
        """Give a text argument that must be there."""
        if not self.has(name):
            raise missing(name)
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """Give a truth value; forms carry 1, true, 0 and false."""
        value = self.given.get(name)
        return default if value in (None, "") else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """Give an integer, refusing anything else."""
        value = self.text(name, str(default))
        try:
            return int(value)
        except ValueError:
            raise invalid(f"[ERROR] must be an integer [json-pointer:/{name}]") from None

    def items(self, name: str) -> list[str]:
        """Give a list; forms carry it joined by commas."""
        value = self.given.get(name)
        if isinstance(value, list):
            return [str(one) for one in value]
        return [one.strip() for one in self.text(name).split(",") if one.strip()]

    def data(self, name: str, error: str) -> Any:
        """Give nested data, which forms carry as JSON text; None = not given."""
        value = self.given.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise No(error) from None
        return value
