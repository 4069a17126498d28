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
from tests.faults.table import Verdict

LONG, SHORT = 25, 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} kills of each process")
    parser.add_argument("--kills", type=int, help="so many kills of each process")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    kills = options.kills or (LONG if options.long else SHORT)
    print(machine())
    problems = asyncio.run(engine(kills, seed=options.seed)).problems()
    for problem in problems:
        print(f"✗ {problem}")
    return 1 if problems else 0


async def engine(kills: int, *, seed: int) -> Verdict:
    """The engine and its hosts alone, from the front door to the store."""
    print("\nengine alone")
    with tempfile.TemporaryDirectory(prefix="wistro-faults-") as folder:
        async with EngineSystem(Path(folder)) as system:
            return await measure(system, system.victims * kills, folder=Path(folder), seed=seed)


if __name__ == "__main__":
    sys.exit(main())
