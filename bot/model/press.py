"""A click or a submitted form, and its form on the wire: short enough for the shortest button of any platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from bot.model.card import Button
from bot.model.form import Form

LONGEST = 128  # bytes; the id of an option on WeCom
_COMMAND = re.compile(r"[a-z][a-z_-]*")


@dataclass(frozen=True, slots=True)
class Press:
    """Hold a command, its arguments, what the button assumed, and whether it asks for the command's form.

    `form` is the platform's id of a filled-in form, the same however often it is sent; empty for a click.
    """

    command: str
    args: Mapping[str, str] = field(default_factory=dict)
    assumes: Mapping[str, str] = field(default_factory=dict)
    asks: bool = False
    form: str = ""


def encode(pressed: Button | Form) -> str:
    """Write a button's (or an open form's) command on one line; raises ValueError over 128 bytes.

    `command|name=value|?assumed=value`, with `!` behind the command when it asks for a form.
    """
    asks = "!" if isinstance(pressed, Button) and pressed.asks else ""
    parts = [f"{pressed.command}{asks}"]
    parts += [f"{name}={_written(value)}" for name, value in pressed.args]
    parts += [f"?{name}={_written(value)}" for name, value in pressed.assumes]
    line = "|".join(parts)
    if len(line.encode()) > LONGEST:
        raise ValueError(f"{line!r} is longer than {LONGEST} bytes")
    return line


def decode(line: str) -> Press:
    """Read what `encode` wrote; raises ValueError for anything else, as a stranger may have sent it."""
    command, *parts = line.split("|")
    args: dict[str, str] = {}
    assumes: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} has no value")
        if name.startswith("?"):
            assumes[name[1:]] = unquote(value)
        else:
            args[name] = unquote(value)
    asks = command.endswith("!")
    command = command.removesuffix("!")
    if not _COMMAND.fullmatch(command):
        raise ValueError(f"{command!r} is no command")
    return Press(command, args, assumes, asks)


def _written(value: str) -> str:
    # Han characters are three bytes as they are and nine when quoted; only what separates must be quoted.
    return value.replace("%", "%25").replace("|", "%7C")
