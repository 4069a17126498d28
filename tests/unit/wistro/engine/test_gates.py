"""Steps that are limited: so many at once, one after the other in a lane, so many in a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import (
    InMemoryHosts,
    NonRetriable,
    RetryAfter,
    Running,
    StepContext,
    a_call,
    a_deployment,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine.gating import Gating
from wistro.hosts.port import HostLost
from wistro.lock.model import ApiTrigger, Concurrency, Fifo, Lock, Retries, StepConfig
from wistro.store.port import Gate

Start = Callable[..., Awaitable[Running]]
NO_JITTER = Retries(max=3, initial="10ms", jitter=False)


ALL = "all"


class Watched:
    """A step that notes what runs at once, and waits until it is let go."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.begun: list[Any] = []
        self.at_once: Counter[Any] = Counter()
        self.most: Counter[Any] = Counter()
        self.open = asyncio.Event()
        self.changed = asyncio.Event()
        if is_open:
            self.open.set()

    async def __call__(self, message: Any, ctx: StepContext) -> None:
        key = message.get("sku", "")
        self.begun.append(message["n"])
        for one in (key, ALL):
            self.at_once[one] += 1
            self.most[one] = max(self.most[one], self.at_once[one])
        self.changed.set()
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            for one in (key, ALL):
                self.at_once[one] -= 1

    async def begun_are(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.begun) < count:
                self.changed.clear()
                await self.changed.wait()


def project(**config: Any) -> Lock:
    retries = config.pop("retries", NO_JITTER)
    steps = {
        "a": a_step("api", name="a", method="POST", path="/a", emits=["told"]),
        "b": a_step(name="b", subscribes=["told"], retries=retries, **config),
    }
    return a_lock(steps, api=[ApiTrigger("POST", "/told", "api:POST /told", emits="told")])


async def tell(request: Any, ctx: StepContext) -> None:
    for n, one in enumerate(request.body):
        ctx.emit("told", {"n": n} | one.get("data", {}), **one.get("options", {}))


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """An engine whose endpoint emits to the limited step `b`; a second start is a restart."""
    started: list[Running] = []

    async def go(b: Any, *, outcomes: Any = None, **config: Any) -> Running:
        running = await an_engine(
            tmp_path, project(**config), {"a": tell, "b": b}, outcomes=outcomes
        )
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


async def call(running: Running, *emits: dict[str, Any], deployment_id: str | None = None) -> str:
    asked = a_call("/a", list(emits), deployment_id=deployment_id)
    assert (await running.engine.call(asked)).status < 300
    return str(asked.run_id)


def of(*skus: str) -> list[dict[str, Any]]:
    return [{"data": {"n": n, "sku": sku}} for n, sku in enumerate(skus)]


# Concurrency


async def test_no_more_run_at_once_than_the_limit(start: Start) -> None:
    b = Watched()
    running = await start(b, concurrency=Concurrency(2))
    await call(running, *of(*"abcdefghij"))
    await running.quiet()

    assert (len(b.begun), b.most[ALL]) == (10, 2)


async def test_a_key_has_its_own_limit_and_waits_for_no_other(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, concurrency=Concurrency(1, "sku"))
    await call(running, *of(*"aaaabc"))
    await b.begun_are(3)
    b.open.set()
    await running.quiet()

    assert set(b.begun[:3]) == {0, 4, 5}
    assert (len(b.begun), b.most["a"]) == (6, 1)


async def test_a_message_without_the_key_waits_for_nobody(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, concurrency=Concurrency(1, "sku"))
    await call(running, *[{"data": {"sku": None}}] * 5)
    await b.begun_are(5)
    b.open.set()
    await running.quiet()

    assert b.most[ALL] == 5


async def test_what_a_dead_boot_had_begun_holds_no_slot(start: Start) -> None:
    stuck = Watched(is_open=False)
    running = await start(stuck, concurrency=Concurrency(1, "sku"))
    await call(running, *of(*"aaab"))
    await stuck.begun_are(2)
    await running.engine.close(grace_s=0)

    b = Watched()
    again = await start(b, concurrency=Concurrency(1, "sku"))
    await again.quiet()

    assert (sorted(b.begun), b.most["a"]) == ([0, 1, 2, 3], 1)


async def test_a_limit_holds_over_all_versions(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, concurrency=Concurrency(1))
    other = InMemoryHosts({"a": tell, "b": b})
    await running.engine.load(a_deployment(project(concurrency=Concurrency(1)), other, id="other"))
    for deployment_id in ("dep", "other", "dep", "other"):
        await call(running, *of("a"), deployment_id=deployment_id)
    await b.begun_are(1)
    b.open.set()
    await running.quiet()
    await running.quiet("other")

    assert (len(b.begun), b.most[ALL]) == (4, 1)


async def test_a_waiting_retry_holds_no_slot(start: Start) -> None:
    tries: Counter[int] = Counter()

    async def b(message: Any, ctx: StepContext) -> None:
        tries[message["n"]] += 1
        if message["n"] == 0 and tries[0] == 1:
            raise RetryAfter(0.2)

    running = await start(b, concurrency=Concurrency(1, "sku"))
    await call(running, *of(*"aa"))
    await running.quiet()

    attempts = [one for one in running.sink.of_kind("attempt") if one["step"] == "b"]
    assert [(one["input"]["n"], one["outcome"]) for one in attempts] == [
        (0, "retrying"),
        (1, "done"),
        (0, "done"),
    ]


async def test_a_cancelled_run_frees_what_it_held(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, concurrency=Concurrency(1, "sku"))
    first = await call(running, *of(*"aa"))
    await b.begun_are(1)
    await call(running, *of("a"))
    await running.engine.cancel(first)
    await b.begun_are(2)
    b.open.set()
    await running.quiet()

    assert len(b.begun) == 2


async def test_a_step_that_is_limited_no_more_lets_all_through(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, concurrency=Concurrency(1, "sku"), fifo=Fifo("sku"))
    await call(running, *of(*"aaaa"))
    await b.begun_are(1)
    running.hosts = InMemoryHosts({"a": tell, "b": b})
    await running.engine.load(a_deployment(project(), running.hosts))
    await b.begun_are(4)
    b.open.set()
    await running.quiet()

    assert b.most["a"] == 4
    assert await running.store.gated_steps("dep") == []


async def test_what_waited_before_a_step_was_limited_is_limited_too(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b)
    await call(
        running, *[{"data": {"n": n, "sku": "a"}, "options": {"delay_s": 0.3}} for n in range(4)]
    )
    hosts = InMemoryHosts({"a": tell, "b": b})
    await running.engine.load(a_deployment(project(concurrency=Concurrency(1, "sku")), hosts))
    b.open.set()
    await running.quiet()

    assert (len(b.begun), b.most["a"]) == (4, 1)


# Lanes


async def test_a_lane_is_in_order_one_after_the_other(start: Start) -> None:
    b = Watched()
    running = await start(b, fifo=Fifo("sku"))
    await call(running, *of(*["a"] * 20))
    await running.quiet()

    assert (b.begun, b.most["a"]) == (list(range(20)), 1)


async def test_a_retrying_head_holds_up_its_own_key_only(start: Start) -> None:
    done: list[int] = []

    async def b(message: Any, ctx: StepContext) -> None:
        if message["n"] == 0 and ctx.call.context.attempt < 3:
            raise ValueError("not yet")
        done.append(message["n"])

    running = await start(b, fifo=Fifo("sku"))
    await call(running, *of(*"aabb"))
    await running.quiet()

    assert done == [2, 3, 0, 1]


async def test_a_lane_goes_on_without_a_dead_letter(start: Start) -> None:
    done: list[int] = []

    async def b(message: Any, ctx: StepContext) -> None:
        if message["n"] == 0 and not done:
            raise NonRetriable("never")
        done.append(message["n"])

    running = await start(b, fifo=Fifo("sku"))
    await call(running, *of(*"aa"))
    await running.quiet()
    (dead,) = await running.store.dead_letters()
    await running.engine.redrive(dead.delivery_id)
    await running.quiet()

    assert done == [1, 0]


async def test_a_lane_that_blocks_waits_for_a_redrive_which_joins_its_tail(start: Start) -> None:
    done: list[int] = []
    has_failed = asyncio.Event()

    async def b(message: Any, ctx: StepContext) -> None:
        if message["n"] == 0 and not has_failed.is_set():
            has_failed.set()
            raise NonRetriable("never")
        done.append(message["n"])

    running = await start(b, fifo=Fifo("sku", "block"))
    await call(running, *of(*"aaab"))
    await running.sink.seen("attempt", count=3)  # the call, 0, and 3 of the other lane
    assert done == [3]
    await running.engine.close(grace_s=0)

    again = await start(b, fifo=Fifo("sku", "block"))
    (dead,) = await again.store.dead_letters()
    await again.engine.redrive(dead.delivery_id)
    await again.quiet()

    assert done == [3, 1, 2, 0]


async def test_an_emits_key_takes_the_place_of_the_messages(start: Start) -> None:
    b = Watched()
    running = await start(b, fifo=Fifo())
    await call(running, *[{"options": {"key": "one"}}] * 5)
    await running.quiet()

    assert (b.begun, b.most[ALL]) == ([0, 1, 2, 3, 4], 1)


async def test_a_delayed_message_joins_its_lane_when_it_is_due(start: Start) -> None:
    b = Watched(is_open=False)
    running = await start(b, fifo=Fifo("sku"))
    late = {"data": {"n": 9, "sku": "a"}, "options": {"delay_s": 0.2}}
    later = {"data": {"n": 8, "sku": "b"}, "options": {"delay_s": 0.25}}
    await call(running, late, later, {"data": {"n": 0, "sku": "a"}}, {"data": {"n": 1, "sku": "a"}})
    await b.begun_are(2)  # 0, and 8 of the other lane: so 9 is due
    await call(running, {"data": {"n": 5, "sku": "a"}})
    b.open.set()
    await running.quiet()

    assert b.begun == [0, 8, 1, 9, 5]


async def test_lanes_survive_a_dead_host(start: Start) -> None:
    b = Watched()
    lost = HostLost(alone=True, exit="signal 9", stderr="")
    running = await start(b, fifo=Fifo("sku"), outcomes={"b": [lost]})
    await call(running, *of(*"aaa"))
    await running.quiet()

    assert b.begun == [0, 1, 2]


# Keys


def gating(**config: Any) -> Gating:
    found = Gating.of(StepConfig("event", "b", **config))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (b'{"a":{"b":"x"}}', "x"),
        (b'{"a":[{"b":1},{"b":2}]}', None),
        (b'{"a":{"b":7}}', "7"),
        (b'{"a":{"b":true}}', "true"),
        (b'{"a":{"b":null}}', None),
        (b'{"a":{"b":""}}', None),
        (b'{"a":{"b":{}}}', None),
        (b"null", None),
        (b"[1]", None),
    ],
)
def test_a_key_is_a_text_or_number_at_a_path(message: bytes, key: str | None) -> None:
    found = gating(fifo=Fifo("a.b")).gate(message, key=None)

    assert found == (None if key is None else Gate(lane=key))


def test_a_key_may_be_in_a_list() -> None:
    assert gating(fifo=Fifo("a.1.b")).gate(b'{"a":[{},{"b":"x"}]}', key=None) == Gate(lane="x")


def test_a_long_key_is_kept_by_its_digest() -> None:
    found = gating(fifo=Fifo("a")).gate(b'{"a":"' + b"x" * 300 + b'"}', key=None)

    assert found is not None and found.lane is not None
    assert found.lane.startswith("sha256:") and len(found.lane) < 80
