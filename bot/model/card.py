"""A card is data: a few block types that every platform renders in its own way, and text where there are none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.model.text import Text, flat

_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Button:
    """Offer a command: `command` and `args` are ids and enums only; `typed` is the line a person can type instead.

    `assumes` names what must still be true for the click to count, as `(("status", "handling"),)`. `asks` = the click
    opens the command's form, filled in with `args`, where the chat has forms; elsewhere it answers what to type. With
    `options` it is a choice of several commands under one label: choosing one is clicking it, and `command` names the
    family only.
    """

    label: str
    command: str
    typed: str
    args: tuple[tuple[str, str], ...] = ()
    assumes: tuple[tuple[str, str], ...] = ()
    primary: bool = False
    confirm: str | None = None
    asks: bool = False
    options: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """Show one labelled fact."""

    label: str
    value: Text


@dataclass(frozen=True, slots=True)
class Card:
    """Show a state: `headline` is also the push preview, `colour` one of red orange yellow blue green purple grey turquoise.

    `about` is what the card is for (an incident or group id); `fields` come in the order of importance, `buttons` in the
    order in which platforms cut them from the right. A card with `text` is a message with buttons: the text is shown in
    place of the header, and `headline` is the push preview only. A card with neither has just its buttons. `lang` is what its
    own words are in (zh, en), whatever people typed on it.
    """

    headline: str
    colour: str
    about: str = ""
    sub: str = ""
    fields: tuple[Field, ...] = ()
    buttons: tuple[Button, ...] = ()
    footer: str = ""
    text: Text = ()
    lang: str = ""

    @property
    def chinese(self) -> bool:
        """Say whether a chat's own few words on this card are to be Chinese; where nobody said so, as its labels look."""
        if self.lang:
            return self.lang == "zh"
        words = "".join([f.label for f in self.fields] + [b.label for b in self.buttons])
        return bool(_HAN.search(words or self.headline or flat(self.text)))
