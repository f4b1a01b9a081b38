"""An incident on DingTalk that plays itself, from the alert to closed: cards, buttons, forms and typed words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox.dingtalk.player import Stage
from adapters.sandbox.script import Life, unseen

ROOM = r"\d{8}-\d{3}|\d{4}-\d{3}"


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        return await unseen(_Life(stage, lang, deadline).play(), write)


class _Life(Life):
    room_like = ROOM

    async def fill_in(self, player: Any, form: Mapping[str, str], room: str, pressed: Any) -> dict[str, str]:
        await player.form(on=pressed, deadline=self.deadline)
        for label, value in form.items():
            await player.fill(label, value)
        wrong: dict[str, str] = await player.submit(deadline=self.deadline)
        return wrong
