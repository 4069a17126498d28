"""E5, memory: an engine and its host at rest in each language, and what each further idle version adds to an engine.

`python -m bench.e5 [--rounds 3] [--versions 50] [--short]`. MB of PSS: a process's own pages and its part of shared ones.
At rest: one flow has run, and nothing does. An idle version is loaded as the fleet does it, and its hosts have
stopped: the engine keeps its lock, its queues and its schemas. Printed without a goal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.generated import write
from bench.memory import own_pss_mb, settled
from bench.report import machine, median, table
from bench.systems import BARE, ROOT, WISTRO, lock, running
from wistro.hosts.plain import PlainLauncher
from wistro.lock import file
from wistro.wiring import Environment, deployment, fleet_engine

STEPS = (10, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--short", action="store_true", help="one round, Python, five versions")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.load:
        print(asyncio.run(per_version_kb(options.load, options.versions)))
        return
    rounds, versions, systems, sizes = options.rounds, options.versions, [*BARE, *WISTRO], STEPS
    if options.short:
        rounds, versions, systems, sizes = 1, 5, [BARE[0], WISTRO[0]], STEPS[:1]
    found: dict[str, list[tuple[float, list[float]]]] = {}
    added: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        projects = {steps: project(Path(scratch) / f"steps-{steps}", steps) for steps in sizes}
        for _ in range(rounds):
            for system in systems:
                with running(system, Path(scratch)) as one:
                    found.setdefault(system.name, []).append(settled(one.pid))
            for steps, folder in projects.items():
                added.setdefault(steps, []).append(in_a_process(folder, versions))
    print(f"E5  {machine()}\n    {rounds} rounds; MB of PSS at rest, medians\n")
    print(table(["system", "engine", "hosts", "how many", "together"], [row(*one) for one in found.items()]))  # fmt: skip
    print(f"\neach further idle version, of {versions}; kB of PSS, medians\n")
    rows = [[f"{steps} steps", f"{median(kb):,.0f}"] for steps, kb in added.items()]
    print(table(["its project", "engine"], rows))


def row(name: str, looks: list[tuple[float, list[float]]]) -> list[object]:
    engine = median([own for own, _ in looks])
    hosts = median([sum(others) for _, others in looks])
    return [name, f"{engine:.0f}", f"{hosts:.0f}", len(looks[-1][1]), f"{engine + hosts:.0f}"]


def project(folder: Path, steps: int) -> Path:
    write(folder, steps)
    lock(folder)
    return folder


def in_a_process(folder: Path, versions: int) -> float:
    argv = [sys.executable, "-m", "bench.e5", "--load", str(folder), "--versions", str(versions)]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


async def per_version_kb(root: Path, versions: int) -> float:
    """Each reads its own lock, as each version on the fleet does; the first is not counted."""
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as data:
        environment = fleet_engine(Path(data))
        await environment.start()
        try:
            await _load(environment, root, "first")
            before = await _collected()
            for number in range(versions):
                await _load(environment, root, f"version-{number}")
            return (await _collected() - before) * 1024 / versions
        finally:
            await environment.close()


async def _load(environment: Environment, root: Path, id: str) -> None:
    made = deployment(id, file.read(root / file.NAME), root=root, launcher=PlainLauncher(), variables={})  # fmt: skip
    await environment.load(made)


async def _collected() -> float:
    await asyncio.sleep(0.1)  # what loading began has ended
    gc.collect()
    return own_pss_mb()


if __name__ == "__main__":
    main()
