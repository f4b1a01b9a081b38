"""Rooms: scene groups from a template, which have the robot inside, or plain groups, which it must be put into by hand.

A room's `extra` is a plain group's chatid, which all calls of it need; a scene group has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.chat.dingtalk import Config
from adapters.chat.dingtalk.errors import CODES
from adapters.chat.dingtalk.limits import PLAIN_NAME, SCENE_NAME
from adapters.chat.dingtalk.markdown import cut, line
from adapters.chat.dingtalk.wire import Heard, Said, Wire, outcome
from bot.ports import Done, Lost, Ref, Rejected, Result

PEOPLE_AT_ONCE = 40
CANDIDATES = 5  # people who are tried as a room's owner
_OF_A_PERSON = frozenset(error for error, code in CODES.items() if code == "no_such_person")


class Rooms:
    """Open, name, fill and close the groups of one app."""

    def __init__(self, wire: Wire, settings: Config) -> None:
        self._wire, self._settings = wire, settings

    async def open(self, name: str, founders: Sequence[str], key: str, private: bool) -> Result:
        """Make a group with one owner in it; the core adds everybody else beside the first messages.

        A founder whom DingTalk does not know, or whom the app may not see, is passed over for the next.
        """
        owners = list(dict.fromkeys([*founders[:CANDIDATES], *([self._settings.owner] if self._settings.owner else [])]))
        result: Result = Rejected("bad_people", "a group needs an owner: nobody involved has an account, and `owner` is not set")
        for owner in owners:
            heard = await (self._scene(name, owner, key) if self._settings.scene_template else self._plain(name, owner, private))
            if isinstance(heard, Said) and (heard.error in _OF_A_PERSON or heard.error == "permession.checkFailed"):
                result = _refused(heard, self._wire.name)
                continue
            found = outcome(heard, self._wire.name)
            return await self._opened(found, owner) if isinstance(found, Said) else found
        return result

    async def _scene(self, name: str, owner: str, key: str) -> Heard:
        body = {
            "title": cut(line(name), SCENE_NAME), "template_id": self._settings.scene_template, "owner_user_id": owner,
            "user_ids": [owner], "uuid": key,
        }  # fmt: skip
        return await self._wire.ask("POST", "/v1.0/im/sceneGroup/create", body)

    async def _plain(self, name: str, owner: str, private: bool) -> Heard:
        body = {
            "name": cut(line(name), PLAIN_NAME), "owner": owner, "ownerType": "emp", "useridlist": [owner], "conversationTag": 2,
            "managementOptions": {"searchable": 0, "showHistoryType": 1, "validationType": 1 if private else 0},
        }  # fmt: skip
        return await self._wire.ask("POST", "/v1.0/im/group/create", body)

    async def _opened(self, said: Said, owner: str) -> Result:
        scene = self._settings.scene_template is not None
        chat = _word(said, "open_conversation_id", "openConversationId")
        chatid = _word(said, "chat_id", "chatid")
        if not chat:
            return Lost("no conversation in the answer")
        link = await self._link(chatid, owner) if chatid else None
        return Done(Ref(chat, link=link, extra="" if scene else chatid, ways="both" if scene else "out"))

    async def _link(self, chatid: str, owner: str) -> str | None:
        """Ask for the link by which people join; a room without one is a room."""
        heard = await self._wire.ask_old("/topapi/chat/qrcode/get", {"chatid": chatid, "userid": owner})
        link = heard.data.get("result") if isinstance(heard, Said) and not heard.error else None
        return link if isinstance(link, str) and link.startswith(("https://", "http://", "dingtalk://")) else None

    async def rename(self, chat: str, name: str, extra: str) -> Result:
        """Name a group anew; again is the same as once."""
        if extra:
            body = {"chatid": extra, "name": cut(line(name), PLAIN_NAME)}
            return self._done(await self._wire.ask("POST", "/v1.0/im/group/update", body, repeat=True), chat)
        body = {"open_conversation_id": chat, "title": cut(line(name), SCENE_NAME)}
        return self._done(await self._wire.ask("POST", "/v1.0/im/sceneGroup/update", body, repeat=True), chat)

    async def close(self, chat: str, name: str, extra: str) -> Result:
        """Rename a closed room, or disband its scene group where that is configured."""
        if self._settings.disband and not extra:
            body = {"openConversationId": chat}
            heard = await self._wire.ask("POST", "/v1.0/im/chat/scenegroup/disband", body, repeat=True)
            if isinstance(heard, Said) and heard.error == "group.disbanded":
                return Done(Ref(chat))
            return self._done(heard, chat)
        return await self.rename(chat, name, extra) if name else Done(Ref(chat))

    async def reopen(self, chat: str, name: str, extra: str) -> Result:
        """Give a room its name back."""
        return await self.rename(chat, name, extra) if name else Done(Ref(chat))

    async def add(self, chat: str, accounts: Sequence[str], extra: str) -> Result:
        """Add people; when some cannot be, each is tried alone, and who was refused, and why, stands in the Ref."""
        refused: list[tuple[str, str]] = []
        people = list(dict.fromkeys(accounts))
        for start in range(0, len(people), PEOPLE_AT_ONCE):
            several = people[start : start + PEOPLE_AT_ONCE]
            heard = await self._add(chat, several, extra)
            if isinstance(heard, Said) and heard.error and len(several) > 1 and _about_people(heard.error):
                for one in several:
                    alone = outcome(await self._add(chat, [one], extra), self._wire.name)
                    if isinstance(alone, Rejected):
                        refused.append((one, "no_such_person" if alone.code == "bad_name" else alone.code))
                    elif not isinstance(alone, Said):
                        return alone
                continue
            if isinstance(heard, Said) and heard.error and _about_people(heard.error):
                refused += [(one, _refused(heard, self._wire.name).code) for one in several]
                continue
            found = outcome(heard, self._wire.name)
            if not isinstance(found, Said):
                return found
        return Done(Ref(chat, refused=tuple(refused)))

    async def _add(self, chat: str, accounts: Sequence[str], extra: str) -> Heard:
        if extra:
            return await self._wire.ask(
                "POST", "/v1.0/im/group/update", {"chatid": extra, "add_useridlist": list(accounts)}, repeat=True
            )
        body = {"open_conversation_id": chat, "user_ids": list(accounts)}
        return await self._wire.ask("POST", "/v1.0/im/sceneGroup/member/add", body, repeat=True)

    def _done(self, heard: Heard, chat: str) -> Result:
        found = outcome(heard, self._wire.name)
        return Done(Ref(chat)) if isinstance(found, Said) else found


def _about_people(error: str) -> bool:
    return error in _OF_A_PERSON or error in ("permession.checkFailed", "member.exceed", "parameter.invalid")


def _refused(said: Said, connection: str) -> Rejected:
    """Refuse for good; DingTalk says of a person whom the app may not see, or who is nobody, what it says of anything."""
    unseen = said.error in ("permession.checkFailed", "parameter.invalid")
    code = "no_such_person" if unseen else CODES.get(said.error, said.error[:40])
    return Rejected(code, said.raw or said.error)


def _word(said: Said, *names: str) -> str:
    result = said.data.get("result")
    places = (said.data, result) if isinstance(result, dict) else (said.data,)
    return next((str(place[name]) for place in places for name in names if isinstance(place.get(name), str) and place[name]), "")
