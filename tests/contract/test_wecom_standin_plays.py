"""The whole bot works an incident on the WeCom stand-in, as its app and as its intelligent bot, in both languages."""

from __future__ import annotations

import pytest

from adapters.sandbox.wecom.company import WeComDemo
from bot.sandbox import sandbox


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_an_incident_plays_itself(lang: str) -> None:
    lines: list[str] = []
    demo = WeComDemo(lang)
    code = await sandbox(once=True, lang=lang, chat="wecom", port=None, data=None, write=lines.append, demo=demo)
    assert code == 0, "\n".join(lines)
    states = {act.what: act.state for act in demo.wecom.people.acts}
    assert len(states) > 8 and set(states.values()) == {"done"}
    group = demo.wecom.corp.groups[max(demo.wecom.corp.groups)]
    assert group.bot and group.active and group.appchat is not None
