"""The measurement: load at half of the top, kill -9 under it, let it drain, count. The same for an engine and a whole system."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from tests.faults import killer, ledger, table
from tests.faults.client import Client, Target
from tests.faults.killer import Victim

Beside = Callable[[random.Random], AbstractAsyncContextManager[Any]]
TOP_FOR_S = 2.0
WARM_FOR_S = 0.5


class System(Protocol):
    """What is measured."""

    target: Target

    async def settled(self) -> None: ...

    def outcomes(self) -> table.Outcomes: ...


async def measure(
    system: System,
    victims: Sequence[Victim],
    *,
    folder: Path,
    seed: int,
    beside: Beside | None = None,
    say: Callable[[str], None] = print,
) -> table.Verdict:
    """Kill each of `victims` once under load; `folder` is the client's own, outside the system.

    `beside` is other load for the same time, such as pushes.
    """
    chance = random.Random(seed)
    other = beside(random.Random(seed)) if beside else nullcontext()
    path = folder / "client.log"
    async with ledger.Ledger(path) as log:
        top = await top_load(system.target, log, chance=chance)
        say(f"seed {seed}; top load {top:,.0f} calls/s, kills under {top / 2:,.0f}/s")
        async with Client(system.target, log, chance=chance, rate=top / 2) as client, other:
            kills = await killer.kill(list(victims), client, chance=chance, say=say)
    await system.settled()
    found = table.verdict(ledger.read(path), system.outcomes(), kills=kills)
    found.refused += [f"{key}: not answered" for key in client.unanswered]
    for line in table.lines(found):
        say(line)
    return found


async def top_load(target: Target, log: ledger.Ledger, *, chance: random.Random) -> float:
    """Calls a second that are acknowledged when all callers ask as fast as they are answered."""
    await _closed_loop(target, log, chance=chance, name="warm", seconds=WARM_FOR_S)
    return await _closed_loop(target, log, chance=chance, name="top", seconds=TOP_FOR_S)


async def _closed_loop(
    target: Target, log: ledger.Ledger, *, chance: random.Random, name: str, seconds: float
) -> float:
    until = time.monotonic() + seconds
    async with Client(target, log, chance=chance, name=name) as client:
        while time.monotonic() < until:
            await client.acknowledgement()
        return client.acknowledged / seconds
