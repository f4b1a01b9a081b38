"""What hangs on a group: its share link, tabs and notice on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.asks import Ask
from adapters.sandbox.feishu.chats import Answer, found
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.tenant import Chat

if TYPE_CHECKING:
    from adapters.sandbox.feishu.desk import Desk

_VALID = {"week": 7 * at_most.DAY, "year": 365 * at_most.DAY, "permanently": 0.0}


def link(desk: Desk, ask: Ask) -> Answer:
    """Give an address by which people of the tenant can join."""
    period = ask.one_of("validity_period", tuple(_VALID), "week", of="body")
    chat = found(desk, ask.path["chat_id"])
    if chat.p2p:
        raise No(232001)
    until = str(int(desk.tenant.now + _VALID[period])) if _VALID[period] else ""
    address = f"https://applink.feishu.cn/client/chat/chatter/add_by_link?link_token={chat.id}"
    return {"share_link": address, "expire_time": until, "is_permanent": period == "permanently"}


def _tabs(chat: Chat) -> Answer:
    return {"chat_tabs": list(chat.tabs.values())}


def add_tabs(desk: Desk, ask: Ask) -> Answer:
    """Add tabs with a link or a document."""
    chat = found(desk, ask.path["chat_id"])
    new = ask.things("chat_tabs")
    if not new or len(chat.tabs) + len(new) > at_most.TABS:
        raise No(232046 if new else 232001)
    for tab in new:
        chat.tabs |= {(made := _tab(desk, tab))["tab_id"]: made}
    chat.version = desk.tenant.touch()
    return _tabs(chat)


def _tab(desk: Desk, tab: dict[str, Any]) -> dict[str, Any]:
    content = tab.get("tab_content")
    kind = tab.get("tab_type")
    address = content.get(kind, "") if isinstance(content, dict) and kind in ("url", "doc") else ""
    name = tab.get("tab_name")
    if not isinstance(name, str) or not name or kind not in ("url", "doc"):
        raise No(232001)
    if len(name) > at_most.TAB_NAME:
        raise No(232047)
    if not str(address).startswith(("http://", "https://")):
        raise No(232048)
    kept: dict[str, Any] = {name: tab[name] for name in ("tab_name", "tab_type", "tab_content", "tab_config") if name in tab}
    return {"tab_id": tab.get("tab_id") or desk.tenant.fresh("7"), **kept}


def tabs(desk: Desk, ask: Ask) -> Answer:
    """List the tabs."""
    return _tabs(found(desk, ask.path["chat_id"]))


def update_tabs(desk: Desk, ask: Ask) -> Answer:
    """Change tabs that are there."""
    chat = found(desk, ask.path["chat_id"])
    for tab in ask.things("chat_tabs"):
        if tab.get("tab_id") not in chat.tabs:
            raise No(232001)
        chat.tabs[tab["tab_id"]] = _tab(desk, tab)
    chat.version = desk.tenant.touch()
    return _tabs(chat)


def delete_tabs(desk: Desk, ask: Ask) -> Answer:
    """Take tabs away."""
    chat = found(desk, ask.path["chat_id"])
    for ident in ask.items("tab_ids"):
        if chat.tabs.pop(ident, None) is None:
            raise No(232001)
    chat.version = desk.tenant.touch()
    return _tabs(chat)


def sort_tabs(desk: Desk, ask: Ask) -> Answer:
    """Put the tabs into another order."""
    chat = found(desk, ask.path["chat_id"])
    order = ask.items("tab_ids")
    if sorted(order) != sorted(chat.tabs):
        raise No(232001)
    chat.tabs = {ident: chat.tabs[ident] for ident in order}
    chat.version = desk.tenant.touch()
    return _tabs(chat)


def put_notice(desk: Desk, ask: Ask) -> Answer:
    """Put a message or the announcement on top; there is one notice at a time."""
    chat = found(desk, ask.path["chat_id"])
    notices = ask.things("chat_top_notice")
    if len(notices) != 1 or notices[0].get("action_type") not in ("1", "2"):
        raise No(232001)
    if notices[0]["action_type"] == "1" and notices[0].get("message_id") not in chat.messages:
        raise No(232001)
    chat.notices = notices
    chat.version = desk.tenant.touch()
    return {}


def drop_notice(desk: Desk, ask: Ask) -> Answer:
    """Take the notice on top away."""
    chat = found(desk, ask.path["chat_id"])
    chat.notices = []
    chat.version = desk.tenant.touch()
    return {}
