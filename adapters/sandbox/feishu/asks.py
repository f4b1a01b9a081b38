"""One call of the open API as it was asked: path, query and body, read with Feishu's own complaints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.feishu.refusals import No


def invalid(name: str, words: str) -> No:
    """Refuse a field, naming it as the gateway does."""
    violation = {"field": name, "description": words}
    return No(99992402, data={"error": {"field_violations": [violation]}})


@dataclass(slots=True)
class Ask:
    """Hold a call's parameters: `path` by name, the `query`, and the JSON `body`, or `files` of a form."""

    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Give a text of the body."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise invalid(name, f"{name} must be a string")
        return value

    def need(self, name: str) -> str:
        """Give a text of the body that must be there."""
        value = self.text(name)
        if not value:
            raise invalid(name, f"{name} is required")
        return value

    def items(self, name: str) -> list[str]:
        """Give a list of texts of the body."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise invalid(name, f"{name} must be a list of strings")
        return list(value)

    def things(self, name: str) -> list[dict[str, Any]]:
        """Give a list of objects of the body."""
        value = self.body.get(name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise invalid(name, f"{name} must be a list of objects")
        return list(value)

    def one_of(self, name: str, known: tuple[str, ...], default: str = "", *, of: str = "query") -> str:
        """Give a word of a fixed set, from the query or the body."""
        value = self.query.get(name, "") if of == "query" else self.text(name)
        value = value or default
        if value not in known:
            raise invalid(name, f"{name} is required" if not value else f"{name} is one of {', '.join(known)}")
        return value

    def flag(self, name: str) -> bool:
        """Give a truth value of the query."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str, default: int, most: int, least: int = 1) -> int:
        """Give an integer of the query within its range."""
        try:
            value = int(self.query.get(name) or default)
        except ValueError:
            raise invalid(name, f"{name} must be an integer") from None
        if not least <= value <= most:
            raise invalid(name, f"{name} must be within {least} and {most}")
        return value

    def page(self, everything: list[Any], most: int, default: int = 20) -> tuple[list[Any], dict[str, Any]]:
        """Cut one page out of a list, by page_size and page_token."""
        size = self.number("page_size", default, most)
        token = self.query.get("page_token", "") or "p0"
        if not token.startswith("p") or not token[1:].isdigit():
            raise invalid("page_token", "page_token is invalid")
        at = int(token[1:])
        more = len(everything) > at + size
        return everything[at : at + size], {"has_more": more, "page_token": f"p{at + size}" if more else ""}


def read(path: dict[str, str], query: dict[str, str], headers: Mapping[str, str], body: bytes) -> Ask:
    """Read a call; raises No where the body is no JSON object."""
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        said, files = _form(kind, body)
        return Ask(path, query, said, files)
    if not body.strip():
        return Ask(path, query, {})
    try:
        given = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        raise No(9499, "Bad Request: the body is no JSON") from None
    if not isinstance(given, dict):
        raise No(9499, "Bad Request: the body is no JSON object")
    return Ask(path, query, given)


def _form(kind: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    from email.parser import BytesParser

    parts = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    said: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    if not parts.is_multipart():
        raise No(9499, "Bad Request: the form is malformed")
    for part in parts.get_payload():
        if isinstance(part, str):
            continue
        name = str(part.get_param("name", "", "content-disposition"))
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        files[name] = data  # a file's part need not have a filename
        if part.get_filename() is None:
            said[name] = data.decode("utf-8", "replace")
    return said, files
