"""What is done by hand: delayed messages listed and taken back, many dead letters redriven, a run replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.factories.engine import (
    NonRetriable,
    Running,
    Step,
    StepContext,
    a_call,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine.dead_letters import DeadFilter, UnknownDeadLetter
from wistro.engine.delayed import DeliveryRuns, UnknownDelivery
from wistro.engine.replaying import NothingToReplay
from wistro.lock.model import ApiTrigger, Fifo
from wistro.protocol.records import AttemptRecord

Start = Callable[..., Awaitable[Running]]
HOUR_S = 3600.0


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """`POST /a/:shop` runs step `a`, `POST /go` emits `go` to `b`; both may emit `told`, which `c` hears."""
    started: list[Running] = []

    async def go(steps: dict[str, Step], **config: Any) -> Running:
        locked = {
            "a": a_step("api", name="a", method="POST", path="/a/:shop", emits=["told"]),
            "b": a_step(name="b", subscribes=["go"], emits=["told"]),
            "c": a_step(name="c", subscribes=["told"], **config),
        }
        lock = a_lock(locked, api=[ApiTrigger("POST", "/go", "api:POST /go", emits="go")])
        rest: dict[str, Step] = {"a": nothing, "b": nothing, "c": nothing}
        running = await an_engine(tmp_path, lock, rest | steps)
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


async def nothing(message: Any, ctx: StepContext) -> None: ...


async def call(running: Running, path: str, body: Any = None) -> str:
    asked = a_call(path, {} if body is None else body)
    assert (await running.engine.call(asked)).status < 300
    return str(asked.run_id)


def attempts(running: Running, run_id: str) -> list[AttemptRecord]:
    found = [one for one in running.sink.of_kind("attempt") if one["run_id"] == run_id]
    return [msgspec.convert(one, AttemptRecord) for one in found]


def inputs(running: Running, step: str = "c") -> list[Any]:
    return [one["input"] for one in running.sink.of_kind("attempt") if one["step"] == step]


# Delayed messages


async def later(request: Any, ctx: StepContext) -> None:
    for n, delay_s in enumerate(request.body):
        ctx.emit("told", n, delay_s=delay_s)


async def test_delayed_messages_are_listed_soonest_first(start: Start) -> None:
    running = await start({"a": later})
    run_id = await call(running, "/a/x", [3 * HOUR_S, HOUR_S, 2 * HOUR_S])

    first = await running.engine.list_delayed(limit=2)
    rest = await running.engine.list_delayed(limit=2, after=first[-1].cursor)

    assert [one.message for one in first + rest] == [b"1", b"2", b"0"]
    assert {(one.run_id, one.step, one.topic) for one in first} == {(run_id, "c", "told")}


async def test_a_delayed_message_is_taken_back(start: Start) -> None:
    running = await start({"a": later})
    await call(running, "/a/x", [HOUR_S, 2 * HOUR_S])
    first, second = await running.engine.list_delayed()

    await running.engine.cancel_delivery(first.delivery_id)
    assert [one.open for one in await running.store.runs()] == [1]
    await running.engine.cancel_delivery(second.delivery_id)
    await running.quiet()

    assert await running.engine.list_delayed() == []
    assert running.sink.of_kind("run")[-1]["status"] == "done"
    assert inputs(running) == []
    with pytest.raises(UnknownDelivery):
        await running.engine.cancel_delivery(first.delivery_id)


async def test_a_message_that_runs_is_not_taken_back(start: Start) -> None:
    is_there = asyncio.Event()

    async def c(message: Any, ctx: StepContext) -> None:
        is_there.set()
        await asyncio.Event().wait()

    running = await start({"a": later, "c": c})
    await call(running, "/a/x", [0])
    await is_there.wait()
    (run,) = await running.store.runs()
    (row,) = await running.store.run_deliveries(run.seq)

    with pytest.raises(DeliveryRuns):
        await running.engine.cancel_delivery(row.delivery_id)


async def test_what_waits_in_a_lane_is_taken_back(start: Start) -> None:
    goes_on = asyncio.Event()

    async def a(request: Any, ctx: StepContext) -> None:
        for n in range(3):
            ctx.emit("told", n, key="one")

    async def c(message: Any, ctx: StepContext) -> None:
        await goes_on.wait()

    running = await start({"a": a, "c": c}, fifo=Fifo())
    await call(running, "/a/x")
    (run,) = await running.store.runs()
    rows = await running.store.run_deliveries(run.seq)
    await running.engine.cancel_delivery(rows[1].delivery_id)
    goes_on.set()
    await running.quiet()

    assert inputs(running) == [0, 2]


# Dead letters


async def test_dead_letters_that_fit_are_redriven_oldest_first(start: Start) -> None:
    is_mended = False

    async def a(request: Any, ctx: StepContext) -> None:
        for n in range(4):
            ctx.emit("told", n, key="one")

    async def c(message: Any, ctx: StepContext) -> None:
        if not is_mended:
            raise NonRetriable if message != 3 else ValueError

    running = await start({"a": a, "c": c}, fifo=Fifo())
    run_id = await call(running, "/a/x")
    await running.quiet()
    is_mended = True
    none = await running.engine.redrive_many(DeadFilter(step="b"))
    many = await running.engine.redrive_many(DeadFilter(step="c", error="NonRetriable"))
    await running.quiet()

    done = [one for one in running.sink.of_kind("attempt") if one["outcome"] == "done"]
    assert (none.done, many.refused) == ([], {})
    assert [run for _, run in many.done] == [run_id] * 3
    assert [one["input"] for one in done if one["step"] == "c"] == [0, 1, 2]
    assert len(await running.store.dead_letters()) == 1


async def test_a_dead_letter_is_deleted_and_its_lane_goes_on(start: Start) -> None:
    async def a(request: Any, ctx: StepContext) -> None:
        for n in range(2):
            ctx.emit("told", n, key="one")

    async def c(message: Any, ctx: StepContext) -> None:
        if message == 0:
            raise NonRetriable

    running = await start({"a": a, "c": c}, fifo=Fifo(on_dead="block"))
    await call(running, "/a/x")
    await running.sink.seen("attempt", count=2)
    (dead,) = await running.store.dead_letters()
    await running.engine.delete_dead(dead.delivery_id)
    await running.quiet()

    assert inputs(running) == [0, 1]
    with pytest.raises(UnknownDeadLetter):
        await running.engine.delete_dead(dead.delivery_id)


# Replays


async def test_a_run_is_replayed_from_its_start(start: Start) -> None:
    async def b(message: Any, ctx: StepContext) -> None:
        ctx.emit("told", message)

    running = await start({"b": b})
    run_id = await call(running, "/go", {"n": 1})
    await running.quiet()
    replayed = await running.engine.replay(run_id, attempts(running, run_id))
    await running.quiet()

    assert replayed.run_id != run_id
    assert inputs(running) == [{"n": 1}, {"n": 1}]
    told = [one for one in running.sink.of_kind("run") if one["run_id"] == replayed.run_id]
    assert {one.get("replays") for one in told} == {run_id}
    assert [one["status"] for one in told] == ["running", "done"]


async def test_a_call_is_made_again(start: Start) -> None:
    seen: list[Any] = []

    async def a(request: Any, ctx: StepContext) -> Any:
        seen.append((request.path_params, request.body, request.query_params))
        ctx.emit("told", request.body)
        return {"status": 202}

    running = await start({"a": a})
    asked = a_call("/a/berlin", {"ü": 1})
    assert (await running.engine.call(asked)).status == 202
    await running.quiet()
    run_id = str(asked.run_id)
    replayed = await running.engine.replay(run_id, attempts(running, run_id))
    await running.quiet()

    assert replayed.status == 202
    assert seen == [({"shop": "berlin"}, {"ü": 1}, {})] * 2
    told = [one for one in running.sink.of_kind("run") if one["run_id"] == replayed.run_id]
    assert {one.get("replays") for one in told} == {run_id}


async def test_a_run_is_replayed_from_the_step_that_failed(start: Start) -> None:
    is_mended = False

    async def b(message: Any, ctx: StepContext) -> None:
        ctx.emit("told", "good")
        ctx.emit("told", "bad")

    async def c(message: Any, ctx: StepContext) -> None:
        if message == "bad" and not is_mended:
            raise NonRetriable

    running = await start({"b": b, "c": c})
    run_id = await call(running, "/go")
    await running.quiet()
    is_mended = True
    await running.engine.replay(run_id, attempts(running, run_id), from_step="c")
    await running.quiet()

    assert sorted(inputs(running)) == ["bad", "bad", "good"]
    assert len(inputs(running, "b")) == 1
    assert len(await running.store.dead_letters()) == 1


async def test_a_run_without_payloads_is_not_replayed(start: Start) -> None:
    running = await start({})

    with pytest.raises(NothingToReplay):
        await running.engine.replay("gone", [])
