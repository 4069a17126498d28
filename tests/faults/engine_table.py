"""Every fault of the engine in one table: `python -m tests.faults engine [--long]`."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from tests.faults import engine_faults, power, rows, several
from tests.faults.rows import Row
from tests.faults.several_system import SeveralSystem

Suffer = Callable[..., Awaitable[Row]]


async def on_postgres(
    folder: Path, *, times: int, seed: int, fault: str, faults: Sequence[str]
) -> Row:
    """Several engines on one server; `faults` of several.py, `times` each."""
    row = Row(fault)
    order = list(faults) * times
    random.Random(seed).shuffle(order)
    async with SeveralSystem(folder) as system:
        row.add(
            await several.measure(system, order, folder=folder, seed=seed, say=lambda text: None)
        )
        row.problems += [f"{fault}: {one}" for one in system.problems()]
        row.note = "; ".join(" ".join(line.split()) for line in several.taken_lines(system))
    return row


# What is done, how often in the short form and in the long one.
FAULTS: dict[str, tuple[Suffer, int, int]] = {
    "kills": (engine_faults.kills, 2, 100),  # of the engine and of each language's host
    "power": (power.cuts, 3, 50),
    "full": (engine_faults.full_disks, 1, 20),
    "fsync": (engine_faults.failed_syncs, 1, 20),
    "zombies": (engine_faults.zombies, 1, 20),
    "clock": (engine_faults.clock_jumps, 1, 5),  # times the jumps
    "frames": (engine_faults.spoiled_frames, 6, 60),
    "several": (
        partial(
            on_postgres,
            fault="engines on one PostgreSQL lost",
            faults=[one for one in several.FAULTS if one != "postgres"],
        ),
        1,
        12,
    ),
    "postgres": (
        partial(on_postgres, fault="PostgreSQL killed under them", faults=["postgres"]),
        1,
        12,
    ),
}


async def run(
    names: Sequence[str], *, is_long: bool, seed: int, say: Callable[[str], None] = print
) -> list[str]:
    """Problems, one line each; the table is said."""
    found: list[Row] = []
    for name in names:
        suffer, short, long = FAULTS[name]
        with tempfile.TemporaryDirectory(prefix="wistro-faults-") as folder:
            found.append(await suffer(Path(folder), times=long if is_long else short, seed=seed))
        say(rows.lines(found[-1:])[1])
    say("")
    for line in rows.lines(found):
        say(line)
    return [problem for row in found for problem in row.problems]
