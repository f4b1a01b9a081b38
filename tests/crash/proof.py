"""The proof for one chat: a clean life, three kills at each of its calls, random kills, repeated deliveries, sabotaged builds."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash import build as builds
from tests.crash.checks import Ending, check, ending
from tests.crash.plan import WHENS, AtCall, Boundary, Plan, every_boundary, random_kills, repeated, sampled
from tests.crash.sabotaged import Sabotaged
from tests.crash.scene import Failed, Scene
from tests.crash.world import World

FEWEST = 9  # boundaries; a proof with fewer shows too little
DEADLINE = 60.0  # seconds for anything that somebody waits for, a restart on a busy machine included
APART = 2  # calls that one clean life may have and another not: two changes at once are one edit or message, or two
AGAIN = 2  # lives more for a call that did not come


@dataclass(slots=True)
class Life:
    """Hold how one life went."""

    plan: Plan
    world: World
    failures: list[Failed]
    took: float

    @property
    def repeats(self) -> int:
        """Count the marked messages."""
        return self.world.scene.repeats()


class Proof:
    """Live many lives in one chat, a few at once, each in a folder of its own.

    `sampled` = kill at every so manieth of the calls only, before, after and at its answer in turns; at all three of those
    whose names match `thrice`.
    """

    def __init__(
        self, scene: type[Scene], folder: Path, at_once: int, verbose: bool = False, sampled: int = 1, thrice: str = "",
        deadline: float = DEADLINE,
    ) -> None:  # fmt: skip
        self._scene, self._folder, self._verbose, self._sampled, self._thrice = scene, folder, verbose, sampled, thrice
        self._deadline = deadline
        folder.mkdir(exist_ok=True)
        self._free = asyncio.Semaphore(at_once)
        self._lives = 0
        self._empty: dict[Path, Path] = {}
        self.clean: Ending | None = None
        self.passed = self.failed = self.kills = self.again = 0
        self.accepted: Counter[str] = Counter()
        self.slowest = self.slowest_start = 0.0

    async def run(self, seed: int, number: int, only: str, sabotaged: Sequence[Sabotaged]) -> int:
        """Run everything, print it, and give the exit code."""
        began = time.monotonic()
        print(f"\n==== {self._scene.name}")
        build = self.build("product")
        boundaries = await self._clean(build)
        if boundaries is None:
            return self._end(began)
        whole = self._sampled == 1 and not self._thrice
        plans = every_boundary(boundaries) if whole else sampled(boundaries, self._sampled, self._thrice)
        print(f"\n{f'{len(plans)} kills at the {len(boundaries)} calls':60}  " + "  ".join(f"{when:>9}" for when in WHENS))
        await self._table(boundaries, self.begin(build, _only(plans, only)))
        print(f"\n{number} random kills, seed {seed}")
        await self._list(self.begin(build, _only(random_kills(number, seed, self._scene.inbound, self._scene.worked), only)))
        print("\nrepeated deliveries")
        await self._list(self.begin(build, _only(repeated()[:: 1 if self._sampled == 1 else 4], only)))
        if sabotaged:
            print("\nsabotaged builds, which must fail")
        await asyncio.gather(*(self.sabotage(one) for one in sabotaged if re.search(only, one.broken.name)))
        return self._end(began)

    async def sabotage(self, sabotaged: Sabotaged) -> bool:
        """Say whether a sabotaged build fails, as it must."""
        build = self.build(sabotaged.broken.name.replace(" ", "-"), sabotaged.broken)
        others: list[Failed] = []
        for plan in sabotaged.plans:
            life = await self.live(build, plan)
            caught = [failure for failure in life.failures if failure.check in sabotaged.checks]
            if caught:
                self.passed += 1
                words = str(caught[0]).splitlines()[0][:150]
                print(f"  red    {sabotaged.broken.name}: caught by '{caught[0].check}' ({plan.name}): {words}", flush=True)
                return True
            others += life.failures
        for other in others:
            print(f"  ?      {sabotaged.broken.name}: {other}")
        self.failed += 1
        print(f"  GREEN  {sabotaged.broken.name}: nothing noticed that {sabotaged.broken.what}", flush=True)
        return False

    def build(self, name: str, broken: builds.Break | None = None) -> Path:
        """Copy the source tree under a name, and make an empty database with it."""
        build = builds.copy(self._folder / name, broken)
        builds.prove_import(build)
        empty = self._folder / f"{name}.db"
        config = self._folder / f"{name}.yaml"
        config.write_text(json.dumps(self._scene.configuration(None, "http://127.0.0.1:9", empty)), encoding="utf-8")
        line = [str(builds.command()), "migrate", "-c", str(config)]
        subprocess.run(line, env=builds.environment(build), cwd=self._folder, check=True, capture_output=True, timeout=300)
        self._empty[build] = empty
        return build

    def begin(self, build: Path, plans: Iterable[Plan]) -> dict[str, asyncio.Task[Life]]:
        """Start to live plans, a few at once; gives each life by its plan's name."""
        return {plan.name: asyncio.create_task(self.live(build, plan)) for plan in plans}

    async def live(self, build: Path, plan: Plan) -> Life:
        """Live one plan; again where the call at which to kill did not come: changes at once may share an edit or a message."""
        life = await self._lived(build, plan)
        for _ in range(AGAIN):
            if [failure.check for failure in life.failures] != ["killed"] or not isinstance(plan.at, AtCall):
                break
            life = await self._lived(build, plan)
        return life

    async def _lived(self, build: Path, plan: Plan) -> Life:
        async with self._free:
            self._lives += 1
            folder = self._folder / f"life-{self._lives}"
            folder.mkdir()
            began = time.monotonic()
            world = World(self._scene, build, folder, self._empty[build], plan, self._deadline)
            await world.live()
            failures = list(world.failures)
            if not failures or failures[0].check == "accepted is stored":
                failures += check(world, self.clean)
            return Life(plan, world, failures, time.monotonic() - began)

    async def _clean(self, build: Path) -> list[Boundary] | None:
        """Live twice without a kill; gives the boundaries."""
        print("two lives without a kill")
        lives = await self._list(self.begin(build, [Plan("nothing happens"), Plan("nothing happens, again")]))
        if self.failed:
            return None
        first, second = lives
        self.clean = ending(first.world)
        other = second.world.scene.boundaries()
        boundaries = [boundary for boundary in first.world.scene.boundaries() if boundary in other]
        apart = sorted(set(other) ^ set(first.world.scene.boundaries()))
        refused = first.world.scene.refused()
        only = f" (only one of them: {', '.join(map(str, apart))})" if apart else ""
        print(f"a clean life makes {len(boundaries)} calls{only}:")
        for n, boundary in enumerate(boundaries, 1):
            print(f"  {n:2}  {boundary}")
        for wrong, what in (
            (len(boundaries) < FEWEST, f"these are fewer than {FEWEST}"),
            (refused, f"the chat refused {refused}"),
            (ending(second.world) != self.clean, f"a second one ends differently: {ending(second.world)}"),
            (len(apart) > APART, f"only one of them makes {', '.join(map(str, apart))}"),
        ):
            if wrong:
                self.failed += 1
                print(f"  FAIL {what}")
        return boundaries if not self.failed else None

    def _count(self, life: Life) -> None:
        self.passed += not life.failures
        self.failed += bool(life.failures)
        self.kills += len(life.world.process.killed)
        self.again += life.world.scene.again
        self.accepted += life.world.accepted
        self.slowest = max(self.slowest, life.world.slowest)
        self.slowest_start = max([self.slowest_start, *life.world.process.starting_took])
        self._why(life)

    async def _table(self, boundaries: Sequence[Boundary], begun: dict[str, asyncio.Task[Life]]) -> None:
        for boundary in boundaries:
            lives = {when: await begun[name] for when in WHENS if (name := f"{boundary}, {when}") in begun}
            cells = {when: "FAIL" if life.failures else f"ok +{life.repeats}" for when, life in lives.items()}
            if lives:
                print(f"  {boundary!s:58}  " + "  ".join(f"{cells.get(when, '-'):>9}" for when in WHENS), flush=True)
            for life in lives.values():
                self._count(life)
        print("  (+n: messages that were said again, each marked)")

    async def _list(self, begun: dict[str, asyncio.Task[Life]]) -> list[Life]:
        lives = []
        for task in begun.values():
            life = await task
            lives.append(life)
            told = "FAIL" if life.failures else "ok"
            kills = len(life.world.process.killed)
            print(f"  {told:4}  {life.plan.name:58}  {kills} killed  +{life.repeats}  {life.took:4.1f} s", flush=True)
            self._count(life)
        return lives

    def _why(self, life: Life) -> None:
        for failure in life.failures:
            print(f"  FAIL {life.plan.name}: {failure}")
        if life.failures and self._verbose:
            print("\n".join(f"       {line}" for line in life.world.transcript))
            for call in life.world.scene.log.calls:
                print(f"       {call.clock:.3f} {call.method} {call.path} {call.outcome} {call.said} {str(call.body)[:150]}")
        print(end="", flush=True)

    def _end(self, began: float) -> int:
        lines, posts, timers = (self.accepted[kind] for kind in ("line", "post", "timer"))
        print(
            f"\naccepted in time, and found in the database: {lines} lines, {posts} posts, {timers} timers; {self.kills} kills, "
            f"after which people were told {self.again} times to do it again; the slowest waited {self.slowest:.1f} s, "
            f"the slowest start took {self.slowest_start:.1f} s; {time.monotonic() - began:.0f} s in all"
        )
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def _only(plans: list[Plan], only: str) -> list[Plan]:
    return [plan for plan in plans if re.search(only, plan.name)]
