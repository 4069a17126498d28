"""The machines fail when a promise is broken on purpose: otherwise their silence would mean nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import Phase
from hypothesis.stateful import RuleBasedStateMachine

from tests.simulation.running import run
from tests.simulation.test_cron import CronMachine
from tests.simulation.test_engine import EngineMachine
from tests.simulation.world import SimulatedStore
from wistro.store.port import StoredAnswer, Unit

SEED = 4  # any finds each, the last after minutes


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
        changed = super()._write(units)
        return max(changed, sum(len(one.finished) + len(one.retried) for one in units))


class FiresAgain(Unfenced):
    """Has no rule that a schedule fires once for an instant."""

    def _write_ticks(self, ticks: list[tuple[str, int]]) -> None:
        pass


class ForgetsAnswers(SimulatedStore):
    """Keeps no answer: a call that is sent again under its key runs again."""

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        return None


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("machine", "store"),
    [
        (EngineMachine, AcknowledgesFirst),
        (EngineMachine, Unfenced),
        (EngineMachine, ForgetsAnswers),
        (CronMachine, FiresAgain),
    ],
)
def test_a_broken_promise_is_noticed(
    machine: type[RuleBasedStateMachine], store: type[SimulatedStore]
) -> None:
    broken = type(f"{machine.__name__}{store.__name__}", (machine,), {"store_type": store})

    with uncollected(), pytest.raises(AssertionError):
        run(broken, examples=3_000, phases=[Phase.generate], seed=SEED)


@contextmanager
def uncollected() -> Iterator[None]:
    """Hypothesis parses source to tell of a failure; a collection meanwhile, of tasks that log as they go, is a
    SystemError in CPython before 3.11.8 (gh-106905)."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
