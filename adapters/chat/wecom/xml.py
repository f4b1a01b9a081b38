"""The little XML that WeCom speaks: read without entities, declarations or depth, and written; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from bot.errors import Malformed

DEEPEST = 8
MOST = 2000  # elements
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Element = dict[str, list[Any]]  # of each name its values in order: words, or further elements


def read(body: bytes) -> Element:
    """Read the children of the root; raises `Malformed` for everything that is not plain elements and words."""
    stack: list[tuple[str, Element, list[str]]] = []
    root: list[Element] = []
    count = 0

    def refuse(*_: object) -> None:
        raise Malformed("body", "declares types or entities")

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) >= DEEPEST or count > MOST:
            raise Malformed("body", "too deep or too many elements")
        stack.append((name, {}, []))

    def end(_: str) -> None:
        name, children, words = stack.pop()
        if not stack:
            root.append(children)
            return
        stack[-1][1].setdefault(name, []).append(children if children else "".join(words))

    def characters(words: str) -> None:
        if stack:
            stack[-1][2].append(words)

    parser = ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse  # type: ignore[assignment]
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(body, True)
    except (ExpatError, ValueError):
        raise Malformed("body", "not XML") from None
    return root[0] if root else {}


def words(element: Mapping[str, Sequence[Any]], name: str) -> str:
    """Give the words of the first child of a name; empty = none."""
    found = element.get(name) or ("",)
    return found[0].strip() if isinstance(found[0], str) else ""


def child(element: Mapping[str, Sequence[Any]], name: str) -> Element:
    """Give the first child of a name that has children itself."""
    return next(iter(children(element, name)), {})


def children(element: Mapping[str, Sequence[Any]], name: str) -> list[Element]:
    """Give the children of a name that have children themselves."""
    return [one for one in element.get(name) or () if isinstance(one, dict)]


def write(name: str, content: object) -> str:
    """Write an element: a mapping is its children, a sequence the same element repeated."""
    match content:
        case Mapping():
            return f"<{name}>{''.join(write(str(child), value) for child, value in content.items())}</{name}>"
        case list() | tuple():
            return "".join(write(name, one) for one in content)
        case bool() | int():
            return f"<{name}>{int(content)}</{name}>"
        case _:
            safe = _UNWRITABLE.sub("", str(content)).replace("]]>", "]]]]><![CDATA[>")
            return f"<{name}><![CDATA[{safe}]]></{name}>"
