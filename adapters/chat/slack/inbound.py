"""What Slack delivers, read to what the core understands; pure.

One `Arrived` holds the neutral delivery and what its answer needs: where to post, and what to open a form with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from adapters.chat.slack.render import NONE
from bot.errors import Unauthentic
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.press import Press, decode
from bot.model.text import Span, Text, flat
from bot.ports import Inbound, InboundKind, Message, Place, Rejected, Speaker

WINDOW = 300  # seconds that a signed request may be old, both ways
SHORTCUT = "declare_from_message"
TITLE_CHARS = 150
UNREADABLE = Press("unreadable")  # a button that is none of ours: the core refuses it in the person's words

Json = Mapping[str, Any]
SpeakerOf = Callable[[str, str, str], Speaker]  # (user, name as delivered, team as delivered)
Fetch = Callable[[str, str], Awaitable[Message | Rejected]]  # (channel, ts)
PIN = "pin"  # stands beside the names of reactions; no reaction is called so


class Kind(StrEnum):
    """Say how something came, which decides how it is answered."""

    SLASH = "slash"
    EVENT = "event"
    CLICK = "click"
    FORM = "form"
    SHORTCUT = "shortcut"


@dataclass(frozen=True, slots=True)
class Origin:
    """Say where a form was opened from, so that its answer finds back; it travels in the form."""

    chat: str = ""
    thread: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold a delivery for the core, and how to answer it."""

    kind: Kind
    inbound: Inbound
    trigger: str = ""
    origin: Origin = Origin()
    message: str = ""  # the message itself, for a reaction
    first_field: str = ""  # of a sent form
    whispered: bool = False  # the click was on what only the speaker sees


@dataclass(frozen=True, slots=True)
class Home:
    """Hold who we are on this workspace, as far as it is known yet."""

    team: str = ""
    enterprise: str = ""
    user: str = ""
    bot: str = ""
    app: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Pointing:
    """Say what a pin or a reaction, by its name, stands for, and how the message is read that somebody points at."""

    capture: Mapping[str, str]
    fetch: Fetch


def verify(secret: str, now: datetime, body: bytes, stamp: str, signature: str) -> None:
    """Prove that a request comes from Slack and is at most five minutes off; raises `Unauthentic`."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Unauthentic("no timestamp")
    if abs(int(stamp) - now.timestamp()) > WINDOW:
        raise Unauthentic("timestamp outside the window")
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={digest}".encode(), signature.encode("utf-8", "replace")):
        raise Unauthentic("wrong signature")


def read(
    connection: ConnectionId, body: Json, home: Home, speaker_of: SpeakerOf, now: datetime, pointing: Pointing | None = None
) -> Arrived | None:
    """Read a payload of any kind; None = nothing for us, to be acknowledged and forgotten."""
    reader = _Reader(connection, body, home, speaker_of, now, pointing)
    match body.get("type"):
        case "event_callback":
            return reader.event()
        case "block_actions":
            return reader.click()
        case "view_submission":
            return reader.form()
        case "message_action" | "shortcut":
            return reader.shortcut()
        case None if body.get("command"):
            return reader.slash()
        case _:
            return None


class _Reader:
    """Read one payload; a stranger may have sent it, so nothing in it is believed to be there."""

    def __init__(
        self, connection: ConnectionId, body: Json, home: Home, speaker_of: SpeakerOf, now: datetime, pointing: Pointing | None
    ) -> None:
        self._connection, self._body, self._home, self._speaker_of, self._now = connection, body, home, speaker_of, now
        self._pointing = pointing

    def slash(self) -> Arrived | None:
        user, chat, trigger = self._text("user_id"), self._text("channel_id"), self._text("trigger_id")
        if not user or not chat:
            return None
        place = Place.DIRECT if chat.startswith("D") else Place.GROUP
        speaker = self._speaker(user, self._text("user_name"), self._text("team_id"))
        inbound = Inbound(
            self._connection, trigger or self._made_up(), speaker, place, chat, self._now,
            self._tokens(self._text("text")), seen=False,
        )  # fmt: skip
        return Arrived(Kind.SLASH, inbound, trigger, Origin(chat, url=self._text("response_url")))

    def event(self) -> Arrived | None:
        event = _map(self._body.get("event"))
        kind, user, chat, ts = (_str(event.get(name)) for name in ("type", "user", "channel", "ts"))
        if kind in ("reaction_added", "pin_added"):
            return self._pointed(event, user)
        if kind == "message" and event.get("subtype") in ("message_changed", "message_deleted"):
            return self._changed(event, chat)
        direct = kind == "message" and event.get("channel_type") == "im"
        beside = kind == "message" and event.get("channel_type") in ("channel", "group")
        if not (kind == "app_mention" or direct or beside) or not user or not chat or not ts:
            return None
        if event.get("subtype") not in (None, "file_share", "thread_broadcast") or event.get("edited") or event.get("hidden"):
            return None
        bots = self._bots()
        if event.get("bot_id") or event.get("bot_profile") or user in bots or user == "USLACKBOT":
            return None
        thread = _str(event.get("thread_ts"))
        said = self._tokens(_str(event.get("text")))
        if beside and any(span.kind == "person" and span.target in bots for span in said):
            return None  # it comes as app_mention, too
        text = addressed(said, bots)
        team = _str(event.get("user_team")) or _str(event.get("team"))
        inbound = Inbound(
            self._connection, self._text("event_id") or f"{chat}:{ts}", self._speaker(user, "", team),
            Place.DIRECT if direct or event.get("channel_type") == "im" else Place.GROUP, chat, _instant(ts, self._now), text,
            message=ts, seen=True, points_at=self._fetching(chat, thread) if thread and thread != ts and not beside else None,
            kind=InboundKind.OVERHEARD if beside else InboundKind.SAID,
        )  # fmt: skip
        return Arrived(Kind.EVENT, inbound, "", Origin(chat, thread), ts)

    def _bots(self) -> set[str]:
        known = (_str(a.get("user_id")) for a in _maps(self._body.get("authorizations")) if a.get("is_bot"))
        return {self._home.user, *known} - {""}

    def _fetching(self, chat: str, ts: str) -> Callable[[], Awaitable[Message | Rejected]] | None:
        pointing = self._pointing
        return (lambda: pointing.fetch(chat, ts)) if pointing is not None else None

    def _pointed(self, event: Json, user: str) -> Arrived | None:
        """Read a pin or a reaction on somebody's message; what the bot said is on the timeline already."""
        item = _map(event.get("item"))
        pinned = _map(item.get("message"))
        name = PIN if event.get("type") == "pin_added" else _str(event.get("reaction"))
        becomes = self._pointing.capture.get(name, "") if self._pointing is not None else ""
        chat = _str(item.get("channel")) or _str(event.get("channel_id"))
        ts = _str(item.get("ts")) or _str(pinned.get("ts"))
        bots = self._bots()
        ours = _str(event.get("item_user")) in bots or _str(pinned.get("user")) in bots
        if (
            not becomes
            or chat.startswith("D")
            or item.get("type") != "message"
            or not user
            or user in bots
            or ours
            or not chat
            or not ts
        ):
            return None
        inbound = Inbound(
            self._connection, self._text("event_id") or f"{chat}:{ts}:{name}:{user}", self._speaker(user, "", ""), Place.GROUP,
            chat, _instant(_str(event.get("event_ts")), self._now), message=ts, kind=InboundKind.POINTED, becomes=becomes,
            points_at=self._fetching(chat, ts),
        )  # fmt: skip
        return Arrived(Kind.EVENT, inbound, "", Origin(chat), ts)

    def _changed(self, event: Json, chat: str) -> Arrived | None:
        """Read that somebody changed or deleted a message; one of a bot, or one that only got a preview, is none."""
        message, before = _map(event.get("message")), _map(event.get("previous_message"))
        edited = event.get("subtype") == "message_changed"
        said = message if edited else before
        ts = _str(message.get("ts")) if edited else _str(event.get("deleted_ts"))
        user = _str(said.get("user"))
        stamp = _str(_map(message.get("edited")).get("ts")) if edited else _str(event.get("ts"))
        gone = message.get("subtype") == "tombstone"  # a deleted message that has replies stays as one
        if (
            not chat
            or chat.startswith("D")
            or not ts
            or said.get("bot_id")
            or user in self._bots()
            or (edited and not stamp and not gone)
        ):
            return None
        inbound = Inbound(
            self._connection, self._text("event_id") or f"{chat}:{ts}:{stamp}", self._speaker(user, "", ""), Place.GROUP, chat,
            _instant(stamp or _str(event.get("ts")), self._now), () if gone else self._tokens(_str(message.get("text"))),
            message=ts, kind=InboundKind.EDITED if edited and not gone else InboundKind.RECALLED,
        )  # fmt: skip
        return Arrived(Kind.EVENT, inbound, "", Origin(chat), ts)

    def click(self) -> Arrived | None:
        actions = _maps(self._body.get("actions"))
        container = _map(self._body.get("container"))
        chat = _str(_map(self._body.get("channel")).get("id")) or _str(container.get("channel_id"))
        speaker = self._clicker()
        if speaker is None or not actions or not chat:
            return None
        action = actions[0]
        value = _str(action.get("value")) or _str(_map(action.get("selected_option")).get("value"))
        if not value and action.get("url"):
            return None
        trigger, message = self._text("trigger_id"), _str(container.get("message_ts"))
        inbound = Inbound(
            self._connection, trigger or self._made_up(), speaker, Place.DIRECT if chat.startswith("D") else Place.GROUP, chat,
            _instant(_str(action.get("action_ts")), self._now), press=_pressed(value), message=message, seen=False,
        )  # fmt: skip
        thread = _str(container.get("thread_ts"))
        origin = Origin(chat, thread, self._text("response_url"))
        return Arrived(Kind.CLICK, inbound, trigger, origin, message, whispered=container.get("is_ephemeral") is True)

    def form(self) -> Arrived | None:
        view = _map(self._body.get("view"))
        speaker = self._clicker()
        try:
            carried = _map(json.loads(_str(view.get("private_metadata")) or "{}"))
        except ValueError:
            carried = {}
        ident = _str(view.get("id"))
        if speaker is None or not ident:
            return None
        values = _map(_map(view.get("state")).get("values"))
        pressed = _pressed(_str(carried.get("press")))
        if pressed is not UNREADABLE:
            kept = {name: value for name, value in pressed.args.items() if name not in values}
            pressed = replace(pressed, args={**kept, **_filled(values)}, form=ident)
        origin = Origin(_str(carried.get("chat")), _str(carried.get("thread")), _str(carried.get("url")))
        chat = origin.chat or speaker.id
        place = Place.GROUP if chat.startswith(("C", "G")) else Place.DIRECT
        inbound = Inbound(
            self._connection, self._text("trigger_id") or self._made_up(), speaker, place, chat, self._now, press=pressed,
            seen=False,
        )  # fmt: skip
        fields = [_str(block.get("block_id")) for block in _maps(view.get("blocks")) if block.get("type") == "input"]
        return Arrived(Kind.FORM, inbound, "", origin, first_field=next(iter(fields or list(values)), ""))

    def shortcut(self) -> Arrived | None:
        speaker = self._clicker()
        if speaker is None or self._body.get("callback_id") not in (SHORTCUT, "declare"):
            return None
        chat = _str(_map(self._body.get("channel")).get("id"))
        message = _map(self._body.get("message"))
        args: dict[str, str] = {}
        if message:
            said = flat(self._tokens(_str(message.get("text")))).strip()
            title = " ".join(said.split())
            link = permalink(self._home.url or self._domain(), chat, _str(message.get("ts")))
            args = {
                "title": title[:TITLE_CHARS],
                "impact": "\n".join(filter(None, (said if len(title) > TITLE_CHARS else "", link))),
            }
        trigger = self._text("trigger_id")
        place = Place.GROUP if chat.startswith(("C", "G")) else Place.DIRECT
        inbound = Inbound(
            self._connection, trigger or self._made_up(), speaker, place, chat or speaker.id, self._now,
            press=Press("declare", {name: value for name, value in args.items() if value}, asks=True), seen=False,
        )  # fmt: skip
        return Arrived(Kind.SHORTCUT, inbound, trigger, Origin(chat, url=self._text("response_url")))

    # ------------------------------------------------------------ parts
    def _text(self, name: str) -> str:
        return _str(self._body.get(name))

    def _domain(self) -> str:
        domain = _str(_map(self._body.get("team")).get("domain"))
        return f"https://{domain}.slack.com/" if re.fullmatch(r"[a-z0-9-]+", domain) else ""

    def _clicker(self) -> Speaker | None:
        user = _map(self._body.get("user"))
        ident = _str(user.get("id"))
        name = _str(user.get("name")) or _str(user.get("username"))
        return self._speaker(ident, name, _str(user.get("team_id"))) if ident else None

    def _speaker(self, user: str, name: str, team: str) -> Speaker:
        return self._speaker_of(user, name, team)

    def _tokens(self, words: str) -> Text:
        return tokens(words, lambda user: self._speaker_of(user, "", "").name)

    def _made_up(self) -> str:
        """Make a key of the payload itself, for a delivery without the id that Slack gives every one."""
        return "body:" + hashlib.sha256(json.dumps(self._body, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _pressed(value: str) -> Press:
    try:
        return UNREADABLE if "%00" in value or "\x00" in value else decode(value)
    except ValueError:
        return UNREADABLE


def _filled(values: Json) -> dict[str, str]:
    """Read what was filled in, by the entry's name; what was left empty is left out."""
    filled: dict[str, str] = {}
    for name, block in values.items():
        for state in _map(block).values():
            value = _filled_in(_map(state))
            if value:
                filled[name] = value
    return filled


def _filled_in(state: Json) -> str:
    match state.get("type"):
        case "plain_text_input":
            return _str(state.get("value")).replace("\x00", "").strip()
        case "static_select":
            value = _str(_map(state.get("selected_option")).get("value"))
            return "" if value == NONE else value
        case "multi_static_select":
            return ",".join(_str(option.get("value")) for option in _maps(state.get("selected_options")))
        case "users_select":
            return f"account:{user}" if (user := _str(state.get("selected_user"))) else ""
        case "multi_users_select":
            users = state.get("selected_users")
            return ",".join(f"account:{user}" for user in users if isinstance(user, str)) if isinstance(users, list) else ""
        case "datetimepicker":
            at = state.get("selected_date_time")
            return _seconds(at).isoformat() if isinstance(at, int) and not isinstance(at, bool) and 0 < at < 1 << 33 else ""
        case "checkboxes":
            return "true" if _maps(state.get("selected_options")) else ""
        case _:
            return ""


# ---------------------------------------------------------------- text
_CODE = r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`"
_TOKEN = r"<(?P<token>[^<>\n]{1,3000})>"
_EMOJI = r"(?<![A-Za-z0-9:])(?P<emoji>:(?:[a-z][a-z0-9_+'\-]*|[+\-]1|100|1234)(?:::skin-tone-[2-6])?:)(?![A-Za-z0-9:])"
_PIECES = re.compile(f"{_CODE}|{_TOKEN}|{_EMOJI}", re.DOTALL)


def tokens(words: str, name_of: Callable[[str], str]) -> Text:
    """Split typed mrkdwn into tokens; `name_of` gives the name of an account that the mark-up does not name."""
    words = words.replace("\x00", "")
    found: list[Span] = []
    last = 0
    for piece in _PIECES.finditer(words):
        if piece.start() > last:
            found.append(Span(_unescaped(words[last : piece.start()])))
        last = piece.end()
        if (code := piece["block"] or piece["code"]) is not None:
            found.append(Span(_code_words(code, name_of), "code"))
        elif piece["emoji"]:
            found.append(Span(piece["emoji"], "emoji"))
        else:
            found.append(_token(piece["token"], name_of))
    if last < len(words):
        found.append(Span(_unescaped(words[last:])))
    return _joined(found)


def _token(said: str, name_of: Callable[[str], str]) -> Span:
    what, _, label = said.partition("|")
    label = _unescaped(label)
    match what[:1]:
        case "@":
            return Span("@" + (label.lstrip("@") or name_of(what[1:]) or what[1:]), "person", target=what[1:])
        case "#":
            return Span("#" + (label.lstrip("#") or what[1:]), "channel", target=what[1:])
        case "!":
            command = what[1:].partition("^")[0]
            return Span(label or ("@" + (what.rpartition("^")[2] if command == "subteam" else command)))
        case _:
            address = _unescaped(what)
            return Span(label or address.removeprefix("mailto:"), "link", target=address)


def _code_words(code: str, name_of: Callable[[str], str]) -> str:
    """Slack marks addresses inside code, too; what the writer saw there is their words."""
    return _unescaped(re.sub(_TOKEN, lambda found: _escape(_token(found["token"], name_of).text), code)).strip("\n")


def _escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _joined(found: list[Span]) -> Text:
    """Join neighbouring plain words, and trim both ends."""
    joined: list[Span] = []
    for span in found:
        if joined and span.kind == joined[-1].kind == "text":
            joined[-1] = Span(joined[-1].text + span.text)
        else:
            joined.append(span)
    if joined and joined[0].kind == "text":
        joined[0] = Span(joined[0].text.lstrip())
    if joined and joined[-1].kind == "text":
        joined[-1] = Span(joined[-1].text.rstrip())
    return tuple(span for span in joined if span.text)


def addressed(text: Text, bots: set[str]) -> Text:
    """Take the bot's own mention away; what stands behind it, up to the first word, goes with it."""
    left: list[Span] = []
    stripped = False
    for span in text:
        if span.kind == "person" and span.target in bots:
            stripped = True
            continue
        if stripped and not left and span.kind == "text":
            span = Span(span.text.lstrip(" \t\u3000\u00a0:：,，"))
        left.append(span)
    return _joined(left)


def message_of(said: Json, chat: str, home: Home, speaker_of: SpeakerOf, now: datetime) -> Message:
    """Read a message as Slack gives it in a list."""
    ts, user = _str(said.get("ts")), _str(said.get("user"))
    profile = _map(said.get("bot_profile"))
    if said.get("bot_id"):
        named = _str(said.get("username")) or _str(profile.get("name")) or "bot"
        author = Speaker(_str(said.get("bot_id")), named, bot=True)
    else:
        author = speaker_of(user, "", _str(said.get("user_team")) or _str(said.get("team")))
    files = tuple(
        Enclosed(id=ident, name=_str(one.get("name")), type=_str(one.get("mimetype")), size=_int(one.get("size")))
        for one in _maps(said.get("files")) if (ident := _str(one.get("id")))
    )  # fmt: skip
    text = tokens(_str(said.get("text")), lambda account: speaker_of(account, "", "").name)
    return Message(chat, ts, text, author, _instant(ts, now), permalink(home.url, chat, ts) or None, files)


def permalink(home: str, chat: str, ts: str) -> str:
    """Give the address of a message, as Slack makes it; empty = not known."""
    return f"{home}archives/{chat}/p{ts.replace('.', '')}" if home and chat and ts else ""


# ---------------------------------------------------------------- strangers' JSON
def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _int(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def _maps(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _seconds(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _instant(ts: str, now: datetime) -> datetime:
    """Read Slack's `1700000000.000100`; unreadable = now."""
    return _seconds(float(ts)) if re.fullmatch(r"\d{1,11}(\.\d{1,9})?", ts) else now
