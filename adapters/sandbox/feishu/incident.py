"""An incident on Feishu that plays itself, from the alert to closed: cards, buttons, forms and typed words."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.player import NotSeen
from adapters.sandbox.script import CHINESE, ENGLISH, Script, Step

ANNOUNCE = "incidents"
ROOM = r"F-\d{8}-\d{3}"


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        try:
            await _play(stage, ENGLISH if lang == "en" else CHINESE, deadline)
        except NotSeen as missing:
            write(f"✗ {missing}")
            return [str(missing)]
    return []


async def _play(stage: Stage, script: Script, deadline: float) -> None:
    zhang, li = stage.player("ou_zhang"), stage.player("ou_li")
    await _connected(stage, deadline)
    await _outage(stage, True)
    await zhang.expect(ANNOUNCE, script.called, deadline=deadline)
    room = str((await zhang.room(ROOM, deadline=deadline))["id"])  # its title may change
    await zhang.expect(room, script.pending, deadline=deadline)
    for step in script.life:
        await _step(stage, step, room, deadline)
    await li.look()
    before = _newest(li, room)
    await _outage(stage, False)
    await li.expect(room, script.quiet, deadline=deadline, after=before)
    for step in script.end:
        await _step(stage, step, room, deadline)
    await zhang.expect(ANNOUNCE, script.over, deadline=deadline)


async def _step(stage: Stage, step: Step, room: str, deadline: float) -> None:
    player = stage.player(f"ou_{step.who}")
    place = None if step.directly else room
    before = _newest(player, await player.channel(place, deadline=deadline))
    if step.press:
        await player.click(step.press, room, deadline=deadline)
        if step.form is not None:
            form = await player.form(next(iter(step.form)), room, deadline=deadline)
            for label, value in step.form.items():
                await player.fill(label, value, on=form)
            wrong = await player.submit(on=form, deadline=deadline)
            if wrong:
                raise NotSeen(f"the form of {step.press!r} was not taken: {wrong}")
    else:
        await player.says(step.type if step.directly else f"@warroom {step.type}", place)
    if step.answer:
        await player.expect(place, step.answer, after=before, deadline=deadline)
    if step.told:
        await player.expect(room, step.told, after=before, deadline=deadline)
    if step.card:
        await player.card(room, step.card, deadline=deadline)


def _newest(player: Player, channel: str) -> str:
    return max((m.ts for m in player.sight.messages.values() if m.channel == channel and not m.private), default="")


async def _connected(stage: Stage, deadline: float) -> None:
    """Wait for the bot's connection: what people say before it is there would be lost."""
    ends = time.monotonic() + deadline
    zhang = stage.player("ou_zhang")
    while not (await stage.http.get("/_sockets")).json()["sockets"]:
        if time.monotonic() > ends:
            raise NotSeen(f"no connection of the bot in {deadline:g} s")
        await zhang.look(0.2)


async def _outage(stage: Stage, firing: bool) -> None:
    stage.note("page", None, "▶ sample outage" if firing else "■ outage over")
    status = (await stage.http.post("/page/outage", json={"firing": firing})).json()["status"]
    if not 200 <= status < 300:
        raise NotSeen(f"the bot's webhook answered {status or 'nothing'} to the sample outage")
