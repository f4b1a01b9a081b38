"""Run the whole crash proof in each chat; exits 1 when anything failed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.crash.dingtalk import DingTalkScene
from tests.crash.feishu import FeishuScene
from tests.crash.plain import PlainScene
from tests.crash.proof import DEADLINE, Proof
from tests.crash.sabotaged import DINGTALK, FEISHU, PLAIN, SLACK, WECOM, WECOM_BOT, Sabotaged
from tests.crash.scene import Scene
from tests.crash.slack import SlackOverHttp, SlackScene
from tests.crash.wecom import WecomScene
from tests.crash.wecom_bot import WecomBotScene


@dataclass(frozen=True, slots=True)
class Part:
    """Say how thoroughly one chat is proven: how many of the random kills, every so manieth of the calls, lives at once.

    `thrice` = the names of the calls at which it is killed three times in any case, the others once; without, and with every
    call `sampled`, it is killed at each three times.
    """

    scene: type[Scene]
    sabotaged: tuple[Sabotaged, ...]
    random: float = 1.0
    sampled: int = 1
    at_once: int = 4
    thrice: str = ""


PARTS = {
    "plain": Part(  # each kind of call, and what is once in a life: the roll-call and its end, receipt, item, publication
        PlainScene,
        PLAIN,
        at_once=10,
        thrice=r"#1$|ROOM/messages #(2|4|13)$|people/li/messages #3$|people/wang/messages #2$|people/zhang/messages #4$",
    ),
    "slack": Part(SlackScene, SLACK, at_once=8, thrice=r"#1$|Message ROOM"),  # a life there mostly waits for a message a second
    "slack-http": Part(SlackOverHttp, (), random=0.2, sampled=4, at_once=8),  # the way in differs, the calls do not
    "feishu": Part(FeishuScene, FEISHU, random=0.2, sampled=4, at_once=8, thrice=r"(chats|pins|messages ROOM).* #1$"),
    "dingtalk": Part(
        DingTalkScene, DINGTALK, random=0.2, sampled=4, at_once=6, thrice=r"(group|card/create ROOM|card/top).* #1$"
    ),
    "wecom": Part(WecomScene, WECOM, random=0.1, sampled=4, at_once=12),  # a life there mostly waits for WeCom's pace
    "wecom-bot": Part(
        WecomBotScene,
        WECOM_BOT,
        random=0.1,
        sampled=4,
        at_once=12,
        thrice=r"(push \w+ (ROOM|#incidents)|answer|update card).* #1$",
    ),
}


async def main(arguments: argparse.Namespace) -> int:
    """Run what was asked for."""
    codes = []
    with tempfile.TemporaryDirectory(prefix="warroom-crash-") as folder:
        for name in arguments.chats or PARTS:
            part = PARTS[name]
            at_once = arguments.at_once or part.at_once
            proof = Proof(
                part.scene, Path(folder) / name, at_once, arguments.verbose, part.sampled, part.thrice, arguments.deadline
            )
            number = round(arguments.random * part.random)
            codes.append(await proof.run(arguments.seed, number, arguments.only, part.sabotaged))
    return max(codes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("chats", nargs="*", choices=[*PARTS, []], help="which chats; left out: all")
    parser.add_argument("--seed", type=int, default=20240520, help="of the random kills")
    parser.add_argument("--random", type=int, default=30, help="how many random kills")
    parser.add_argument("--at-once", type=int, default=0, help="how many lives at once; 0: as suits the chat")
    parser.add_argument("--only", default="", help="only lives whose name matches this")
    parser.add_argument("--deadline", type=float, default=DEADLINE, help="seconds for what is waited for; more on a busy machine")
    parser.add_argument("--verbose", action="store_true", help="print the transcript of what failed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
