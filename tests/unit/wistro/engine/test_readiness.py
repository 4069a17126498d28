from __future__ import annotations

import asyncio
from collections.abc import Callable

from wistro.engine.readiness import PROBED_FOR_US, Readiness
from wistro.store.port import StoreFull, Unit


class Clock:
    def __init__(self) -> None:
        self.us = PROBED_FOR_US * 10

    def now_us(self) -> int:
        return self.us


class Disk:
    """A store of which only `submit` is asked."""

    def __init__(self) -> None:
        self.writes: list[Unit] = []
        self.is_full = False

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        self.writes.append(unit)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_full:
            future.set_exception(StoreFull("full"))
        else:
            future.set_result(None)
        return future


async def test_many_who_ask_cost_one_write() -> None:
    disk, clock = Disk(), Clock()
    readiness = Readiness(disk, clock)  # type: ignore[arg-type]

    together = await asyncio.gather(*(readiness.why_not() for _ in range(10)))
    soon = await readiness.why_not()

    assert (set(together), soon, len(disk.writes)) == ({None}, None, 1)


async def test_a_full_disk_is_no_ready_engine_until_a_write_lands_again() -> None:
    disk, clock = Disk(), Clock()
    readiness = Readiness(disk, clock)  # type: ignore[arg-type]
    disk.is_full = True

    full = await readiness.why_not()
    disk.is_full = False
    clock.us += PROBED_FOR_US

    assert full == "the disk is full"
    assert await readiness.why_not() is None
