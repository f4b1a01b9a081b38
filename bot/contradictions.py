"""Find what fits the shape of the configuration but contradicts another part of it.

Works on the document as it was read, so that one wrong key does not hide what is wrong elsewhere; what has a wrong shape
is the schema's to report and is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.document import Found
from bot.matchers import matcher
from bot.model.routing import DEFAULT_RULE


def contradictions(data: Mapping[str, Any]) -> Iterator[Found]:
    """List every reference to nothing, double claim, bad matcher and circle of the document."""
    people = {_word(person.get("id")) for person in _entries(data.get("people")).values()}
    yield from _chats(data)
    for above, keys in (
        (("admins",), data.get("admins")),
        (("policy", "founders"), _mapping(data.get("policy")).get("founders")),
        (("policy", "duty_managers"), _mapping(data.get("policy")).get("duty_managers")),
    ):
        for index, person in _words(keys):
            if person not in people:
                yield (*above, index), f"{person} is not in the roster"
    yield from _rules(data)
    yield from _people(data)
    for at, entry in _entries(data.get("people")).items():
        if entry.get("manager") is not None and _word(entry["manager"]) not in people:
            yield ("people", at, "manager"), f"{_word(entry['manager'])} is not in the roster"
    rotations = _entries(data.get("rotations"))
    yield from _services(_entries(data.get("services")), people, {str(ident) for ident in rotations})
    yield from _rotations(rotations, people)
    chats, services = _mapping(data.get("chats")), _mapping(data.get("services"))
    for kind, entry in _mapping(data.get("reports")).items():
        if isinstance(entry, Mapping) and entry.get("chat") is not None and _word(entry["chat"]) not in chats:
            yield ("reports", str(kind), "chat"), f"there is no chat {_word(entry['chat'])}"
        if isinstance(entry, Mapping) and entry.get("service") is not None and _word(entry["service"]) not in services:
            yield ("reports", str(kind), "service"), f"there is no service {_word(entry['service'])}"
    for year, entry in _entries(data.get("holidays")).items():
        for key in ("rest", "work"):
            for at, day in _words(_spelled(entry.get(key))):
                if not day.startswith(f"{year}-"):
                    yield ("holidays", year, key, at), f"is not a day of {year}"


def unanswered(data: Mapping[str, Any]) -> Iterator[Found]:
    """List the services for which nobody answers: no owner, and nobody on call."""
    for ident, entry in _entries(data.get("services")).items():
        owners = [person for keys in _mapping(entry.get("owners")).values() for _, person in _words(keys)]
        if not owners and not _words(entry.get("on_call")):
            yield ("services", ident, "owners"), "nobody answers for this service: name an owner or who is on call"


def _chats(data: Mapping[str, Any]) -> Iterator[Found]:
    chats = {str(name) for name in _mapping(data.get("chats"))}
    for key in ("default_chat", "fallback", "mirror"):
        for index, chat in _words(data.get(key)):
            if chat not in chats:
                yield ((key,) if key == "default_chat" else (key, index)), f"there is no chat {chat}"
    for place, entry in _entries(data.get("announce")).items():
        if entry.get("chat") is not None and _word(entry["chat"]) not in chats:
            yield ("announce", place, "chat"), f"there is no chat {_word(entry['chat'])}"
    for name, chat in _mapping(data.get("chats")).items():
        heard = _word(_mapping(chat).get("hears_for"))
        if heard and (heard not in chats or heard == str(name)):
            yield ("chats", str(name), "hears_for"), f"there is no other chat {heard}"
    for name in _mapping(_mapping(data.get("policy")).get("warm_rooms")):
        if str(name) not in chats:
            yield ("policy", "warm_rooms", str(name)), f"there is no chat {name}"
    for name in _mapping(data.get("channels")):
        if str(name) in chats:
            yield ("channels", str(name)), "is already the name of a chat"
    if data.get("default_chat") is None and len(chats) > 1:
        yield ("default_chat",), "is required when there are several chats"


def _rules(data: Mapping[str, Any]) -> Iterator[Found]:
    called: dict[str, set[str]] = {}
    for ident, service in _entries(data.get("services")).items():
        for word in (ident, service.get("name"), service.get("name_en"), *(w for _, w in _words(service.get("aliases")))):
            called.setdefault(_word(word).casefold(), set()).add(str(ident))
    names = {DEFAULT_RULE: "the rule that stands after all others"}
    for index, rule in _entries(data.get("routing")).items():
        name = _word(rule.get("name"))
        if name in names:
            yield ("routing", index, "name"), f"'{name}' is already the name of {names[name]}"
        elif name:
            names[name] = f"rule {index}"
        for n, written in _words(rule.get("match")):
            try:
                matcher(written)
            except ValueError as error:
                yield ("routing", index, "match", n), str(error)
        source, service_word = rule.get("source"), _word(rule.get("service"))
        if source is not None and source not in _mapping(data.get("monitoring")):
            yield ("routing", index, "source"), f"there is no monitoring system {source}"
        if service_word and not service_word.startswith("{"):
            found = called.get(service_word.casefold(), set())
            if len(found) != 1:
                why = f"means {' and '.join(sorted(found))}" if found else "is not in the catalog"
                yield ("routing", index, "service"), f"'{service_word}' {why}"


def _people(data: Mapping[str, Any]) -> Iterator[Found]:
    ids: set[str] = set()
    accounts: dict[tuple[str, str], str] = {}
    for index, person in _entries(data.get("people")).items():
        ident = _word(person.get("id"))
        if ident in ids:
            yield ("people", index, "id"), "stands in the roster twice"
        if ident:
            ids.add(ident)
        for connection, account in _mapping(person.get("accounts")).items():
            owner = accounts.setdefault((str(connection), _word(account)), ident)
            if owner != ident:
                yield ("people", index, "accounts", str(connection)), f"this account is already {owner}'s"


def _services(services: Mapping[int | str, Mapping[str, Any]], people: set[str], rotations: set[str]) -> Iterator[Found]:
    graph: dict[str, list[str]] = {}
    for ident, entry in services.items():
        for duty, owners in _mapping(entry.get("owners")).items():
            for index, person in _words(owners):
                if person not in people:
                    yield ("services", ident, "owners", str(duty), index), f"{person} is not in the roster"
        for index, rotation in _words(entry.get("on_call")):
            if rotation not in rotations:
                yield ("services", ident, "on_call", index), f"there is no rotation {rotation}"
        graph[str(ident)] = [other for _, other in _words(entry.get("depends_on"))]
        for index, other in _words(entry.get("depends_on")):
            if other not in services:
                yield ("services", ident, "depends_on", index), f"there is no service {other}"
    for circle in _circles(graph):
        yield ("services", circle[0], "depends_on"), "goes round in a circle: " + " → ".join(circle)


def _rotations(rotations: Mapping[int | str, Mapping[str, Any]], people: set[str]) -> Iterator[Found]:
    for ident, rotation in rotations.items():
        for index, person in _words(rotation.get("people")):
            if person not in people:
                yield ("rotations", ident, "people", index), f"{person} is not in the roster"
        for at, cover in _entries(rotation.get("overrides")).items():
            if _word(cover.get("person")) not in people:
                yield ("rotations", ident, "overrides", at, "person"), f"{_word(cover.get('person'))} is not in the roster"


def _word(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _words(value: object) -> list[tuple[int, str]]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [(index, _word(item)) for index, item in enumerate(listed) if _word(item)]


def _entries(value: object) -> dict[int | str, Mapping[str, Any]]:
    """Give the mappings of a list or mapping by index or key."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return {key: entry for key, entry in pairs if isinstance(entry, Mapping)}


def _spelled(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def _circles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Find circles so that every dependency that lies on one is in one of them: the shortest through it.

    Each is the list of its nodes, beginning with the one that stands first in the graph and ending with it again.
    """
    order = {node: n for n, node in enumerate(graph)}
    found: dict[tuple[str, ...], None] = {}
    for node, needed in graph.items():
        for other in needed:
            back = _way(graph, other, node)
            if back:
                first = min(range(len(back)), key=lambda n: order[back[n]])
                found.setdefault((*back[first:], *back[:first]))
    return [[*circle, circle[0]] for circle in found]


def _way(graph: Mapping[str, Sequence[str]], start: str, goal: str) -> list[str]:
    """Find the shortest way from one node to another, both included; empty = there is none."""
    came: dict[str, str] = {start: ""}
    for node in (todo := [start]):
        if node == goal:
            way = [goal]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for other in graph.get(node, ()):
            if other in graph and other not in came:
                came[other] = node
                todo.append(other)
    return []
