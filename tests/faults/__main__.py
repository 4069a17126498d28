"""The table of kills: `python -m tests.faults --long` (25 of each), or a short form without it.

A seed gives the same moments and the same choices again; what the machine does meanwhile it cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from bench.report import machine
from tests.faults.engine_system import EngineSystem
from tests.faults.harness import measure
from tests.faults.whole_kills import kill_all

LONG, SHORT = 25, 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} kills of each process")
    parser.add_argument("--kills", type=int, help="so many kills of each process")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--engine", action="store_true", help="the engine and its hosts alone")
    options = parser.parse_args()
    kills = options.kills or (LONG if options.long else SHORT)
    print(machine())
    problems = asyncio.run(run(kills, seed=options.seed, engine_alone=options.engine))
    for problem in problems:
        print(f"✗ {problem}")
    return 1 if problems else 0


async def run(kills: int, *, seed: int, engine_alone: bool) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="wistro-faults-") as folder:
        print("\nengine alone, from its front door to the store")
        async with EngineSystem(Path(folder)) as system:
            victims = system.victims * kills
            found = await measure(system, victims, folder=Path(folder), seed=seed)
    if engine_alone:
        return found.problems()
    with tempfile.TemporaryDirectory(prefix="wistro-faults-") as folder:
        print("\nwhole system, through the gateway, with pushes beside the calls")
        both = await kill_all(Path(folder), kills=kills, seed=seed)
    return found.problems() + both.problems()


if __name__ == "__main__":
    sys.exit(main())
