"""The tables of faults: `python -m tests.faults --long` kills each process of the whole system 25 times, `python -m
tests.faults engine --long` does everything to the engine. Without `--long`: a short form.

A seed gives the same moments and the same choices again; what the machine does meanwhile it cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.report import machine
from tests.faults import engine_table
from tests.faults.whole_kills import kill_all

LONG, SHORT = 25, 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("whole", "engine"), default="whole")
    parser.add_argument("--long", action="store_true", help=f"whole: {LONG} kills of each process")
    parser.add_argument("--kills", type=int, help="whole: so many kills of each process")
    parser.add_argument("--only", nargs="*", choices=engine_table.FAULTS, help="engine: these")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"{machine()}, {datetime.now(UTC):%Y-%m-%d}, seed {options.seed}", flush=True)
    if options.what == "engine":
        names = options.only or list(engine_table.FAULTS)
        work = engine_table.run(names, is_long=options.long, seed=options.seed)
    else:
        work = whole(options.kills or (LONG if options.long else SHORT), seed=options.seed)
    problems = asyncio.run(work)
    for problem in problems:
        print(f"✗ {problem}")
    return 1 if problems else 0


async def whole(kills: int, *, seed: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="wistro-faults-") as folder:
        print("\nwhole system, through the gateway, with pushes beside the calls")
        both = await kill_all(Path(folder), kills=kills, seed=seed)
    return both.problems()


if __name__ == "__main__":
    sys.exit(main())
