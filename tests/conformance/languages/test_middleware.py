"""`middleware` around an endpoint's handler, in the languages that have it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.conformance.languages.calls import Caller, context, request
from tests.conformance.languages.recorder import Recorder
from wistro.hosts.port import HostCall, Outcome, Returned, Threw

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(caller: Caller, recorder: Recorder, **headers: str) -> Outcome:
    if "around" not in caller.subject.files:
        pytest.skip("its endpoints have no middleware")
    given = msgspec.structs.replace(
        request({}), headers={name.replace("_", "-"): one for name, one in headers.items()}
    )
    return await caller.pool.call(HostCall("around", "api", given, context(), 30.0), recorder)


def said(recorder: Recorder) -> list[Any]:
    return [line[1] for line in recorder.lines]


async def test_middleware_runs_around_the_handler_outermost_first(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await ask(caller, recorder)

    body = {"user": "ada", "also": "ada", "path": "/acts/berlin"}
    assert outcome == Returned({"status": 200, "headers": {"x-outer": "1"}, "body": body})
    assert said(recorder) == ["outer in", "handler", "outer out"]


async def test_middleware_may_answer_in_the_handlers_place(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await ask(caller, recorder, x_refuse="1")

    assert outcome == Returned({"status": 401, "headers": {"x-outer": "1"}})
    assert said(recorder) == ["outer in", "outer out"]


async def test_middleware_calls_next_once(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await ask(caller, recorder, x_twice="1")

    assert isinstance(outcome, Threw)
    assert outcome.failed.type == "NextTwice"
    assert said(recorder) == ["outer in", "handler"]
