"""Cron under chosen failures: each tick once, and none skipped that was less than a minute late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.factories.engine import StepContext, a_lock, a_step
from tests.simulation.running import run
from tests.simulation.world import Boot, SimulatedStore, World, at_once
from wistro.lock.model import CronTrigger
from wistro.protocol.times import rfc3339
from wistro.wiring import Environment

MINUTE_US = 60 * 1_000_000
SCHEDULE = CronTrigger("every-minute", "* * * * *", "UTC", emits="due")


class CronMachine(RuleBasedStateMachine):
    """`wanted`: the ticks that some look at the schedule, which ended well, must have fired."""

    store_type = SimulatedStore

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.first: int | None = None
        self.wanted: set[int] = set()
        self.looks: list[tuple[int, Boot, asyncio.Task[Any]]] = []
        lock = a_lock({"d": a_step(subscribes=["due"])}, cron=[SCHEDULE])
        self.world = World(
            lock,
            {"d": self.note},
            seed=seed,
            deployments=("one", "two"),
            store_type=self.store_type,
        )
        self.primary = "one"
        self.world.turn(3)

    async def note(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "ticks", message["scheduled_at"])

    @rule(seconds=st.sampled_from([1, 20, 59, 60, 61, 200]))
    def pass_time(self, seconds: int) -> None:
        self.world.clock.move(seconds * 1_000_000)
        self.world.turn()

    @rule()
    def look(self) -> None:
        """The clockwork looks at its schedules, as it does one look after the other."""
        for boot in [self.world.boot, self.world.zombie]:
            if boot is None or not boot.starting.done():
                continue
            if all(one.done() for _, by, one in self.looks if by is boot):
                boot.engine.set_primary(self.primary)
                cron = Environment(boot.engine, self.world.clock).cron
                self.looks.append((self.world.clock.now_us(), boot, boot.run(cron.fire_due())))
        self.world.turn()

    @rule(primary=st.sampled_from(["one", "two"]))
    def change_primary(self, primary: str) -> None:
        self.primary = primary

    @rule(turns=st.integers(1, 20))
    def go_on(self, turns: int) -> None:
        self.world.turn(turns)

    @precondition(lambda self: self.world.boot.store.wants_commit)
    @rule(turns=st.integers(0, 20))
    def commit(self, turns: int) -> None:
        self.world.boot.store.commit()
        self.world.turn(turns)

    @precondition(lambda self: self.world.boot.store.wants_commit)
    @rule()
    def disk_full(self) -> None:
        self.world.boot.store.fail_full()

    @rule(after_commit=st.booleans())
    def crash(self, after_commit: bool) -> None:
        self.world.crash(after_commit=after_commit)
        self.world.turn(3)

    @precondition(lambda self: self.world.boot.may_be_a_zombie)
    @rule()
    def take_over(self) -> None:
        self.world.take_over()
        self.world.turn(3)

    @invariant()
    def no_tick_fires_twice_or_before_its_time(self) -> None:
        if not hasattr(self, "world"):
            return
        store = self.world.boot.store
        if self.first is None:
            self.first = at_once(store.cursor(SCHEDULE.id))
        self.note_looks()
        now = rfc3339(self.world.clock.now_us())
        for scheduled_at, count in store.list("ticks"):
            assert count == 1, f"{scheduled_at} fired {count} times"
            assert scheduled_at <= now

    def note_looks(self) -> None:
        """A look that ended well has fired all that was due in the minute before it."""
        open_ones = []
        for at, boot, task in self.looks:
            if not task.done():
                open_ones.append((at, boot, task))
            elif not task.cancelled() and task.exception() is None and self.first is not None:
                self.wanted |= set(minutes(after=max(self.first, at - MINUTE_US), until=at))
        self.looks = open_ones

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.settle()
            self.no_tick_fires_twice_or_before_its_time()
            self.look()
            self.world.settle()
            self.no_tick_fires_twice_or_before_its_time()
            fired = {scheduled_at for scheduled_at, _ in self.world.boot.store.list("ticks")}
            assert {rfc3339(at) for at in self.wanted} - fired == set()
        finally:
            self.world.close()


def minutes(*, after: int, until: int) -> Iterable[int]:
    return range((after // MINUTE_US + 1) * MINUTE_US, until + 1, MINUTE_US)


def test_a_tick_fires_once_and_none_is_skipped() -> None:
    run(CronMachine, examples=600)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_tick_fires_once_and_none_is_skipped_in_many_worlds() -> None:
    run(CronMachine, examples=5_000, steps=80)
