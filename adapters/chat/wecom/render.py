"""Neutral content as an app's messages within every limit; pure.

A direct chat shows template cards; a room only text and markdown, where every button is a line to type to the app directly.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from adapters.chat.wecom import LIMITS
from adapters.wecom_card import Sizes, inert, said, template_card, width
from adapters.wecom_markdown import card as card_words
from adapters.wecom_markdown import fitted, parts, text
from bot.model.card import Card
from bot.model.text import Text, flat
from bot.ports import Content

Json = dict[str, Any]

TEXT_BYTES = 2048  # 90236, 90248: more is cut off, in text and in markdown
SIZES = Sizes(title=36, desc=44, sub=160)


def room(content: Content) -> Json | None:
    """Render content for a room; None = too long."""
    if isinstance(content, Card):
        way = "打字：" if content.chinese else "type: "
        return _markdown(card_words(content, TEXT_BYTES, way, colours=True))
    return _text(content)


def direct(content: Content, task: str) -> list[Json] | None:
    """Render content for a direct chat, as one message or as a long text and the card below it; None = too long."""
    if not isinstance(content, Card):
        one = _text(content)
        return None if one is None else [one]
    made = template_card(content, SIZES, task)
    if made is None:
        way = "可以打字：" if content.chinese else "you can type: "
        return [_markdown(card_words(content, TEXT_BYTES, way, colours=True))]
    if width(said(content.text)) <= SIZES.sub:
        return [{"msgtype": "template_card", "template_card": made}]
    below = template_card(replace(content, text=()), SIZES, task)  # its words stand above it
    told = [{"msgtype": "text", "text": {"content": part}} for part in texts(content.text)]
    return [*told, {"msgtype": "template_card", "template_card": below}]


def texts(content: Text) -> list[str]:
    """Print tokens as messages, as many as it takes."""
    return parts(text(content).strip(), TEXT_BYTES)


def _text(content: Text) -> Json | None:
    words = inert(flat(content))
    if len(words) > LIMITS.text_chars or len(words.encode()) > LIMITS.text_bytes:
        return None
    return {"msgtype": "text", "text": {"content": fitted(content, TEXT_BYTES, marked=False)}}


def _markdown(words: str) -> Json:
    return {"msgtype": "markdown", "markdown": {"content": words}}


# ---------------------------------------------------------------- answers in the acknowledgement (90241)
def passive_text(company: str, user: str, at: int, words: str) -> Json:
    """Build the answer to a message."""
    return _passive(company, user, at, "text") | {"Content": words}


def passive_card(company: str, user: str, at: int, card: Json) -> Json:
    """Build the answer to a click that puts another card in the place of the clicked one, for the clicker."""
    shown = {name: value for name, value in card.items() if name != "task_id"}
    if all(button["key"].partition(":")[0].endswith("i") for button in card["button_list"]):
        shown["replace_text"] = card["button_list"][0]["text"]
    return _passive(company, user, at, "update_template_card") | {"TemplateCard": camel(shown)}


def _passive(company: str, user: str, at: int, kind: str) -> Json:
    return {"ToUserName": user, "FromUserName": company, "CreateTime": at, "MsgType": kind}


def camel(value: Any) -> Any:
    """Name everything as the XML does: `button_list` is ButtonList, a list is its element repeated."""
    if isinstance(value, dict):
        return {_NAMES.get(name, _camel(name)): camel(one) for name, one in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


_NAMES = {"keyname": "KeyName", "userid": "UserId"}


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_)([a-z])", lambda found: found[1].upper(), name)
