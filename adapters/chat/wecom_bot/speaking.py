"""What the bot says: pushed to a chat, or as an answer to what was said there; paced so that WeCom refuses none.

A push is taken only where somebody spoke to the bot before, and by some groups not at all; there the last message to the bot
is answered instead, which WeCom allows for a day.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from adapters.chat.wecom_bot.errors import REUSED, UNPUSHED, code_of
from adapters.chat.wecom_bot.inbound import Arrived, account_in
from adapters.chat.wecom_bot.line import Heard, Line, Said
from adapters.chat.wecom_bot.render import Json
from adapters.pace import Pace
from adapters.wecom_card import TASK
from bot.ports import Done, Ref, Rejected, Result, Retry

log = structlog.get_logger(__name__)

ANSWERABLE = 23 * 3600.0  # seconds; 101463 says a day
ANSWER_WAIT = 10.0  # seconds that an answer may wait for its turn
A_HOUR = 950
KEPT = 5000


class Speaking:
    """Speak as one bot."""

    def __init__(self, name: str, line: Line, per_minute: int) -> None:
        self._name, self._line = name, line
        self.clock: Callable[[], float] = time.monotonic  # of the pace
        self._pace = Pace(((per_minute, 60.0), (max(A_HOUR, per_minute * 30), 3600.0)))
        self._last: OrderedDict[str, tuple[str, int, float]] = OrderedDict()  # the last thing said to us in a chat

    def heard(self, arrived: Arrived) -> None:
        """Take note of what can be answered; a click cannot be answered with words."""
        if arrived.click is None:
            self._last[arrived.chat] = (arrived.req_id, arrived.number, time.monotonic())
            self._last.move_to_end(arrived.chat)
            while len(self._last) > KEPT:
                self._last.popitem(last=False)

    async def push(self, chat: str, body: Json) -> Result:
        """Say something in a chat, in the ways that are left."""
        wait = self._pace.take(chat, self.clock())
        if wait:
            return Retry(wait, "rate_limited", f"{self._name}:{chat}")
        account = account_in(chat)
        addressed = {"chatid": account or chat, "chat_type": 1 if account else 2, **body}
        heard = await self._line.ask("aibot_send_msg", addressed)
        if isinstance(heard, Said) and heard.error in UNPUSHED:
            instead = await self._last_answered(chat, body)
            heard = heard if instead is None else instead
        return self._result(chat, body, heard)

    async def _last_answered(self, chat: str, body: Json) -> Heard | None:
        req_id, number, at = self._last.get(chat, ("", 0, 0.0))
        if not req_id or number != self._line.number or time.monotonic() - at > ANSWERABLE:
            return None
        return await self._line.ask("aibot_respond_msg", body, req_id, number)

    def _result(self, chat: str, body: Json, heard: Heard) -> Result:
        card = body.get("template_card")
        task = str(card["task_id"]) if card is not None else ""
        if not isinstance(heard, Said):
            bucketed = isinstance(heard, Retry) and heard.code == "rate_limited"
            return Retry(heard.after, heard.code, f"{self._name}:{chat}") if isinstance(heard, Retry) and bucketed else heard
        if heard.error and not (heard.error == REUSED and task):  # of a card: an earlier attempt arrived
            return Rejected(code_of(heard.error), heard.raw)
        return Done(Ref(chat, task))

    async def answer(self, arrived: Arrived, body: Json) -> bool:
        """Answer a message on its own connection, else say it in its chat; it waits for its turn a while, and may be lost."""
        ends = time.monotonic() + ANSWER_WAIT
        while True:
            result = await self._once(arrived.chat, body, arrived if arrived.click is None else None)
            if isinstance(result, Retry) and time.monotonic() + result.after <= ends:
                await asyncio.sleep(result.after)
                continue
            if not isinstance(result, Done):
                log.info("answer_not_taken", chat=self._name, why=getattr(result, "code", "lost"))
            return isinstance(result, Done)

    async def _once(self, chat: str, body: Json, arrived: Arrived | None) -> Result:
        if arrived is None or arrived.number != self._line.number:
            return await self.push(chat, body)
        wait = self._pace.take(chat, self.clock())
        if wait:
            return Retry(wait, "rate_limited")
        heard = await self._line.ask("aibot_respond_msg", body, arrived.req_id, arrived.number)
        if isinstance(heard, Said) and heard.error:
            return await self.push(chat, body)
        return self._result(chat, body, heard)

    async def replace(self, arrived: Arrived, card: Json, *, alone: bool) -> bool:
        """Put a card in the clicked one's place, for its clicker `alone` or for everybody; says whether WeCom did."""
        body: Json = {"response_type": "update_template_card", "template_card": card}
        if alone:
            body["userids"] = [arrived.user]
        heard = await self._line.ask("aibot_respond_update_msg", body, arrived.req_id, arrived.number)
        well = isinstance(heard, Said) and not heard.error
        if not well:
            log.info("card_not_replaced", chat=self._name, why=code_of(heard.error) if isinstance(heard, Said) else "unreachable")
        return well


def task_of(key: str) -> str:
    """Make a card's task_id of its key."""
    return key if TASK.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:40]
