"""The worlds fail when a promise is broken on purpose: otherwise their silence would mean nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from tests.simulation.life import EngineLife
from tests.simulation.seeds import Broken, live
from tests.simulation.world import SimulatedStore
from wistro.store.port import StoredAnswer, Unit

WORLDS = 3_000  # any first seed finds each, the last after thousands


class AcknowledgesFirst(SimulatedStore):
    """Says that a unit is on disk when it is handed over."""

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        real = super().submit(unit, then=then)
        real.add_done_callback(lambda done: done.cancelled() or done.exception())
        said: asyncio.Future[None] = self._loop.create_future()
        said.set_result(None)
        return said


class Unfenced(SimulatedStore):
    """Takes the commit of any process and of any attempt, dead or alive."""

    def _begin(self) -> None:
        (self._boot,) = self._db.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone()
        super()._begin()

    def _write(self, units: list[Unit]) -> int:
        super()._write(units)
        rows = sum(len(one.finished) + len(one.retried) + len(one.run_changes) for one in units)
        return rows + sum(one.ends is not None for one in units)


class FiresAgain(Unfenced):
    """Has no rule that a schedule fires once for an instant: cron's unique index is dropped."""

    def _write_ticks(self, ticks: list[tuple[str, int]]) -> None:
        pass


class ForgetsAnswers(SimulatedStore):
    """Keeps no answer: a call that is sent again under its key runs again."""

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        return None


class CommitsInTwo(SimulatedStore):
    """Lets an attempt's state writes leave before its end: a crash between counts them twice."""

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        if unit.finished and unit.writes:
            early = super().submit(Unit(writes=unit.writes))
            early.add_done_callback(lambda done: done.cancelled() or done.exception())
            unit.writes = []
        return super().submit(unit, then=then)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("store", "noticed"),
    [
        (AcknowledgesFirst, "acknowledged_is_durable: AssertionError: call-"),
        (Unfenced, "what_has_ended_stays_ended: AssertionError: "),
        (Unfenced, "nothing_counts_twice: AssertionError: "),
        (FiresAgain, "a_tick_starts_one_run: AssertionError: "),
        (ForgetsAnswers, "nothing_counts_twice: AssertionError: taken"),
        (CommitsInTwo, "every_message_ends_once: AssertionError: call-"),
    ],
)
def test_a_broken_promise_is_noticed(store: type[SimulatedStore], noticed: str) -> None:
    for seed in range(WORLDS):
        try:
            live(partial(EngineLife, store_type=store), seed)
        except Broken as broken:
            if f"{broken.what}: {broken.problem}".startswith(noticed):
                return

    pytest.fail(f"{WORLDS:,} worlds showed no {noticed}")
