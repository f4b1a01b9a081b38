"""How DingTalk reaches us: what a Stream connection delivers, handed to the core and acknowledged once it is stored."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.chat.dingtalk import Config
from adapters.chat.dingtalk.answer import Answers, Late, tell_written
from adapters.chat.dingtalk.inbound import Arrived, clicked, typed
from adapters.chat.dingtalk.stream import TOPICS, Line, Stream
from adapters.chat.dingtalk.wire import Wire
from bot.model.ids import ConnectionId
from bot.ports import Clock, OnInbound, Place

log = structlog.get_logger(__name__)

TOO_LATE = 1.95  # seconds; DingTalk shows a failure after two, and takes no answer any more
NAMES = 20_000


class Listening:
    """Take one app's deliveries."""

    def __init__(
        self, connection: ConnectionId, settings: Config, clock: Clock, wire: Wire, answers: Answers,
        chat_of: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._connection, self._settings, self._clock = connection, settings, clock
        self._answers, self._chat_of = answers, chat_of
        self._on: OnInbound | None = None
        self._names: OrderedDict[str, str] = OrderedDict()  # what people are called, from what they typed
        self._groups: set[str] = set()
        self._stream = Stream(
            connection, wire, settings.client_id, self._take, settings.silence_seconds, settings.proxy
        )  # fmt: skip

    async def listen(self, on_inbound: OnInbound) -> None:
        """Stay connected until cancelled."""
        self._on = on_inbound
        await self._stream.run()

    async def _take(self, topic: str, data: Mapping[str, Any], ident: str, line: Line) -> None:
        came = time.monotonic()
        try:
            if topic == TOPICS[0]:
                arrived = typed(self._connection, data, self._clock.now(), lambda account: self._names.get(account, account))
                await self._typed(arrived, line, came)
            else:
                zone = self._settings.timezone
                await self._clicked(
                    clicked(self._connection, data, ident, zone, self._clock.now(), self._chat_of), line, came
                )  # fmt: skip
        except Exception as error:  # the loop edge of this connection; without an acknowledgement
            log.exception("delivery_failed", chat=self._connection, error=type(error).__name__)

    async def _typed(self, arrived: Arrived | None, line: Line, came: float) -> None:
        if arrived is None or self._on is None:
            await line.ack()
            return
        self._introduce(arrived)
        speaker = arrived.inbound.speaker
        self._names[speaker.id] = speaker.name
        while len(self._names) > NAMES:
            self._names.popitem(last=False)

        async def afterwards() -> None:
            await line.ack()

        try:
            await self._answers.say(arrived, self._on, came, afterwards)
        except Late:
            return
        await line.ack()

    def _introduce(self, arrived: Arrived) -> None:
        """Say once in the log what a group is called by the API, and that the robot's code is not the configured one."""
        chat, robot = arrived.inbound.chat, arrived.inbound.key.partition(":")[0]
        if arrived.inbound.place is Place.GROUP and chat not in self._groups and len(self._groups) < NAMES:
            self._groups.add(chat)
            log.info("heard_in_group", chat=self._connection, group=chat)
        mine = self._settings.robot_code or self._settings.client_id
        if robot and robot != mine and robot not in self._groups:
            self._groups.add(robot)
            log.warning("another_robot_code", chat=self._connection, heard=robot, configured=mine, what="set robot_code")

    async def _clicked(self, arrived: Arrived | None, line: Line, came: float) -> None:
        if arrived is None or self._on is None:
            await line.ack({})
            return
        name = self._names.get(arrived.inbound.speaker.id)
        if name is not None:
            speaker = replace(arrived.inbound.speaker, name=name, known=True)
            arrived = replace(arrived, inbound=replace(arrived.inbound, speaker=speaker))
        answered = await self._answers.click(arrived, self._on, came)
        try:
            out = await line.ack(answered.response)
            tell_written(answered.written, out and answered.prompt and time.monotonic() - came < TOO_LATE)
        finally:
            tell_written(answered.written, False)
            self._answers.answered(arrived.track)
