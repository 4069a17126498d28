"""Power cuts: images of a live file system under load, each started on as a machine would, and counted."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults import engine_faults, ledger, mounts, table
from tests.faults.client import Client
from tests.faults.engine_system import EngineSystem, prepare
from tests.faults.killer import Kill
from tests.faults.rows import Row
from tests.faults.shim import Shim
from tests.faults.shim import why_not as why_no_shim

PAUSES_S = (0.05, 0.4)


@dataclass(frozen=True)
class Cut:
    """An image, and what the clients knew then: acknowledged before it was taken, attempted until after it."""

    image: Path
    log: ledger.Log
    in_flight: int
    blocks_lost: int


async def cuts(folder: Path, *, times: int, seed: int, lies: bool = False) -> Row:
    """`lies`: every sync is said to be done and is not, which this row must notice."""
    row = Row("power cut")
    if (reason := mounts.why_no_power_cut()) is not None:
        row.skipped = reason
        return row
    environ: dict[str, str] = {}
    if lies:
        if (reason := why_no_shim()) is not None:
            row.skipped = reason
            return row
        shim = Shim(folder)
        shim.lie()
        environ = shim.environ
    taken = await _take(folder, times=times, seed=seed, environ=environ)
    for cut in taken:
        try:
            row.add(await _count(folder, cut))
        except TimeoutError as error:  # the engine did not start on it, or came to no end
            row.times += 1
            row.problems.append(f"power cut: {str(error)[-300:]}")
        cut.image.unlink()
    lost = sum(cut.blocks_lost for cut in taken)
    row.note = f"ext4 on a disk that kept what was flushed; {lost:,} blocks that were not are lost"
    return row


async def _take(folder: Path, *, times: int, seed: int, environ: Mapping[str, str]) -> list[Cut]:
    chance = random.Random(seed)
    with mounts.Powered(folder) as disk:
        root = disk.path / "project"
        await asyncio.to_thread(prepare, root)
        await asyncio.to_thread(os.sync)  # the project itself was there long ago
        async with (
            EngineSystem(folder, root=root, environ=environ) as system,
            engine_faults.loaded(system, folder, chance=chance) as client,
        ):
            await client.acknowledgement(after=time.monotonic())
            return [await _cut(disk, client, folder / f"{n}.img", chance) for n in range(times)]


async def _cut(disk: mounts.Powered, client: Client, image: Path, chance: random.Random) -> Cut:
    await asyncio.sleep(chance.uniform(*PAUSES_S))
    await client.busy()
    path, in_flight = image.parent / "client.log", client.in_flight
    before = ledger.read(path)
    lost = await asyncio.to_thread(disk.cut, image, seed=chance.getrandbits(32))
    after = ledger.read(path)
    log = ledger.Log(attempted=after.attempted, acknowledged=before.acknowledged)
    return Cut(image, log, in_flight, lost)


async def _count(folder: Path, cut: Cut) -> table.Verdict:
    """Start an engine on the image, let it end what it finds, and count that."""
    place = folder / cut.image.stem
    place.mkdir()
    with mounts.image(cut.image, place / "disk") as disk:
        async with EngineSystem(place, root=disk / "project") as system:
            await system.settled()
        return table.verdict(cut.log, system.outcomes(), kills=[Kill("power", cut.in_flight, 0.0)])
