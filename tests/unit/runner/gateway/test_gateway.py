from __future__ import annotations

import asyncio
import json
from collections import Counter
from hashlib import sha256

import pytest

from tests.factories.routing import (
    ENVIRONMENT,
    LABEL,
    a_deployment,
    a_table,
    an_endpoint,
    an_environment,
    deployment_id,
)
from wistro.auth.hmac import sign_github
from wistro.auth.policy import check, resolve, senders
from wistro.http.message import Request, Response

KEYED = resolve(check({"type": "api_key", "keys": "$K"}), {"K": "key"})
OTHER = resolve(check({"type": "api_key", "keys": "$K"}), {"K": "other"})
EVENTS = senders([sha256(b"events-key").hexdigest()])
GITHUB = resolve(check({"type": "hmac", "preset": "github", "secret": "$S"}), {"S": "secret"})
HOST = f"{LABEL}.localhost:8080"


def a_call(
    path="/orders", *, method="POST", host=HOST, headers=(), body=b"{}", address="192.0.2.1"
):
    all_headers = [("host", host), *headers]
    return Request(method, path, path=path, headers=all_headers, body=body, address=address)


def code_of(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)["error"]["code"]


async def test_a_call_reaches_the_engine_with_what_was_decided(gateway, engine):
    gateway.apply(a_table(an_environment(generation=7)))

    response = await gateway.handle(
        a_call(headers=[("idempotency-key", "i"), ("wistro-route", "forged"), ("x", "1")])
    )

    assert (response.status, response.body) == (202, b"taken")
    assert ("x-answer", "1") in response.headers
    route, request = engine.routes[0], engine.requests[0]
    assert (route.environment_id, route.deployment_id) == (ENVIRONMENT, deployment_id(1))
    assert (route.generation, route.method, route.target) == (7, "POST", "/orders")
    assert (route.address, route.sender_id, route.claims) == ("192.0.2.1", "key:public:i", None)
    assert request.body == b"{}" and request.header("x-forwarded-for") == "192.0.2.1"
    assert len(request.header_values("wistro-route")) == 1


async def test_each_call_is_a_run_of_its_own(gateway, engine):
    gateway.apply(a_table())

    for _ in range(5):
        await gateway.handle(a_call())

    assert len({route.run_id for route in engine.routes}) == 5


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (a_call(host="nobody--shop--acme.localhost"), 404, "gateway.unknown-host"),
        (a_call(host="localhost:8080"), 404, "gateway.unknown-host"),
        (a_call("/none"), 404, "call.not-found"),
        (a_call(method="GET"), 405, "call.method"),
        (a_call("/keyed"), 401, "call.refused"),
        (a_call("/_wistro/other"), 404, "gateway.reserved"),
        (a_call("/_wistro/events/nothing"), 404, "call.not-found"),
        (a_call("/_wistro/events/stock"), 401, "call.refused"),
        (a_call(host="v9--" + HOST), 404, "gateway.unknown-version"),
    ],
)
async def test_a_call_that_may_not_pass_never_reaches_the_engine(
    gateway, engine, call, status, code
):
    endpoints = [
        an_endpoint(),
        an_endpoint("/keyed", auth=KEYED),
        an_endpoint("/_wistro/events/stock", auth=EVENTS),
    ]
    gateway.apply(a_table(an_environment(a_deployment(endpoints=endpoints))))

    response = await gateway.handle(call)

    assert (response.status, code_of(response), engine.routes) == (status, code, [])


async def test_an_event_from_outside_is_drawn_and_pinned_like_a_call(gateway, engine):
    endpoints = [an_endpoint("/_wistro/events/stock", auth=EVENTS)]
    several = [
        a_deployment(1, weight=5_000, endpoints=endpoints),
        a_deployment(2, weight=5_000, endpoints=endpoints),
    ]
    gateway.apply(a_table(an_environment(*several, a_deployment(3, weight=0, endpoints=endpoints))))
    key = ("authorization", "Bearer events-key")

    for _ in range(4):
        await gateway.handle(a_call("/_wistro/events/stock", headers=[key]))

    drawn = Counter(route.deployment_id for route in engine.routes)
    assert drawn == {deployment_id(1): 2, deployment_id(2): 2}


@pytest.mark.parametrize("host", [HOST, "v1--" + HOST])
async def test_a_tasks_link_reaches_the_environments_engine_and_counts_as_no_draw(
    gateway, engine, host
):
    gateway.apply(a_table())

    response = await gateway.handle(
        a_call("/_wistro/tasks/token", host=host, headers=[("wistro-route", "forged")])
    )

    assert response.status == 202
    (route,) = engine.routes
    assert (route.deployment_id, route.generation, route.claims) == ("", 0, None)
    assert route.target == "/_wistro/tasks/token"
    assert gateway.counts()[ENVIRONMENT]["drawn"] == {}


async def test_a_tasks_link_of_no_environment_is_unknown(gateway, engine):
    gateway.apply(a_table())

    response = await gateway.handle(a_call("/_wistro/tasks/token", host="nobody.localhost"))

    assert (response.status, engine.routes) == (404, [])


async def test_before_the_first_table_callers_are_asked_to_come_back(gateway):
    response = await gateway.handle(a_call())

    assert (response.status, code_of(response)) == (503, "gateway.not-serving")
    assert ("retry-after", "1") in response.headers


async def test_health_says_which_table_is_served(gateway):
    gateway.apply(a_table(serial=12))

    response = await gateway.handle(a_call("/_wistro/healthz", method="GET", host="anything"))

    assert json.loads(response.body) == {"serving": True, "serial": 12}


async def test_the_verified_webhooks_claims_and_id_go_with_the_call(gateway, engine):
    gateway.apply(a_table(an_environment(a_deployment(endpoints=[an_endpoint(auth=GITHUB)]))))
    headers = [
        ("x-hub-signature-256", sign_github("secret", b"{}")),
        ("x-github-delivery", "d-1"),
        ("idempotency-key", "not this"),
    ]

    assert (await gateway.handle(a_call(headers=headers))).status == 202

    assert engine.routes[0].sender_id == "github:d-1"
    assert engine.routes[0].claims == {"type": "hmac", "preset": "github"}


def split(*weights, generation=1, endpoints=None):
    deployments = [
        a_deployment(version, weight=weight, endpoints=endpoints)
        for version, weight in enumerate(weights, start=1)
    ]
    return an_environment(*deployments, generation=generation)


async def test_a_hundred_calls_are_split_exactly(gateway, engine):
    gateway.apply(a_table(split(2500, 2500, 5000)))

    await asyncio.gather(*(gateway.handle(a_call()) for _ in range(100)))

    assert Counter(route.deployment_id for route in engine.routes) == {
        deployment_id(1): 25,
        deployment_id(2): 25,
        deployment_id(3): 50,
    }


async def test_refused_calls_move_no_schedule(gateway, engine):
    endpoints = [an_endpoint(auth=KEYED)]
    gateway.apply(a_table(split(2500, 2500, 5000, endpoints=endpoints)))

    for number in range(200):
        headers = [("x-api-key", "key" if number % 2 else "wrong")]
        assert (await gateway.handle(a_call(headers=headers))).status == (
            202 if number % 2 else 401
        )

    assert sorted(gateway.counts()[ENVIRONMENT]["drawn"].values()) == [25, 25, 50]
    assert len(engine.routes) == 100


async def test_the_drawn_versions_own_policy_decides(gateway, engine):
    gateway.apply(
        a_table(
            an_environment(
                a_deployment(1, weight=5000, endpoints=[an_endpoint(auth=KEYED)]),
                a_deployment(2, weight=5000, endpoints=[an_endpoint(auth=OTHER)]),
            )
        )
    )
    key, other = [("x-api-key", "key")], [("x-api-key", "other")]

    first = [
        (await gateway.handle(a_call(headers=headers))).status for headers in (key, key, other, key)
    ]

    # Version 1 is drawn, then it is version 2's turn until a caller comes whom it lets in.
    assert first == [202, 401, 202, 202]
    assert [route.deployment_id for route in engine.routes] == [
        deployment_id(1),
        deployment_id(2),
        deployment_id(1),
    ]


async def test_only_versions_that_have_the_path_are_candidates(gateway, engine):
    old, new = [an_endpoint("/old")], [an_endpoint("/old"), an_endpoint("/new")]
    gateway.apply(
        a_table(
            an_environment(
                a_deployment(1, weight=9000, endpoints=old),
                a_deployment(2, weight=1000, endpoints=new),
            )
        )
    )

    for _ in range(10):
        await gateway.handle(a_call("/new"))
        await gateway.handle(a_call("/old"))

    assert {route.deployment_id for route in engine.routes if route.target == "/new"} == {
        deployment_id(2)
    }
    olds = Counter(route.deployment_id for route in engine.routes if route.target == "/old")
    assert olds == {deployment_id(1): 9, deployment_id(2): 1}


async def test_a_tagged_address_reaches_that_version_and_moves_no_schedule(gateway, engine):
    gateway.apply(a_table(split(5000, 5000, 0)))

    for version in (3, 3, 1):
        assert (await gateway.handle(a_call(host=f"v{version}--{HOST}"))).status == 202

    assert [route.deployment_id for route in engine.routes] == [
        deployment_id(3),
        deployment_id(3),
        deployment_id(1),
    ]
    assert {route.generation for route in engine.routes} == {0}
    assert gateway.counts()[ENVIRONMENT]["drawn"] == {}


async def test_a_new_generation_starts_its_own_schedule_and_count(gateway, engine):
    gateway.apply(a_table(split(2500, 2500, 5000)))
    for _ in range(6):
        await gateway.handle(a_call())

    gateway.apply(a_table(split(2500, 2500, 5000, generation=2), serial=2))
    for _ in range(4):
        await gateway.handle(a_call())

    by_generation = Counter((route.generation, route.deployment_id) for route in engine.routes[6:])
    assert by_generation == {
        (2, deployment_id(1)): 1,
        (2, deployment_id(2)): 1,
        (2, deployment_id(3)): 2,
    }


async def test_a_table_of_the_same_generation_goes_on_where_the_schedule_was(gateway, engine):
    table = a_table(split(2500, 2500, 5000))
    gateway.apply(table)
    for number in range(100):
        if number % 7 == 0:
            gateway.apply(a_table(split(2500, 2500, 5000), serial=number))
        await gateway.handle(a_call())

    assert sorted(gateway.counts()[ENVIRONMENT]["drawn"].values()) == [25, 25, 50]


async def test_one_environments_broken_table_leaves_the_others_serving(gateway, engine, caplog):
    twice = a_deployment(endpoints=[an_endpoint("/a/:x"), an_endpoint("/a/:y")])
    gateway.apply(
        a_table(
            an_environment(
                twice, host="dev--broken--acme", id="0192e4a0-0000-7000-8000-0000000000bb"
            ),
            an_environment(),
        )
    )

    broken = await gateway.handle(a_call(host="dev--broken--acme.localhost"))

    assert (broken.status, code_of(broken)) == (503, "gateway.not-serving")
    assert (await gateway.handle(a_call())).status == 202
    assert "unusable" in caplog.text


async def test_a_call_waits_for_an_engine_that_comes_back(gateway, engine):
    gateway.apply(a_table())
    await engine.stop()
    calls = [asyncio.create_task(gateway.handle(a_call())) for _ in range(5)]
    await asyncio.sleep(0)

    await engine.start()

    assert [(await call).status for call in calls] == [202] * 5


async def test_a_call_to_an_engine_that_stays_away_gets_503_and_no_other_version(gateway, engine):
    gateway.apply(a_table(split(5000, 5000)))
    await engine.stop()

    response = await gateway.handle(a_call())

    assert (response.status, code_of(response)) == (503, "gateway.engine-away")
    assert ("retry-after", "1") in response.headers


async def test_a_call_that_the_engine_lost_is_not_sent_again(gateway, engine):
    gateway.apply(a_table())

    async def die(request):
        engine.requests.append(request)
        await engine.server.close()
        return Response(200)

    engine.handle = die
    await engine.stop()
    await engine.start()
    response = await gateway.handle(a_call())

    assert (response.status, code_of(response), len(engine.requests)) == (
        503,
        "gateway.engine-lost",
        1,
    )


async def test_an_environment_that_leaves_the_table_is_no_longer_served(gateway, engine):
    gateway.apply(a_table())
    await gateway.handle(a_call())

    gateway.apply(a_table(an_environment(host="dev--other--acme"), serial=2))

    assert (await gateway.handle(a_call())).status == 404
