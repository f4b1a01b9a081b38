"""What is drawn of a message in WeCom, as a player sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.sandbox.players import Drawn, Raw


@dataclass(frozen=True, slots=True)
class Seen(Drawn):
    """Hold one message as a player sees it; `private` = in a direct chat.

    `ts` orders the messages of all chats; `channel` is `app`, `bot` or a group's id; `user` who wrote it (app, bot, a person).
    """

    @property
    def n(self) -> int:
        """Give the message's number."""
        return int(self.raw["n"])

    @property
    def buttons(self) -> list[str]:
        """List the labels of what can be pressed."""
        return [label for label, _ in pressed(self.raw)]


def pressed(raw: Raw) -> Iterator[tuple[str, str]]:
    """List what can be pressed on a card: label and key; a button that opens an address has none."""
    card = raw.get("card")
    if not card:
        return
    for action in card["menu"]:
        yield action["text"], action["key"]
    if card["replace_text"]:
        return
    for button in card["buttons"]:
        if button.get("type", 0) == 0:
            yield button["text"], button["key"]
    if card["submit"]:
        yield card["submit"]["text"], card["submit"]["key"]


def questions(raw: Raw) -> Iterator[tuple[str, str, list[Raw]]]:
    """List what can be chosen on a card: title, question_key, options."""
    card = raw.get("card")
    if not card or card["replace_text"]:
        return
    for select in card["selects"]:
        if not select.get("disable"):
            yield select["title"], select["question_key"], select["option_list"]
    if card["checkbox"]:
        yield "", card["checkbox"]["question_key"], card["checkbox"]["option_list"]


def _lines(card: Raw, chosen: dict[str, list[str]]) -> Iterator[str]:
    yield card["source"]["desc"]
    yield card["title"]
    yield card["desc"]
    yield " ".join(card["emphasis"]).strip()
    yield " ".join(card["quote"]).strip()
    for row in card["rows"]:
        yield f"{row['keyname']} {row['value']}"
    yield card["sub_title_text"]
    for title, words in card["paragraphs"]:
        yield f"{title} {words}".strip()
    for select in card["selects"]:
        picked = [o["text"] for o in select["option_list"] if o["id"] in chosen.get(select["question_key"], [])]
        yield f"{select['title']} {'、'.join(picked)}".strip()
    for option in (card["checkbox"] or {}).get("option_list", []):
        yield option["text"]
    for jump in card["jumps"]:
        yield jump["title"]
    for action in card["menu"]:
        yield action["text"]
    if card["replace_text"]:
        yield card["replace_text"]
        return
    for button in card["buttons"]:
        yield button["text"]
    if card["submit"]:
        yield card["submit"]["text"]


def seen(raw: Raw) -> Seen:
    """Give a message as a player sees it."""
    card = raw.get("card")
    words = "\n".join(line for line in _lines(card, raw["chosen"]) if line) if card else _plain(raw)
    push = card["title"] or card["sub_title_text"] if card else words.partition("\n")[0]
    direct = raw["chat"] in ("app", "bot")
    return Seen(raw["chat"], f"{raw['n']:08d}", raw["author"], raw["bot"], words, push, direct, raw)


def _plain(raw: Raw) -> str:
    text: str = raw["text"]
    if raw["kind"] in ("markdown", "stream"):
        text = re.sub(r"</?font[^>]*>", "", text)
    return text
