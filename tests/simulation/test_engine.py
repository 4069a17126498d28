"""The engine under chosen failures: queues, retries, dead letters, stored answers and restarts at any commit boundary."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.factories.engine import NonRetriable, RetryAfter, StepContext, a_call, a_lock, a_step
from tests.simulation.running import run
from tests.simulation.world import Boot, HostDied, SimulatedStore, World, at_once
from wistro.engine.dead_letters import UnknownDeadLetter
from wistro.engine.limits import Limits
from wistro.lock.model import Retries
from wistro.protocol.ids import uuid7
from wistro.store.port import StoreBroken, StoreFull

STAGES = ("taken", "noted", "finished")
RETRIES = Retries(max=2, initial="1s", factor=2, jitter=False)
LIMITS = Limits(
    held_per_step=4, attempts_per_step=2, attempts=4
)  # so that queues spill into the store

fates = st.sampled_from(["ok", "ok", "ok", "slow", "throw", "never", "later", "die", "hang"])
scripts = st.lists(fates, min_size=1, max_size=4)
children = st.lists(scripts, max_size=3)


@dataclass
class Asked:
    """A call, as its caller knows it. A call that died with its engine has no answer."""

    id: str
    children: list[str]
    tasks: list[asyncio.Task[Any]]

    def answers(self) -> list[Any]:
        return [one.result() for one in self.tasks if one.done() and not one.cancelled()]

    def acknowledged(self) -> list[Any]:
        return [one for one in self.answers() if one.status < 300]


class EngineMachine(RuleBasedStateMachine):
    store_type = SimulatedStore

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.tries: Counter[str] = Counter()
        self.scripts: dict[str, list[str]] = {}
        self.asked: list[Asked] = []
        self.redriven = 0
        steps = {"a": self.take, "b": self.note, "c": self.finish}
        locked = {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["t"], timeout="30s"),
            "b": a_step(name="b", subscribes=["t"], emits=["u"], retries=RETRIES, timeout="5s"),
            "c": a_step(name="c", subscribes=["u"]),
        }
        self.world = World(
            a_lock(locked), steps, seed=seed, limits=LIMITS, store_type=self.store_type
        )
        self.world.turn(3)

    # The steps: what becomes of each try is in the script of its key

    async def take(self, request: Any, ctx: StepContext) -> Any:
        body = request.body
        ctx.write("increment", "taken", body["id"])
        for child in body["children"]:
            ctx.emit("t", {"id": child})
        await self.fare(body["id"])
        return {"status": 202, "body": {"id": ctx.call.context.run_id}}

    async def note(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "noted", message["id"])
        ctx.emit("u", message)
        await self.fare(message["id"])

    async def finish(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "finished", message["id"])

    async def fare(self, key: str) -> None:
        script = self.scripts[key]
        fate = script[min(self.tries[key], len(script) - 1)]
        self.tries[key] += 1
        if fate == "slow":
            await asyncio.sleep(1)
        elif fate == "hang":
            await asyncio.Event().wait()
        elif fate == "throw":
            raise ValueError(key)
        elif fate == "never":
            raise NonRetriable(key)
        elif fate == "later":
            raise RetryAfter(3)
        elif fate == "die":
            raise HostDied

    # What happens to it

    @rule(script=scripts, children=children, keyed=st.booleans())
    def call(self, script: list[str], children: list[list[str]], keyed: bool) -> None:
        id = f"call-{len(self.asked)}"
        names = [f"{id}.{n}" for n in range(len(children))]
        self.scripts |= {id: script} | dict(zip(names, children, strict=True))
        self.asked.append(Asked(id if keyed else f"unkeyed {id}", names, []))
        self.send(self.asked[-1])

    @precondition(lambda self: any(one.id.startswith("call") for one in self.asked))
    @rule(data=st.data())
    def call_again(self, data: st.DataObject) -> None:
        """The caller sends a call again under its key, before or after the answer."""
        keyed = [one for one in self.asked if one.id.startswith("call")]
        self.send(data.draw(st.sampled_from(keyed)))

    def send(self, asked: Asked) -> None:
        id = asked.id.removeprefix("unkeyed ")
        sender = id if asked.id == id else None
        run_id = _uuid(self.world)
        call = a_call("/a", {"id": id, "children": asked.children}, sender_id=sender, run_id=run_id)
        asked.tasks.append(self.world.boot.run(self.world.boot.engine.call(call)))

    @rule(turns=st.integers(1, 30))
    def go_on(self, turns: int) -> None:
        self.world.turn(turns)

    @rule(ms=st.sampled_from([1, 300, 1_000, 2_000, 5_000, 31_000]))
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

    @precondition(lambda self: self.world.boot.store.wants_commit)
    @rule()
    def break_disk(self) -> None:
        self.world.boot.store.fail_broken()
        self.world.bury()

    @rule(after_commit=st.booleans())
    def crash(self, after_commit: bool) -> None:
        self.world.crash(after_commit=after_commit)
        self.world.turn(3)

    @precondition(lambda self: self.world.boot.may_be_a_zombie)
    @rule()
    def take_over(self) -> None:
        self.world.take_over()
        self.world.turn(3)

    @precondition(lambda self: at_once(self.world.boot.store.dead_letters(limit=1)))
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        dead = data.draw(st.sampled_from(at_once(self.world.boot.store.dead_letters())))
        self.redriven += 1
        self.world.boot.run(_redrive(self.world.boot, dead.delivery_id))

    @rule()
    def ship(self) -> None:
        self.world.records.ship()

    @rule()
    def come_to_rest(self) -> None:
        self.world.settle()
        self.everything_is_accounted_for()

    # What must hold

    @invariant()
    def nothing_counts_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        for stage in STAGES:
            for key, count in self.world.boot.store.list(stage):
                assert count == 1, f"{stage} {key} counted {count} times"
        assert self.world.records.conflicts == []

    @invariant()
    def acknowledged_is_durable(self) -> None:
        for asked in self.asked if hasattr(self, "asked") else []:
            if asked.acknowledged():
                id = asked.id.removeprefix("unkeyed ")
                assert self.world.boot.store.get("taken", id) == 1, f"{id} was acknowledged"

    def everything_is_accounted_for(self) -> None:
        store = self.world.boot.store
        taken, noted, finished = (self.counts(stage) for stage in STAGES)
        dead = Counter(_id(one.message) for one in at_once(store.dead_letters(limit=10_000)))
        for asked in self.asked:
            id = asked.id.removeprefix("unkeyed ")
            for child in asked.children:
                ended = noted.get(child, 0) + dead[child]
                assert ended == taken.get(id, 0), f"{child} ended {ended} times"
                if set(self.scripts[child]) <= {"ok", "slow"}:
                    assert dead[child] == 0
            bodies = {one.body for one in asked.acknowledged()}
            assert len(bodies) <= 1, f"{id} was given several answers"
        assert noted == finished
        self.records_are_whole(set(noted))

    def counts(self, stage: str) -> dict[str, int]:
        return {key: count for key, count in self.world.boot.store.list(stage)}

    def records_are_whole(self, noted: set[str]) -> None:
        """Each attempt that counted is told once; each run's last word is that it ended, once for each time it lived."""
        attempts = self.world.records.of_kind("attempt")
        done = Counter(one["delivery_id"] for one in attempts if one["outcome"] == "done")
        assert [id for id, count in done.items() if count > 1] == []
        told = {
            one["input"]["id"]
            for one in attempts
            if one["step"] == "b" and one["outcome"] == "done"
        }
        assert told == noted
        statuses: dict[str, list[str]] = {}
        for one in self.world.records.of_kind("run"):
            statuses.setdefault(one["run_id"], []).append(one["status"])
        for run_id, said in statuses.items():
            ends = [one for one in said if one != "running"]
            assert said[-1] != "running", f"{run_id}: {said}"
            assert len(ends) <= 1 + self.redriven, f"{run_id}: {said}"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.come_to_rest()
        finally:
            self.world.close()


async def _redrive(boot: Boot, delivery_id: str) -> None:
    """One that comes too late, or to a full disk, is told so; here nobody listens."""
    with contextlib.suppress(UnknownDeadLetter, StoreFull, StoreBroken):
        await boot.engine.redrive(delivery_id)


def _id(message: bytes) -> str:
    return json.loads(message)["id"]


def _uuid(world: World) -> UUID:
    return uuid7(now_ms=world.clock.now_us() // 1_000, random=world.chance.randbytes(10))


def test_an_engine_keeps_its_promises_through_crashes_at_any_commit() -> None:
    run(EngineMachine, examples=600)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_an_engine_keeps_its_promises_in_many_worlds() -> None:
    run(EngineMachine, examples=5_000, steps=80)
