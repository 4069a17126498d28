"""S1, stores: publish -> consume -> ack of 1 KiB, durable, against a bare table in the same batch form, interleaved.

`python -m bench.s1 [--seconds 5] [--rounds 3] [--in-flight 256] [--short]`. Goal: >= 60 % of the bare table on the same database.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from bench.bare.queues import BarePostgres, BareSqlite, Queue
from bench.report import machine, median, table
from infra.one_postgres import Postgres
from wistro.store.port import DeliveryRow, RunRow, Store, Unit
from wistro.store.postgres.store import PostgresStore
from wistro.store.sqlite import SqliteStore

BODY = b'{"text":"' + b"x" * 1_012 + b'"}'
CLAIMED_AT_ONCE = 256
DUE_US, FAR_US = 1, 10**15


class StoreQueue:
    """A store, asked for what a queue is asked for: a run with one delivery, claimed, finished."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self) -> None:
        await self._store.start(on_chunk=lambda _: None, on_broken=_broken)
        await self._store.serve("bench")

    def publish(self, id: int, body: bytes) -> asyncio.Future[None]:
        store = self._store
        run = RunRow(store.next_run_seq(), f"run-{id:032}", "bench", b"{}", 1)
        row = DeliveryRow(
            store.next_delivery_seq(),
            f"delivery-{id:027}",
            run.seq,
            "bench",
            "step",
            "event",
            "topic",
            body,
            DUE_US,
            claimed=False,
        )
        return store.submit(Unit(new_runs=[run], new_deliveries=[row]))

    def ack(self, id: tuple[int, int]) -> asyncio.Future[None]:
        seq, run_seq = id
        return self._store.submit(Unit(finished=[(seq, 1)], ended_runs=[run_seq]))

    async def claim(self, limit: int) -> list[tuple[tuple[int, int], bytes]]:
        taken = await self._store.claim("bench", "step", due_at_us=FAR_US, limit=limit)
        return [((row.seq, row.run_seq), row.message) for row, _ in taken]

    async def close(self) -> None:
        await self._store.close()


def _broken(error: Exception) -> None:
    raise SystemExit(f"the store broke: {error}")


async def measure(queue: Any, *, seconds: float, in_flight: int) -> float:
    """Messages a second that were acked, with so many between publish and ack."""
    await queue.start()
    free, some = asyncio.Semaphore(in_flight), asyncio.Event()
    waiting = acked = 0
    until = time.monotonic() + seconds

    def published(_: Any) -> None:
        nonlocal waiting
        waiting += 1
        some.set()

    def done(_: Any) -> None:
        nonlocal acked
        acked += 1
        free.release()

    async def consume() -> None:
        nonlocal waiting
        while True:
            await some.wait()
            taken = await queue.claim(CLAIMED_AT_ONCE)
            waiting -= len(taken)
            if waiting <= 0:
                some.clear()
            for id, _ in taken:
                queue.ack(id).add_done_callback(done)

    consuming = asyncio.create_task(consume())
    for number in itertools.count(1):
        await free.acquire()
        if time.monotonic() > until:
            break
        queue.publish(number, BODY).add_done_callback(published)
    rate = acked / seconds
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    await queue.close()
    return rate


names = itertools.count(1)


def systems(scratch: Path, postgres: Postgres) -> dict[str, Callable[[], Queue | StoreQueue]]:
    def file() -> Path:
        return scratch / f"{next(names)}.db"

    def store() -> StoreQueue:
        url = f"{postgres.url}&schema=bench_{next(names)}"
        return StoreQueue(PostgresStore(url, stream=f"stream-{next(names)}"))

    return {
        "bare (sqlite)": lambda: BareSqlite(file()),
        "wistro (sqlite)": lambda: StoreQueue(SqliteStore(file(), stream="stream")),
        "bare (postgres)": partial(BarePostgres, postgres.url),
        "wistro (postgres)": store,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--short", action="store_true", help="one round of a second")
    options = parser.parse_args()
    if options.short:
        options.seconds, options.rounds = 1, 1
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        postgres = Postgres(Path(scratch) / "postgres")
        postgres.start()
        try:
            for _ in range(options.rounds):
                for name, make in systems(Path(scratch), postgres).items():
                    work = _measured(make, options.seconds, options.in_flight)
                    rates.setdefault(name, []).append(uvloop.run(work))
        finally:
            postgres.stop()
    bare = {name: median(values) for name, values in rates.items()}
    rows = [
        [
            name,
            f"{median(values):,.0f}",
            f"{min(values):,.0f}",
            f"{max(values):,.0f}",
            f"{median(values) / bare['bare (' + name.split('(')[1]]:.0%}",
        ]
        for name, values in rates.items()
    ]
    print(
        f"S1  {machine()}\n    {options.rounds} rounds of {options.seconds:g} s, {options.in_flight} in flight, 1 KiB a message\n"
    )
    print(table(["system", "messages/s median", "min", "max", "of bare"], rows))


async def _measured(make: Callable[[], Any], seconds: float, in_flight: int) -> float:
    return await measure(make(), seconds=seconds, in_flight=in_flight)


if __name__ == "__main__":
    main()
