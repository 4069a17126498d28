from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from tests.factories.auth import a_verifier
from wistro.auth.hmac import sign_standard_webhooks
from wistro.engine.task_errors import UnknownTask
from wistro.errors import UserError
from wistro.http.message import Request, Response
from wistro.lock.model import ApiTrigger, OutsideTrigger
from wistro.protocol.ids import uuid7
from wistro.protocol.operating import TaskView
from wistro.protocol.route import HEADER, MAX_AGE_US, Route, sign
from wistro.triggers.http import LocalDoor, RoutedDoor
from wistro.triggers.port import EndpointAnswer, EndpointCall

NOW_US = 1_800_000_000_000_000
RUN = uuid7(now_ms=NOW_US // 1000, random=bytes(10))
KEY = b"k" * 32
ENVIRONMENT = "0192e4a0-0000-7000-8000-00000000000e"
DEPLOYMENT = "0192e4a0-0000-7000-8000-00000000000d"


class Remembering:
    """An engine that answers everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[EndpointCall] = []
        self.tokens: list[str] = []

    async def call(self, call: EndpointCall) -> EndpointAnswer:
        self.calls.append(call)
        return EndpointAnswer(202, b"taken", [("x-answer", "1")])

    async def task_behind(self, token: str) -> TaskView:
        self.tokens.append(token)
        raise UnknownTask("no task is behind this link")

    async def answer_behind(
        self, token: str, answer: str, form: Any, *, by: str | None
    ) -> TaskView:
        raise NotImplementedError

    async def tick(self, schedule_id: str, *, scheduled_at_us: int) -> bool:
        raise NotImplementedError


ENDPOINTS = [
    ApiTrigger("POST", "/orders/:shop", "src/order"),
    ApiTrigger(
        "POST",
        "/keyed",
        "src/keyed",
        auth=[{"type": "api_key", "header": "x-api-key", "keys": ["$K"]}],
    ),
    ApiTrigger(
        "POST",
        "/hooks",
        "api:POST /hooks",
        auth=[{"type": "hmac", "preset": "standard-webhooks", "secret": ["$S"]}],
    ),
    ApiTrigger(
        "POST",
        "/unset",
        "src/unset",
        auth=[{"type": "api_key", "header": "x-api-key", "keys": ["$NONE"]}],
    ),
]


def a_request(path="/orders/7", *, method="POST", headers=(), body=b"{}", target=None):
    return Request(
        method, target or path, path=path, headers=list(headers), body=body, address="192.0.2.1"
    )


def a_local_door():
    engine = Remembering()
    door = LocalDoor(
        engine,
        ENDPOINTS,
        values={"K": "key", "S": "secret"},
        new_id=lambda: RUN,
        now_us=lambda: NOW_US,
        verifier=a_verifier(),
        outside=[OutsideTrigger("stock.changed")],
        events_keys=["events-key"],
    )
    return door, engine


async def test_a_local_call_reaches_the_engine_with_a_run_of_its_own():
    door, engine = a_local_door()

    response = await door.handle(
        a_request(headers=[("x", "1"), ("wistro-route", "forged"), ("idempotency-key", "i")])
    )

    assert (response.status, response.body, response.headers) == (
        202,
        b"taken",
        [("x-answer", "1")],
    )
    assert engine.calls == [
        EndpointCall(
            run_id=RUN,
            method="POST",
            path="/orders/7",
            query="",
            headers=[("x", "1"), ("idempotency-key", "i")],
            body=b"{}",
            address="192.0.2.1",
            sender_id="key:public:i",
        )
    ]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (a_request("/none"), 404, "call.not-found"),
        (a_request("/orders/7", method="PUT"), 405, "call.method"),
        (a_request("/keyed"), 401, "call.refused"),
        (a_request("/keyed", headers=[("x-api-key", "other")]), 401, "call.refused"),
        (a_request("/hooks"), 401, "call.refused"),
        (a_request("/unset", headers=[("x-api-key", "")]), 503, "call.closed"),
    ],
)
async def test_a_call_that_may_not_pass_never_reaches_the_engine(request_, status, code):
    door, engine = a_local_door()

    response = await door.handle(request_)

    assert (response.status, error_code(response)) == (status, code)
    assert engine.calls == []


def error_code(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)["error"]["code"]


@pytest.mark.parametrize(
    "header", [("authorization", "Bearer events-key"), ("x-api-key", "events-key")]
)
async def test_who_holds_the_events_key_may_send_events(header: tuple[str, str]):
    door, engine = a_local_door()

    response = await door.handle(a_request("/_wistro/events/stock.changed", headers=[header]))

    assert response.status == 202
    assert [call.path for call in engine.calls] == ["/_wistro/events/stock.changed"]


@pytest.mark.parametrize(
    "headers",
    [[], [("authorization", "Bearer key")], [("x-api-key", "")], [("authorization", "events-key")]],
)
async def test_nobody_else_may(headers: list[tuple[str, str]]):
    door, engine = a_local_door()

    response = await door.handle(a_request("/_wistro/events/stock.changed", headers=headers))

    assert (response.status, engine.calls) == (401, [])


async def test_a_tasks_link_is_its_own_key():
    door, engine = a_local_door()

    response = await door.handle(a_request("/_wistro/tasks/abc", method="GET"))

    assert (response.status, engine.tokens) == (404, ["abc"])


async def test_a_wrong_method_says_which_are_right():
    door, _ = a_local_door()

    response = await door.handle(a_request(method="PUT"))

    assert ("allow", "POST") in list(response.headers)


async def test_a_refused_caller_is_told_no_reason_and_the_log_is(caplog):
    caplog.set_level("INFO")
    door, _ = a_local_door()

    response = await door.handle(a_request("/keyed", headers=[("x-api-key", "other")]))

    assert isinstance(response.body, bytes)
    assert b"unknown key" not in response.body and "unknown key" in caplog.text


async def test_an_idempotency_key_that_cannot_be_used_is_the_callers_error():
    door, _ = a_local_door()

    with pytest.raises(UserError):
        await door.handle(a_request(headers=[("idempotency-key", "")]))


async def test_a_verified_webhook_brings_claims_and_its_own_id():
    door, engine = a_local_door()
    signature = sign_standard_webhooks("secret", b"{}", id="m1", timestamp_s=NOW_US // 1_000_000)
    headers = [
        ("webhook-id", "m1"),
        ("webhook-timestamp", str(NOW_US // 1_000_000)),
        ("webhook-signature", signature),
    ]

    await door.handle(a_request("/hooks", headers=headers))

    assert engine.calls[0].sender_id == "standard-webhooks:m1"
    assert engine.calls[0].claims == {"type": "hmac", "preset": "standard-webhooks"}


def a_route(**changes):
    fields = {
        "run_id": str(RUN),
        "environment_id": ENVIRONMENT,
        "deployment_id": DEPLOYMENT,
        "generation": 7,
        "method": "POST",
        "target": "/orders/7?a=b",
        "issued_at_us": NOW_US,
        "address": "198.51.100.9",
        "sender_id": "key:public:i",
        "claims": {"sub": "ada"},
    }
    return Route(**(fields | changes))


def a_routed_door():
    engine = Remembering()
    door = RoutedDoor(engine, environment_id=ENVIRONMENT, key=KEY, now_us=lambda: NOW_US)
    return door, engine


def routed(header, **options):
    headers = [("x", "1")] + [
        (HEADER, one) for one in ([header] if isinstance(header, str) else header)
    ]
    return a_request(headers=headers, target="/orders/7?a=b", **options)


async def test_a_routed_call_carries_what_the_gateway_decided():
    door, engine = a_routed_door()

    response = await door.handle(routed(sign(a_route(), key=KEY)))

    assert response.status == 202
    call = engine.calls[0]
    assert (call.run_id, call.deployment_id, call.generation) == (RUN, DEPLOYMENT, 7)
    assert (call.address, call.sender_id, call.claims) == (
        "198.51.100.9",
        "key:public:i",
        {"sub": "ada"},
    )
    assert call.headers == [("x", "1")]


@pytest.mark.parametrize(
    "header",
    [
        [],
        "",
        "v1.e30.e30",
        "é",
        sign(a_route(), key=b"other"),
        sign(a_route(), key=KEY)[:-1],
        sign(a_route(), key=KEY).replace("v1", "v2"),
        sign(a_route(issued_at_us=NOW_US - MAX_AGE_US - 1), key=KEY),
        sign(a_route(issued_at_us=NOW_US + MAX_AGE_US + 1), key=KEY),
        sign(a_route(method="GET"), key=KEY),
        sign(a_route(target="/orders/8?a=b"), key=KEY),
        sign(a_route(target="/orders/7"), key=KEY),
        sign(a_route(environment_id=DEPLOYMENT), key=KEY),
        [sign(a_route(), key=KEY)] * 2,
    ],
)
async def test_what_the_gateway_did_not_sign_for_this_call_is_refused(header):
    door, engine = a_routed_door()

    response = await door.handle(routed(header))

    assert (response.status, engine.calls) == (403, [])


async def test_a_new_key_of_the_assignment_takes_the_old_ones_place():
    door, engine = a_routed_door()
    door.key = b"n" * 32

    assert (await door.handle(routed(sign(a_route(), key=KEY)))).status == 403
    assert (await door.handle(routed(sign(a_route(), key=b"n" * 32)))).status == 202
    assert isinstance(engine.calls[0].run_id, UUID)


async def test_a_tasks_link_comes_by_the_gateway_alone():
    door, engine = a_routed_door()
    target = "/_wistro/tasks/abc"
    header = sign(a_route(method="GET", target=target, deployment_id=""), key=KEY)

    unsigned = await door.handle(a_request(target, method="GET"))
    signed = await door.handle(a_request(target, method="GET", headers=[(HEADER, header)]))

    assert (unsigned.status, signed.status, engine.tokens) == (403, 404, ["abc"])
