"""An incident on Feishu that plays itself, from the alert to closed: cards, buttons, forms and typed words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox.feishu.player import Stage
from adapters.sandbox.script import Life, Step, unseen

ROOM = r"F-\d{8}-\d{3}"


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        return await unseen(_Life(stage, lang, deadline).play(), write)


class _Life(Life):
    room_like = ROOM
    people = "ou_"

    async def say(self, player: Any, step: Step, place: str | None) -> None:
        await player.says(step.type if step.directly else f"@warroom {step.type}", place)

    async def fill_in(self, player: Any, form: Mapping[str, str], room: str, pressed: Any) -> dict[str, str]:
        drawn = await player.form(next(iter(form)), room, deadline=self.deadline)
        for label, value in form.items():
            await player.fill(label, value, on=drawn)
        wrong: dict[str, str] = await player.submit(on=drawn, deadline=self.deadline)
        return wrong

    def newest(self, player: Any, channel: str) -> str:
        return max((m.ts for m in player.sight.messages.values() if m.channel == channel and not m.private), default="")
