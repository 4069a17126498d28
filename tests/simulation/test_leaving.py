"""What left before its call ended, when the engine dies under the call."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.factories.engine import StepContext, a_call, a_lock, a_step
from tests.simulation.world import World, at_once
from wistro.protocol.ids import uuid7


def test_a_call_that_died_is_interrupted_when_what_it_had_sent_is_done() -> None:
    done: list[Any] = []

    async def a(request: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", 1)
        await asyncio.Event().wait()

    async def c(message: Any, ctx: StepContext) -> None:
        await asyncio.sleep(1)
        done.append(message)

    locked = {
        "a": a_step("api", name="a", method="POST", path="/a", emits=["told"]),
        "c": a_step(name="c", subscribes=["told"]),
    }
    world = World(a_lock(locked), {"a": a, "c": c}, seed=1)
    try:
        world.turn(3)
        run_id = uuid7(now_ms=world.clock.now_us() // 1_000, random=world.chance.randbytes(10))
        world.boot.run(world.boot.engine.call(a_call("/a", {}, run_id=run_id)))
        world.turn(20)
        world.boot.store.commit()
        world.turn(20)
        [run] = at_once(world.boot.store.runs(marked="calling"))
        world.crash()
        world.settle()

        assert run.open == 2
        assert done == [1]
        assert [one["status"] for one in world.records.of_kind("run")][-1] == "interrupted"
        assert at_once(world.boot.store.runs()) == []
    finally:
        world.close()
