"""Many worlds in several processes. In a file of its own, since a worker imports it by its name."""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import time
from collections.abc import Iterator

from tests.simulation.life import EngineLife
from tests.simulation.seeds import LENGTH, Broken, live

AT_ONCE = 50  # seeds that a worker is given
EVERY_S = 10.0


def sweep(seeds: range, *, acts: int, processes: int) -> list[int]:
    """The seeds whose worlds broke an invariant, as they are found; tells how far it is."""
    batches = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
    began = told = time.monotonic()
    failed: list[int] = []
    done = 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as workers:
        for found in workers.map(failing, batches, itertools.repeat(acts)):
            done = min(len(seeds), done + AT_ONCE)
            failed += found
            for seed in found:
                print(f"✗ seed {seed}: python -m tests.simulation --seed {seed}", flush=True)
            if time.monotonic() - told > EVERY_S or done == len(seeds):
                told = time.monotonic()
                rate = done / (told - began)
                print(
                    f"{done:,} of {len(seeds):,} worlds, {rate:.0f}/s, {len(failed)} failed",
                    flush=True,
                )
    return failed


def failing(seeds: range, acts: int = LENGTH) -> list[int]:
    return [broken.seed for broken in broken_of(seeds, acts)]


def broken_of(seeds: range, acts: int) -> Iterator[Broken]:
    for seed in seeds:
        try:
            live(EngineLife, seed, length=acts)
        except Broken as broken:
            yield broken
