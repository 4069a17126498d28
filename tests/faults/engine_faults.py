"""What is done to one engine under load: killed, its disk full, its sync failed, stopped and taken over, its clock set, its
hosts' frames spoiled. Each fault is a function that returns once it has happened; what came of it is counted at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tests.faults import killer, ledger, mounts, table
from tests.faults.client import Client, Connection, Target
from tests.faults.engine_system import EngineSystem
from tests.faults.killer import SERVED_WITHIN_S, Kill, NotServed
from tests.faults.rows import Row
from tests.faults.shim import Shim
from tests.faults.shim import why_not as why_no_shim

RATE = 150.0
PAUSES_S = (0.1, 0.5)
ENDED_WITHIN_S = 10.0
EXIT_BROKEN = 70
SMALL_BYTES = 96 * 1024 * 1024  # more than the load itself writes
# In the end as far ahead as it ever was: what waits for an instant, such as a retry, would wait for hours else.
JUMPS_S = (3600.0, -7200.0, 7200.0, -45.0, 45.0)

Fault = Callable[[EngineSystem, Client, random.Random], Awaitable[Any]]


async def kills(folder: Path, *, times: int, seed: int) -> Row:
    """kill -9 of the engine and of each language's host, `times` of each."""
    row = Row("kill -9 of engine and hosts")
    async with EngineSystem(folder) as system:
        victims = list(system.victims) * times

        async def kill(_: EngineSystem, client: Client, chance: random.Random) -> list[Kill]:
            return await killer.kill(victims, client, chance=chance, say=lambda text: None)

        row.add(await _measure(system, kill, folder=folder, seed=seed))
        begun = system.tries()
    again = sum(count > 1 for count in begun.values())
    row.note = f"{len(victims)} of {', '.join(one.name for one in system.victims)} in turn; {again:,} steps were begun more than once"
    return row


async def failed_syncs(folder: Path, *, times: int, seed: int) -> Row:
    """A sync of the store fails, once: the engine may not try again, must end, and what it acknowledged must be there."""
    row = Row("failed fsync")
    if (reason := why_no_shim()) is not None:
        row.skipped = reason
        return row
    shim = Shim(folder)

    async def fail(system: EngineSystem, client: Client, _: random.Random) -> None:
        ended = len(system.ended)
        shim.fail_next_sync()
        await _until(lambda: shim.has_failed and len(system.ended) > ended, "it went on")

    async with EngineSystem(folder, environ=shim.environ) as system:
        row.add(await _measure(system, _each(fail, times), folder=folder, seed=seed))
    if set(system.ended) != {EXIT_BROKEN} or len(system.ended) != times:
        row.problems.append(f"failed fsync: engines ended with {system.ended}")
    if shim.syncs_after:
        row.problems.append(f"failed fsync: {shim.syncs_after} more syncs of the store after it")
    row.note = (
        f"each ended the engine with {EXIT_BROKEN}; {shim.syncs_after} syncs of the store after one"
    )
    return row


async def full_disks(folder: Path, *, times: int, seed: int) -> Row:
    """No byte is left on the file system of the store, for a while, again and again."""
    row = Row("disk full")
    if (reason := mounts.why_not()) is not None:
        row.skipped = reason
        return row
    disk = folder / "small"
    disk.mkdir()

    async def fill(system: EngineSystem, client: Client, chance: random.Random) -> None:
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65_536))
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        ballast.unlink()

    with mounts.small(disk, size_bytes=SMALL_BYTES):
        async with EngineSystem(folder, root=disk / "project") as system:
            row.add(await _measure(system, _each(fill, times), folder=folder, seed=seed))
    row.note = f"{len(system.ended)} engines ended of it"
    return row


async def zombies(folder: Path, *, times: int, seed: int, sabotage: str | None = None) -> Row:
    """The engine is stopped, another takes the store over, and the first goes on: what it writes is refused."""
    row = Row("stopped, taken over, let go on")
    refused: list[int | None] = []

    async def stop(system: EngineSystem, client: Client, _: random.Random) -> None:
        async with system.replaced() as zombie:
            await _served(client, after=time.monotonic())
        refused.append(await asyncio.to_thread(_end_of, zombie))

    async with EngineSystem(folder, sabotage=sabotage) as system:
        system.target.answer_within_s = 2.0
        row.add(await _measure(system, _each(stop, times), folder=folder, seed=seed))
    if refused != [EXIT_BROKEN] * times:
        row.problems.append(f"stopped: the ones that went on ended with {refused}")
    row.note = f"{refused.count(EXIT_BROKEN)} of {times} were refused, and ended with {EXIT_BROKEN}"
    return row


def _end_of(zombie: subprocess.Popen[bytes]) -> int | None:
    """Its exit code; None for one that would not end by itself."""
    try:
        return zombie.wait(ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        zombie.kill()
        zombie.wait()
        return None


async def clock_jumps(folder: Path, *, times: int, seed: int) -> Row:
    """The clock on the wall is set, by hours and by seconds, forward and back."""
    row = Row("clock set")
    if (reason := why_no_shim()) is not None:
        row.skipped = reason
        return row
    shim = Shim(folder)
    jumps = iter(list(JUMPS_S) * times)

    async def jump(system: EngineSystem, client: Client, _: random.Random) -> None:
        shim.shift_clock(next(jumps))

    async with EngineSystem(folder, environ=shim.environ) as system:
        faults = _each(jump, times * len(JUMPS_S))
        row.add(await _measure(system, faults, folder=folder, seed=seed))
    row.note = "by " + ", ".join(f"{one:+g} s" for one in JUMPS_S)
    return row


async def spoiled_frames(folder: Path, *, times: int, seed: int) -> Row:
    """Hosts that send what is no frame: the message that did it is given up, its neighbours are not."""
    row = Row("malformed frames of a host")
    async with EngineSystem(folder) as system:

        async def spoil(_: EngineSystem, client: Client, __: random.Random) -> None:
            there = Target(port=system.target.port, path="/spoil")
            with closing(Connection(there)) as connection:
                key = f"spoil-{next(numbers)}"
                answer = await connection.post(key, json.dumps({"key": key}).encode())
                assert answer.status == 202, answer

        numbers = iter(range(times))
        row.add(await _measure(system, _each(spoil, times), folder=folder, seed=seed))
        dead, done = spoiled_ends(system.root)
    if dead + done != times:
        row.problems.append(f"malformed frames: {dead} dead letters and {done} done of {times}")
    row.note = f"{dead} were given up as dead letters, {done} were harmless"
    return row


def spoiled_ends(root: Path) -> tuple[int, int]:
    """Of the messages that spoil: dead letters, and those that are done all the same."""
    with closing(sqlite3.connect(f"file:{root}/.wistro/store.db?mode=ro", uri=True)) as db:
        (dead,) = db.execute("SELECT count(*) FROM dead_letters").fetchone()
    with closing(sqlite3.connect(f"file:{root}/.wistro/records.db?mode=ro", uri=True)) as db:
        asked = "SELECT count(*) FROM attempts WHERE step LIKE '%spoiled' AND outcome = 'done'"
        (done,) = db.execute(asked).fetchone()
    return dead, done


def _each(fault: Fault, times: int) -> Callable[..., Awaitable[list[Kill]]]:
    """The fault so many times, each until a call that was sent after it is acknowledged."""

    async def suffered(system: EngineSystem, client: Client, chance: random.Random) -> list[Kill]:
        kills = []
        for _ in range(times):
            await asyncio.sleep(chance.uniform(*PAUSES_S))
            await client.busy()
            in_flight, at = client.in_flight, time.monotonic()
            await fault(system, client, chance)
            await _served(client, after=time.monotonic())
            kills.append(Kill(fault.__name__, in_flight, time.monotonic() - at))
        return kills

    return suffered


async def _measure(
    system: EngineSystem, faults: Callable[..., Awaitable[list[Kill]]], *, folder: Path, seed: int
) -> table.Verdict:
    chance = random.Random(seed)
    async with loaded(system, folder, chance=chance) as client:
        await _served(client, after=time.monotonic())
        suffered = await faults(system, client, chance)
    left: list[str] = []
    try:
        await system.settled()
    except TimeoutError as error:
        left.append(str(error))
        await system.stop()
    found = table.verdict(ledger.read(folder / "client.log"), system.outcomes(), kills=suffered)
    found.refused += [*left, *(f"{key}: not answered" for key in client.unanswered)]
    return found


@asynccontextmanager
async def loaded(
    system: EngineSystem, folder: Path, *, chance: random.Random
) -> AsyncIterator[Client]:
    async with (
        ledger.Ledger(folder / "client.log") as log,
        Client(system.target, log, chance=chance, rate=RATE) as client,
    ):
        yield client


async def _served(client: Client, *, after: float) -> None:
    try:
        async with asyncio.timeout(SERVED_WITHIN_S):
            await client.acknowledgement(after=after)
    except TimeoutError as error:
        raise NotServed(f"no call was acknowledged for {SERVED_WITHIN_S:g} s") from error


async def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + ENDED_WITHIN_S
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        await asyncio.sleep(0.01)
