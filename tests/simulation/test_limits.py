"""Limited steps under chosen failures: order in each lane, so many at once, so many in a time, ids once, and nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.factories.engine import (
    NonRetriable,
    RetryAfter,
    Step,
    StepContext,
    a_call,
    a_lock,
    a_step,
)
from tests.simulation.running import run
from tests.simulation.world import HostDied, World, at_once
from wistro.engine.limits import Limits
from wistro.lock.model import Concurrency, Fifo, RateLimit, Retries
from wistro.protocol.ids import uuid7

RETRIES = Retries(max=1, initial="1s", factor=2, jitter=False)
LIMITS = Limits(held_per_step=4, attempts_per_step=3, attempts=6)
KEYS = ("x", "y", "z")
STEPS = ("lane", "slot", "all")
AT_ONCE = {"lane": 1, "slot": 2, "all": 2}
SECOND_US = 1_000_000

fates = st.sampled_from(["ok", "ok", "ok", "slow", "slow", "throw", "never", "later", "die"])
emits = st.lists(st.tuples(st.sampled_from(KEYS), fates), min_size=1, max_size=5)


class LimitsMachine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.fates: dict[str, str] = {}
        self.tries: Counter[tuple[str, str]] = Counter()
        self.running: Counter[tuple[str, str]] = Counter()
        self.calls: list[tuple[list[str], asyncio.Task[Any]]] = []
        locked = {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["t", "u"]),
            "once": a_step(name="once", subscribes=["u"]),
            "lane": a_step(name="lane", subscribes=["t"], retries=RETRIES, fifo=Fifo("key")),
            "slot": a_step(
                name="slot", subscribes=["t"], retries=RETRIES, concurrency=Concurrency(2, "key")
            ),
            "all": a_step(
                name="all",
                subscribes=["t"],
                retries=RETRIES,
                concurrency=Concurrency(2),
                rate_limit=RateLimit(3, "2s", "key"),
            ),
        }
        steps: dict[str, Step] = {"a": self.take, "once": self.once}
        steps |= {name: self.limited(name) for name in STEPS}
        self.world = World(a_lock(locked), steps, seed=seed, limits=LIMITS)
        self.world.turn(3)

    # The steps

    async def take(self, request: Any, ctx: StepContext) -> Any:
        for one in request.body["emits"]:
            ctx.emit("t", one)
            ctx.emit("u", {"key": one["key"]}, id=one["key"])
            ctx.write("append", "emitted", one["key"], one["id"])
        return {"status": 202}

    async def once(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "once", message["key"], 1)

    def limited(self, step: str) -> Any:
        async def handler(message: Any, ctx: StepContext) -> None:
            place = (step, message["key"] if step != "all" else "")
            self.running[place] += 1
            try:
                assert self.running[place] <= AT_ONCE[step], f"{place} runs too often at once"
                await self.fare(step, message)
            finally:
                self.running[place] -= 1
            ctx.write("append", step, message["key"], message["id"])

        return handler

    async def fare(self, step: str, message: dict[str, str]) -> None:
        fate = self.fates[message["id"]]
        self.tries[step, message["id"]] += 1
        is_first = self.tries[step, message["id"]] == 1
        if fate == "slow":
            await asyncio.sleep(1)
        elif fate == "never":
            raise NonRetriable
        elif fate == "throw" and is_first:
            raise ValueError
        elif fate == "later" and is_first:
            raise RetryAfter(3)
        elif fate == "die" and is_first:
            raise HostDied

    # What happens to it

    @rule(emits=emits)
    def call(self, emits: list[tuple[str, str]]) -> None:
        ids = [f"{len(self.calls)}.{n}" for n in range(len(emits))]
        self.fates |= {id: fate for id, (_, fate) in zip(ids, emits, strict=True)}
        told = [{"id": id, "key": key} for id, (key, _) in zip(ids, emits, strict=True)]
        run_id = uuid7(
            now_ms=self.world.clock.now_us() // 1_000, random=self.world.chance.randbytes(10)
        )
        call = a_call("/a", {"emits": told}, run_id=run_id)
        self.calls.append((ids, self.world.boot.run(self.world.boot.engine.call(call))))

    @rule(turns=st.integers(1, 30))
    def go_on(self, turns: int) -> None:
        self.world.turn(turns)

    @rule(ms=st.sampled_from([1, 300, 1_000, 2_000, 5_000]))
    def pass_time(self, ms: int) -> None:
        self.world.clock.move(ms * 1_000)
        self.world.turn(2)

    @precondition(lambda self: self.world.boot.store.wants_commit)
    @rule(turns=st.integers(0, 5))
    def commit(self, turns: int) -> None:
        self.world.boot.store.commit()
        self.world.turn(turns)

    @precondition(lambda self: self.world.boot.store.wants_commit)
    @rule()
    def fill_disk(self) -> None:
        self.world.boot.store.fail_full()

    @rule(after_commit=st.booleans())
    def crash(self, after_commit: bool) -> None:
        self.world.crash(after_commit=after_commit)
        self.running.clear()
        self.world.turn(3)

    @rule()
    def come_to_rest(self) -> None:
        self.world.settle()
        self.nothing_is_lost()

    # What must hold

    @invariant()
    def lanes_are_in_order(self) -> None:
        if not hasattr(self, "world"):
            return
        for key in KEYS:
            emitted, laned = self.told("emitted", key), self.told("lane", key)
            rest = iter(emitted)
            assert all(id in rest for id in laned), f"{key}: {laned} of {emitted}"

    @invariant()
    def nothing_counts_twice(self) -> None:
        for step in STEPS if hasattr(self, "world") else ():
            for key in KEYS:
                told = self.told(step, key)
                assert len(set(told)) == len(told), f"{step} {key}: {told}"
        for key in KEYS if hasattr(self, "world") else ():
            assert (self.world.boot.store.get("once", key) or 0) <= 1, f"the id {key} counted twice"

    def told(self, group: str, key: str) -> list[str]:
        return self.world.boot.store.get(group, key) or []

    def nothing_is_lost(self) -> None:
        emitted = {id for key in KEYS for id in self.told("emitted", key)}
        dead = at_once(self.world.boot.store.dead_letters(limit=10_000))
        for step in STEPS:
            done = {id for key in KEYS for id in self.told(step, key)}
            given_up = {one.message for one in dead if one.step == step}
            assert len(done) + len(given_up) == len(emitted), f"{step}: {emitted - done}"
        for key in KEYS:
            assert (self.world.boot.store.get("once", key) or 0) == bool(self.told("emitted", key))
        for ids, task in self.calls:
            if task.done() and not task.cancelled() and task.result().status < 300:
                assert set(ids) <= emitted, "an acknowledged call emitted nothing"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.come_to_rest()
        finally:
            self.world.close()


def test_limits_hold_through_crashes_at_any_commit() -> None:
    run(LimitsMachine, examples=200)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_limits_hold_in_many_worlds() -> None:
    run(LimitsMachine, examples=3_000, steps=80)


# Rates, by the world's clock


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    made: list[World] = []
    yield made
    for one in made:
        one.close()


def emit(world: World, *keys: str) -> None:
    run_id = uuid7(now_ms=world.clock.now_us() // 1_000, random=world.chance.randbytes(10))
    call = a_call("/a", list(keys), run_id=run_id)
    world.boot.run(world.boot.engine.call(call))


def a_world(rate: RateLimit, begun: list[tuple[str, int]], worlds: list[World]) -> World:
    async def tell(request: Any, ctx: StepContext) -> None:
        for key in request.body:
            ctx.emit("t", {"key": key})

    async def b(message: Any, ctx: StepContext) -> None:
        begun.append((message["key"], worlds[0].clock.now_us()))

    locked = {
        "a": a_step("api", name="a", method="POST", path="/a", emits=["t"]),
        "b": a_step(name="b", subscribes=["t"], rate_limit=rate),
    }
    worlds.append(World(a_lock(locked), {"a": tell, "b": b}, seed=1))
    worlds[0].turn(3)
    return worlds[0]


def seconds(begun: list[tuple[str, int]], key: str = "x") -> list[int]:
    """Whole ones since the first began."""
    first = begun[0][1]
    return [(at - first) // SECOND_US for one, at in begun if one == key]


def test_no_more_begin_in_any_time_than_the_rate_allows(worlds: list[World]) -> None:
    begun: list[tuple[str, int]] = []
    world = a_world(RateLimit(2, "10s"), begun, worlds)
    emit(world, *"xxxxx")
    world.settle()

    assert seconds(begun) == [0, 0, 10, 10, 20]


def test_each_key_has_a_rate_of_its_own(worlds: list[World]) -> None:
    begun: list[tuple[str, int]] = []
    world = a_world(RateLimit(1, "10s", "key"), begun, worlds)
    emit(world, *"xxy")
    world.settle()

    assert (seconds(begun), seconds(begun, "y")) == ([0, 10], [0])


def test_a_restart_forgets_no_rate(worlds: list[World]) -> None:
    begun: list[tuple[str, int]] = []
    world = a_world(RateLimit(1, "10s", "key"), begun, worlds)
    emit(world, "x")
    world.settle()
    world.clock.move(4 * SECOND_US)
    world.crash()
    emit(world, "x")
    world.settle()

    assert seconds(begun) == [0, 10]
