"""What a step writes under the version that it read: kept, or the attempt is run again."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.factories.engine import (
    Running,
    Step,
    StepContext,
    a_call,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine.attempt import CONFLICT_TRIES
from wistro.lock.model import Concurrency, Fifo, Retries
from wistro.protocol.frames import Answer
from wistro.store.port import StateWrite, Unit

Start = Callable[..., Awaitable[Running]]
NONE = Retries(max=0)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """An engine whose endpoint `tell` emits `told` to `b`, and whose endpoint `a` writes itself."""
    started: list[Running] = []

    async def go(steps: dict[str, Step], **config: Any) -> Running:
        config.setdefault("retries", NONE)
        locked = {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["told"]),
            "tell": a_step("api", name="tell", method="POST", path="/tell", emits=["told"]),
            "b": a_step(name="b", subscribes=["told"], emits=["more"], **config),
            "c": a_step(name="c", subscribes=["more"]),
        }
        running = await an_engine(
            tmp_path,
            a_lock(locked),
            {"tell": tell, "a": nothing, "b": nothing, "c": nothing} | steps,
        )
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


async def tell(request: Any, ctx: StepContext) -> None:
    for one in request.body:
        ctx.emit("told", one)


async def nothing(message: Any, ctx: StepContext) -> None: ...


class Counting:
    """A step that adds one by reading and writing; somebody else writes between the two in its first attempts."""

    def __init__(self, *, disturbed: int) -> None:
        self.left = disturbed
        self.seen: list[tuple[Any, int]] = []  # the message and the attempt
        self.running: Running | None = None

    async def __call__(self, message: Any, ctx: StepContext) -> Any:
        self.seen.append((message, ctx.call.context.attempt))
        value, version = ctx.get_versioned("g", "n")
        if self.left > 0:
            self.left -= 1
            await self.disturb()
        ctx.set("g", "n", (value or 0) + 1, version)
        ctx.set("g", "beside", ctx.call.context.attempt)

    async def disturb(self) -> None:
        assert self.running is not None
        await self.running.store.submit(Unit(writes=[StateWrite("increment", "g", "n", 100)]))


async def counted(start: Start, step: Counting, at: str = "b", **config: Any) -> Running:
    step.running = await start({at: step}, **config)
    return step.running


def attempts_of(running: Running, step: str) -> list[dict[str, Any]]:
    return [one for one in running.sink.of_kind("attempt") if one["step"] == step]


async def test_an_attempt_whose_state_has_changed_is_run_again_and_not_charged(
    start: Start,
) -> None:
    step = Counting(disturbed=2)
    running = await counted(start, step)
    await running.engine.call(a_call("/tell", [1]))
    await running.quiet()

    assert (running.store.get("g", "n"), running.store.get("g", "beside")) == (201, 3)
    told = attempts_of(running, "b")
    assert [(one["number"], one["outcome"]) for one in told] == [
        (1, "retrying"), (2, "retrying"), (3, "done"),
    ]  # fmt: skip
    assert told[0]["error"]["code"] == "state.conflict"
    assert "writes" not in told[0]
    assert len({one["delivery_id"] for one in told}) == 1


async def test_the_conflict_after_five_more_tries_is_the_step_s_failure(start: Start) -> None:
    step = Counting(disturbed=1_000)
    running = await counted(start, step, retries=Retries(max=1, initial="1ms"))
    await running.engine.call(a_call("/tell", [1]))
    await running.quiet()

    rounds = 2  # the first, and its retry
    assert len(step.seen) == rounds * (CONFLICT_TRIES + 1)
    (dead,) = await running.store.dead_letters()
    error = msgspec.json.decode(dead.error)
    assert error["type"] == "StateConflict"
    assert "`g`/`n` has changed" in error["message"]
    assert running.store.get("g", "beside") is None


@pytest.mark.parametrize(
    "limited", [{"fifo": Fifo(key="sku")}, {"concurrency": Concurrency(limit=1)}]
)
async def test_a_limited_step_keeps_its_turn_while_it_is_run_again(
    start: Start, limited: dict[str, Any]
) -> None:
    step = Counting(disturbed=1)
    running = await counted(start, step, **limited)
    await running.engine.call(a_call("/tell", [{"sku": 1, "n": 1}, {"sku": 1, "n": 2}]))
    await running.quiet()

    assert [(message["n"], attempt) for message, attempt in step.seen] == [(1, 1), (1, 2), (2, 1)]
    assert running.store.get("g", "n") == 102


async def test_what_an_attempt_emitted_before_its_conflict_is_not_delivered(start: Start) -> None:
    step = Counting(disturbed=3)

    async def emits(message: Any, ctx: StepContext) -> None:
        ctx.emit("more", ctx.call.context.attempt)
        await step(message, ctx)

    heard: list[Any] = []

    async def c(message: Any, ctx: StepContext) -> None:
        heard.append(message)

    step.running = running = await start({"b": emits, "c": c})
    await running.engine.call(a_call("/tell", [1]))
    await running.quiet()

    assert heard == [4]


async def test_an_endpoint_is_run_again_before_its_caller_hears_of_it(start: Start) -> None:
    step = Counting(disturbed=2)
    running = await counted(start, step, at="a")

    answer = await running.engine.call(a_call("/a"))

    assert answer.status == 200
    assert running.store.get("g", "n") == 201
    await running.quiet()
    told = attempts_of(running, "a")
    assert [(one["number"], one["outcome"]) for one in told] == [
        (1, "retrying"), (2, "retrying"), (3, "done"),
    ]  # fmt: skip
    assert len({one["delivery_id"] for one in told}) == 1
    assert [one["status"] for one in running.sink.of_kind("run")] == ["done"]


async def test_an_endpoint_that_only_meets_conflicts_answers_409(start: Start) -> None:
    step = Counting(disturbed=1_000)
    running = await counted(start, step, at="a")

    answer = await running.engine.call(a_call("/a"))

    assert answer.status == 409
    error = msgspec.json.decode(answer.body)["error"]
    assert error["code"] == "state.conflict"
    assert ("retry-after", "1") in answer.headers
    assert len(step.seen) == CONFLICT_TRIES + 1
    await running.sink.seen("attempt", count=CONFLICT_TRIES + 1)
    assert attempts_of(running, "a")[-1]["outcome"] == "failed"
    assert running.store.get("g", "beside") is None


async def test_an_endpoint_of_which_something_has_left_is_not_run_again(start: Start) -> None:
    step = Counting(disturbed=1)

    async def emits(request: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", 1)
        await step(request, ctx)

    step.running = running = await start({"a": emits})

    answer = await running.engine.call(a_call("/a"))

    assert answer.status == 409
    assert len(step.seen) == 1
    await running.quiet()
    assert [one["outcome"] for one in attempts_of(running, "b")] == ["done"]


async def test_an_endpoint_whose_answer_has_begun_is_not_run_again(start: Start) -> None:
    step = Counting(disturbed=1)

    async def streams(request: Any, ctx: StepContext) -> Any:
        await ctx.asks.answer(Answer(0, 0, 200, {}))
        await step(request, ctx)
        return {"streamed": True, "last_base64": base64.b64encode(b"end").decode()}

    step.running = running = await start({"a": streams})

    answer = await running.engine.call(a_call("/a"))

    assert answer.status == 409
    assert len(step.seen) == 1


async def test_a_version_is_refused_where_state_is_kept_elsewhere(start: Start) -> None:
    step = Counting(disturbed=0)
    running = await counted(start, step)
    running.store.has_versions = False
    await running.engine.call(a_call("/tell", [1]))
    await running.quiet()

    (attempt,) = attempts_of(running, "b")
    assert "kept outside of the store has no versions" in attempt["error"]["message"]
