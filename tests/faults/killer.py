"""kill -9 at random moments: who, how many calls were in flight, how long until a call was acknowledged again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra import procs
from tests.faults.client import Client

GONE_WITHIN_S = 5.0
SERVED_WITHIN_S = 60.0
PAUSES_S = (0.2, 1.0)


async def at_once() -> None:
    """Nothing to wait for: that calls are answered says that it is back."""


@dataclass(frozen=True)
class Victim:
    """A kind of process. `living` finds those that may be killed now; `back` returns once one is ready again."""

    name: str
    living: Callable[[], list[procs.Identity]]
    back: Callable[[], Awaitable[None]] = at_once


@dataclass(frozen=True)
class Kill:
    victim: str
    in_flight: int  # calls sent and not answered when the signal was sent
    served_after_s: float  # until a call was acknowledged again


class NotServed(Exception):
    """After a kill nothing was acknowledged any more."""


async def kill(
    victims: list[Victim], client: Client, *, chance: random.Random, say: Callable[[str], None]
) -> list[Kill]:
    """Kill each of `victims`, in a random order, one after the other."""
    order = list(victims)
    chance.shuffle(order)
    kills: list[Kill] = []
    for victim in order:
        await asyncio.sleep(chance.uniform(*PAUSES_S))
        kills.append(await _kill(victim, client, chance=chance))
        one = kills[-1]
        say(
            f"kill -9 {one.victim:<10} {one.in_flight:>3} calls in flight, served again after {one.served_after_s:.2f} s"
        )
    return kills


async def _kill(victim: Victim, client: Client, *, chance: random.Random) -> Kill:
    identity = await _one_living(victim, chance)
    await client.busy()
    in_flight, at = client.in_flight, time.monotonic()
    procs.send(identity, signal.SIGKILL)
    if await asyncio.to_thread(procs.wait_gone, [identity], timeout_s=GONE_WITHIN_S):
        raise NotServed(f"{victim.name} (pid {identity.pid}) did not die of SIGKILL")
    try:
        async with asyncio.timeout(SERVED_WITHIN_S):
            await client.acknowledgement(after=at)
    except TimeoutError as error:
        raise NotServed(
            f"no call was acknowledged for {SERVED_WITHIN_S:g} s after {victim.name}"
        ) from error
    served_after_s = time.monotonic() - at
    await victim.back()
    return Kill(victim.name, in_flight, served_after_s)


async def _one_living(victim: Victim, chance: random.Random) -> procs.Identity:
    """One of the living; a host may be starting just now."""
    until = time.monotonic() + SERVED_WITHIN_S
    while time.monotonic() < until:
        if living := victim.living():
            return chance.choice(living)
        await asyncio.sleep(0.02)
    raise NotServed(f"no {victim.name} lives")
