"""Events from outside: taken whole or not at all, typed, each a run of its own, once under one id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.factories.engine import Running, StepContext, a_call, a_lock, a_step, an_engine
from wistro.lock.model import Lock, OutsideTrigger
from wistro.protocol.ids import show
from wistro.triggers.port import EndpointAnswer, EndpointCall

STOCK = {
    "type": "object",
    "required": ["sku"],
    "properties": {"sku": {"type": "string"}, "left": {"type": "integer"}},
}
PATH = "/_wistro/events/stock.changed"


async def count(message: Any, ctx: StepContext) -> None:
    ctx.write("append", "seen", "skus", message["sku"])


def lock() -> Lock:
    made = a_lock(
        {"count": a_step(subscribes=["stock.changed"])},
        topic_schemas={"stock.changed": "stock"},
        schemas={"stock": STOCK},
    )
    made.triggers.outside = [OutsideTrigger("stock.changed", flows=["stock"])]
    return made


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = await an_engine(tmp_path, lock(), {"count": count})
    yield running
    await running.engine.close()


async def send(running: Running, body: Any, **more: Any) -> EndpointAnswer:
    return await running.engine.call(a_call(PATH, body, **more))


def said(answer: EndpointAnswer) -> Any:
    return json.loads(answer.body)


async def seen(running: Running) -> list[str]:
    await running.quiet()
    return sorted(running.store.get("seen", "skus") or [])


async def test_an_event_starts_a_run_and_reaches_who_hears_it(running: Running):
    call = a_call(PATH, {"sku": "a"})

    answer = await running.engine.call(call)

    assert (answer.status, said(answer)) == (202, {"run_id": show("run", call.run_id)})
    assert await seen(running) == ["a"]
    run = (await running.sink.seen("run"))[0]
    assert (run["trigger"], run["trigger_id"], run["flows"]) == (
        "event",
        "outside:stock.changed",
        ["stock"],
    )


NDJSON = [("content-type", "application/x-ndjson")]


async def test_a_list_or_lines_are_a_batch_of_a_run_each(running: Running):
    listed = await send(running, [{"sku": "a"}, {"sku": "b"}])
    lines = await send(running, b'{"sku": "c"}\n\n{"sku": "d"}\n', headers=NDJSON)

    assert [len(set(said(one)["run_ids"])) for one in (listed, lines)] == [2, 2]
    assert await seen(running) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "fields"),
    [
        ({"left": 1}, None, 422, ["/sku"]),
        ([{"sku": "a"}, {"sku": "b", "left": "x"}, {}], None, 422, ["/1/left", "/2/sku"]),
        (b'{"sku": "a"}\n{"sku": 1}', NDJSON, 422, ["/1/sku"]),
        ({"sku": "a", "left": 2**60}, None, 422, ["/left"]),
        ([], None, 422, None),
        (b"", None, 422, [""]),
        (b"{", None, 422, None),
        (b'{"sku": "a"}\n{', NDJSON, 422, None),
        (b"<a/>", [("content-type", "application/xml")], 415, None),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_taken(
    running: Running, body: Any, headers: Any, status: int, fields: list[str] | None
):
    answer = await send(running, body, headers=headers)

    assert answer.status == status, answer.body
    if fields is not None:
        assert sorted(said(answer)["error"]["fields"]) == fields
    assert running.engine.status()[0].live_runs == 0
    assert running.hosts.calls == []


async def test_a_batch_beyond_the_limit_is_refused_whole(running: Running):
    answer = await send(running, [{"sku": "a"}] * 1_001)

    assert answer.status == 422
    assert "1,001" in said(answer)["error"]["message"]


@pytest.mark.parametrize("by", ["header", "query"])
async def test_the_same_id_again_gets_the_first_answer_and_no_run(running: Running, by: str):
    def call() -> EndpointCall:
        made = a_call(PATH, {"sku": "a"})
        if by == "query":
            return structs.replace(made, query="id=7")
        return structs.replace(made, headers=[*made.headers, ("idempotency-key", "7")])

    first, second = await asyncio.gather(running.engine.call(call()), running.engine.call(call()))
    third = await running.engine.call(call())

    assert said(first) == said(second) == said(third)
    assert ("idempotent-replayed", "true") in third.headers
    assert await seen(running) == ["a"]


async def test_an_id_that_cannot_be_used_is_refused(running: Running):
    answer = await send(running, {"sku": "a"}, headers=[("idempotency-key", "")])

    assert answer.status == 422


async def test_a_topic_that_nobody_sends_to_from_outside_is_not_there(running: Running):
    answer = await running.engine.call(a_call("/_wistro/events/other", {"sku": "a"}))

    assert answer.status == 404
