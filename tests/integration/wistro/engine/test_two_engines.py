"""Two engines of one environment on one PostgreSQL: what is asked of either is done once, by whoever it is up to."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from infra.fixtures import Stores
from tests.factories.engine import (
    InMemoryHosts,
    MemorySink,
    NonRetriable,
    Step,
    StepContext,
    a_call,
    a_deployment,
    a_lock,
    a_step,
)
from wistro.engine.cancelling import UnknownRun
from wistro.engine.clock import Ids, SystemClock
from wistro.engine.dead_letters import UnknownDeadLetter
from wistro.engine.engine import Engine
from wistro.engine.task_errors import TaskEnded
from wistro.lock.model import Task, TaskAnswer
from wistro.protocol.ids import new_id
from wistro.protocol.ids import read as read_id
from wistro.store.postgres.store import PostgresStore
from wistro.store.tasks import TaskFilter

LOCK = a_lock(
    {
        "take": a_step("api", name="take", method="POST", path="/a", emits=["t", "u", "q"]),
        "ask": a_step(
            "noop",
            name="Somebody says yes",
            subscribes=["q"],
            emits=["said"],
            task=Task(answers={"yes": TaskAnswer("said")}),
        ),
        "said": a_step(subscribes=["said"]),
        "b": a_step(subscribes=["t"]),
        "c": a_step(subscribes=["u"]),
    }
)


class Node:
    def __init__(self, url: str, steps: dict[str, Step]) -> None:
        clock = SystemClock()
        self.sink = MemorySink()
        self.hosts = InMemoryHosts(steps)
        self.store = PostgresStore(url, stream=str(new_id()), lease_s=1.0, beat_s=0.2)
        self.engine = Engine(
            store=self.store,
            sink=self.sink,
            clock=clock,
            ids=Ids(clock),
            chance=random.Random(1),
            on_broken=lambda broken: None,
        )

    async def start(self) -> Node:
        await self.engine.start()
        await self.engine.load(a_deployment(LOCK, self.hosts))
        return self


class Nodes:
    def __init__(self, url: str) -> None:
        self._url = url
        self.all: list[Node] = []

    async def two(self, steps: dict[str, Step]) -> tuple[Node, Node]:
        for _ in range(2):
            self.all.append(
                await Node(self._url, {"b": nothing, "c": nothing, "said": nothing} | steps).start()
            )
        return self.all[0], self.all[1]


async def nothing(message: Any, ctx: StepContext) -> None:
    pass


async def end_told(node: Node) -> dict[str, Any]:
    """The record of a run's end; that it began may have been left to this engine, or told before."""
    count = 1
    while (told := (await node.sink.seen("run", count=count))[-1])["status"] == "running":
        count += 1
    return told


@pytest.fixture
def url(stores: Stores) -> Iterator[str]:
    schema = f"engines_{uuid.uuid4().hex}"
    yield f"{stores.database_superuser_url}&schema={schema}"
    with psycopg.connect(stores.database_superuser_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())


@pytest.fixture
async def nodes(url: str) -> AsyncIterator[Nodes]:
    made = Nodes(url)
    yield made
    for node in made.all:
        await node.engine.close(grace_s=0.5)


async def test_two_calls_under_one_key_at_two_engines_run_once(nodes: Nodes) -> None:
    began, go_on, runs = asyncio.Event(), asyncio.Event(), []

    async def take(request: Any, ctx: StepContext) -> Any:
        runs.append(ctx.call.context.run_id)
        began.set()
        await go_on.wait()
        return {"status": 201, "body": {"n": len(runs)}}

    one, two = await nodes.two({"take": take})
    first = asyncio.create_task(one.engine.call(a_call(sender_id="same")))
    await began.wait()
    second = asyncio.create_task(two.engine.call(a_call(sender_id="same")))
    await asyncio.wait([second], timeout=0.3)
    assert not second.done()

    go_on.set()
    answers = await asyncio.gather(first, second)

    assert [(one.status, one.body) for one in answers] == [(201, b'{"n":1}')] * 2
    assert ("idempotent-replayed", "true") in answers[1].headers
    assert len(runs) == 1


async def test_a_run_is_cancelled_by_the_engine_that_is_asked_whoever_runs_it(nodes: Nodes) -> None:
    began = asyncio.Event()

    async def take(request: Any, ctx: StepContext) -> Any:
        ctx.emit("t", {})
        return {"status": 202}

    async def hangs(message: Any, ctx: StepContext) -> None:
        began.set()
        await asyncio.Event().wait()

    one, two = await nodes.two({"take": take, "b": hangs})
    call = a_call()
    await one.engine.call(call)
    await began.wait()

    await two.engine.cancel(str(call.run_id))

    statuses = [record["status"] for record in await one.sink.seen("run", count=2)]
    assert statuses == ["running", "cancelled"]
    with pytest.raises(UnknownRun):
        await two.engine.cancel(str(call.run_id))


async def test_a_dead_letter_of_another_engines_run_is_redriven_there(nodes: Nodes) -> None:
    tries: list[str] = []
    hangs = asyncio.Event()

    async def take(request: Any, ctx: StepContext) -> Any:
        ctx.emit("t", {})
        ctx.emit("u", {})
        return {"status": 202}

    async def fails_first(message: Any, ctx: StepContext) -> None:
        tries.append("b")
        if len(tries) == 1:
            raise NonRetriable

    async def waits(message: Any, ctx: StepContext) -> None:
        await hangs.wait()

    one, two = await nodes.two({"take": take, "b": fails_first, "c": waits})
    await one.engine.call(a_call())
    await one.sink.seen("attempt", count=2)
    [dead] = await two.store.dead_letters()

    run_id = await two.engine.redrive(dead.delivery_id)
    hangs.set()
    async with asyncio.timeout(10):
        await one.engine.quiet("dep")

    assert run_id == dead.run_id
    assert (tries, two.hosts.calls) == (["b", "b"], [])
    with pytest.raises(UnknownDeadLetter):
        await two.engine.redrive(dead.delivery_id)


async def test_a_task_of_another_engines_run_is_answered_there_once(nodes: Nodes) -> None:
    async def take(request: Any, ctx: StepContext) -> Any:
        ctx.emit("q", {})
        return {"status": 202}

    one, two = await nodes.two({"take": take})
    await one.engine.call(a_call())
    await one.sink.seen("attempt", count=2)  # the call, and that the task waits
    [task] = await two.engine.tasks(TaskFilter())

    id = str(read_id("task", task.id))
    answered = await two.engine.answer_task(id, "yes", {"n": 1}, by="ann", how="cli")
    with pytest.raises(TaskEnded, match="by ann"):
        await one.engine.answer_task(id, "yes", {}, by="bob")
    async with asyncio.timeout(10):
        await one.engine.quiet("dep")

    assert answered.state == "answered"
    assert [call.step for call in one.hosts.calls] == ["take", "said"]
    assert two.hosts.calls == []


async def test_what_a_lost_engine_had_to_do_is_done_by_the_other_and_told_there(
    nodes: Nodes,
) -> None:
    done, began = asyncio.Event(), asyncio.Event()

    async def take(request: Any, ctx: StepContext) -> Any:
        ctx.emit("t", {})
        return {"status": 202}

    async def hangs(message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "g", "n")
        began.set()
        if ctx.call.context.attempt == 1:
            await asyncio.Event().wait()
        done.set()

    one, two = await nodes.two({"take": take, "b": hangs})
    call = a_call()
    await one.engine.call(call)
    await began.wait()
    await one.store.abandon()
    async with asyncio.timeout(15):
        await done.wait()
    told = await end_told(two)

    assert (told["run_id"], told["status"]) == (str(call.run_id), "done")
    assert await two.store.get("g", "n") == 1
    assert two.engine.status()[0].live_runs == 0


async def test_a_call_that_an_engine_died_under_is_interrupted_by_the_other(nodes: Nodes) -> None:
    began = asyncio.Event()

    async def hangs(request: Any, ctx: StepContext) -> None:
        began.set()
        await asyncio.Event().wait()

    one, two = await nodes.two({"take": hangs})
    calling = asyncio.create_task(one.engine.call(a_call()))
    await began.wait()
    await one.sink.seen("run")  # it is told that it runs
    await one.store.abandon()

    told = await end_told(two)

    assert told["status"] == "interrupted"
    calling.cancel()
