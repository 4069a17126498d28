"""Messages at their steps: retried, given up, run alone, and each outcome counted once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import (
    InMemoryHosts,
    NonRetriable,
    Refused,
    RetryAfter,
    Running,
    Step,
    StepContext,
    a_call,
    a_deployment,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine.cancelling import UnknownRun
from wistro.engine.dead_letters import UnknownDeadLetter
from wistro.engine.limits import Limits
from wistro.engine.loaded import Retrying
from wistro.hosts.port import HostLost, TimedOut
from wistro.lock.model import ApiTrigger, Lock, LockedStep, Retries
from wistro.protocol.frames import Get
from wistro.store.port import Unit

LOST = HostLost(alone=False, exit="signal 9", stderr="segfault")
LOST_ALONE = HostLost(alone=True, exit="signal 9", stderr="segfault")
Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts an engine whose `POST /go` emits `go`; a second start is a restart on the same store."""
    started: list[Running] = []

    async def go(
        steps: dict[str, Step],
        *,
        locked: dict[str, LockedStep] | None = None,
        schemas: dict[str, Any] | None = None,
        **more: Any,
    ) -> Running:
        lock = project(locked or {"b": a_step(subscribes=["go"])}, schemas=schemas)
        running = await an_engine(tmp_path, lock, steps, **more)
        started.append(running)
        return running

    yield go
    for running in started:
        await running.engine.close(grace_s=0)


def project(steps: dict[str, LockedStep], **more: Any) -> Lock:
    return a_lock(steps, api=[ApiTrigger("POST", "/go", "api:POST /go", emits="go")], **more)


async def go(running: Running, message: Any = None) -> str:
    call = a_call("/go", {"n": 1} if message is None else message)
    assert (await running.engine.call(call)).status == 202
    return str(call.run_id)


def outcomes(running: Running, step: str = "b") -> list[str]:
    return [one["outcome"] for one in running.sink.of_kind("attempt") if one["step"] == step]


async def test_a_step_that_throws_is_tried_again_and_what_failed_does_not_count(
    start: Start,
) -> None:
    tries: list[int] = []

    async def flaky(message: Any, ctx: StepContext) -> None:
        tries.append(ctx.call.context.attempt)
        ctx.write("increment", "g", "n")
        if len(tries) < 3:
            raise ValueError("not yet")

    running = await start({"b": flaky})
    await go(running)
    await running.quiet()

    assert tries == [1, 2, 3]
    assert running.store.get("g", "n") == 1
    assert outcomes(running) == ["retrying", "retrying", "done"]


async def test_the_idempotency_key_is_stable_over_attempts(start: Start) -> None:
    keys: list[str] = []

    async def flaky(message: Any, ctx: StepContext) -> None:
        keys.append(ctx.call.context.idempotency_key)
        if len(keys) < 3:
            raise ValueError

    running = await start({"b": flaky})
    await go(running)
    await running.quiet()

    assert len(set(keys)) == 1


async def test_after_its_retries_a_message_is_a_dead_letter_and_its_run_dead(start: Start) -> None:
    async def never(message: Any, ctx: StepContext) -> None:
        raise ValueError("no")

    running = await start({"b": never})
    run_id = await go(running)
    await running.quiet()

    [dead] = await running.store.dead_letters()
    assert (dead.run_id, dead.step, dead.message, dead.attempts) == (run_id, "b", b'{"n":1}', 4)
    assert b'"message":"no"' in dead.error
    assert outcomes(running) == ["retrying"] * 3 + ["dead"]
    assert [one["status"] for one in running.sink.of_kind("run")] == ["running", "dead"]


async def test_non_retriable_is_given_up_at_once(start: Start) -> None:
    async def never(message: Any, ctx: StepContext) -> None:
        raise NonRetriable("broken card")

    running = await start({"b": never})
    await go(running)
    await running.quiet()

    assert outcomes(running) == ["dead"]


async def test_retry_after_chooses_the_time(start: Start) -> None:
    tries: list[int] = []

    async def later(message: Any, ctx: StepContext) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RetryAfter(0.02)

    running = await start(
        {"b": later},
        locked={"b": a_step(subscribes=["go"], retries=Retries(initial="1h", jitter=False))},
    )
    await go(running)
    await running.quiet()

    first, second = running.sink.of_kind("attempt")
    assert second["queued_at_us"] - first["ended_at_us"] == 20_000


async def test_a_retry_after_beyond_all_time_is_a_long_wait_and_breaks_nothing(
    start: Start,
) -> None:
    async def never(message: Any, ctx: StepContext) -> None:
        raise RetryAfter(1e300)

    running = await start({"b": never})
    await go(running)
    await running.sink.seen("attempt")
    await go(running)

    assert running.broken == []
    assert await running.store.next_due("dep", "b") is not None


async def test_past_its_timeout_an_attempt_failed_like_any_other(start: Start) -> None:
    async def fine(message: Any, ctx: StepContext) -> None: ...

    running = await start({"b": fine})
    running.hosts.outcomes["b"] = [TimedOut(30.0)]
    await go(running)
    await running.quiet()

    assert outcomes(running) == ["retrying", "done"]


async def test_a_message_whose_host_died_among_others_runs_alone_uncharged(start: Start) -> None:
    async def fine(message: Any, ctx: StepContext) -> None: ...

    running = await start(
        {"b": fine}, locked={"b": a_step(subscribes=["go"], retries=Retries(max=0))}
    )
    running.hosts.outcomes["b"] = [LOST]
    await go(running)
    await running.quiet()

    assert [one.alone for one in running.hosts.calls] == [False, True]
    assert outcomes(running) == ["retrying", "done"]


async def test_the_second_lone_death_makes_a_dead_letter_with_the_end_of_stderr(
    start: Start,
) -> None:
    running = await start({})
    running.hosts.outcomes["b"] = [LOST, LOST_ALONE, LOST_ALONE]
    await go(running)
    await running.quiet()

    [dead] = await running.store.dead_letters()
    assert (dead.stderr, dead.attempts) == ("segfault", 3)


async def test_lone_deaths_are_remembered_over_a_restart(start: Start) -> None:
    hang = asyncio.Event()

    async def hangs(message: Any, ctx: StepContext) -> None:
        hang.set()
        await asyncio.Event().wait()

    first = await start({"b": hangs})
    first.hosts.outcomes["b"] = [LOST_ALONE]
    await go(first)
    await hang.wait()

    second = await start({}, outcomes={"b": [LOST_ALONE]})
    await second.quiet()

    assert len(await second.store.dead_letters()) == 1


async def test_a_host_that_cannot_start_is_waited_for_and_charges_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wistro.engine.deliveries.NO_HOST_AGAIN_S", 0.001)

    async def fine(message: Any, ctx: StepContext) -> None: ...

    running = await start(
        {"b": fine}, locked={"b": a_step(subscribes=["go"], retries=Retries(max=0))}
    )
    running.hosts.outcomes["b"] = [HostLost(False, "could not start: no node", "")] * 4
    await go(running)
    await running.quiet()

    assert outcomes(running) == ["retrying"] * 4 + ["done"]


async def test_a_state_operation_that_does_not_fit_fails_the_attempt(start: Start) -> None:
    async def counts(message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "g", "word")

    running = await start(
        {"b": counts}, locked={"b": a_step(subscribes=["go"], retries=Retries(max=0))}
    )
    await running.store.submit(Unit(writes=[]))
    running.hosts.steps["a"] = counts
    await go(running)
    await running.quiet()
    assert running.store.get("g", "word") == 1

    from wistro.store.port import StateWrite

    await running.store.submit(Unit(writes=[StateWrite("set", "g", "word", "text")]))
    await go(running)
    await running.quiet()

    assert outcomes(running) == ["done", "dead"]
    assert running.sink.of_kind("attempt")[-1]["error"]["type"] == "BadStateOperation"


async def test_every_subscriber_gets_every_message_with_its_ordinal(start: Start) -> None:
    seen: list[tuple[str, int]] = []

    def noting(name: str) -> Step:
        async def note(message: Any, ctx: StepContext) -> None:
            seen.append((name, message["n"]))

        return note

    async def fan(message: Any, ctx: StepContext) -> None:
        for n in range(3):
            ctx.emit("out", {"n": n})

    locked = {
        "b": a_step(subscribes=["go"], emits=["out"]),
        "c": a_step(subscribes=["out"]),
        "d": a_step(subscribes=["out"]),
    }
    running = await start({"b": fan, "c": noting("c"), "d": noting("d")}, locked=locked)
    await go(running)
    await running.quiet()

    assert Counter(seen) == Counter({(name, n): 1 for name in "cd" for n in range(3)})
    attempts = running.sink.of_kind("attempt")
    [parent] = [one for one in attempts if one["step"] == "b"]
    children = sorted(
        (one["step"], one.get("ordinal", 0))
        for one in attempts
        if one.get("parent_attempt_id") == parent["attempt_id"]
    )
    assert children == [(name, n) for name in "cd" for n in range(3)]
    assert [one["status"] for one in running.sink.of_kind("run")] == ["running", "done"]


async def test_an_emit_that_does_not_fit_is_refused_at_once_with_its_path(start: Start) -> None:
    refused: list[Any] = []

    async def emits(message: Any, ctx: StepContext) -> None:
        for data in ({"n": "x"}, {"n": 2**53}, {"n": 1, "t": "x" * 3_000}):
            with pytest.raises(Refused) as refusal:
                ctx.emit("out", data)
            refused.append((refusal.value.refusal.code, refusal.value.refusal.path))
        with pytest.raises(Refused) as refusal:
            ctx.emit("undeclared", {})
        refused.append((refusal.value.refusal.code, refusal.value.refusal.path))
        ctx.emit("out", {"n": 1})

    schemas = {"n": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    locked = {"b": a_step(subscribes=["go"], emits=["out"], emitted={"out": "n"})}
    limits = Limits(large_message_bytes=2_000)
    running = await start({"b": emits}, locked=locked, schemas=schemas, limits=limits)
    await go(running)
    await running.quiet()

    assert refused == [
        ("emit.unfit", "/n"),
        ("emit.integer", "/n"),
        ("emit.too-large", ""),
        ("emit.undeclared", None),
    ]
    [attempt] = [one for one in running.sink.of_kind("attempt") if one["step"] == "b"]
    assert attempt["emits"] == [{"ordinal": 0, "topic": "out", "data": {"n": 1}}]


async def test_more_emits_than_an_attempt_may_make_are_refused(start: Start) -> None:
    async def emits(message: Any, ctx: StepContext) -> None:
        for _ in range(2):
            ctx.emit("out", {})
        with pytest.raises(Refused, match="at most 2 messages"):
            ctx.emit("out", {})

    running = await start(
        {"b": emits}, locked={"b": a_step(subscribes=["go"], emits=["out"])}, limits=Limits(emits=2)
    )
    await go(running)
    await running.quiet()

    assert outcomes(running) == ["done"]


async def test_an_attempt_that_writes_more_than_it_may_keeps_nothing_of_it(start: Start) -> None:
    """A host counts, but is not believed."""

    async def writes(message: Any, ctx: StepContext) -> None:
        for number in range(message["writes"]):
            ctx.set("g", str(number), number)

    step = a_step(subscribes=["go"], retries=Retries(max=0))
    running = await start({"b": writes}, locked={"b": step}, limits=Limits(writes=2))
    await go(running, {"writes": 3})
    await running.quiet()
    kept = running.store.list("g")
    await go(running, {"writes": 2})
    await running.quiet()

    assert (outcomes(running), kept) == (["dead", "done"], [])
    error = running.sink.of_kind("attempt")[-2]["error"] or {}
    assert error["type"] == "TooManyWrites" and "at most 2 times" in error["message"]
    assert len(running.store.list("g")) == 2


async def test_reads_are_counted_by_place_and_a_lists_by_value(start: Start) -> None:
    from wistro.store.port import StateWrite

    seen: list[Any] = []

    async def reads(message: Any, ctx: StepContext) -> None:
        for _ in range(5):
            ctx.get("g", "a")  # one place, counted once
        ctx.get("g", "b")
        for ask in (lambda: ctx.list("g"), lambda: (ctx.get("g", "c"), ctx.get("g", "d"))):
            with pytest.raises(Refused, match="at most 3 values"):
                ask()
        seen.append(ctx.get("g", "a"))

    running = await start({"b": reads}, limits=Limits(reads=3))
    await running.store.submit(Unit(writes=[StateWrite("set", "g", key, 1) for key in "ab"]))
    await go(running)
    await running.quiet()

    assert (outcomes(running), seen) == (["done"], [1])
    (attempt,) = [one for one in running.sink.of_kind("attempt") if one["step"] == "b"]
    assert [one["key"] for one in attempt["reads"]] == ["a", "b", "c"]


async def test_reads_see_the_latest_commit_and_the_attempts_own_writes(start: Start) -> None:
    from wistro.store.port import StateWrite

    seen: list[Any] = []

    async def reads(message: Any, ctx: StepContext) -> None:
        seen.append(ctx.get("g", "n"))
        ctx.write("increment", "g", "n", 5)
        seen.append(ctx.get("g", "n"))
        ctx.set("g", "other", 1)
        seen.append(ctx.list("g"))
        ctx.write("delete", "g", "n")
        seen.append((ctx.get("g", "n"), ctx.list("g")))
        ctx.write("clear", "g")
        ctx.write("append", "g", "items", "x")
        seen.append(ctx.list("g"))

    running = await start({"b": reads})
    await running.store.submit(Unit(writes=[StateWrite("set", "g", "n", 10)]))
    await go(running)
    await running.quiet()

    assert seen == [10, 15, [["n", 15], ["other", 1]], (None, [["other", 1]]), [["items", ["x"]]]]
    assert running.store.list("g") == [["items", ["x"]]]
    [attempt] = running.sink.of_kind("attempt")
    assert attempt["reads"] == [
        {"op": "get", "group": "g", "key": "n", "value": 10},
        {"op": "list", "group": "g", "key": "", "value": [["n", 10]]},
    ]


async def test_what_a_step_asks_after_its_attempt_is_over_counts_for_nothing(start: Start) -> None:
    kept: list[StepContext] = []

    async def leaks(message: Any, ctx: StepContext) -> None:
        kept.append(ctx)

    running = await start(
        {"b": leaks},
        locked={"b": a_step(subscribes=["go"], emits=["out"]), "c": a_step(subscribes=["out"])},
    )
    await go(running)
    await running.quiet()
    kept[0].emit("out", {})
    kept[0].set("g", "k", 1)
    kept[0].asks.get(Get(0, 0, "g", "k"))
    await go(running)
    await running.quiet()

    assert outcomes(running, "c") == []
    assert running.store.get("g", "k") is None


async def test_a_restart_resumes_what_was_acknowledged_with_a_higher_attempt(start: Start) -> None:
    started, seen = asyncio.Event(), []

    async def hangs(message: Any, ctx: StepContext) -> None:
        started.set()
        await asyncio.Event().wait()

    async def notes(message: Any, ctx: StepContext) -> None:
        seen.append((message, ctx.call.context.attempt))

    first = await start({"b": hangs})
    await go(first, {"n": 7})
    await started.wait()

    second = await start({"b": notes})
    await second.quiet()

    assert seen == [({"n": 7}, 2)]
    assert await second.store.runs() == []


async def test_a_zombie_attempt_of_an_earlier_boot_counts_for_nothing(start: Start) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def zombie(message: Any, ctx: StepContext) -> None:
        started.set()
        await release.wait()
        ctx.write("increment", "g", "n")

    async def alive(message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "g", "n")

    first = await start({"b": zombie})
    await go(first)
    await started.wait()
    second = await start({"b": alive})
    await second.quiet()
    release.set()
    await first.broke.wait()

    assert second.store.get("g", "n") == 1


async def test_what_does_not_fit_into_memory_waits_in_the_store_and_none_is_lost(
    start: Start,
) -> None:
    seen: Counter[int] = Counter()

    async def notes(message: Any, ctx: StepContext) -> None:
        seen[message["n"]] += 1

    limits = Limits(held_per_step=8, attempts_per_step=4)
    running = await start({"b": notes}, limits=limits)
    await asyncio.gather(*(go(running, {"n": n}) for n in range(300)))
    await running.quiet()

    assert seen == Counter(range(300))
    assert running.hosts.most_in_flight <= 4
    assert running.engine.status()[0].backlog == 0


async def test_a_busy_step_does_not_keep_another_waiting(start: Start) -> None:
    order: list[str] = []

    def noting(name: str) -> Step:
        async def note(message: Any, ctx: StepContext) -> None:
            order.append(name)

        return note

    async def fan(message: Any, ctx: StepContext) -> None:
        for _ in range(50):
            ctx.emit("many", {})
        ctx.emit("one", {})

    locked = {
        "b": a_step(subscribes=["go"], emits=["many", "one"]),
        "many": a_step(subscribes=["many"]),
        "one": a_step(subscribes=["one"]),
    }
    running = await start(
        {"b": fan, "many": noting("many"), "one": noting("one")},
        locked=locked,
        limits=Limits(attempts=1),
    )
    await go(running)
    await running.quiet()

    assert order.index("one") <= 1


async def test_cancelling_a_run_drops_what_waits_and_stops_what_runs(start: Start) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hangs(message: Any, ctx: StepContext) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = await start(
        {"b": hangs},
        locked={"b": a_step(subscribes=["go"]), "c": a_step(subscribes=["go"])},
        limits=Limits(attempts=1),
    )
    running.hosts.steps["c"] = hangs
    run_id = await go(running)
    await started.wait()

    await running.engine.cancel(run_id)
    await ended.wait()
    await running.quiet()

    assert await running.store.runs() == []
    assert [one["status"] for one in running.sink.of_kind("run")] == ["running", "cancelled"]
    assert running.engine.status()[0].backlog == 0
    with pytest.raises(UnknownRun):
        await running.engine.cancel(run_id)


async def test_a_redriven_dead_letter_runs_under_its_own_id_and_reopens_its_run(
    start: Start,
) -> None:
    ids: list[str] = []

    async def never(message: Any, ctx: StepContext) -> None:
        ids.append(ctx.call.context.idempotency_key)
        if len(ids) == 1:
            raise NonRetriable

    running = await start({"b": never})
    run_id = await go(running)
    await running.quiet()
    [dead] = await running.store.dead_letters()

    again = await running.engine.redrive(dead.delivery_id)
    await running.quiet()

    assert again == run_id
    assert ids == [dead.delivery_id] * 2
    assert [one["status"] for one in running.sink.of_kind("run")] == [
        "running",
        "dead",
        "running",
        "done",
    ]
    with pytest.raises(UnknownDeadLetter):
        await running.engine.redrive(dead.delivery_id)


async def test_two_redrives_at_once_count_once(start: Start) -> None:
    tries: list[int] = []

    async def never(message: Any, ctx: StepContext) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise NonRetriable

    running = await start({"b": never})
    await go(running)
    await running.quiet()
    [dead] = await running.store.dead_letters()

    results = await asyncio.gather(
        *(running.engine.redrive(dead.delivery_id) for _ in range(2)), return_exceptions=True
    )
    await running.quiet()

    assert sorted(isinstance(one, UnknownDeadLetter) for one in results) == [False, True]
    assert len(tries) == 2


async def test_a_tick_fires_its_step_once(start: Start) -> None:
    seen: list[tuple[str, Any]] = []

    async def notes(message: Any, ctx: StepContext) -> None:
        seen.append((ctx.call.kind, message))

    running = await start({"nightly": notes}, locked={"nightly": a_step("cron", cron="0 2 * * *")})

    fired = [await running.engine.tick("nightly", scheduled_at_us=1_000) for _ in range(2)]
    await running.quiet()

    assert fired == [True, False]
    assert seen == [("cron", None)]
    assert await running.store.cursor("nightly") == 1_000


async def test_a_cron_step_that_throws_is_tried_again_as_cron(start: Start) -> None:
    kinds: list[str] = []

    async def flaky(message: Any, ctx: StepContext) -> None:
        kinds.append(ctx.call.kind)
        if len(kinds) == 1:
            raise ValueError

    running = await start({"nightly": flaky}, locked={"nightly": a_step("cron", cron="0 2 * * *")})
    await running.engine.tick("nightly", scheduled_at_us=1_000)
    await running.quiet()

    assert kinds == ["cron", "cron"]


async def test_a_log_line_belongs_to_its_attempt(start: Start) -> None:
    async def says(message: Any, ctx: StepContext) -> None:
        ctx.log("hello")

    running = await start({"b": says})
    run_id = await go(running)
    await running.quiet()
    [line] = await running.sink.seen("line")

    [attempt] = running.sink.of_kind("attempt")
    assert (line["message"], line["run_id"], line["attempt_id"]) == (
        "hello",
        run_id,
        attempt["attempt_id"],
    )


async def test_an_edited_lock_takes_over_what_was_to_do(start: Start) -> None:
    release, seen = asyncio.Event(), []

    async def slow(message: Any, ctx: StepContext) -> None:
        await release.wait()

    async def quick(message: Any, ctx: StepContext) -> None:
        seen.append(message["n"])

    running = await start({"b": slow}, limits=Limits(attempts_per_step=1))
    for n in range(5):
        await go(running, {"n": n})

    edited = InMemoryHosts({"b": quick})
    await running.engine.load(a_deployment(project({"b": a_step(subscribes=["go"])}), edited))
    release.set()
    await running.quiet()

    assert seen == [1, 2, 3, 4]
    assert running.hosts.is_closed


CHAIN = {
    "b": a_step(subscribes=["go"], emits=["then"]),
    "c": a_step(subscribes=["then"]),
}


async def test_what_is_emitted_while_the_lock_is_edited_runs_in_the_new_one(start: Start) -> None:
    begun, release, seen = asyncio.Event(), asyncio.Event(), []

    async def slow(message: Any, ctx: StepContext) -> None:
        begun.set()
        await release.wait()
        ctx.emit("then", {"n": 2})

    async def notes(message: Any, ctx: StepContext) -> None:
        seen.append(message["n"])

    running = await start({"b": slow, "c": notes}, locked=CHAIN)
    await go(running)
    await begun.wait()

    # Its unit is submitted with the old lane's queues, and committed when the new one is there.
    release.set()
    [delivering] = running.engine._deliveries.in_flight
    for _ in range(100):
        if delivering.is_settling:
            break
        await asyncio.sleep(0)
    assert delivering.is_settling
    await running.engine.load(a_deployment(project(CHAIN), InMemoryHosts({"b": slow, "c": notes})))
    await running.quiet()

    assert seen == [2]


async def test_what_a_dropped_deployment_still_emits_waits_for_its_return(start: Start) -> None:
    begun, release, seen = asyncio.Event(), asyncio.Event(), []

    async def slow(message: Any, ctx: StepContext) -> None:
        begun.set()
        await release.wait()
        ctx.emit("then", {"n": 2})

    async def notes(message: Any, ctx: StepContext) -> None:
        seen.append(message["n"])

    running = await start({"b": slow, "c": notes}, locked=CHAIN)
    await go(running)
    await begun.wait()
    dropping = asyncio.create_task(running.engine.drop("dep"))
    await asyncio.sleep(0)
    release.set()
    await dropping
    await running.engine.load(a_deployment(project(CHAIN), running.hosts))
    await running.quiet()

    assert seen == [2]


async def test_a_retry_under_way_while_the_deployment_is_dropped_waits_for_its_return(
    start: Start,
) -> None:
    begun, release, seen = asyncio.Event(), asyncio.Event(), []

    async def slow(message: Any, ctx: StepContext) -> None:
        seen.append(message["n"])
        begun.set()
        if len(seen) == 1:
            await release.wait()
            raise RetryAfter(0)

    running = await start({"b": slow})
    await go(running)
    await begun.wait()
    dropping = asyncio.create_task(running.engine.drop("dep"))
    await asyncio.sleep(0)
    release.set()
    await dropping
    await running.engine.load(
        a_deployment(project({"b": a_step(subscribes=["go"])}), running.hosts)
    )
    await running.quiet()

    assert seen == [1, 1]


async def test_two_deployments_keep_to_their_own_hosts(start: Start) -> None:
    seen: list[str] = []

    def noting(name: str) -> Step:
        async def note(message: Any, ctx: StepContext) -> None:
            seen.append(name)

        return note

    lock = project({"b": a_step(subscribes=["go"])})
    running = await start({"b": noting("one")})
    await running.engine.load(a_deployment(lock, InMemoryHosts({"b": noting("two")}), id="two"))

    await running.engine.call(a_call("/go", {}, deployment_id="two"))
    await running.quiet("two")
    await running.engine.call(a_call("/go", {}, deployment_id="dep"))
    await running.quiet()

    assert seen == ["two", "one"]


async def test_a_dropped_deployment_leaves_what_is_to_do_for_its_return(start: Start) -> None:
    seen: list[int] = []

    async def notes(message: Any, ctx: StepContext) -> None:
        seen.append(message["n"])

    running = await start({"b": notes}, limits=Limits(attempts=0))
    await go(running, {"n": 1})
    await running.engine.drop("dep")
    assert (await running.engine.call(a_call("/go", {}))).status == 503
    await running.engine.close()

    again = await start({"b": notes})
    await again.quiet()
    assert seen == [1]


def test_backoff_doubles_up_to_its_cap_with_full_jitter() -> None:
    exact = Retrying(max=9, initial_s=1, factor=2, cap_s=10, jitter=False)
    jittered = Retrying(max=9, initial_s=1, factor=2, cap_s=10, jitter=True)
    chance = random.Random(7)

    assert [exact.delay_s(n, chance=chance) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    for n in range(1, 7):
        delays = [jittered.delay_s(n, chance=chance) for _ in range(200)]
        assert min(delays) < exact.delay_s(n, chance=chance) * 0.1
        assert max(delays) <= exact.delay_s(n, chance=chance)
