"""Run the whole crash proof; exits 1 when anything failed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.crash.proof import Proof


async def main(arguments: argparse.Namespace) -> int:
    """Run what was asked for."""
    with tempfile.TemporaryDirectory(prefix="warroom-crash-") as folder:
        return await Proof(Path(folder), arguments.at_once, arguments.verbose).run(
            arguments.seed, arguments.random, arguments.only
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--seed", type=int, default=20240520, help="of the random kills")
    parser.add_argument("--random", type=int, default=30, help="how many random kills")
    parser.add_argument("--at-once", type=int, default=3, help="how many lives at once")
    parser.add_argument("--only", default="", help="only lives whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="print the transcript of what failed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
