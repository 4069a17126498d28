"""A streamed answer: chunks while the step works, the commit, then the last event."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import Running, StepContext, a_call, a_lock, a_step, an_engine
from wistro.hosts.port import HostLost
from wistro.http.streaming import CallerLeft
from wistro.protocol.frames import Answer, Chunk, Refusal
from wistro.triggers.port import EndpointAnswer


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Caller:
    """`Sink` of a caller that notes what it gets, and when it was on disk."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.has_left = False
        self.has_some = asyncio.Event()

    def begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.got.append((status, headers))

    async def write(self, chunk: bytes) -> None:
        if self.has_left:
            raise CallerLeft
        self.got.append(chunk)
        self.has_some.set()


async def stream(ctx: StepContext, *texts: str, status: int = 200, last: str = "last") -> Any:
    refusals = [await ctx.asks.answer(Answer(0, 0, status, {"x": "y"}))]
    refusals += [await ctx.asks.chunk(Chunk(0, 0, encoded(text))) for text in texts]
    assert refusals == [None] * len(refusals)
    return {"streamed": True, "last_base64": encoded(last)}


async def an_endpoint(folder: Path, step: Any, **more: Any) -> Running:
    steps = {
        "s": a_step("api", method="POST", path="/s", emits=["made"]),
        "hear": a_step(subscribes=["made"]),
    }

    async def hear(message: Any, ctx: StepContext) -> None:
        return None

    return await an_engine(folder, a_lock(steps), {"s": step, "hear": hear}, **more)


async def test_the_last_chunk_is_what_the_call_answers_after_its_commit(tmp_path: Path) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        ctx.set("g", "k", 1)
        answer = await stream(ctx, "one", "two")
        seen.append(running.store.get("g", "k"))
        return answer

    seen: list[Any] = []
    caller, running = Caller(), await an_endpoint(tmp_path, step)

    answer = await running.engine.call(a_call("/s", sink=caller))

    assert answer == EndpointAnswer(200, b"last", [("x", "y")], streamed=True)
    assert caller.got == [(200, [("x", "y")]), b"one", b"two"]
    assert (seen, running.store.get("g", "k")) == ([None], 1)
    await running.engine.close()
    [told] = running.sink.of_kind("attempt")
    assert told["answer"]["streamed"]["bytes"] == 6


async def test_a_step_that_throws_half_way_is_no_streamed_answer_and_keeps_nothing(
    tmp_path: Path,
) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        ctx.set("g", "k", 1)
        await stream(ctx, "one")
        raise ValueError("half-way")

    running = await an_endpoint(tmp_path, step)

    answer = await running.engine.call(a_call("/s", sink=Caller()))

    assert (answer.status, answer.streamed) == (500, False)
    assert running.store.get("g", "k") is None
    await running.engine.close()


async def test_a_caller_that_leaves_ends_the_step(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def step(request: Any, ctx: StepContext) -> Any:
        await stream(ctx, "one")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = await an_endpoint(tmp_path, step)
    call = asyncio.create_task(running.engine.call(a_call("/s", sink=(caller := Caller()))))
    await caller.has_some.wait()
    call.cancel()  # as the connection does
    await asyncio.wait([call])

    assert ended.is_set() and call.cancelled()
    await running.engine.close()
    assert [one["outcome"] for one in running.sink.of_kind("attempt")] == ["interrupted"]


async def test_a_chunk_for_who_has_left_is_refused(tmp_path: Path) -> None:
    caller, refusals = Caller(), []

    async def step(request: Any, ctx: StepContext) -> Any:
        await stream(ctx)
        caller.has_left = True
        refusals.append(await ctx.asks.chunk(Chunk(0, 0, encoded("x"))))
        return {"streamed": True}

    running = await an_endpoint(tmp_path, step)
    await running.engine.call(a_call("/s", sink=caller))

    assert [one.code for one in refusals] == ["answer.caller-gone"]
    await running.engine.close()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Chunk(0, 0, "")], "answer.not-begun"),
        ([Answer(0, 0), Answer(0, 0)], "answer.begun"),
        ([Answer(0, 0, 99)], "endpoint.bad-answer"),
        ([Answer(0, 0, 200, {"a": "b\nc"})], "endpoint.bad-answer"),
        ([Answer(0, 0), Chunk(0, 0, "!")], "endpoint.bad-answer"),
    ],
)
async def test_what_is_no_stream_is_refused(tmp_path: Path, frames: list[Any], code: str) -> None:
    refused: list[Refusal | None] = []

    async def step(request: Any, ctx: StepContext) -> Any:
        for frame in frames:
            begins = isinstance(frame, Answer)
            refused.append(await (ctx.asks.answer(frame) if begins else ctx.asks.chunk(frame)))

    running = await an_endpoint(tmp_path, step)
    await running.engine.call(a_call("/s", sink=Caller()))

    assert refused[-1] is not None and refused[-1].code == code
    assert refused[:-1] == [None] * (len(frames) - 1)
    await running.engine.close()


async def test_a_stream_that_never_began_is_no_answer(tmp_path: Path) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        return {"streamed": True}

    running = await an_endpoint(tmp_path, step)

    assert (await running.engine.call(a_call("/s", sink=Caller()))).status == 500
    await running.engine.close()


async def test_an_events_step_has_no_answer(tmp_path: Path) -> None:
    refused: list[Any] = []

    async def step(request: Any, ctx: StepContext) -> Any:
        ctx.emit("made", {})

    async def hear(message: Any, ctx: StepContext) -> None:
        refused.append(await ctx.asks.answer(Answer(0, 0)))
        refused.append(await ctx.asks.chunk(Chunk(0, 0, "")))

    running = await an_endpoint(tmp_path, step)
    running.hosts.steps["hear"] = hear
    await running.engine.call(a_call("/s"))
    await running.quiet()

    assert [one.code for one in refused] == ["answer.no-endpoint"] * 2
    await running.engine.close()


@pytest.mark.parametrize(("size", "kept"), [(10, "x" * 10 + "last"), (1_100_000, "last")])
async def test_the_same_key_gets_the_stream_again_or_its_last_event(
    tmp_path: Path, size: int, kept: str
) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        return await stream(ctx, "x" * size)

    running = await an_endpoint(tmp_path, step)
    calls = [a_call("/s", sink=Caller(), sender_id="k") for _ in range(3)]

    first, second = await asyncio.gather(*map(running.engine.call, calls[:2]))
    third = await running.engine.call(calls[2])

    assert (first.streamed, first.body) == (True, b"last")
    for one in (second, third):
        assert (one.streamed, one.body.decode()) == (False, kept)
        assert dict(one.headers)["idempotent-replayed"] == "true"
    assert len(running.hosts.calls) == 1
    await running.engine.close()


async def test_a_key_whose_stream_broke_is_free_again(tmp_path: Path) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        return await stream(ctx, "x")

    lost = {"s": [HostLost(alone=True, exit="signal 9", stderr="")]}
    running = await an_endpoint(tmp_path, step, outcomes=lost)

    first = await running.engine.call(a_call("/s", sink=Caller(), sender_id="k"))
    second = await running.engine.call(a_call("/s", sink=Caller(), sender_id="k"))

    assert (first.status, second.streamed) == (503, True)
    await running.engine.close()
