"""Each kind of timer on two engines that die at every stage: what people see of it comes once, in time or said to be late."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports import Capability, Store
from tests.engine.pair import SECOND
from tests.engine.test_outbox_walk import MARK
from tests.engine.timer_scenes import SCENES, Scene
from tests.engine.town import WHOLE

BOT = Path(__file__).resolve().parents[2] / "bot"
EACH = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
# One timer of each owner (incident, alert group, person, organisation) in the quick suite, the others with the slow proofs.
ON_POSTGRES = ("nag_commander", "unclaimed", "remind", "report_weekly")
ON_BOTH = [pytest.param(scene, "sqlite", id=f"sqlite-{scene.name}") for scene in SCENES] + [
    pytest.param(
        scene, "postgresql", id=f"postgresql-{scene.name}",
        marks=[pytest.mark.postgres, *([] if scene.kind in ON_POSTGRES else [pytest.mark.slow])],
    )
    for scene in SCENES
]  # fmt: skip
DEAF = WHOLE - {Capability.FIND, Capability.KEYS}  # a chat that cannot say what it has applied
# Who writes timers into the store: whoever else does must be looked at, and its kinds named among the scenes.
WRITERS = {
    "engine/agenda.py": 2,  # a person's reminders; an item that nobody takes on
    "engine/reminders.py": 1,  # a reminder on a day off
    "engine/reports.py": 1,
    "engine/run.py": 2,  # an incident's; an alert group's
}


# ---------------------------------------------------------------- the catalogue
def test_every_kind_of_timer_has_a_scene() -> None:
    assert kinds_in(BOT) == {scene.kind for scene in SCENES}


def test_the_catalogue_finds_a_new_kind(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text(
        'due: Due = {("end_lunch", ""): at}\ndue["wash_up", str(n)] = at\ndue[f"tea_{kind}", ""] = at'
    )
    assert kinds_in(tmp_path) == {"end_lunch", "wash_up", "tea_*"}


def test_whoever_writes_timers_is_known() -> None:
    found = {str(path.relative_to(BOT)): path.read_text().count(".set_deadlines(") for path in BOT.rglob("*.py")}
    assert {name: count for name, count in found.items() if count} == WRITERS


def kinds_in(folder: Path) -> set[str]:
    """List the kinds of timers that code names: keys of a mapping to instants are pairs of a kind and a slot."""
    found = {kind for path in folder.rglob("*.py") for kind in _named(ast.parse(path.read_text(encoding="utf-8")))}
    reports = {f"report_{name}" for name in ("weekly", "monthly")}
    return (found - {"report_*"}) | (reports if "report_*" in found else set())


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (kind for key in node.keys if key is not None and (kind := _kind(key)))
        elif isinstance(node, ast.DictComp):
            yield from filter(None, [_kind(node.key)])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and (kind := _kind(node.slice)):
            yield kind


def _kind(key: ast.expr) -> str:
    if not isinstance(key, ast.Tuple) or len(key.elts) != 2:
        return ""
    first = key.elts[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    if isinstance(first, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in first.values)
    return ""


# ---------------------------------------------------------------- once, in time
@pytest.mark.parametrize(("scene", "url"), ON_BOTH, indirect=["url"])
async def test_it_comes_once_though_engines_die_at_every_stage(scene: Scene, store: Store, second: Store, url: str) -> None:
    town = await scene.begin(store, second, url)
    due = town.due(scene.kind, scene.slot)
    await town.until(due - 3 * SECOND)
    before = len(scene.seen(town))
    town.clock.at = due - SECOND  # it is due by the fast clock, and not by the slow one
    await town.dies(town.fast, "begun")
    await town.dies(town.fast, "before")
    await town.slow.timers.tick()
    assert town.due(scene.kind, scene.slot) == due, "nobody has fired it"
    await town.dies(town.fast, "after")
    assert len(scene.seen(town)) == before, "who fired it died before it could say so"
    town.clock.at = due + SECOND
    sent = await town.sends_and_dies(town.slow)
    for _ in range(8):
        town.clock.pass_by(1)
        await town.tick()
    found = scene.seen(town)[before:]
    assert sent and len(found) == 1, (sent, found)
    assert "晚了" not in found[0]
    town.end()


@pytest.mark.parametrize("scene", [s for s in SCENES if s.kind in ON_POSTGRES], ids=lambda scene: scene.name)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_where_a_chat_cannot_say_what_it_has_a_repeat_is_marked(
    scene: Scene, store: Store, second: Store, url: str
) -> None:
    town = await scene.begin(store, second, url, DEAF)
    due = town.due(scene.kind, scene.slot)
    await town.until(due - 3 * SECOND)
    before = len(scene.seen(town))
    town.clock.at = due - SECOND
    await town.dies(town.fast, "after")
    town.clock.at = due + SECOND
    assert await town.sends_and_dies(town.slow)
    for _ in range(8):
        town.clock.pass_by(1)
        await town.tick()
    first, again = scene.seen(town)[before:]
    assert MARK not in first and MARK in again
    town.end()


# ---------------------------------------------------------------- late
@EACH
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_after_a_weekend_it_comes_once_and_late(scene: Scene, store: Store, second: Store, url: str) -> None:
    town = await scene.begin(store, second, url)
    due = town.due(scene.kind, scene.slot)
    await town.until(due - 3 * SECOND)
    before = len(scene.seen(town))
    town.clock.at = due + timedelta(days=3, minutes=5, seconds=30)
    for _ in range(15):
        await town.tick()
        town.clock.pass_by(1)
    found = scene.seen(town)[before:]
    assert len(found) == (1 if scene.late else 0), found
    assert all(scene.late in words for words in found), found
    town.end()
