"""Several engines on one PostgreSQL, losing each other: `python -m tests.faults.several [--long]`.

Killed, stopped until their lease has run out and then let go on, cut off from the server, and the server itself killed:
counted as every other fault is, with how long it took until another engine had what the lost one left.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.report import machine
from tests.faults import ledger, table
from tests.faults.client import Client
from tests.faults.harness import top_load
from tests.faults.killer import SERVED_WITHIN_S, Kill, NotServed
from tests.faults.several_parts import Engine
from tests.faults.several_system import SeveralSystem
from wistro.store.postgres.membership import BEAT_S, LEASE_S

LONG, SHORT = 12, 1
PROMISE_S = 8.0
FAULTS = ("kill -9", "stop", "cut", "postgres")


async def measure(
    system: SeveralSystem,
    faults: Sequence[str],
    *,
    folder: Path,
    seed: int,
    say: Callable[[str], None] = print,
) -> table.Verdict:
    """One after the other, under half of the load that the engines take together."""
    chance = random.Random(seed)
    path = folder / "client.log"
    async with ledger.Ledger(path) as log:
        top = await top_load(system.target, log, chance=chance)
        say(f"seed {seed}; top load {top:,.0f} calls/s over {len(system.engines)} engines")
        async with Client(system.target, log, chance=chance, rate=top / 2) as client:
            kills = []
            for fault in faults:
                await asyncio.sleep(chance.uniform(0.2, 1.0))
                kills.append(await _suffer(system, fault, client, chance=chance))
                say(
                    f"{fault:<10} {kills[-1].in_flight:>3} calls in flight, served again after"
                    f" {kills[-1].served_after_s:.2f} s"
                )
    await system.settled()
    found = table.verdict(ledger.read(path), system.outcomes(), kills=kills)
    found.refused += [f"{key}: not answered" for key in client.unanswered]
    for line in [*table.lines(found), *taken_lines(system)]:
        say(line)
    return found


def taken_lines(system: SeveralSystem) -> list[str]:
    """How long the runs of a lost engine waited for another."""
    if not (took := sorted(system.takeovers_s)):
        return ["  takeovers                                 none: nothing was left to take"]
    p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
    return [
        f"  takeovers                                 {len(took)}, median {statistics.median(took):.1f} s,"
        f" p99 {p99:.1f} s (promise {PROMISE_S:g} s)",
        f"  zombies that were refused, and ended      {system.zombies_ended} of {system.zombies}",
    ]


async def _suffer(
    system: SeveralSystem, fault: str, client: Client, *, chance: random.Random
) -> Kill:
    await _busy(client)
    in_flight, at = client.in_flight, time.monotonic()
    served = asyncio.create_task(_served(client, at))
    try:
        if fault == "postgres":
            await asyncio.to_thread(system.postgres.kill)
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            await asyncio.to_thread(system.postgres.start)
        else:
            await _lose(system, fault, chance.choice(system.engines))
        served_after_s = await served
    except TimeoutError as error:
        said = "\n".join(one.log()[-2000:] for one in system.engines)
        raise NotServed(
            f"after {fault} nothing was acknowledged, taken over or ended:\n{said}"
        ) from error
    finally:
        served.cancel()
    return Kill(fault, in_flight, served_after_s)


async def _busy(client: Client) -> None:
    """A fault that meets nothing shows nothing: under a small load there is not always a call in flight."""
    async with asyncio.timeout(SERVED_WITHIN_S):
        while not client.in_flight:  # noqa: ASYNC110  (it counts up and down)
            await asyncio.sleep(0.001)


async def _served(client: Client, at: float) -> float:
    async with asyncio.timeout(SERVED_WITHIN_S):
        await client.acknowledgement(after=at)
    return time.monotonic() - at


async def _lose(system: SeveralSystem, fault: str, engine: Engine) -> None:
    boots, ended = await system.whole(), len(engine.ended)
    if fault == "kill -9":
        engine.send(signal.SIGKILL)
        await system.taken_over(boots)
    elif fault == "stop":
        engine.send(signal.SIGSTOP)
        await system.taken_over(boots)
        await system.goes_on_as_zombie(engine, lambda: engine.send(signal.SIGCONT), ended=ended)
    else:
        engine.proxy.hold()
        await system.taken_over(boots)
        await system.goes_on_as_zombie(engine, engine.proxy.let_pass, ended=ended)


async def run(*, rounds: int, seed: int, engines: int = 2) -> list[str]:
    """Problems, one line each."""
    faults = list(FAULTS) * rounds
    random.Random(seed).shuffle(faults)
    with tempfile.TemporaryDirectory(prefix="wistro-several-") as folder:
        async with SeveralSystem(Path(folder), engines=engines) as system:
            found = await measure(system, faults, folder=Path(folder), seed=seed)
            return found.problems() + system.problems()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.several", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} of each fault")
    parser.add_argument("--rounds", type=int, help="so many of each fault")
    parser.add_argument("--engines", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(machine())
    print(f"\nlease {LEASE_S:g} s, a beat every {BEAT_S:g} s")
    rounds = options.rounds or (LONG if options.long else SHORT)
    problems = asyncio.run(run(rounds=rounds, seed=options.seed, engines=options.engines))
    for problem in problems:
        print(f"✗ {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
