"""The oracle of the split: 16 callers at once over TCP, refused calls among theirs, counted at the engine."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runner.gateway.caller import Domain, Proxies
from runner.gateway.engines import Engines
from runner.gateway.gateway import Gateway
from runner.paths import engine_socket
from tests.doubles.caller import Caller
from tests.doubles.engine_door import EngineDoor, real_now_us
from tests.factories.auth import a_verifier
from tests.factories.routing import (
    ENVIRONMENT,
    LABEL,
    a_deployment,
    a_table,
    an_endpoint,
    an_environment,
    deployment_id,
)
from wistro.auth.policy import check, resolve
from wistro.http.limits import Limits
from wistro.http.server import Server
from wistro.protocol.ids import new_id
from wistro.traffic.schedule import Schedule

CALLERS, CALLS = 16, 400
HOST = f"{LABEL}.localhost:8080"
KEYED = resolve(check({"type": "api_key", "keys": "$K"}), {"K": "key"})


class Edge(NamedTuple):
    gateway: Gateway
    engine: EngineDoor
    port: int


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    run = Path(tempfile.mkdtemp(prefix="w-"))
    engine = EngineDoor(engine_socket(run, ENVIRONMENT), now_us=real_now_us)
    await engine.start()
    engines = Engines(run)
    gateway = Gateway(
        domain=Domain("http://{label}.localhost:8080"),
        proxies=Proxies([]),
        engines=engines,
        verifier=a_verifier(),
        new_id=new_id,
        now_us=real_now_us,
    )
    server = Server(gateway.handle, limits=Limits(body_bytes=1000))
    yield Edge(gateway, engine, await server.listen_tcp("127.0.0.1", 0))
    await server.close()
    engines.close()
    await engine.stop()
    shutil.rmtree(run)


def split(*weights: int, generation: int):
    deployments = [
        a_deployment(version, weight=weight, endpoints=[an_endpoint(auth=KEYED)])
        for version, weight in enumerate(weights, start=1)
    ]
    return a_table(an_environment(*deployments, generation=generation), serial=generation)


REFUSED: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("/orders", {"headers": (("x-api-key", "wrong"),)}, 401),
    ("/orders", {}, 401),
    ("/none", {"headers": (("x-api-key", "key"),)}, 404),
    ("/orders", {"method": "PUT", "headers": (("x-api-key", "key"),)}, 405),
    ("/orders", {"headers": (("x-api-key", "key"), ("idempotency-key", "é"))}, 400),
)


async def call_for_all(port: int, *, at_half) -> Counter[int]:
    """400 accepted calls by 16 callers, each refused in some way once between; statuses by count."""
    left, statuses = iter(range(CALLS)), Counter[int]()

    async def one_caller(which: int) -> None:
        caller = await Caller.open(port)
        for number in left:
            if number == CALLS // 2:
                at_half()
            path, options, expected = REFUSED[(number + which) % len(REFUSED)]
            refused, _, _ = await caller.ask(path, host=HOST, **options)
            assert refused == expected
            status, _, _ = await caller.ask(
                "/orders", host=HOST, headers=(("x-api-key", "key"),), body=b"{}"
            )
            statuses[status] += 1
        caller.close()

    await asyncio.gather(*(one_caller(which) for which in range(CALLERS)))
    return statuses


async def test_four_hundred_calls_by_sixteen_callers_are_split_exactly(edge):
    edge.gateway.apply(split(2500, 2500, 5000, generation=1))

    statuses = await call_for_all(edge.port, at_half=lambda: None)

    assert statuses == {202: CALLS}
    assert Counter(route.deployment_id for route in edge.engine.routes) == {
        deployment_id(1): 100,
        deployment_id(2): 100,
        deployment_id(3): 200,
    }
    assert len({route.run_id for route in edge.engine.routes}) == CALLS


@pytest.mark.parametrize("later", [(7000, 2000, 1000), (1, 3333, 6666), (10_000,)])
async def test_weights_changed_half_way_are_exact_in_each_generation(edge, later):
    weights = {1: (2500, 2500, 5000), 2: later}
    edge.gateway.apply(split(*weights[1], generation=1))

    statuses = await call_for_all(
        edge.port, at_half=lambda: edge.gateway.apply(split(*later, generation=2))
    )

    assert statuses == {202: CALLS}
    for generation, of_generation in weights.items():
        routes = [one for one in edge.engine.routes if one.generation == generation]
        schedule = Schedule(of_generation)
        expected = Counter(deployment_id(schedule.draw() + 1) for _ in routes)
        assert Counter(route.deployment_id for route in routes) == expected
        assert len(routes) > CALLS // 4  # both generations had their part of the calls
