"""Messages that wait for their time: by a delay of the emit or of the step, or until an instant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

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
from wistro.engine import claiming
from wistro.lock.model import LockedStep
from wistro.store.port import StoreAway

Start = Callable[..., Awaitable[Running]]
HOUR_S = 3600.0


class Clock:
    """Stands still until a test sets it: the engine's timers look at it again and again meanwhile."""

    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000

    def now_us(self) -> int:
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def start(tmp_path: Path, clock: Clock) -> AsyncIterator[Start]:
    """An engine whose endpoint emits `told` to `b` with the options that its body gives."""
    started: list[Running] = []

    async def go(steps: dict[str, Step], **config: Any) -> Running:
        locked: dict[str, LockedStep] = {
            "a": a_step("api", name="a", method="POST", path="/a", emits=["told"]),
            "b": a_step(name="b", subscribes=["told"], **config),
        }
        running = await an_engine(tmp_path, a_lock(locked), {"a": tell} | steps, clock=clock)
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


async def tell(request: Any, ctx: StepContext) -> None:
    for options in request.body:
        ctx.emit("told", options, **options)


async def nothing(message: Any, ctx: StepContext) -> None: ...


async def call(running: Running, *options: dict[str, Any]) -> None:
    assert (await running.engine.call(a_call("/a", list(options)))).status < 300


def waits_us(running: Running) -> list[int]:
    """How long after its run's start each message was due."""
    runs = {one["run_id"]: one["started_at_us"] for one in running.sink.of_kind("run")}
    attempts = [one for one in running.sink.of_kind("attempt") if one["step"] == "b"]
    return [one["queued_at_us"] - runs[one["run_id"]] for one in attempts]


async def test_a_delayed_emit_is_delivered_when_it_is_due(start: Start, clock: Clock) -> None:
    order: list[float] = []

    async def b(message: Any, ctx: StepContext) -> None:
        order.append(message.get("delay_s", 0))

    running = await start({"b": b})
    await call(running, {"delay_s": 0.06}, {"delay_s": 0.03}, {})
    await running.sink.seen("attempt", count=2)
    clock.us += 30_000
    await running.sink.seen("attempt", count=3)
    assert order == [0, 0.03]
    clock.us += 30_000
    await running.quiet()

    assert order == [0, 0.03, 0.06]
    assert waits_us(running) == [0, 30_000, 60_000]


async def test_an_emit_for_an_instant_is_delivered_then(start: Start, clock: Clock) -> None:
    running = await start({"b": nothing})
    at_us = clock.us + 10_000
    await call(running, {"at_us": at_us})
    (waiting,) = await running.engine.list_delayed()
    clock.us = at_us
    await running.quiet()

    assert waiting.due_at_us == at_us
    (attempt,) = [one for one in running.sink.of_kind("attempt") if one["step"] == "b"]
    assert attempt["queued_at_us"] == attempt["started_at_us"] == at_us


async def test_an_instant_that_has_passed_is_now(start: Start) -> None:
    running = await start({"b": nothing})
    await call(running, {"at_us": 1})
    await running.quiet()

    assert waits_us(running) == [0]


async def test_a_step_that_delays_is_given_each_message_later(start: Start, clock: Clock) -> None:
    running = await start({"b": nothing}, delay="30ms")
    await call(running, {}, {"delay_s": 0.05})
    clock.us += 50_000
    await running.quiet()

    assert waits_us(running) == [30_000, 50_000]


async def test_a_delayed_emit_survives_a_restart(start: Start, clock: Clock) -> None:
    running = await start({"b": nothing})
    await call(running, {"delay_s": 0.05})
    await running.engine.close(grace_s=0)
    clock.us += 50_000

    again = await start({"b": nothing})
    await again.quiet()

    assert [one["step"] for one in again.sink.of_kind("attempt")] == ["b"]
    assert [one["status"] for one in again.sink.of_kind("run")] == ["done"]


async def test_a_delayed_emit_is_no_reason_to_look_for_others(start: Start) -> None:
    """It waits in the store and its queue still takes what is due into memory."""
    running = await start({"b": nothing})
    await call(running, {"delay_s": HOUR_S})
    await call(running, {})
    await running.sink.seen("attempt", count=3)

    waiting = await running.store.runs()
    assert [one.open for one in waiting] == [1]


async def test_what_is_due_later_is_not_forgotten_when_the_store_is_away_for_a_moment(
    start: Start, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "CLAIM_AGAIN_S", 0.01)
    seen: list[int] = []

    async def b(message: Any, ctx: StepContext) -> None:
        seen.append(message["delay_s"])

    running = await start({"b": b})
    answers = [StoreAway("away")]
    real = running.store.next_due

    def next_due(deployment_id: str, step: str) -> Any:
        if answers:
            raise answers.pop()
        return real(deployment_id, step)

    monkeypatch.setattr(running.store, "next_due", next_due)
    await call(running, {"delay_s": 0.02}, {"delay_s": 0.2})
    clock.us += 20_000
    await running.sink.seen("attempt", count=2)
    clock.us += 180_000

    await running.quiet()
    assert seen == [0.02, 0.2] and answers == []
