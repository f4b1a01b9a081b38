"""The verbs of a DingTalk organisation, as one app may do them."""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from adapters.chat.dingtalk import Config, capable, files
from adapters.chat.dingtalk.answer import Answers
from adapters.chat.dingtalk.errors import undelivered
from adapters.chat.dingtalk.limits import DING_AT_ONCE, LIMITS, PLAIN_NAME, TO_AT_ONCE
from adapters.chat.dingtalk.listen import Listening
from adapters.chat.dingtalk.markdown import cut, inert, line
from adapters.chat.dingtalk.render import Json, Variables, alert, fits, lines_of, mentions, message, public
from adapters.chat.dingtalk.rooms import Rooms
from adapters.chat.dingtalk.session import Sessions
from adapters.chat.dingtalk.wire import Said, Wire, outcome
from bot.model.card import Card
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import (
    Capability,
    Clock,
    Content,
    Done,
    Fetched,
    Lost,
    OnInbound,
    Presence,
    Ref,
    Rejected,
    Result,
    Retry,
    Sent,
    Sought,
    Tally,
    Urge,
)

log = structlog.get_logger(__name__)

UNSUPPORTED = Rejected("unsupported")
REMEMBERED = 5000
HELD_BACK = 900.0  # seconds that an edit of details waits when the month's calls run out
TOP_DAYS = 30
REMIND = {Urge.APP: 1, Urge.SMS: 2, Urge.PHONE: 3}
VOICE = "Standard_Female_Voice"
DING_CHARS = 500


class DingTalkChat:
    """Speak as one app; a chat's address is a conversation's id (`cid…`) or a person's user id."""

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        self.capabilities = capable(settings)
        cards = settings.card_template is not None
        self.limits = dataclasses.replace(
            LIMITS,
            menus=not cards,
            name_chars=LIMITS.name_chars if settings.scene_template else PLAIN_NAME,
            edit_pace=settings.edit_seconds,
        )
        self._settings = settings
        self._robot = settings.robot_code or settings.client_id
        self._wire = Wire(name, settings, clock)
        self._rooms = Rooms(self._wire, settings)
        self._clock = clock
        self._sessions = Sessions(name, settings.session_hosts, settings.timeout_seconds, settings.proxy)
        self._answers = Answers(self.connection, self, self._sessions, clock, settings.answer_seconds, cards, settings.timezone)
        self._cards: OrderedDict[str, tuple[str, str]] = OrderedDict()  # where a card is, and what it mainly says
        self._undelivered: OrderedDict[str, None] = OrderedDict()  # cards that exist and that nobody got
        self._listening = Listening(self.connection, settings, clock, self._wire, self._answers, self._chat_of)

    # ------------------------------------------------------------ messages
    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Post to a group, or to a person by their user id; a card counts once under its key, a text does not.

        A text that calls people goes as a card where there are cards, because a robot's message in a group calls nobody.
        """
        if isinstance(content, Card) and Capability.CARD not in self.capabilities:
            content = lines_of(content)
        if isinstance(content, Card):
            return await self._card(chat, content, key)
        rendered = message(content)
        if rendered is None:
            return Rejected("too_long")
        if not inert(flat(content)).strip():
            return Rejected("empty")
        if mentions(content) and Capability.MENTION in self.capabilities and fits(content):
            return await self._card(chat, content, key)
        kind, param = rendered
        if not chat.startswith("cid"):
            return await self._to_people([chat], kind, param)
        body = {"robotCode": self._robot, "openConversationId": chat, "msgKey": kind, "msgParam": param}
        heard = await self._wire.ask("POST", "/v1.0/robot/groupMessages/send", body)
        found = outcome(heard, self.connection)
        if not isinstance(found, Said):
            return found
        return Done(Ref(chat, str(found.data.get("processQueryKey") or "")))

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Tell one person."""
        return await self.post(account, content, key)

    async def _to_people(self, accounts: Sequence[str], kind: str, param: str) -> Result:
        """Send to people; an answer of success says besides whom it did not reach."""
        body = {"robotCode": self._robot, "userIds": list(accounts)[:TO_AT_ONCE], "msgKey": kind, "msgParam": param}
        found = outcome(await self._wire.ask("POST", "/v1.0/robot/oToMessages/batchSend", body), self.connection)
        if not isinstance(found, Said):
            return found
        if _listed(found.data.get("flowControlledStaffIdList")):
            return Retry(5.0, "rate_limited")
        if _listed(found.data.get("invalidStaffIdList")):
            return Rejected("no_such_person", "invalidStaffIdList")
        return Done(Ref(accounts[0], str(found.data.get("processQueryKey") or "")))

    async def _card(
        self, chat: str, content: Content, key: str, private: Mapping[str, Variables] | None = None
    ) -> Result:  # fmt: skip
        """Create and deliver a card under its key; one that exists already is done, and delivered if it was not yet."""
        said = public(content)
        body: Json = {
            "cardTemplateId": self._settings.card_template, "outTrackId": key, "callbackType": "STREAM", "userIdType": 1,
            "cardData": {"cardParamMap": said}, **self._space(chat, content), **self._deliver(chat, mentions(content)),
        }  # fmt: skip
        if private:
            body["privateData"] = {account: {"cardParamMap": one} for account, one in private.items()}
        self._remember(key, chat, said)
        heard = await self._wire.ask("POST", "/v1.0/card/instances/createAndDeliver", body)
        if isinstance(heard, Said) and heard.error == "param.userIdNotExist" and chat.startswith("cid") and mentions(content):
            body |= self._deliver(chat, {})  # somebody who is called has left; everybody else should still read it
            heard = await self._wire.ask("POST", "/v1.0/card/instances/createAndDeliver", body)
        if isinstance(heard, Said) and heard.error == "param.cardAlreadyExist":
            if key not in self._undelivered:
                return Done(Ref(chat, key))
            again = {"outTrackId": key, "userIdType": 1, **self._deliver(chat, mentions(content))}
            heard = await self._wire.ask("POST", "/v1.0/card/instances/deliver", again)
        return self._delivered(heard, Ref(chat, key))

    def _delivered(self, heard: Any, ref: Ref) -> Result:
        found = outcome(heard, self.connection)
        if not isinstance(found, Said):
            return found
        why = undelivered(found.data)
        if found.data.get("success") is False or why is not None:
            self._undelivered[ref.id] = None
            while len(self._undelivered) > REMEMBERED:
                self._undelivered.popitem(last=False)
            nowhere = "no_such_room" if ref.chat.startswith("cid") else "no_such_person"
            return Rejected(nowhere if "spaceid" in (why or "").lower() else "not_delivered", why or "not delivered")
        self._undelivered.pop(ref.id, None)
        return Done(ref)

    def _space(self, chat: str, content: Content) -> Json:
        words = alert(content)
        shown: Json = {
            "supportForward": False, "lastMessageI18n": {"ZH_CN": words, "EN_US": words},
            "notification": {"alertContent": words, "notificationOff": False},
        }  # fmt: skip
        if not chat.startswith("cid"):
            return {"imRobotOpenSpaceModel": shown}
        return {"imGroupOpenSpaceModel": shown, "topOpenSpaceModel": {"spaceType": "ONE_BOX"}}  # so that it can be pinned

    def _deliver(self, chat: str, at: Mapping[str, str]) -> Json:
        if not chat.startswith("cid"):
            model = {"spaceType": "IM_ROBOT", "robotCode": self._robot}
            return {"openSpaceId": f"dtv1.card//IM_ROBOT.{chat}", "imRobotOpenDeliverModel": model}
        group: Json = {"robotCode": self._robot} | ({"atUserIds": dict(at)} if at else {})
        return {"openSpaceId": f"dtv1.card//IM_GROUP.{chat}", "imGroupOpenDeliverModel": group}

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Change a card; again is the same as once. While a click on it is being answered, and when calls run out, it waits."""
        if Capability.EDIT not in self.capabilities:
            return UNSUPPORTED
        if self._answers.answering(ref.id):
            return Retry(0.3, "busy")
        said = public(content)
        known = self._cards.get(ref.id)
        if self._wire.quota.near and known is not None and known[1] == _gist(said):
            return Retry(HELD_BACK, "quota")
        body = {
            "outTrackId": ref.id, "userIdType": 1, "cardData": {"cardParamMap": said},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }  # fmt: skip
        result = await self._put(body, ref)
        if isinstance(result, Done):
            self._remember(ref.id, ref.chat, said)
        return result

    async def _put(self, body: Json, ref: Ref) -> Result:
        found = outcome(await self._wire.ask("PUT", "/v1.0/card/instances", body, repeat=True), self.connection)
        if not isinstance(found, Said):
            return found
        if found.data.get("success") is False or found.data.get("result") is False:
            return Rejected("not_editable", "not updated")
        return Done(ref)

    async def whisper(self, track: str, account: str, said: Variables) -> Result:
        """Change what one person sees below a card."""
        body = {
            "outTrackId": track, "userIdType": 1, "privateData": {account: {"cardParamMap": said}},
            "cardUpdateOptions": {"updatePrivateDataByKey": True},
        }  # fmt: skip
        return await self._put(body, Ref("", track))

    async def sheet(self, account: str, said: Variables, title: str, key: str) -> Result:
        """Send a person a card of their own with a form on it."""
        if Capability.FORM not in self.capabilities:
            return UNSUPPORTED
        return await self._card(account, Card(title, "blue"), key, {account: said})

    async def pin(self, ref: Ref) -> Result:
        """Put a card into the group's top box; again is the same as once."""
        if Capability.PIN not in self.capabilities:
            return UNSUPPORTED
        ends = int(self._clock.now().timestamp() * 1000) + TOP_DAYS * 86_400_000
        body = {
            "outTrackId": ref.id, "userIdType": 1, "openSpaceId": f"dtv1.card//ONE_BOX.{ref.chat}",
            "topOpenDeliverModel": {"expiredTimeMillis": ends, "platforms": ["ios", "android", "win", "mac"]},
        }  # fmt: skip
        heard = await self._wire.ask("POST", "/v1.0/card/instances/deliver", body, repeat=True)
        found = outcome(heard, self.connection)
        if not isinstance(found, Said):
            return found
        why = undelivered(found.data)
        return Done(ref) if why is None else Rejected("not_delivered", why)

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Say what a repeat comes to: scene groups and cards count once under their key; of the rest nobody can tell."""
        keyed = self._settings.scene_template is not None if sought.what is Sent.ROOM else sought.card
        keyed = keyed and (sought.what is Sent.ROOM or Capability.CARD in self.capabilities)
        return (Presence.KEYED if keyed else Presence.CANNOT_TELL), None

    # ------------------------------------------------------------ rooms
    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Make a group: a scene group with the robot inside where its template is configured, else a plain one."""
        return await self._rooms.open(name, founders, key, private)

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Rename a closed room, or disband it where that is configured."""
        return await self._rooms.close(chat, name, extra)

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Give a room its name back; a disbanded one is gone."""
        return await self._rooms.reopen(chat, name, extra)

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Name a room anew."""
        return await self._rooms.rename(chat, name, extra)

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Refuse: a group has no topic."""
        return UNSUPPORTED

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Refuse: a group has no tabs of ours."""
        return UNSUPPORTED

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Add people to a group; who was refused, and why, stands in the Ref."""
        return await self._rooms.add(chat, accounts, extra)

    # ------------------------------------------------------------ people
    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Press people by DING; whom it does not reach stands in the Ref, with why."""
        refused: list[tuple[str, str]] = []
        people = list(dict.fromkeys(accounts))
        most = DING_AT_ONCE if how is Urge.APP else TO_AT_ONCE
        ident = ""
        for start in range(0, len(people), most):
            body = {
                "robotCode": self._robot, "remindType": REMIND[how], "receiverUserIdList": people[start : start + most],
                "content": cut(line(text), DING_CHARS) or "…",
            } | ({"callVoice": VOICE} if how is Urge.PHONE else {})  # fmt: skip
            found = outcome(await self._wire.ask("POST", "/v1.0/robot/ding/send", body), self.connection)
            if not isinstance(found, Said):
                return found
            ident = str(found.data.get("openDingId") or ident)
            failed = found.data.get("failedList")
            for why, who in failed.items() if isinstance(failed, dict) else ():
                refused += [(str(one), str(why)[:40]) for one in who if isinstance(who, list)]
        if people and len({account for account, _ in refused}) >= len(people):
            return Rejected(refused[0][1], "nobody was reached")
        return Done(Ref("", ident, refused=tuple(refused)))

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Give the bytes of a picture or file of a message that was quoted."""
        return await files.fetch(self._wire, file, most)

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find an account by mobile number; DingTalk tells nobody by their e-mail."""
        number = "".join(sign for sign in mobile or "" if sign.isdigit() or sign == "+").removeprefix("+86")
        if not number:
            return Rejected("unknown_person")
        found = outcome(await self._wire.ask_old("/topapi/v2/user/getbymobile", {"mobile": number}), self.connection)
        if not isinstance(found, Said):
            return found
        result = found.data.get("result")
        ident = result.get("userid") if isinstance(result, dict) else None
        return Done(Ref(str(ident))) if ident else Rejected("unknown_person")

    # ------------------------------------------------------------ what was sent
    def _remember(self, track: str, chat: str, said: Variables) -> None:
        self._cards[track] = (chat, _gist(said))
        self._cards.move_to_end(track)
        while len(self._cards) > REMEMBERED:
            self._cards.popitem(last=False)

    def _chat_of(self, track: str) -> str:
        return self._cards.get(track, ("", ""))[0]

    def tally(self) -> Tally:
        """Count the calls that the month's quota is spent on."""
        return self._wire.quota.tally()

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List nothing: DingTalk delivers over the connection that `listen` holds."""
        return []

    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold a Stream connection until cancelled."""
        await self._listening.listen(on_inbound)

    async def close(self) -> None:
        """Close the connections."""
        started = time.monotonic()
        await self._answers.close()
        await self._sessions.close()
        await self._wire.close()
        log.debug("closed", chat=self.connection, seconds=round(time.monotonic() - started, 2))


def _gist(said: Variables) -> str:
    """Give what of a card people act on; the rest is detail."""
    return "\x1f".join(said[name] for name in ("title", "colour", "buttons", "buttons2", "selects"))


def _listed(value: object) -> bool:
    return isinstance(value, list) and bool(value)
