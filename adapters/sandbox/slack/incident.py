"""An incident in Slack that plays itself, from the alert to closed: cards, buttons, forms, commands and mentions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.sandbox.script import Life, Step, unseen
from adapters.sandbox.slack.player import Stage

ROOM = r"^(drill-)?f-\d{8}-\d{3}"
TIMELINE = {  # only Slack shows a long answer to one person alone
    "zh": Step("wang", type="时间线", answer="暂停大促，先回滚支付网关"),
    "en": Step("wang", type="timeline", answer="stop the sale and roll back the payment gateway"),
}


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        return await unseen(_Life(stage, lang, deadline).play(), write)


class _Life(Life):
    """What has an answer or shows on the card is a slash command; what has neither is said to the bot, which ticks it."""

    room_like = ROOM
    people = "U0"

    def __init__(self, stage: Stage, lang: str, deadline: float) -> None:
        super().__init__(stage, lang, deadline)
        self.script = replace(self.script, life=(*self.script.life, TIMELINE[lang]))

    def who(self, name: str) -> Any:
        return super().who(name.upper())

    async def come_in(self, player: Any, room: str) -> None:
        await self._invited(player, room)
        card = await player.expect(room, self.script.pending, deadline=self.deadline)
        await player.until(
            lambda sight: sight.messages[card.channel, card.ts].pinned, "the status card to be pinned", deadline=self.deadline
        )

    async def step(self, step: Step, room: str) -> None:
        if not step.directly:
            await self._invited(self.who(step.who), room)
        await super().step(step, room)

    async def _invited(self, player: Any, room: str) -> None:
        await player.until(
            lambda sight: room in sight.channels and sight.channels[room]["member"], f"to be in {room}", deadline=self.deadline
        )

    async def say(self, player: Any, step: Step, place: str | None) -> None:
        if step.directly:
            await player.says(step.type, place)
        elif step.answer or step.told or step.card:
            wanted, before = step.answer or "✓ #", self.newest(player, await player.channel(place))
            if not re.search(wanted, await player.slash(f"/incident {step.type}", place, deadline=self.deadline)):
                await player.expect(place, wanted, after=before, private=True, deadline=self.deadline)
        else:
            ts = await player.says(f"@warroom {step.type}", place)
            await player.until(
                lambda sight: (place, ts) in sight.messages and "white_check_mark" in sight.messages[place, ts].raw["reactions"],
                f"a tick on {step.type!r}",
                deadline=self.deadline,
            )

    async def fill_in(self, player: Any, form: Mapping[str, str], room: str, pressed: Any) -> dict[str, str]:
        await player.form(deadline=self.deadline)
        for label, value in form.items():
            await player.fill(label, value)
        wrong: dict[str, str] = await player.submit(deadline=self.deadline)
        return wrong
