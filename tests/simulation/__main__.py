"""Worlds by the number: `python -m tests.simulation --seeds 100000 --from 2000`, and one of them: `--seed 4711`.

A seed that fails is printed with what was done in its world, first all of it and then the fewest acts that still fail.
"""

from __future__ import annotations

import argparse
import os
import sys

from bench.report import machine
from tests.simulation.life import EngineLife
from tests.simulation.seeds import LENGTH, Broken, live, smaller
from tests.simulation.sweep import sweep


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many worlds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one's number")
    parser.add_argument("--seed", type=int, help="this one only, and what is done in it")
    parser.add_argument("--acts", type=int, default=LENGTH, help="how much happens in each")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.seed is not None:
        return _show([options.seed], acts=options.acts)
    print(machine())
    failed = sweep(
        range(options.first, options.first + options.seeds),
        acts=options.acts,
        processes=options.processes,
    )
    return _show(failed[:3], acts=options.acts)


def _show(seeds: list[int], *, acts: int) -> int:
    code = 0
    for seed in seeds:
        try:
            live(EngineLife, seed, length=acts)
        except Broken as broken:
            code = 1
            print(f"\n{broken}\n\nthe fewest acts that still fail:")
            print(smaller(EngineLife, broken, length=acts))
        else:
            print(f"seed {seed}: all holds")
    return code


if __name__ == "__main__":
    sys.exit(main())
