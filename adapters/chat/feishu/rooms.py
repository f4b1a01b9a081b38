"""Groups as rooms: made small, found again after an unknown outcome, filled in batches, closed without losing anything.

Rules: open.feishu.cn, im/v1/chats: the same uuid and owner give the same group for ten hours; 50 people a call; calls that
add people to one group must not overlap (232019). A disbanded group loses its history, so none is ever disbanded.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from adapters.chat.feishu.errors import OF_A_PERSON, code_of, rejected
from adapters.chat.feishu.markup import cut, line
from adapters.chat.feishu.wire import Said, Wire, outcome
from bot.ports import Done, Presence, Ref, Rejected, Result

log = structlog.get_logger(__name__)

NAME_CHARS = 60
DESCRIPTION_CHARS = 100
ADDED_AT_ONCE = 50
KEYED_FOR = timedelta(hours=9, minutes=30)  # of ten hours
PAGE = "100"
PAGES = 20
LOCKS = 500
OPENED_BY = "warroom"  # with the key, in the description of a group that nobody has given a topic yet
TAB_CHARS = 60
NO_TAB = frozenset({99991672, 232046})  # the permission lacks; a group has twenty
NOBODY_VALID = 232027  # of all who were asked in
_KINDS = {
    "invalid_id_list": "not_visible",
    "not_existed_id_list": "no_such_person",
    "pending_approval_id_list": "awaits_approval",
}


class Rooms:
    """Open, find, fill and close groups of one app; `link_url` is where links into the client lead."""

    def __init__(self, wire: Wire, link_url: str) -> None:
        self._wire, self._link_url = wire, link_url
        self._adding: OrderedDict[str, asyncio.Lock] = OrderedDict()

    async def open(self, name: str, key: str) -> Result:
        """Make a group with the bot alone inside, as its owner; a person who cannot be added would refuse the whole call."""
        body = {
            "name": cut(line(name), NAME_CHARS) or OPENED_BY, "description": f"{OPENED_BY} {key}", "chat_mode": "group",
            "chat_type": "private", "group_message_type": "chat",
        }  # fmt: skip
        query = {"user_id_type": "open_id", "set_bot_manager": "true", "uuid": key}
        heard = outcome(await self._wire.ask("POST", "/im/v1/chats", body, query, repeat=False))
        if not isinstance(heard, Said):
            return heard
        chat = str(heard.data.get("chat_id") or "")
        return Done(self.ref(chat)) if chat else Rejected("refused", "no chat_id in the answer")

    def ref(self, chat: str) -> Ref:
        """Point to a group, with the link that opens it in the client of whoever is inside."""
        return Ref(chat, link=f"{self._link_url}/client/chat/open?openChatId={chat}")

    async def find(self, key: str, since: datetime, now: datetime) -> tuple[Presence, Ref | None]:
        """Look for the group of a key, within ten hours by repeating the call; raises TimeoutError when nobody answers."""
        if now - since < KEYED_FOR:
            return Presence.KEYED, None
        query = {"page_size": PAGE, "sort_type": "ByActiveTimeDesc"}
        for _ in range(PAGES):
            heard = await self._wire.ask("GET", "/im/v1/chats", query=query)
            if not isinstance(heard, Said):
                raise TimeoutError("cannot look")
            if heard.code:
                return Presence.CANNOT_TELL, None
            for chat in heard.data.get("items") or ():
                if isinstance(chat, dict) and chat.get("description") == f"{OPENED_BY} {key}":
                    return Presence.FOUND, self.ref(str(chat.get("chat_id") or ""))
            token = heard.data.get("page_token")
            if not heard.data.get("has_more") or not isinstance(token, str) or not token:
                return Presence.ABSENT, None
            query = {**query, "page_token": token}
        return Presence.CANNOT_TELL, None

    async def change(self, chat: str, **changes: str) -> Result:
        """Change a group's name or description; again is the same as once."""
        heard = outcome(await self._wire.ask("PUT", f"/im/v1/chats/{chat}", changes, {"user_id_type": "open_id"}))
        return Done(Ref(chat)) if isinstance(heard, Said) else heard

    async def silence(self, chat: str, silent: bool) -> Result:
        """Let only the owner, which is the bot, speak in a group; or everybody again."""
        body = {"moderation_setting": "only_owner" if silent else "all_members"}
        heard = outcome(await self._wire.ask("PUT", f"/im/v1/chats/{chat}/moderation", body, {"user_id_type": "open_id"}))
        return Done(Ref(chat)) if isinstance(heard, Said) else heard

    async def tab(self, chat: str, name: str, url: str) -> Result:
        """Give a group a tab, once however often: it is looked for by its address, and by its name."""
        path = f"/im/v1/chats/{chat}/chat_tabs"
        heard = await self._wire.ask("GET", f"{path}/list_tabs")
        if isinstance(heard, Said) and not heard.code:
            wanted = {"tab_name": cut(line(name), TAB_CHARS), "tab_type": "url", "tab_content": {"url": url}}
            listed = heard.data.get("chat_tabs")
            tabs = [tab for tab in (listed if isinstance(listed, list) else ()) if isinstance(tab, dict)]
            if any((tab.get("tab_content") or {}).get("url") == url for tab in tabs):
                return Done(Ref(chat))
            same = next((tab.get("tab_id") for tab in tabs if tab.get("tab_name") == wanted["tab_name"]), None)
            changed = {"chat_tabs": [wanted if same is None else {**wanted, "tab_id": same}]}
            heard = await self._wire.ask("POST", path if same is None else f"{path}/update_tabs", changed, repeat=False)
        if isinstance(heard, Said) and heard.code in NO_TAB:
            log.info("no_runbook_tab", chat=chat, code=heard.code)
            return Done(Ref(chat))
        result = outcome(heard)
        return Done(Ref(chat)) if isinstance(result, Said) else result

    async def add(self, chat: str, accounts: Sequence[str]) -> Result:
        """Add people, as many as can be; who could not be, and why, stands in the Ref."""
        wanted = list(dict.fromkeys(accounts))
        refused = {account: "no_such_person" for account in wanted if not re.fullmatch(r"ou_[A-Za-z0-9_]{1,60}", account)}
        wanted = [account for account in wanted if account not in refused]
        async with self._lock(chat):
            for start in range(0, len(wanted), ADDED_AT_ONCE):
                result = await self._add(chat, wanted[start : start + ADDED_AT_ONCE], refused)
                if result is not None:
                    return result
        return Done(Ref(chat, refused=tuple(refused.items())))

    async def _add(self, chat: str, people: list[str], refused: dict[str, str]) -> Result | None:
        """Add some; None = done, with whoever was refused noted."""
        query = {"member_id_type": "open_id", "succeed_type": "1"}
        heard = await self._wire.ask("POST", f"/im/v1/chats/{chat}/members", {"id_list": people}, query, hold=f"people {chat}")
        if not isinstance(heard, Said):
            return heard
        if not heard.code:
            refused |= _refused(heard.data, people)
            return None
        if heard.code not in OF_A_PERSON:
            return rejected(heard.code, heard.message)
        if len(people) == 1:
            refused[people[0]] = "no_such_person" if heard.code == NOBODY_VALID else code_of(heard.code)
            return None
        for account in people:  # Feishu did not say whom it means
            result = await self._add(chat, [account], refused)
            if result is not None:
                return result
        return None

    def _lock(self, chat: str) -> asyncio.Lock:
        lock = self._adding.setdefault(chat, asyncio.Lock())
        self._adding.move_to_end(chat)
        while len(self._adding) > LOCKS:
            self._adding.popitem(last=False)
        return lock


def _refused(data: Mapping[str, object], people: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, code in _KINDS.items():
        listed = data.get(name)
        found |= {one: code for one in (listed if isinstance(listed, list) else ()) if one in people}
    return found
