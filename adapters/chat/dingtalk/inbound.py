"""What DingTalk delivers, read to what the core understands; pure.

One `Arrived` holds the neutral delivery and what its answer needs: where it may be posted back, or which card it replaces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters.chat.dingtalk.forms import CHAT, PRESS, SHEET, filled, hidden
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.press import Press, decode
from bot.model.text import Span, Text
from bot.ports import Inbound, Message, Place, Rejected, Speaker

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE = Press("unreadable")  # a button that is none of ours: the core refuses it in the person's words
FORM = "form"  # the id of the template's form
_MENTION = re.compile(r"[@＠]([^\s@＠,，。;；:：、]{1,40})")
# How the bot is addressed in the lines that it gives to copy; DingTalk takes its own name out.
_ADDRESS = re.compile(
    r"\A\s*(?:[/／](?:incident|inc|故障)|[@＠](?:bot|warroom))(?![A-Za-z0-9_\-])[ \t\u3000:：,，]*", re.IGNORECASE
)
_CID = re.compile(r"(?:dtv1\.card//)?(?:IM_GROUP\.)?(cid[A-Za-z0-9+/=_-]+)")  # base64: upper and lower case differ

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """Say where an answer may be posted back, and until when; the address is a secret."""

    url: str = field(default="", repr=False)
    until: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold a delivery for the core, and how to answer it: with a card's `track` it is a click, else it was typed."""

    inbound: Inbound
    session: Session = Session()
    track: str = ""
    form: bool = False
    values: Json = field(default_factory=dict)  # of a sent form, as they came
    content: str = ""  # a click's hash: the same click delivered under another id


# ---------------------------------------------------------------- typed
def typed(connection: ConnectionId, data: Json, now: datetime, name_of: Callable[[str], str] = str) -> Arrived | None:
    """Read what somebody told the bot; None = nothing for us. `name_of` gives the name of an account that is mentioned."""
    sender, staff = _str(data.get("senderId")), _str(data.get("senderStaffId"))
    cid, msg = _str(data.get("conversationId")), _str(data.get("msgId"))
    if not (sender or staff) or not msg:
        return None
    group = _str(data.get("conversationType")) == "2"
    if group and not cid:
        return None
    home, corp = _str(data.get("chatbotCorpId")), _str(data.get("senderCorpId"))
    speaker = Speaker(
        staff or sender, _str(data.get("senderNick")).strip() or staff or sender,
        outsider=not staff or bool(home and corp and home != corp),
    )  # fmt: skip
    text = _mentioned(_ADDRESS.sub("", _words(data)), data, name_of)
    inbound = Inbound(
        connection, f"{_str(data.get('robotCode'))}:{msg}", speaker, Place.GROUP if group else Place.DIRECT,
        cid if group else speaker.id, _instant(data.get("createAt"), now), text, message=msg, seen=True,
        points_at=quoted(data, cid if group else speaker.id, now),
    )  # fmt: skip
    session = Session(_str(data.get("sessionWebhook")), _instant(data.get("sessionWebhookExpiredTime"), now))
    return Arrived(inbound, session)


def quoted(data: Json, chat: str, now: datetime) -> Message | Rejected | None:
    """Read the message that somebody answers, which DingTalk puts beside the words; its author only under a secret id.

    The fields are in no documentation; so they were seen: text.isReplyMsg, text.repliedMsg {msgId, msgType, createdAt, senderId,
    content {text | richText | downloadCode, fileName}}; a picture among rich text has a downloadCode in its part.
    """
    said = _map(_map(data.get("text")).get("repliedMsg"))
    if not said:
        return None
    content = said.get("content")
    content = _map(_json(content)) if isinstance(content, str) else _map(content)
    rich = content.get("richText")
    parts = [_map(part) for part in rich] if isinstance(rich, list) else []
    words = _str(content.get("text")) or "".join(_str(part.get("text")) or _str(part.get("content")) for part in parts)
    words = words.replace("\x00", "").strip()
    ident = _str(said.get("msgId"))
    robot = _str(data.get("robotCode"))
    files = tuple(
        Enclosed(
            id=f"{robot}:{code}", name=_str(part.get("fileName")),
            type="image" if part is not content or said.get("msgType") in ("picture", "image") else "",
        )
        for part in (content, *parts) if (code := _str(part.get("downloadCode")))
    )  # fmt: skip
    if not (words or files) or not ident:
        return Rejected("kind")
    named = _str(said.get("senderNick")).strip()
    author = Speaker(_str(said.get("senderId")) or "?", named, bot=True) if named else None  # nobody of whom we know the account
    text = (Span(words),) if words else ()
    return Message(chat, ident, text, author, _instant(said.get("createdAt"), now), None, files)


def _words(data: Json) -> str:
    """Find the typed words; over its quota DingTalk delivers a message without any, and a picture has none."""
    text = _map(data.get("text")).get("content")
    if isinstance(text, str):
        return text.replace("\x00", "").strip()
    content = data.get("content")
    if isinstance(content, str):
        content = _map(_json(content))
    rich = _map(content).get("richText")
    parts = [_str(_map(part).get("text")) for part in rich] if isinstance(rich, list) else []
    return "".join(parts).replace("\x00", "").strip()


def _mentioned(words: str, data: Json, name_of: Callable[[str], str]) -> Text:
    """Point at who was mentioned besides the bot: DingTalk lists accounts, and takes the names out of the text.

    Where a client left names in, one is who was mentioned if only one was; of several each stays what was typed.
    """
    bot = _str(data.get("chatbotUserId"))
    users = data.get("atUsers")
    listed = [_map(one) for one in users] if isinstance(users, list) else []
    others = [_str(one.get("staffId")) for one in listed if _str(one.get("dingtalkId")) != bot or not bot]
    accounts = list(dict.fromkeys(staff for staff in others if staff))
    names = list(_MENTION.finditer(words))
    if _str(data.get("msgtype")) == "richText" and len(names) > len(accounts) and names[0].start() == 0:
        words = words[names[0].end() :].lstrip()  # some clients leave the bot's own name in
        names = list(_MENTION.finditer(words))
    if len(accounts) == 1 and len(names) == 1:
        found = names[0]
        spans = (
            Span(words[: found.start()]), Span("@" + found[1], "person", target=accounts[0]), Span(words[found.end() :]),
        )  # fmt: skip
        return tuple(span for span in spans if span.text)
    plain: Text = (Span(words),) if words else ()
    if accounts and not names:
        plain += tuple(
            span for account in accounts for span in (Span(" "), Span("@" + name_of(account), "person", target=account))
        )  # fmt: skip
    return plain


# ---------------------------------------------------------------- clicked
def clicked(
    connection: ConnectionId, data: Json, message: str, zone: str, now: datetime, chat_of: Callable[[str], str]
) -> Arrived | None:  # fmt: skip
    """Read a click on a card or a sent form; `message` is the frame's id, `chat_of` knows where a card was sent.

    Templates differ in where they put what was pressed; each place that was seen is looked at.
    """
    user, track = _str(data.get("userId")), _str(data.get("outTrackId"))
    if not user or not track:
        return None
    content = _map(_json(data.get("content")))
    said = _map(content.get("cardPrivateData")) or _map(_map(content.get("actionData")).get("cardPrivateData"))
    said = said or _map(content.get("userPrivateData")) or content
    params = _map(said.get("params")) or _map(content.get("params"))
    ids = said.get("actionIds")
    actions = [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []
    actions += [one for one in (_str(said.get("actionId")), _str(content.get("actionId"))) if one]
    values = _map(params.get(FORM))
    digest = hashlib.sha256(
        json.dumps([track, user, actions, params], sort_keys=True, ensure_ascii=False, default=str).encode("utf-8", "replace")
    ).hexdigest()[:32]
    sent = bool(values) and bool(hidden(values, PRESS))
    if sent:
        press = _pressed(hidden(values, PRESS))
        if press is not UNREADABLE:
            sheet = hidden(values, SHEET) or digest[:8]
            press = replace(press, args={**press.args, **filled(values, zone)}, form=f"{track}:{user}:{sheet}"[:120])
    else:
        press = _pressed(_action(actions, params))
    chat = hidden(values, CHAT) or _space(data) or chat_of(track) or user
    inbound = Inbound(
        connection, f"card:{message or digest}", Speaker(user, user, known=False),
        Place.GROUP if chat.startswith("cid") else Place.DIRECT, chat, now, press=press, message=track, seen=False,
    )  # fmt: skip
    return Arrived(inbound, track=track, form=sent, values=values, content=digest)


def _action(actions: list[str], params: Json) -> str:
    """Find the pressed command: the chosen option of a choice, else the button's own id."""
    for action in actions:
        chosen = params.get(action)
        if isinstance(chosen, dict) and isinstance(chosen.get("value"), str):
            return str(chosen["value"])
    for name in ("press", "id"):
        if isinstance(params.get(name), str) and params[name]:
            return str(params[name])
    return actions[0] if actions else ""


def _space(data: Json) -> str:
    if _str(data.get("spaceType")) not in ("", "IM_GROUP", "IM"):
        return ""
    found = _CID.fullmatch(_str(data.get("spaceId")))
    return found[1] if found else ""


def _pressed(value: str) -> Press:
    try:
        return (
            UNREADABLE
            if not value or len(value.encode("utf-8", "replace")) > 512 or "\x00" in value or "%00" in value
            else decode(value)
        )
    except ValueError:
        return UNREADABLE


# ---------------------------------------------------------------- parts
def _instant(value: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(int(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _str(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
