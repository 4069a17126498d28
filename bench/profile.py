"""Where an engine's time goes under E1's load: its own seconds by place, of the event loop's thread.

`python -m bench.profile [--steps python|node|go|mixed] [--seconds 5] [--short]`. By cProfile, which costs as much as much of what it
measures: only the shares count. No goal; it says why a goal of E1 or E2 is missed.
`python -m bench.profile start …` is `wistro start …` that begins with SIGUSR1 and writes what it found as it ends.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import signal
import sys
import tempfile
from pathlib import Path

from bench.report import machine, table
from bench.systems import ROOT, System, load, running

FILE = "engine.profile"
LEAST = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="python")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--short", action="store_true", help="a second")
    options = parser.parse_args()
    if options.short:
        options.seconds = 1
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        with running(
            System("wistro", options.steps), Path(scratch), program="bench.profile"
        ) as one:
            amount = options.connections
            load("throughput", one, seconds=1, amount=amount)
            os.kill(one.pid, signal.SIGUSR1)
            result = load("throughput", one, seconds=options.seconds, amount=amount)
        stats = pstats.Stats(str(one.folder / FILE))
    print(
        f"profile  {machine()}\n         wistro ({options.steps}), {result['flows_per_s']:,.0f} flows/s while profiled\n"
    )
    print(table(["place", "share"], shares(stats)))


def shares(stats: pstats.Stats) -> list[list[str]]:
    """Largest first; waiting for something to do is in none."""
    seconds: dict[str, float] = {}
    found: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = stats.stats  # type: ignore[attr-defined]
    for (path, _, name), (_, _, own, _, _) in found.items():
        place = place_of(path, name)
        seconds[place] = seconds.get(place, 0) + own
    whole = sum(seconds.values())
    large = {place: own for place, own in seconds.items() if own / whole >= LEAST}
    ordered = sorted(large.items(), key=lambda one: -one[1])
    ordered.append(("all else", whole - sum(large.values())))
    return [[place, f"{own / whole:.0%}"] for place, own in ordered]


def place_of(path: str, name: str) -> str:
    """A file of ours, a library, or the built-in that was called."""
    if path.startswith(str(ROOT / "wistro")):
        return Path(path).relative_to(ROOT).as_posix()
    if path == "~":
        return name.strip("<>").replace("built-in method ", "")
    return Path(path).stem


def profiled() -> None:
    from wistro.cli import main as wistro

    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    try:
        wistro()
    finally:
        profile.disable()
        profile.dump_stats(FILE)


if __name__ == "__main__":
    profiled() if sys.argv[1:2] == ["start"] else main()
