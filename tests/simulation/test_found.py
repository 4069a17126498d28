"""What a machine has found once, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import NonRetriable, StepContext, a_call, a_lock, a_step
from tests.simulation.world import SimulatedStore, World, at_once
from wistro.engine.dead_letters import UnknownDeadLetter
from wistro.engine.limits import Limits
from wistro.protocol.ids import uuid7
from wistro.store.port import RunRow, StoreFull, Unit

Make = Callable[..., World]


@pytest.fixture
def world() -> Iterator[Make]:
    made: list[World] = []

    def make(steps: dict[str, Any], locked: dict[str, Any], **more: Any) -> World:
        made.append(World(a_lock(locked), steps, seed=1, **more))
        made[0].turn(3)
        return made[0]

    yield make
    made[0].close()


def call(world: World, **more: Any) -> asyncio.Task[Any]:
    run_id = uuid7(now_ms=world.clock.now_us() // 1_000, random=world.chance.randbytes(10))
    return world.boot.run(world.boot.engine.call(a_call("/a", {}, run_id=run_id, **more)))


def commit(world: World) -> None:
    """Let it work, and its next group be on disk and told."""
    world.turn(20)
    world.boot.store.commit()
    world.turn(20)


def test_a_redrive_that_meets_the_runs_end_on_its_way_to_the_disk_is_delivered(world: Make) -> None:
    tries: list[str] = []

    async def two(request: Any, ctx: StepContext) -> Any:
        ctx.emit("t", {"n": "dead"})
        ctx.emit("t", {"n": "slow"})
        return {"status": 202}

    async def either(message: Any, ctx: StepContext) -> None:
        tries.append(message["n"])
        if tries.count("dead") == 1 and message["n"] == "dead":
            raise NonRetriable
        if message["n"] == "slow":
            await asyncio.sleep(1)

    one = world(
        {"a": two, "b": either},
        {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["t"]),
            "b": a_step(subscribes=["t"]),
        },
    )
    call(one)
    commit(one)  # the call
    commit(one)  # the dead letter
    [dead] = at_once(one.boot.store.dead_letters())
    one.clock.move(2_000_000)
    one.turn(20)
    assert one.boot.store.wants_commit  # the slow one's end, and with it the run's

    redriving = one.boot.run(one.boot.engine.redrive(dead.delivery_id))
    one.turn(20)
    one.settle()

    assert redriving.result() == dead.run_id
    assert tries == ["dead", "slow", "dead"]
    assert [said["status"] for said in one.records.of_kind("run")][-1] == "done"
    assert one.boot.engine.status()[0].live_runs == 0


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_call_that_ends_while_the_disk_is_full_leaves_no_run(
    world: Make, is_announced: bool
) -> None:
    async def hangs(request: Any, ctx: StepContext) -> None:
        await asyncio.Event().wait()

    step = a_step("api", name="a", method="POST", path="/a", timeout="1s")
    one = world({"a": hangs}, {"a": step})
    calling = call(one)
    one.turn(20)
    one.clock.move(600_000)
    one.turn(20)  # now it is told that the call runs
    if is_announced:
        commit(one)
    one.clock.move(600_000)
    one.turn(20)
    assert one.boot.store.wants_commit

    one.boot.store.fail_full()
    one.turn(20)
    one.settle()

    assert calling.result().status == 504
    assert at_once(one.boot.store.runs()) == []
    assert one.boot.engine.status()[0].live_runs == 0


def test_a_second_redrive_between_the_firsts_commit_and_its_telling_joins_its_run(
    world: Make,
) -> None:
    tries: list[int] = []

    async def two(request: Any, ctx: StepContext) -> Any:
        ctx.emit("t", {"n": 1})
        ctx.emit("t", {"n": 2})
        return {"status": 202}

    async def fails_first(message: Any, ctx: StepContext) -> None:
        tries.append(message["n"])
        if len(tries) <= 2:
            raise NonRetriable

    one = world(
        {"a": two, "b": fails_first},
        {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["t"]),
            "b": a_step(subscribes=["t"]),
        },
    )
    call(one)
    one.settle()
    first, second = (dead.delivery_id for dead in at_once(one.boot.store.dead_letters()))
    redriving = [one.boot.run(one.boot.engine.redrive(first))]
    one.turn(20)

    redriving.append(one.boot.run(one.boot.engine.redrive(second)))
    one.boot.store.commit()
    one.turn(20)
    one.settle()

    assert len({task.result() for task in redriving}) == 1
    assert sorted(tries) == [1, 1, 2, 2]
    assert [said["status"] for said in one.records.of_kind("run")] == [
        *("running", "dead", "running", "running", "done"),
    ]


def test_an_announced_call_whose_commit_meets_a_full_disk_leaves_no_run(world: Make) -> None:
    async def slow(request: Any, ctx: StepContext) -> Any:
        await asyncio.sleep(1)
        return {"status": 200}

    one = world({"a": slow}, {"a": a_step("api", name="a", method="POST", path="/a")})
    calling = call(one)
    one.turn(20)
    one.clock.move(600_000)
    one.turn(20)
    commit(one)  # it is told that the call runs
    one.clock.move(600_000)
    one.turn(20)
    assert one.boot.store.wants_commit

    one.boot.store.fail_full()
    one.turn(20)
    one.settle()

    assert calling.result().status == 503
    assert at_once(one.boot.store.runs()) == []
    assert one.boot.engine.status()[0].live_runs == 0
    [*_, last] = one.records.of_kind("run")
    assert last["status"] == "interrupted"


LOCKED = {
    "a": a_step("api", name="a", method="POST", path="/a", emits=["t"]),
    "b": a_step(subscribes=["t"]),
}


async def emits_two(request: Any, ctx: StepContext) -> Any:
    ctx.emit("t", {"n": 1})
    ctx.emit("t", {"n": 2})
    return {"status": 202}


@pytest.mark.parametrize("is_full", [False, True])
def test_a_run_whose_call_was_slow_survives_a_crash_between_its_deliveries(
    world: Make, is_full: bool
) -> None:
    """Told as running, its call's mark was written again by the next commit: the next boot ended it, undelivered.
    So it was where telling met a full disk (seed 101154)."""
    done: list[int] = []

    async def slow(request: Any, ctx: StepContext) -> Any:
        await asyncio.sleep(0.7)
        return await emits_two(request, ctx)

    async def handled(message: Any, ctx: StepContext) -> None:
        if message["n"] == 2 and ctx.call.context.attempt == 1:
            await asyncio.Event().wait()
        done.append(message["n"])

    one = world({"a": slow, "b": handled}, LOCKED)
    calling = call(one)
    one.turn(20)
    one.clock.move(600_000)
    one.turn(20)
    if is_full:
        one.boot.store.fail_full()
        one.turn(20)
    else:
        commit(one)  # it is told that the call runs
    one.clock.move(110_000)
    one.turn(20)
    commit(one)  # the call
    commit(one)  # the first of its two deliveries
    assert (calling.result().status, done) == (202, [1])

    one.crash()
    one.settle()

    assert done == [1, 2]
    assert [said["status"] for said in one.records.of_kind("run")] == ["running", "done"]


def test_a_cancelled_call_is_answered_and_ends_its_run_once(world: Make) -> None:
    async def hangs(request: Any, ctx: StepContext) -> Any:
        await asyncio.Event().wait()

    one = world({"a": hangs}, {"a": a_step("api", name="a", method="POST", path="/a")})
    calling = call(one)
    one.turn(20)
    one.clock.move(600_000)
    one.turn(20)
    commit(one)
    [run] = at_once(one.boot.store.runs())

    one.boot.run(one.boot.engine.cancel(run.run_id))
    one.settle()

    assert calling.result().status == 409
    assert [said["status"] for said in one.records.of_kind("run")] == ["running", "cancelled"]
    assert one.boot.engine.status()[0].live_runs == 0


def test_cancelling_what_has_its_turn_and_has_not_begun_frees_the_turn(world: Make) -> None:
    async def handled(message: Any, ctx: StepContext) -> None:
        pass

    one = world({"a": emits_two, "b": handled}, LOCKED)
    call(one)
    one.turn(20)
    one.boot.store.commit()
    [run] = at_once(one.boot.store.runs())

    one.boot.run(one.boot.engine.cancel(run.run_id))
    one.settle()

    assert one.boot.engine.status()[0].in_flight == 0


def test_a_redrive_behind_its_runs_cancelling_gives_the_run_a_new_life(world: Make) -> None:
    tries: list[int] = []

    async def fails_or_hangs(message: Any, ctx: StepContext) -> None:
        tries.append(message["n"])
        if tries == [1]:
            raise NonRetriable
        if tries == [1, 2]:
            await asyncio.Event().wait()

    one = world({"a": emits_two, "b": fails_or_hangs}, LOCKED)
    call(one)
    commit(one)
    commit(one)
    [dead] = at_once(one.boot.store.dead_letters())
    cancelling = one.boot.run(one.boot.engine.cancel(dead.run_id))
    one.turn(1)

    redriving = one.boot.run(one.boot.engine.redrive(dead.delivery_id))
    one.settle()

    assert (cancelling.result(), redriving.result()) == (None, dead.run_id)
    assert tries == [1, 2, 1]
    assert at_once(one.boot.store.totals("dep")) == (0, 0)
    told = [said["status"] for said in one.records.of_kind("run")]
    assert told == ["running", "cancelled", "running", "done"]


def test_what_is_redriven_runs_where_its_run_lives(world: Make) -> None:
    async def fails_or_waits(message: Any, ctx: StepContext) -> None:
        if message["n"] == 1 and ctx.call.context.attempt == 1:
            raise NonRetriable
        await asyncio.sleep(1)

    one = world({"a": emits_two, "b": fails_or_waits}, LOCKED, deployments=("one", "two"))
    call(one, deployment_id="one")
    commit(one)
    commit(one)
    [dead] = at_once(one.boot.store.dead_letters())

    one.boot.run(one.boot.engine.redrive(dead.delivery_id, deployment_id="two"))
    one.settle()

    assert [(each.live_runs, each.backlog) for each in one.boot.engine.status()] == [(0, 0)] * 2
    assert {each["deployment_id"] for each in one.records.of_kind("attempt")} == {"one"}


def test_a_deployment_is_dropped_after_its_calls_are_committed(world: Make) -> None:
    async def handled(message: Any, ctx: StepContext) -> None:
        pass

    one = world({"a": emits_two, "b": handled}, LOCKED)
    call(one)
    one.turn(20)
    assert one.boot.store.wants_commit

    one.boot.run(one.boot.engine.drop("dep", grace_s=1))
    one.turn(20)
    one.boot.load_missing()  # as soon as it is gone; it counts what is left
    one.turn(20)
    one.settle()

    [status] = one.boot.engine.status()
    assert (status.live_runs, status.backlog) == (0, 0)
    assert len([each for each in one.records.of_kind("attempt") if each["step"] == "b"]) == 2


def test_what_waits_behind_a_cancelled_run_in_a_full_queue_is_delivered(world: Make) -> None:
    """Seed 17670: the queue was emptied by cancelling, and what had spilled into the store was not asked for."""
    done: list[int] = []

    async def slow(message: Any, ctx: StepContext) -> None:
        await asyncio.sleep(1)
        done.append(message["n"])

    limits = Limits(held_per_step=1, attempts_per_step=1)
    one = world({"a": emits_two, "b": slow}, LOCKED, limits=limits)
    call(one)
    commit(one)
    [first] = at_once(one.boot.store.runs())
    call(one)
    commit(one)
    assert len(at_once(one.boot.store.runs())) == 2

    one.boot.run(one.boot.engine.cancel(first.run_id))
    one.settle()

    assert done == [1, 2]


def test_a_run_ends_that_a_refused_redrive_was_counted_in(world: Make) -> None:
    """Seeds 211776 and 221670: the run's last delivery ended while a redrive that came too late was still counted."""
    tries: list[int] = []

    async def fails_first(message: Any, ctx: StepContext) -> None:
        tries.append(message["n"])
        if message["n"] == 1 and tries.count(1) == 1:
            raise NonRetriable
        if message["n"] == 2:
            await asyncio.sleep(1)

    one = world({"a": emits_two, "b": fails_first}, LOCKED)
    call(one)
    commit(one)
    commit(one)
    [dead] = at_once(one.boot.store.dead_letters())
    one.boot.run(one.boot.engine.redrive(dead.delivery_id))
    one.turn(20)
    late = one.boot.run(_refused(one.boot.engine.redrive(dead.delivery_id)))
    one.turn(20)
    one.clock.move(1_100_000)
    one.turn(20)  # the slow one has ended
    one.boot.store.commit()
    one.turn(20)  # and the redriven one, before the second redrive is told that it came too late
    one.settle()

    assert late.result()
    assert sorted(tries) == [1, 1, 2]
    assert at_once(one.boot.store.runs()) == []
    assert [said["status"] for said in one.records.of_kind("run")][-1] in ("done", "dead")
    assert one.boot.engine.status()[0].live_runs == 0


async def _refused(work: Any) -> bool:
    try:
        await work
    except UnknownDeadLetter:
        return True
    return False


async def test_a_refusal_is_told_with_the_end_of_its_group(tmp_path: Path) -> None:
    store = SimulatedStore(tmp_path / "store.db", stream="one")
    await store.start(on_chunk=lambda chunk: None, on_broken=lambda error: None)
    seq = store.next_run_seq()
    first = store.submit(Unit(new_runs=[RunRow(seq, "run", "dep", b"{}", 1)]))
    await asyncio.sleep(0)
    store.commit()
    await first

    ends = [store.submit(Unit(ends=(seq, 1))) for _ in range(2)]
    await asyncio.sleep(0)
    store.fail_full()
    told = await asyncio.gather(*ends, return_exceptions=True)

    assert [type(one) for one in told] == [StoreFull, StoreFull]
    store.die(after_commit=False)
    store.close_reader()
