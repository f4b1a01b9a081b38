"""What WeCom tells the app (encrypted XML) and the bot (JSON frames), in its own words."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from adapters.sandbox.wecom.corp import Corp, Group, Message

NUMBERS = ("type", "style", "desc_color", "mode", "aspect_ratio")
LISTS = (
    "horizontal_content_list", "vertical_content_list", "jump_list", "button_list", "select_list", "option_list", "action_list",
)  # fmt: skip
_KEYS = {
    name.replace("_", ""): name
    for name in (
        "card_type", "source", "icon_url", "desc_color", "main_title", "emphasis_content", "quote_area", "quote_text",
        "sub_title_text", "keyname", "media_id", "card_action", "card_image", "aspect_ratio", "image_text_area", "image_url",
        "task_id", "action_menu", "button_selection", "question_key", "selected_id", "replace_text", "submit_button",
        "is_checked", *LISTS,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parcel:
    """Hold one thing to deliver: `via` callback (payload = XML) or socket (payload = a frame)."""

    via: str
    kind: str
    payload: Any
    person: str
    message: Message | None = None
    seal: dict[str, str] = field(default_factory=dict)  # what a callback was signed with: tries of one are alike


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a delivery: `error` is empty when it was taken; `reply` = the passive answer."""

    error: str = ""
    again: bool = True
    reply: dict[str, Any] | None = None


# ------------------------------------------------------------ XML
def xml(fields: Mapping[str, Any]) -> str:
    """Write XML as WeCom does: text in CDATA, numbers bare, lists as repeated elements."""
    return f"<xml>{_inner(fields)}</xml>"


def _inner(fields: Mapping[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                said = _inner(one)
            elif isinstance(one, int):
                said = str(one)
            else:
                said = "<![CDATA[" + str(one).replace("]]>", "]]]]><![CDATA[>") + "]]>"
            parts.append(f"<{name}>{said}</{name}>")
    return "".join(parts)


def read_xml(text: str) -> ElementTree.Element:
    """Read XML; raises ValueError if it is none, or declares entities."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type in XML")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise ValueError("not XML") from None
    if root.tag != "xml":
        raise ValueError("the root element is not <xml>")
    return root


def card_of(element: ElementTree.Element) -> dict[str, Any]:
    """Read a TemplateCard of a passive answer as the card that it stands for."""
    card: dict[str, Any] = {}
    for child in element:
        plain = child.tag.lower()
        name = _KEYS.get(plain, plain)
        value: Any = card_of(child) if len(child) else (child.text or "").strip()
        if name in NUMBERS and isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)
        if name == "is_checked":
            value = value in ("1", "true")
        if name in LISTS:
            card.setdefault(name, []).append(value)
        else:
            card[name] = value
    return card


# ------------------------------------------------------------ to the app
def _head(corp: Corp, person: str, kind: str) -> dict[str, Any]:
    return {"ToUserName": corp.app.corpid, "FromUserName": person, "CreateTime": int(corp.clock()), "MsgType": kind}


def app_text(corp: Corp, person: str, text: str) -> Parcel:
    """Say that somebody wrote to the app (90239)."""
    said = _head(corp, person, "text") | {"Content": text, "MsgId": secrets.randbits(62), "AgentID": corp.app.agentid}
    return Parcel("callback", "text", xml(said), person)


def app_event(corp: Corp, person: str, event: str) -> Parcel:
    """Say that somebody opened the app, or was let into its range, or out (90240)."""
    said = _head(corp, person, "event") | {"Event": event, "EventKey": "", "AgentID": corp.app.agentid}
    return Parcel("callback", event, xml(said), person)


def app_click(
    corp: Corp, person: str, message: Message, kind: str, key: str, code: str, chosen: Mapping[str, Sequence[str]]
) -> Parcel:
    """Say that somebody pressed something in a card."""
    card = message.card_of(person) or {}
    event = "template_card_menu_event" if kind == "menu" else "template_card_event"
    said = _head(corp, person, "event") | {
        "Event": event, "EventKey": key, "TaskId": card.get("task_id", ""), "CardType": card["card_type"],
        "ResponseCode": code, "AgentID": corp.app.agentid,
    }  # fmt: skip
    if kind != "menu" and chosen:
        said["SelectedItems"] = {
            "SelectedItem": [{"QuestionKey": q, "OptionIds": {"OptionId": list(ids)}} for q, ids in chosen.items()]
        }
    return Parcel("callback", event, xml(said), person, message)


# ------------------------------------------------------------ to the bot
def _who(corp: Corp, person: str, group: Group | None) -> dict[str, Any]:
    who = corp.open_id(person) if corp.bot.open_userids else person
    place: dict[str, Any] = {"chattype": "single"} if group is None else {"chatid": group.chatid, "chattype": "group"}
    return {"aibotid": corp.bot.id, **place, "from": {"userid": who}}


def bot_text(corp: Corp, person: str, group: Group | None, text: str, quote: Message | None) -> dict[str, Any]:
    """Say that somebody wrote to the bot; a mention stays in the text as it was typed."""
    body = {"msgid": corp.fresh(18), **_who(corp, person, group), "msgtype": "text", "text": {"content": text}}
    if quote is not None:
        held = corp.media_of(quote) if quote.kind in ("image", "file") else {"content": quote.text}
        kind = quote.kind if quote.kind in ("image", "file") else "text"
        body["quote"] = {"msgtype": kind, kind: held}
    return _frame("aibot_msg_callback", body)


def bot_event(corp: Corp, person: str | None, group: Group | None, event: str, **more: Any) -> dict[str, Any]:
    """Say that something happened: enter_chat, template_card_event, disconnected_event."""
    who = _who(corp, person, group) if person is not None else {"aibotid": corp.bot.id}
    body = {"msgid": corp.fresh(18), "create_time": int(corp.clock()), **who, "msgtype": "event"}
    return _frame("aibot_event_callback", body | {"event": {"eventtype": event, **more}})


def bot_click(
    corp: Corp, person: str, group: Group | None, card: Mapping[str, Any], key: str, chosen: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Say that somebody pressed something in a card of the bot (101027)."""
    click: dict[str, Any] = {"card_type": card["card_type"], "event_key": key, "task_id": card.get("task_id", "")}
    if chosen:
        items = [{"question_key": q, "option_ids": {"option_id": list(ids)}} for q, ids in chosen.items()]
        click["selected_items"] = {"selected_item": items}
    return bot_event(corp, person, group, "template_card_event", template_card_event=click)


def _frame(cmd: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"cmd": cmd, "headers": {"req_id": secrets.token_urlsafe(18)}, "body": body}
