"""Figure 7: the platforms: rooms against their calls, a change told in every room, what each costs to have."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import httpx

from adapters.sandbox.dingtalk.player import Stage as DingTalkStage
from adapters.sandbox.feishu.player import Stage as FeishuStage
from adapters.sandbox.slack.player import Stage as SlackStage
from adapters.sandbox.wecom.player import Stage as WeComStage
from bench.figures import Figure, print_now
from bench.servers import Server, free_port, product, square

CHATS = ("slack", "feishu", "dingtalk", "wecom")
STAGES: dict[str, Any] = {"slack": SlackStage, "feishu": FeishuStage, "dingtalk": DingTalkStage, "wecom": WeComStage}
LATENCY = 0.05  # seconds that every call takes
LIGHT = 120  # MiB, of Slack, DingTalk and WeCom
WAIT = 60.0
PAUSE = 2.0  # seconds between two changes, as people leave them


@contextlib.contextmanager
def staged(*chats: str, mirror: bool = False) -> Iterator[tuple[Server, dict[str, str]]]:
    """Run the stand-ins and the product in processes of their own; gives the product and where each stand-in listens."""
    port = free_port()
    with square(port, chats) as (_, said):
        config = said["config"]
        change = {key: config[key] for key in ("chats", "announce", "people", "services", "default_chat") if key in config}
        change |= {"timezone": "Asia/Shanghai", "admins": ["zhou"], "routing": []}
        if mirror:
            change["mirror"] = list(chats)
        with product(change=change, port=port) as bot:
            yield bot, said["stands"]


def measure(quick: bool) -> list[Figure]:
    """Open rooms, tell changes, and look at start and memory."""
    figures = []
    for name in CHATS:
        figures += asyncio.run(_rooms(name, 3 if quick else 10))
    figures += asyncio.run(_changes(8 if quick else 20))
    for chats in (*((name,) for name in CHATS), CHATS):
        figures += _footprint(chats, 1 if quick else 3)
    return figures


# ------------------------------------------------------------ people
def _account(name: str, who: str) -> str:
    return {"slack": f"U0{who.upper()}", "feishu": f"ou_{who}"}.get(name, who)


async def _says(name: str, player: Any, line: str, channel: str) -> None:
    match name:
        case "slack" | "feishu":
            await player.says(f"@warroom {line}", channel)
        case "dingtalk":
            await player.slash(line, channel)
        case _:
            await player.asks(line, "app")


async def _connected(http: httpx.AsyncClient) -> None:
    """Wait until the bot keeps a connection."""
    ends = time.monotonic() + WAIT
    while not (await http.get("/_sockets")).json()["sockets"]:
        if time.monotonic() > ends:
            raise RuntimeError("the bot does not connect")
        await asyncio.sleep(0.05)


async def _delay(stage: Any, seconds: float) -> None:
    asked = {"do": "delay", "times": None, "seconds": seconds, "match": ""}
    (await stage.http.post("/_faults", json=asked)).raise_for_status()


# ------------------------------------------------------------ rooms
async def _rooms(name: str, rounds: int) -> list[Figure]:
    """Declare one after the other: seconds from the typed line until its card stands in the room, beside two calls."""
    took = []
    with staged(name) as (_, stands):
        async with STAGES[name](stands[name]) as stage:
            player = stage.player(_account(name, "zhang"))
            await _connected(stage.http)
            await asyncio.sleep(2)  # its list of people
            await _delay(stage, LATENCY)
            for n in range(rounds):
                began = time.monotonic()
                await _says(name, player, f"声明 P1 第{n:02}次演示", "incidents")
                room = await player.room(f"(?i)f-.*-{n + 1:03}", deadline=WAIT)
                await player.expect(room["id"], f"第{n:02}次演示", deadline=WAIT)
                took.append((time.monotonic() - began) * 1000)
                await asyncio.sleep(1.2)
    least = 2 * LATENCY * 1000  # the room, and the card in it
    print_now(f"  {name}: a card in its room after {median(took):.0f} ms, {median(took) / least:.2f} of its two calls")
    ratios = tuple(one / least for one in took)
    return [Figure(f"{name}: card seen in the new room, 50 ms a call / its two calls", ratios, 3, at_most=True)]


# ------------------------------------------------------------ a change in every room
async def _changes(rounds: int) -> list[Figure]:
    """Change the level in Slack's room: how long until each room is told."""
    found: dict[str, list[float]] = {name: [] for name in CHATS}
    async with contextlib.AsyncExitStack() as stack:
        _, stands = stack.enter_context(staged(*CHATS, mirror=True))
        stages = {n: await stack.enter_async_context(STAGES[n](stands[n])) for n in CHATS}
        players = {name: stage.player(_account(name, "zhang")) for name, stage in stages.items()}
        for stage in stages.values():
            await _connected(stage.http)
        await asyncio.sleep(2)
        await _says("slack", players["slack"], "声明 P1 支付服务 支付失败", "incidents")
        rooms = {n: (await p.room("(?i)f-.*-001", deadline=WAIT))["id"] for n, p in players.items()}
        for name, player in players.items():
            await player.expect(rooms[name], "支付失败", deadline=WAIT)
            await _delay(stages[name], LATENCY)
        await asyncio.sleep(5)
        for n in range(rounds):
            words = f"第{n:02}步"
            began = time.monotonic()

            async def told(name: str, words: str = words, began: float = began) -> None:
                await players[name].expect(rooms[name], f"进展.*{words}", deadline=WAIT)
                found[name].append((time.monotonic() - began) * 1000)

            await _says("slack", players["slack"], f"进展 {words}", rooms["slack"])
            await asyncio.gather(*(told(name) for name in CHATS))
            await asyncio.sleep(PAUSE)
        calls = (await stages["dingtalk"].http.get("/_log")).json()["calls"]
    print_now(
        f"  DingTalk: {len(calls)} calls for one incident with {rounds} updates (60 are meant to be enough for an incident)"
    )
    goals = {"slack": LATENCY * 1000 + 100, "feishu": LATENCY * 1000 + 100, "dingtalk": 3000, "wecom": 3000}
    figures = []
    for name, took in found.items():
        p95 = sorted(took)[min(len(took) - 1, round(len(took) * 0.95))]
        print_now(f"  {name}: told after p50 {median(took):.0f}, p95 {p95:.0f} ms")
        figures.append(Figure(f"{name}: an update told in its room, 50 ms a call, p95", (p95,), goals[name], " ms", at_most=True))
    return [*figures, Figure("DingTalk: calls of that incident", (len(calls),), 60, at_most=True)]


# ------------------------------------------------------------ start and memory
def _footprint(chats: Sequence[str], rounds: int) -> list[Figure]:
    """Start with these platforms and look at the memory once they are connected."""
    starts, memory = [], []
    for _ in range(rounds):
        with staged(*chats) as (bot, stands):
            asyncio.run(_all_connected(stands))
            time.sleep(2)
            starts.append(bot.started)
            memory.append(bot.memory())
    name = chats[0] if len(chats) == 1 else "all four"
    print_now(f"  {name}: starts in {median(starts):.2f} s, holds {median(memory):.0f} MiB")
    goal = LIGHT if name in ("slack", "dingtalk", "wecom") else 250
    return [
        Figure(f"{name}: start to the first answer", tuple(starts), 2.5, " s", at_most=True),
        Figure(f"{name}: resident memory, connected", tuple(memory), goal, " MiB", at_most=True),
    ]


async def _all_connected(stands: dict[str, str]) -> None:
    for url in stands.values():
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            await _connected(http)
