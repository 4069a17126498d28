"""Emits that count once: those with an id, and those that leave before their attempt commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import (
    Refused,
    Running,
    Step,
    StepContext,
    a_call,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine import deliveries
from wistro.engine.limits import Limits
from wistro.lock.model import ApiTrigger, Retries
from wistro.store.port import StoreAway

Start = Callable[..., Awaitable[Running]]
RETRIES = Retries(max=3, initial="1ms", jitter=False)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """`POST /a` runs step `a`, `POST /go` emits `go` to step `b`; both may emit `told`, which `c` keeps."""
    started: list[Running] = []

    async def go(steps: dict[str, Step], **more: Any) -> Running:
        locked = {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["told"]),
            "b": a_step(name="b", subscribes=["go"], emits=["told"], retries=RETRIES),
            "c": a_step(name="c", subscribes=["told"]),
        }
        lock = a_lock(locked, api=[ApiTrigger("POST", "/go", "api:POST /go", emits="go")])
        rest: dict[str, Step] = {"a": nothing, "b": nothing, "c": nothing}
        running = await an_engine(tmp_path, lock, rest | steps, **more)
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


async def nothing(message: Any, ctx: StepContext) -> None: ...


async def call(running: Running, path: str, body: Any = None) -> Any:
    return await running.engine.call(a_call(path, {} if body is None else body))


def told(running: Running) -> list[Any]:
    attempts = [one for one in running.sink.of_kind("attempt") if one["step"] == "c"]
    return [one["input"] for one in attempts]


def statuses(running: Running) -> list[str]:
    return [one["status"] for one in running.sink.of_kind("run")]


# Ids


async def test_an_id_counts_once_in_the_environment(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        ctx.emit("told", request.body, id="one")

    running = await start({"a": a})
    for n in range(3):
        assert (await call(running, "/a", n)).status < 300
    await running.quiet()

    assert told(running) == [0]
    assert statuses(running).count("done") == 3


async def test_an_id_counts_once_in_an_attempt(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        ctx.emit("told", 1, id="one")
        ctx.emit("told", 2, id="one")
        ctx.emit("told", 3, id="two")

    running = await start({"b": b})
    await call(running, "/go")
    await running.quiet()

    assert sorted(told(running)) == [1, 3]


async def test_of_many_at_once_one_has_the_id(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        ctx.emit("told", request.body, id="one")
        ctx.emit("told", "own")

    running = await start({"a": a})
    answers = await asyncio.gather(*[call(running, "/a", n) for n in range(8)])
    await running.quiet()

    assert [one.status for one in answers] == [200] * 8
    assert len([one for one in told(running) if one != "own"]) == 1
    assert told(running).count("own") == 8


async def test_an_attempt_that_fails_takes_no_id(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        ctx.emit("told", ctx.call.context.attempt, id="one")
        if ctx.call.context.attempt == 1:
            raise ValueError

    running = await start({"b": b})
    await call(running, "/go")
    await running.quiet()

    assert told(running) == [2]


async def test_an_id_outlives_a_restart(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        ctx.emit("told", request.body, id="one")

    running = await start({"a": a})
    await call(running, "/a", 1)
    await running.quiet()
    await running.engine.close(grace_s=0)
    again = await start({"a": a})
    await call(again, "/a", 2)
    await again.quiet()

    assert told(again) == []


# Now


async def test_an_emit_that_leaves_now_is_delivered_before_its_attempt_ends(start: Start) -> None:
    has_come, goes_on = asyncio.Event(), asyncio.Event()

    async def b(message: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", "half")
        await goes_on.wait()
        ctx.emit("told", "whole")

    async def c(message: Any, ctx: StepContext) -> None:
        if message == "half":
            has_come.set()

    running = await start({"b": b, "c": c})
    await call(running, "/go")
    async with asyncio.timeout(5):
        await has_come.wait()
    goes_on.set()
    await running.quiet()

    assert told(running) == ["half", "whole"]
    assert statuses(running) == ["running", "done"]


async def test_it_leaves_once_however_often_its_attempt_is_made(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", "first")
        await ctx.emit_now("told", "second")
        if ctx.call.context.attempt < 3:
            raise ValueError

    running = await start({"b": b})
    await call(running, "/go")
    await running.quiet()

    assert sorted(told(running)) == ["first", "second"]
    failed = [one for one in running.sink.of_kind("attempt") if one["outcome"] == "retrying"]
    assert [[emit["data"] for emit in one["emits"]] for one in failed] == [["first", "second"]] * 2


async def test_its_place_is_another_in_another_message(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", message)

    running = await start({"b": b})
    await call(running, "/go", 1)
    await call(running, "/go", 2)
    await running.quiet()

    assert sorted(told(running)) == [1, 2]


async def test_one_with_an_id_counts_by_that(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", message, id="one")

    running = await start({"b": b})
    await call(running, "/go", 1)
    await running.quiet()
    await call(running, "/go", 2)
    await running.quiet()

    assert told(running) == [1]


async def test_an_endpoint_sends_progress_and_its_run_goes_on(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> Any:
        await ctx.emit_now("told", 1)
        await ctx.emit_now("told", 2)
        ctx.emit("told", 3)
        return {"status": 202}

    running = await start({"a": a})
    assert (await call(running, "/a")).status == 202
    await running.quiet()

    assert sorted(told(running)) == [1, 2, 3]
    assert statuses(running) == ["running", "done"]
    assert await running.store.runs() == []


async def test_an_endpoint_that_only_sent_progress_ends_its_run(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", 1)
        await running.sink.seen("attempt")  # it has been handled before the call ends

    running = await start({"a": a})
    assert (await call(running, "/a")).status == 200
    await running.quiet()

    assert statuses(running) == ["running", "done"]


async def test_what_an_endpoint_sent_before_it_failed_goes_on(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", 1)
        raise ValueError("later")

    running = await start({"a": a})
    assert (await call(running, "/a")).status == 500
    await running.quiet()

    assert told(running) == [1]
    assert statuses(running)[-1] == "failed"
    assert await running.store.runs() == []


async def test_a_run_is_cancelled_with_its_call_and_what_it_sent(start: Start) -> None:
    is_there = asyncio.Event()

    async def a(request: Any, ctx: StepContext) -> None:
        await ctx.emit_now("told", 1, delay_s=3600)
        is_there.set()
        await asyncio.Event().wait()

    running = await start({"a": a})
    asked = a_call("/a", {})
    calling = asyncio.create_task(running.engine.call(asked))
    await is_there.wait()
    await running.engine.cancel(str(asked.run_id))

    assert (await calling).status == 409
    assert await running.store.runs() == []
    assert statuses(running)[-1] == "cancelled"


async def test_more_than_a_few_at_once_are_refused(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        for _ in range(2):
            await ctx.emit_now("told", 1)
        with pytest.raises(Refused, match="at most 2 messages at once"):
            await ctx.emit_now("told", 1)
        ctx.emit("told", 2)

    running = await start({"b": b}, limits=Limits(emits=1, emits_at_once=2))
    await call(running, "/go")
    await running.quiet()

    assert sorted(told(running)) == [1, 1, 2]


async def test_ids_are_asked_for_again_while_the_store_is_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FULL_AGAIN_S", 0.01)

    async def b(message: Any, ctx: StepContext) -> None:
        ctx.emit("told", 1, id="once")

    running = await start({"b": b})
    real, fails = running.store.known_ids, [StoreAway("away")]

    async def known_ids(keys: Any, *, now_us: int) -> Any:
        if fails:
            raise fails.pop()
        return await real(keys, now_us=now_us)

    monkeypatch.setattr(running.store, "known_ids", known_ids)

    await call(running, "/go")

    await running.quiet()
    assert fails == [] and told(running) == [1]
    assert len([one for one in running.sink.of_kind("attempt") if one["step"] == "b"]) == 1
