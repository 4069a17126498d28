"""Calls at endpoints: what they answer, and what counts of them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import (
    Running,
    StepContext,
    a_call,
    a_lock,
    a_step,
    an_engine,
)
from wistro.engine.limits import Limits
from wistro.hosts.port import HostLost, TimedOut
from wistro.lock.model import ApiTrigger, Lock
from wistro.protocol.ids import show
from wistro.triggers.port import EndpointAnswer

ORDER = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}


async def take(request: Any, ctx: StepContext) -> Any:
    ctx.emit("made", request.body)
    ctx.set("orders", "last", request.body)
    return {"status": 202, "body": {"run": ctx.call.context.run_id}}


async def nothing(message: Any, ctx: StepContext) -> None:
    return None


async def broken(request: Any, ctx: StepContext) -> Any:
    ctx.emit("made", {"sku": "1"})
    ctx.set("orders", "last", "broken")
    raise ValueError("no stock")


def lock(**more: Any) -> Lock:
    return a_lock(
        {
            "take": a_step(
                "api", method="POST", path="/orders/:shop", emits=["made"], input="order"
            ),
            "broken": a_step("api", method="POST", path="/broken", emits=["made"]),
            "hear": a_step(subscribes=["made"]),
        },
        api=[ApiTrigger("POST", "/hooks", "api:POST /hooks", emits="made", flows=["orders"])],
        topic_schemas={"made": "order"},
        schemas={"order": ORDER},
        **more,
    )


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = await an_engine(tmp_path, lock(), {"take": take, "broken": broken, "hear": nothing})
    yield running
    await running.engine.close()


def body(answer: EndpointAnswer) -> Any:
    return json.loads(answer.body)


def error(answer: EndpointAnswer) -> dict[str, Any]:
    return body(answer)["error"]


async def test_an_answer_is_sent_after_its_emits_and_state_are_on_disk(running: Running) -> None:
    call = a_call("/orders/berlin", {"sku": "x"})

    answer = await running.engine.call(call)

    assert (answer.status, body(answer)) == (202, {"run": show("run", call.run_id)})
    assert running.store.get("orders", "last") == {"sku": "x"}
    await running.quiet()
    assert [one.step for one in running.hosts.calls] == ["take", "hear"]


async def test_a_step_gets_the_request_whole(running: Running) -> None:
    await running.engine.call(
        a_call(
            "/orders/berlin",
            b'{"sku": "x"}',
            headers=[("content-type", "application/json"), ("x-a", "1"), ("x-a", "2")],
        )
    )

    [seen] = [json.loads(bytes(one.input)) for one in running.hosts.calls if one.step == "take"]

    assert seen["path_params"] == {"shop": "berlin"}
    assert seen["headers"]["x-a"] == "1, 2"
    assert seen["body"] == {"sku": "x"}
    assert base64.b64decode(seen["raw_body_base64"]) == b'{"sku": "x"}'


async def test_a_path_that_nobody_has_is_404_and_another_method_405_with_allow(
    running: Running,
) -> None:
    missing = await running.engine.call(a_call("/nowhere"))
    wrong = await running.engine.call(a_call("/orders/berlin", method="GET"))

    assert (missing.status, error(missing)["code"]) == (404, "endpoint.not-found")
    assert (wrong.status, dict(wrong.headers)["allow"]) == (405, "POST")


async def test_an_unfit_body_is_422_with_pointers_and_never_reaches_the_step(
    running: Running,
) -> None:
    answer = await running.engine.call(a_call("/orders/berlin", {"sku": 3}))

    assert answer.status == 422
    assert list(error(answer)["fields"]) == ["/sku"]
    assert running.hosts.calls == []


@pytest.mark.parametrize(
    ("content_type", "sent", "status"),
    [
        ("application/json", b"{", 422),
        ("application/json", b'{"a": NaN}', 422),
        ("application/json; charset=latin-1", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x", 422),
        ("multipart/form-data", b"--x--", 415),
        ("multipart/mixed; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded; charset=rot13", b"sku=1", 415),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", b"sku=%FF", 202),
        ("text/plain", b"sku=1", 415),
        ("application/x-www-form-urlencoded", b"sku=%FF", 422),
        ("application/x-www-form-urlencoded", b"sku=1", 202),
        ("application/vnd.shop+json", b'{"sku":"1"}', 202),
    ],
)
async def test_a_body_is_read_by_its_content_type(
    running: Running, content_type: str, sent: bytes, status: int
) -> None:
    answer = await running.engine.call(
        a_call("/orders/b", sent, headers=[("content-type", content_type)])
    )

    assert answer.status == status


async def test_deep_json_is_refused_and_not_fatal(running: Running) -> None:
    answer = await running.engine.call(a_call("/orders/b", b"[" * 100_000))

    assert answer.status == 422


async def test_a_step_that_throws_is_500_with_the_run_and_nothing_of_it_counts(
    running: Running,
) -> None:
    call = a_call("/broken", {})

    answer = await running.engine.call(call)
    await running.engine.close()

    assert (answer.status, error(answer)["run_id"]) == (500, show("run", call.run_id))
    assert [one.step for one in running.hosts.calls] == ["broken"]
    [attempt] = running.sink.of_kind("attempt")
    assert attempt["outcome"] == "failed"
    assert attempt["error"] == {"type": "ValueError", "message": "no stock", "stack": "step.py:1"}
    assert "emits" not in attempt
    assert "writes" not in attempt
    assert [one["status"] for one in running.sink.of_kind("run")] == ["failed"]


async def test_a_lost_host_is_503_at_once_and_the_run_is_interrupted(running: Running) -> None:
    running.hosts.outcomes["take"] = [HostLost(alone=True, exit="signal 9", stderr="oops")]

    answer = await running.engine.call(a_call("/orders/b", {"sku": "1"}))
    await running.engine.close()

    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
    assert [one.step for one in running.hosts.calls] == ["take"]
    assert [one["status"] for one in running.sink.of_kind("run")] == ["interrupted"]


async def test_a_call_past_its_timeout_is_504(running: Running) -> None:
    running.hosts.outcomes["take"] = [TimedOut(30.0)]

    answer = await running.engine.call(a_call("/orders/b", {"sku": "1"}))

    assert (answer.status, error(answer)["code"]) == (504, "endpoint.timeout")


async def test_what_is_no_answer_is_500_and_nothing_of_it_counts(tmp_path: Path) -> None:
    async def bad(request: Any, ctx: StepContext) -> Any:
        ctx.set("g", "k", 1)
        return {"status": 99}

    running = await an_engine(
        tmp_path, a_lock({"bad": a_step("api", method="POST", path="/a")}), {"bad": bad}
    )
    answer = await running.engine.call(a_call("/a"))

    assert (answer.status, error(answer)["code"]) == (500, "endpoint.failed")
    assert running.store.get("g", "k") is None
    await running.engine.close()


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, EndpointAnswer(200, b"", [])),
        (
            {"body": {"a": 1}},
            EndpointAnswer(200, b'{"a":1}', [("content-type", "application/json")]),
        ),
        ({"status": 204, "body": {"a": 1}}, EndpointAnswer(204, b"", [])),
        (
            {"body": "hello", "headers": {"Content-Type": "text/plain"}},
            EndpointAnswer(200, b"hello", [("content-type", "text/plain")]),
        ),
        (
            {"body_base64": "AAE=", "headers": {"x": ["1", "2"]}},
            EndpointAnswer(200, b"\0\1", [("x", "1"), ("x", "2")]),
        ),
    ],
)
async def test_a_steps_answer_becomes_http(
    tmp_path: Path, returned: Any, expected: EndpointAnswer
) -> None:
    async def step(request: Any, ctx: StepContext) -> Any:
        return returned

    running = await an_engine(
        tmp_path, a_lock({"s": a_step("api", method="POST", path="/a")}), {"s": step}
    )

    assert await running.engine.call(a_call("/a")) == expected
    await running.engine.close()


async def test_an_entry_of_wistro_yml_emits_its_body_without_a_host(running: Running) -> None:
    call = a_call("/hooks", {"sku": "1"})

    answer = await running.engine.call(call)
    await running.quiet()

    assert (answer.status, body(answer)) == (202, {"run_id": show("run", call.run_id)})
    assert [(one.step, one.kind) for one in running.hosts.calls] == [("hear", "event")]
    unfit = await running.engine.call(a_call("/hooks", {"sku": 1}))
    assert (unfit.status, list(error(unfit)["fields"])) == (422, ["/sku"])


async def test_of_two_calls_with_one_id_the_second_gets_the_firsts_answer(running: Running) -> None:
    calls = [a_call("/orders/b", {"sku": "1"}, sender_id="k") for _ in range(5)]

    answers = await asyncio.gather(*map(running.engine.call, calls))
    later = await running.engine.call(a_call("/orders/b", {"sku": "1"}, sender_id="k"))
    await running.quiet()

    assert {one.body for one in [*answers, later]} == {answers[0].body}
    assert dict(later.headers)["idempotent-replayed"] == "true"
    assert [one.step for one in running.hosts.calls] == ["take", "hear"]


async def test_a_stored_answer_is_there_after_a_restart(running: Running, tmp_path: Path) -> None:
    first = await running.engine.call(a_call("/orders/b", {"sku": "1"}, sender_id="k"))
    await running.engine.close()

    again = await an_engine(tmp_path, lock(), {"take": take, "broken": broken, "hear": nothing})
    second = await again.engine.call(a_call("/orders/b", {"sku": "1"}, sender_id="k"))
    await again.engine.close()

    assert second.body == first.body


async def test_a_key_whose_first_try_was_interrupted_is_free_again(running: Running) -> None:
    running.hosts.outcomes["take"] = [HostLost(alone=True, exit="signal 9", stderr="")]
    calls = [a_call("/orders/b", {"sku": "1"}, sender_id="k") for _ in range(2)]

    first, second = await asyncio.gather(*map(running.engine.call, calls))

    assert (first.status, second.status) == (503, 202)


async def test_an_id_is_not_free_while_its_first_call_is_on_its_way_to_the_disk(
    running: Running,
) -> None:
    first = asyncio.create_task(
        running.engine.call(a_call("/orders/b", {"sku": "1"}, sender_id="k"))
    )
    for _ in range(100):
        if running.store._waiting or running.store._committing:
            break
        await asyncio.sleep(0)
    assert not first.done()
    first.cancel()  # its caller has left, and asks again
    second = await running.engine.call(a_call("/orders/b", {"sku": "1"}, sender_id="k"))
    await running.quiet()

    assert dict(second.headers)["idempotent-replayed"] == "true"
    assert [one.step for one in running.hosts.calls] == ["take", "hear"]


async def test_the_same_id_of_another_caller_is_another_key(running: Running) -> None:
    one = await running.engine.call(
        a_call("/orders/b", {"sku": "1"}, sender_id="k", claims={"sub": "ann"})
    )
    other = await running.engine.call(
        a_call("/orders/b", {"sku": "1"}, sender_id="k", claims={"sub": "bob"})
    )

    assert one.body != other.body


async def test_too_many_calls_are_refused_with_retry_after(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(request: Any, ctx: StepContext) -> Any:
        await release.wait()

    running = await an_engine(
        tmp_path,
        a_lock({"slow": a_step("api", method="POST", path="/a")}),
        {"slow": slow},
        limits=Limits(calls=2),
    )
    waiting = [asyncio.create_task(running.engine.call(a_call("/a"))) for _ in range(2)]
    await asyncio.sleep(0)

    refused = await running.engine.call(a_call("/a"))
    release.set()
    answered = await asyncio.gather(*waiting)
    await running.engine.close()

    assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "1")
    assert [one.status for one in answered] == [200, 200]


async def test_headers_that_carry_secrets_stay_out_of_the_record(running: Running) -> None:
    headers = [("content-type", "application/json"), ("authorization", "Bearer abc")]
    await running.engine.call(a_call("/orders/b", {"sku": "1"}, headers=headers))
    await running.engine.close()

    [attempt] = [one for one in running.sink.of_kind("attempt") if one["step"] == "take"]

    assert attempt["input"]["headers"]["authorization"] == "[redacted]"
    assert (
        json.loads(bytes(running.hosts.calls[0].input))["headers"]["authorization"] == "Bearer abc"
    )


async def test_a_call_that_takes_long_is_told_of_while_it_runs(tmp_path: Path) -> None:
    release, started = asyncio.Event(), asyncio.Event()

    async def slow(request: Any, ctx: StepContext) -> Any:
        started.set()
        await release.wait()
        ctx.emit("made", {"sku": "1"})

    steps = {
        "slow": a_step("api", method="POST", path="/a", emits=["made"]),
        "hear": a_step(subscribes=["made"]),
    }
    running = await an_engine(
        tmp_path, a_lock(steps), {"slow": slow, "hear": nothing}, limits=Limits(announce_after_us=0)
    )
    calling = asyncio.create_task(running.engine.call(a_call("/a")))
    await started.wait()
    await running.sink.seen("run")
    assert running.engine.status()[0].live_runs == 1

    release.set()
    await calling
    await running.quiet()
    await running.engine.close()

    assert [one["status"] for one in running.sink.of_kind("run")] == ["running", "done"]
    assert running.store


async def test_a_call_that_the_engine_died_under_is_interrupted_at_the_next_boot(
    tmp_path: Path,
) -> None:
    started = asyncio.Event()

    async def slow(request: Any, ctx: StepContext) -> Any:
        started.set()
        await asyncio.Event().wait()

    project = a_lock({"slow": a_step("api", method="POST", path="/a")})
    first = await an_engine(tmp_path, project, {"slow": slow}, limits=Limits(announce_after_us=0))
    calling = asyncio.create_task(first.engine.call(a_call("/a")))
    await started.wait()
    await first.sink.seen("run")

    second = await an_engine(tmp_path, project, {"slow": slow})
    calling.cancel()
    await second.engine.close()

    assert [one["status"] for one in second.sink.of_kind("run")] == ["interrupted"]
    assert second.engine.status()[0].live_runs == 0


async def test_a_draining_deployment_takes_no_new_call(running: Running) -> None:
    running.engine.drain("dep")

    answer = await running.engine.call(a_call("/orders/b", {"sku": "1"}))

    assert answer.status == 503
    assert (await running.engine.call(a_call("/nowhere"))).status == 404


async def test_a_deployment_that_is_not_here_is_503(running: Running) -> None:
    answer = await running.engine.call(a_call("/orders/b", {"sku": "1"}, deployment_id="other"))

    assert (answer.status, error(answer)["code"]) == (503, "engine.unavailable")


async def test_a_callers_trace_goes_on_through_its_run_and_a_bad_one_begins_another(
    running: Running,
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    for value in (f"00-{trace}-b7ad6b7169203331-02", f"00-{'0' * 32}-b7ad6b7169203331-01", "x"):
        headers = [("content-type", "application/json"), ("traceparent", value)]
        await running.engine.call(
            a_call("/orders/b", {"sku": "1"}, headers=[*headers, ("tracestate", "v=1")])
        )
    await running.quiet()

    contexts = {"take": [], "hear": []}
    for one in running.hosts.calls:
        contexts[one.step].append(one.context)
    for step in contexts.values():
        assert (step[0].trace_id, step[0].tracestate) == (trace, "v=1")
        assert step[0].traceparent.startswith(f"00-{trace}-") and step[0].traceparent[-2:] == "02"
        assert len({one.trace_id for one in step}) == 3
        assert [(one.traceparent[-2:], one.tracestate) for one in step[1:]] == [("03", "")] * 2
    spans = {one.traceparent[36:52] for step in contexts.values() for one in step}
    assert len(spans) == 6
