"""What a call carries, read strictly, and how DingTalk refuses it: in two dialects."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class No(Exception):
    """Refuse a call of the new API: an HTTP status, a code and words."""

    def __init__(self, code: str, message: str = "", status: int = 400, **more: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.status, self.more = code, message or code, status, more

    def told(self) -> dict[str, Any]:
        """Give the body."""
        return {"code": self.code, "requestid": request_id(), "message": self.message, **self.more}


class OldNo(Exception):
    """Refuse a call of the old API: a number and words in HTTP 200."""

    def __init__(self, errcode: int, errmsg: str, **more: Any) -> None:
        super().__init__(errmsg)
        self.errcode, self.errmsg, self.more = errcode, errmsg, more

    def told(self) -> dict[str, Any]:
        """Give the body."""
        return {"errcode": self.errcode, "errmsg": self.errmsg, **self.more, "request_id": secrets.token_hex(6)}


@dataclass(frozen=True, slots=True)
class Args:
    """Hold a call's JSON object; what is of another type than asked for is refused with `code`."""

    given: Mapping[str, Any]
    code: str = "param.invalid"
    path: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Give a string; empty when it is missing."""
        value = self.given.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise No(self.code, f"{name} must be a string")
        return value

    def need(self, name: str, code: str = "") -> str:
        """Give a string that must be there."""
        value = self.text(name)
        if not value:
            raise No(code or self.code, f"{name} is required")
        return value

    def texts(self, name: str) -> list[str]:
        """Give a list of strings, without repetitions."""
        value = self.given.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise No(self.code, f"{name} must be a list of strings")
        return list(dict.fromkeys(value))

    def object(self, name: str) -> dict[str, Any]:
        """Give an object; empty when it is missing."""
        value = self.given.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise No(self.code, f"{name} must be an object")
        return value

    def number(self, name: str, default: int) -> int:
        """Give a whole number."""
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise No(self.code, f"{name} must be a number")
        return value


def request_id() -> str:
    """Make a request id as the new API writes them."""
    raw = secrets.token_hex(16).upper()
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
