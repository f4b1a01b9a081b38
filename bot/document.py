"""Read YAML files strictly: no key twice, `${NAME}` taken from the environment, every problem with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

Problem = tuple[str, str]  # (place, message), never a value
Found = tuple[tuple[int | str, ...], str]  # the same, with the place as its parts
Environment = Mapping[str, str]

_REFERENCE = re.compile(r"\$?\$\{(?P<file>file:)?(?P<name>[^}]+)\}")


class _Strict(yaml.SafeLoader):
    """Refuse a key that stands twice in one mapping: YAML would silently keep the last."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, (list, dict)):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands here twice", key_node.start_mark)
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class Filled:
    """Collect what was taken from outside a file: `values` are those that no message may repeat."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.values: set[str] = set()
        self.problems: list[Problem] = []


def read(path: Path, filled: Filled, place: str = "") -> Any:
    """Read one file with its references filled in; None when it is empty or could not be read (a problem says why).

    `place` stands before the places of its problems.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Strict)
    except FileNotFoundError:
        filled.problems.append((str(path), "no such file"))
    except OSError as error:
        filled.problems.append((str(path), f"cannot be read ({error.strerror or type(error).__name__})"))
    except UnicodeDecodeError:
        filled.problems.append((str(path), "is not UTF-8 text"))
    except yaml.YAMLError as error:
        filled.problems.append((str(path), _said(error)))
    else:
        return _fill(data, place, filled)
    return None


def dotted(*parts: object) -> str:
    """Spell a place in a document, `routing.0.match`."""
    return ".".join(str(part) for part in parts if part != "").replace(": .", ": ")


def _said(error: yaml.YAMLError) -> str:
    # Only the problem and its place: the full message quotes the line, which may hold a secret.
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "cannot be read"
    return f"not valid YAML: {problem}" + (f", line {mark.line + 1}, column {mark.column + 1}" if mark else "")


def _fill(value: Any, place: str, filled: Filled) -> Any:
    if isinstance(value, dict):
        return {key: _fill(inner, dotted(place, key), filled) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, dotted(place, index), filled) for index, inner in enumerate(value)]
    if isinstance(value, str) and "${" in value:
        return _REFERENCE.sub(_resolver(place, filled), value)
    return value


def _resolver(place: str, filled: Filled) -> Callable[[re.Match[str]], str]:
    def resolve(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        name = match["name"].strip()
        if match["file"]:
            try:
                found: str | None = Path(name).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                found = None
            lacks = f"the file {name} cannot be read"
        else:
            found = filled.environment.get(name) or None
            lacks = f"the environment variable {name} is not set"
        if found is None:
            filled.problems.append((place, lacks))
            return match[0]  # stays a word, so that the same place is not reported twice
        filled.values.add(found)
        return found

    return resolve
