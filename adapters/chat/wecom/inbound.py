"""What WeCom delivers to an app, read to what the core understands; pure.

Messages have a MsgId; events have none, and are told apart by who, when and what (90238 says so).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.chat.wecom.xml import child, children, words
from adapters.wecom_card import UNREADABLE, Click, Pressed, clicked
from bot.model.ids import ConnectionId
from bot.model.press import Press
from bot.model.text import Span, Text
from bot.ports import Inbound, Place, Speaker

SpeakerOf = Callable[[str], Speaker]
TEXT_CHARS = 4000
CARD_EVENTS = frozenset({"template_card_event", "template_card_menu_event"})
# WeCom switches off an app that nobody uses; an admin must know before.
IDLE_EVENTS = frozenset({"inactive_alert", "close_inactive_agent", "low_active_alert", "low_active_agent"})

_ADDRESS = re.compile(r"\s*(?:[/／](?:incident|inc|故障)|[@＠](?:bot|warroom))(?![A-Za-z0-9_\-])[ \t　:：,，]*", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9_.+\-])[@＠][^\s@＠,，。.、;；:：!！?？()（）\[\]【】<>《》\"“”'‘’/|｜]+")


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold a delivery for the core, and what its answer needs; `click` is None for what was typed.

    `task` is the clicked card's own task_id and `code` what it can be changed with, once.
    """

    inbound: Inbound
    user: str
    click: Click | None = None
    task: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """WeCom is about to switch the app off, or did."""

    event: str


def read(connection: ConnectionId, body: Mapping[str, Any], speaker_of: SpeakerOf, now: datetime) -> Arrived | Warned | None:
    """Read a decrypted delivery; None = nothing for us, to be acknowledged and forgotten."""
    kind, event = words(body, "MsgType"), words(body, "Event")
    if kind == "event" and event in IDLE_EVENTS:
        return Warned(event)
    user = words(body, "FromUserName")
    if not user or len(user) > 64 or user == "sys":
        return None
    speaker, chat, at = speaker_of(user), direct_chat(user), _instant(words(body, "CreateTime"), now)
    if kind == "text":
        typed = words(body, "Content").replace("\x00", "")[:TEXT_CHARS]
        key = words(body, "MsgId") or _made_up(user, body, typed)
        return Arrived(Inbound(connection, key[:64], speaker, Place.DIRECT, chat, at, tokens(addressed(typed))), user)
    if kind != "event" or event not in CARD_EVENTS:
        return None
    task, code = words(body, "TaskId"), words(body, "ResponseCode")
    click = clicked(words(body, "EventKey"), _selected(body))
    inbound = Inbound(
        connection, _made_up(user, body, f"{event}\n{task}\n{code}\n{words(body, 'EventKey')}"), speaker, Place.DIRECT, chat, at,
        press=pressed(click), message=card_of(task), seen=False, extra=code[:512],
    )  # fmt: skip
    return Arrived(inbound, user, click, task, code)


def pressed(click: Click) -> Press:
    """Give the command of a click; a click that the core must not hear of has one that it refuses."""
    return click.press if isinstance(click, Pressed) else UNREADABLE


def card_of(task: str) -> str:
    """Give the id under which the core knows a card: one that took its place carries it before an @."""
    return task.partition("@")[0]


def direct_chat(account: str) -> str:
    """Name the direct chat with a person; no room's chatid can have this name."""
    return "@" + account


def account_in(chat: str) -> str | None:
    """Give whose direct chat an address is; None = a room's."""
    return chat[1:] if chat.startswith("@") else None


def addressed(typed: str) -> str:
    """Take away what people put before a command out of habit; here everything is for us."""
    address = _ADDRESS.match(typed)
    return typed[address.end() if address else 0 :].strip()


def tokens(typed: str) -> Text:
    """Split typed words at the names that they mention; WeCom gives no accounts with them."""
    found: list[Span] = []
    last = 0
    for mention in _MENTION.finditer(typed):
        if mention.start() > last:
            found.append(Span(typed[last : mention.start()]))
        found.append(Span("@" + mention.group()[1:], "person"))
        last = mention.end()
    if last < len(typed):
        found.append(Span(typed[last:]))
    return tuple(found)


def _selected(body: Mapping[str, Any]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for item in children(child(body, "SelectedItems"), "SelectedItem"):
        ids = child(item, "OptionIds").get("OptionId") or ()
        chosen[words(item, "QuestionKey")] = [one for one in ids if isinstance(one, str)]
    return chosen


def _made_up(user: str, body: Mapping[str, Any], what: str) -> str:
    said = f"{user}\n{words(body, 'CreateTime')}\n{what}"
    return "event:" + hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _instant(stamp: str, now: datetime) -> datetime:
    return datetime.fromtimestamp(int(stamp), UTC) if re.fullmatch(r"\d{9,11}", stamp) else now
