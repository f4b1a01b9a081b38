"""Channels as rooms: opened under a legal name, found again after an unknown outcome, filled with people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.chat.slack.errors import IN_ALREADY, OF_A_PERSON, code_of
from adapters.chat.slack.wire import Said, Wire, raw_of
from bot.ports import Done, Lost, Presence, Ref, Rejected, Result, Retry

NAME_CHARS = 80
INVITED_AT_ONCE = 100
PAGE = 200
PAGES = 25
SINCE = timedelta(minutes=1)  # that the two clocks may differ


class Unreachable(Exception):
    """Say that the workspace cannot be asked now."""


class Rooms:
    """Open, find and fill channels of one workspace."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._names: dict[str, str] = {}  # of the rooms that we tried to open, by their key

    async def open(self, slug: str, key: str, bot: str, private: bool = False) -> Result | Mapping[str, Any]:
        """Make the channel, or take the one that an earlier attempt made; gives the channel as Slack describes it."""
        name = legal(slug)
        if not name:
            return Rejected("bad_name", slug[:80])
        for wanted in (name, legal(f"{name[: NAME_CHARS - 7]}-{key[:6]}")):
            self._names[key] = wanted
            heard = await self._wire.ask("conversations.create", {"name": wanted, "is_private": private}, repeat=False)
            if isinstance(heard, Retry | Lost):
                return heard
            if not heard.error:
                channel = heard.data.get("channel")
                return channel if isinstance(channel, dict) else Lost("no channel in the answer")
            if heard.error != "name_taken":
                return Rejected(code_of(heard.error), raw_of(heard))
            try:
                found = await self._named(wanted, bot)
            except Unreachable:
                return Retry(1.0, "busy")
            # Nobody touched what our lost attempt left; a room of ours that is in use has a topic, and is another incident's.
            if found is not None and (wanted != name or not _topic(found)):
                return found
        return Rejected("name_taken", name)

    async def find(self, key: str, bot: str, since: datetime) -> tuple[Presence, Mapping[str, Any] | None]:
        """Look for the room of a key; one that an earlier process wanted shows when it is opened again: its name is taken."""
        name = self._names.get(key)
        if name is None:
            return Presence.KEYED, None
        found = await self._named(name, bot)
        if found is None or float(found.get("created") or 0) < (since - SINCE).timestamp():
            return Presence.ABSENT, None
        return Presence.FOUND, found

    async def _named(self, name: str, bot: str) -> Mapping[str, Any] | None:
        """Find a living channel that we made by its exact name, among those that we are in; raises `Unreachable`."""
        cursor = ""
        for _ in range(PAGES):
            args = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": PAGE, "cursor": cursor or None}
            heard = await self._wire.ask("users.conversations", args)
            if not isinstance(heard, Said) or heard.error:
                raise Unreachable
            for channel in heard.data.get("channels") or ():
                if isinstance(channel, dict) and channel.get("name") == name and channel.get("creator") == bot:
                    return channel
            cursor = str((heard.data.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None
        return None

    async def add(self, chat: str, accounts: Sequence[str]) -> Result:
        """Invite people in one call as far as possible; who was refused, and why, stands in the Ref."""
        wanted = list(dict.fromkeys(accounts))
        refused = {account: "no_such_person" for account in wanted if not re.fullmatch(r"[UW][A-Z0-9]+", account)}
        wanted = [account for account in wanted if account not in refused]
        for start in range(0, len(wanted), INVITED_AT_ONCE):
            result = await self._invite(chat, wanted[start : start + INVITED_AT_ONCE], refused)
            if result is not None:
                return result
        return Done(Ref(chat, refused=tuple(refused.items())))

    async def _invite(self, chat: str, people: list[str], refused: dict[str, str]) -> Result | None:
        """Invite some; None = done, with whoever was refused noted."""
        heard = await self._wire.ask("conversations.invite", {"channel": chat, "users": ",".join(people), "force": True})
        if not isinstance(heard, Said):
            return heard
        bad = _errors(heard.data)
        for account, error in bad.items():
            if error not in IN_ALREADY and account in people:
                refused[account] = code_of(error)
        if not heard.error:
            return None
        rest = [account for account in people if account not in bad]
        if bad and rest and len(rest) < len(people):
            return await self._invite(chat, rest, refused)
        if bad and not rest:
            return None
        if heard.error not in OF_A_PERSON:
            return Rejected(code_of(heard.error), raw_of(heard))
        if len(people) == 1:
            if heard.error not in IN_ALREADY:
                refused[people[0]] = code_of(heard.error)
            return None
        for account in people:  # Slack did not say whom it means
            result = await self._invite(chat, [account], refused)
            if result is not None:
                return result
        return None


def legal(slug: str) -> str:
    """Make a channel's name: lower-case letters, digits, - and _, at most 80."""
    return re.sub(r"[^a-z0-9_-]+", "-", slug.lower()).strip("-_")[:NAME_CHARS].strip("-_")


def _topic(channel: Mapping[str, Any]) -> str:
    topic = channel.get("topic")
    return str(topic.get("value") or "") if isinstance(topic, dict) else ""


def _errors(data: Mapping[str, Any]) -> dict[str, str]:
    errors = data.get("errors")
    told = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return {one["user"]: str(one.get("error") or "refused") for one in told if isinstance(one.get("user"), str)}
