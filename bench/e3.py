"""E3, what durability costs: E1's throughput with fsync, against the same engine that never waits for the disk, interleaved.

`python -m bench.e3 [--seconds 5] [--rounds 3] [--connections 64] [--short]`. Goal: >= 70 % of what it does without.
Both keep the same rows in the same groups; only fsync and SQLite's own are left out (bench/unsynced.py).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.report import machine, median, table
from bench.systems import WISTRO_CLI, System, load, running

PROGRAMS = {"fsync off": "bench.unsynced", "fsync on": WISTRO_CLI}
LANGUAGES = ("python", "node", "go")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--short", action="store_true", help="one round of a second, Python alone")
    options = parser.parse_args()
    languages = LANGUAGES
    if options.short:
        options.seconds, options.rounds, languages = 1, 1, ("python",)
    flows: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        for _ in range(options.rounds):
            for steps in languages:
                for name, program in PROGRAMS.items():
                    found = measure(System("wistro", steps), program, Path(scratch), options)
                    flows.setdefault((steps, name), []).append(found)
    rows = [
        [
            f"{name} ({steps})",
            f"{median(values):,.0f}",
            f"{min(values):,.0f}",
            f"{max(values):,.0f}",
            f"{median(values) / median(flows[steps, 'fsync off']):.0%}",
        ]
        for (steps, name), values in flows.items()
    ]
    print(
        f"E3  {machine()}\n    {options.rounds} rounds of {options.seconds:g} s, {options.connections} connections, about 1 KiB a message\n"
    )
    print(table(["wistro", "flows/s median", "min", "max", "of fsync off"], rows))


def measure(system: System, program: str, scratch: Path, options: argparse.Namespace) -> float:
    with running(system, scratch, program=program) as one:
        amount = options.connections
        load("throughput", one, seconds=min(1, options.seconds), amount=amount)
        return load("throughput", one, seconds=options.seconds, amount=amount)["flows_per_s"]


if __name__ == "__main__":
    main()
