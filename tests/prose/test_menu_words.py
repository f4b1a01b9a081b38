"""What the engine says around numbers, direct answers and links. Golden files are written as tests/prose/test_events.py says."""

from __future__ import annotations

import pytest

from bot.model.ids import PersonId
from bot.model.say import Say, say
from bot.model.text import flat, plain
from bot.prose import LANGS
from tests.prose.test_events import GOLDEN, golden
from tests.prose.world import PROSE, show

LABELS = {"zh": ["我来指挥", "发进展", "已恢复"], "en": ["Take command", "Post update", "Recovered"]}


def said(lang: str) -> dict[str, Say]:
    usage, example = (
        (plain("进展 <文字>"), plain("进展 已回滚")) if lang == "zh" else (plain("update <text>"), plain("update done"))
    )
    asks = {"usage": usage, "example": example}
    linked = say("form_linked", title="发进展" if lang == "zh" else "Post an update", link="https://warroom.example.com/forms/x")
    texts = {
        f"gone, {why}": say("menu_gone", why=why, now_listed=why != "none") for why in ("none", "expired", "unknown", "changed")
    }
    return {
        "numbers": say("numbers", labels=LABELS[lang]),
        **texts,
        "sent directly": say("sent_directly"),
        "ask directly": say("ask_directly"),
        "not told": say("not_told", person=PersonId("zhang")),
        "not told, unknown": say("not_told", person=None),
        "form typed": say("form_typed", **asks, linked=None),
        "form linked": say("form_typed", **asks, linked=linked),
    }


@pytest.mark.parametrize("lang", LANGS)
def test_menus_and_links_read_as_the_golden_file_says(lang: str) -> None:
    lines = []
    for name, told in said(lang).items():
        for place, hail in (("in a group", "@bot "), ("directly", "")):
            lines.append(f"[{name}, {place}] {flat(PROSE.say(told, show(lang, hail=hail)))}")
    golden(GOLDEN / "menus" / f"engine.{lang}.txt", "\n".join([*lines, ""]))
