"""Rooms of an app (appchat): opened under an id of our own, filled, renamed; nobody is heard in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from adapters.chat.wecom.errors import OF_A_PERSON, code_of, of_rooms
from adapters.chat.wecom.people import People
from adapters.chat.wecom.wire import Said, Wire, outcome
from adapters.wecom_card import cut, line
from bot.ports import Done, Lost, Presence, Ref, Rejected, Result, Retry

NAME_CHARS = 50
MEMBERS = 1999  # 90245: two thousand with the app
CHATID = re.compile(r"[0-9A-Za-z]{1,32}")


class Rooms:
    """Open, fill and name the rooms of one app; `company` joins whoever would be alone."""

    def __init__(self, wire: Wire, people: People, company: Sequence[str]) -> None:
        self._wire, self._people, self._company = wire, people, tuple(company)

    async def open(self, name: str, founders: Sequence[str], key: str) -> Result:
        """Make the room of a key, or take the one that an earlier attempt made; unknown people are left out and named."""
        chat = chatid(key)
        wanted, refused = list(dict.fromkeys(founders)), dict[str, str]()
        for checked in (False, True):
            members = [one for one in wanted if one not in refused]
            members += [one for one in self._company if one not in members and one not in refused] if len(members) < 2 else []
            if len(members) < 2:
                return Rejected("too_few", ", ".join(f"{who}: {why}" for who, why in refused.items())[:200])
            first = members[:MEMBERS]
            body = {"name": named(name), "owner": first[0], "userlist": first, "chatid": chat}
            heard = await self._wire.ask("appchat/create", body)
            if isinstance(heard, Said) and heard.error in OF_A_PERSON and not checked:
                unsure = await self._check(members, refused)
                if unsure is not None:
                    return unsure
                if not refused.keys() & set(members):
                    return Rejected(code_of(heard.error), heard.raw)
                continue
            break
        if isinstance(heard, Said) and of_rooms(heard.error):
            return await self._found_again(chat, heard, refused)
        result = outcome(heard)
        if not isinstance(result, Said):
            return result
        given = str(result.data.get("chatid") or chat)
        return self._opened(given, refused)

    async def _check(self, members: Sequence[str], refused: dict[str, str]) -> Retry | None:
        """Ask for each member whether they are there; whoever is not stands in `refused` afterwards."""
        for one in members:
            why = await self._people.exists(one)
            if isinstance(why, Retry):
                return why
            if why is not None:
                refused[one] = why
        return None

    async def _found_again(self, chat: str, heard: Said, refused: dict[str, str]) -> Result:
        presence, _ = await self.find(chat)
        return self._opened(chat, refused) if presence is Presence.FOUND else Rejected(code_of(heard.error), heard.raw)

    def _opened(self, chat: str, refused: dict[str, str]) -> Done:
        return Done(Ref(chat, ways="out", refused=tuple(refused.items())))

    async def find(self, chat: str) -> tuple[Presence, Ref | None]:
        """Say whether a room is there; raises TimeoutError when WeCom cannot be asked now."""
        room = await self._get(chat)
        if isinstance(room, Rejected):
            return (Presence.ABSENT if room.code == "no_such_room" else Presence.CANNOT_TELL), None
        if not isinstance(room, dict):
            raise TimeoutError("cannot look")
        return Presence.FOUND, Ref(chat, ways="out")

    async def _get(self, chat: str) -> dict[str, Any] | Retry | Lost | Rejected:
        result = outcome(await self._wire.ask("appchat/get", query={"chatid": chat}, reads=True))
        if not isinstance(result, Said):
            return result
        info = result.data.get("chat_info")
        return info if isinstance(info, dict) else {}

    async def rename(self, chat: str, name: str) -> Result:
        """Name a room; again is the same as once."""
        return self._done(await self._wire.ask("appchat/update", {"chatid": chat, "name": named(name)}), chat)

    async def add(self, chat: str, accounts: Sequence[str]) -> Result:
        """Add people in one call, or one by one where that is refused; who cannot be added stands in the Ref."""
        wanted = list(dict.fromkeys(accounts))
        refused: dict[str, str] = {}
        for start in range(0, len(wanted), MEMBERS):
            some = wanted[start : start + MEMBERS]
            heard = await self._wire.ask("appchat/update", {"chatid": chat, "add_user_list": some})
            if isinstance(heard, Said) and heard.error in OF_A_PERSON:
                for one in some:
                    alone = await self._wire.ask("appchat/update", {"chatid": chat, "add_user_list": [one]})
                    if isinstance(alone, Said) and alone.error in OF_A_PERSON:
                        refused[one] = "no_such_person" if code_of(alone.error) == "bad_people" else code_of(alone.error)
                        continue
                    result = self._done(alone, chat)
                    if not isinstance(result, Done):
                        return result
                continue
            result = self._done(heard, chat)
            if not isinstance(result, Done):
                return result
        return Done(Ref(chat, ways="out", refused=tuple(refused.items())))

    def _done(self, heard: Said | Retry | Lost, chat: str) -> Result:
        result = outcome(heard)
        return Done(Ref(chat, ways="out")) if isinstance(result, Said) else result


def chatid(key: str) -> str:
    """Make a room's id of its key, the same whenever it is tried again."""
    return key if CHATID.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:32]


def named(name: str) -> str:
    """Make a name that WeCom takes whole; longer ones it would cut."""
    return cut(line(name), NAME_CHARS) or "warroom"
