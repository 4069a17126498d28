"""The draw under refused calls, tags and new generations: at every prefix each count is within one of its share."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runner.gateway.caller import Domain, Proxies
from runner.gateway.engines import Engine, Engines
from runner.gateway.gateway import Gateway
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
from tests.simulation.running import run
from wistro.auth.policy import check, resolve
from wistro.http.client import Answer
from wistro.http.message import Headers, Request
from wistro.protocol import route
from wistro.protocol.ids import uuid7

KEYS = ("one", "two")
POLICIES = [
    [],
    *(resolve(check({"type": "api_key", "keys": "$K"}), {"K": key}) for key in KEYS),
]
NOW_US = 1_700_000_000_000_000


class Taking(Engine):
    """An engine that takes every call and keeps its signed route."""

    def __init__(self) -> None:
        self.routes: list[route.Route] = []

    async def ask(self, request: Request, headers: Headers) -> Answer:
        [signed] = [value for name, value in headers if name == route.HEADER]
        self.routes.append(route.verify(signed, key=b"k" * 32, now_us=NOW_US))
        return Answer(202, [], b"")


class TakingAll(Engines):
    def __init__(self, engine: Taking) -> None:
        self._engine = engine

    def of(self, environment_id: str) -> Engine:
        return self._engine

    def keep_only(self, environment_ids: set[str]) -> None:
        pass


@st.composite
def weights(draw: st.DrawFn) -> list[int]:
    """Up to five, some of them 0, that add up to 10,000."""
    cuts = draw(st.lists(st.integers(0, 10_000), min_size=0, max_size=4).map(sorted))
    return [end - start for start, end in itertools.pairwise([0, *cuts, 10_000])]


class TrafficMachine(RuleBasedStateMachine):
    @initialize(weights=weights(), data=st.data())
    def begin(self, weights: list[int], data: st.DataObject) -> None:
        self.engine = Taking()
        ids = itertools.count()
        self.gateway = Gateway(
            domain=Domain("http://{label}.localhost:8080"),
            proxies=Proxies([]),
            engines=TakingAll(self.engine),
            verifier=a_verifier(),
            new_id=lambda: uuid7(now_ms=NOW_US // 1_000, random=next(ids).to_bytes(10, "big")),
            now_us=lambda: NOW_US,
        )
        self.serial = self.generation = 0
        self.new_weights(weights, data)

    @rule(weights=weights(), data=st.data())
    def new_weights(self, weights: list[int], data: st.DataObject) -> None:
        """A generation: other weights, and which versions have /some and what they ask of its callers."""
        self.generation += 1
        self.weights = dict(enumerate(weights, start=1))
        self.having = {one for one in self.weights if data.draw(st.booleans())}
        self.policies = {one: data.draw(st.integers(0, len(KEYS))) for one in self.weights}
        self.drawn: dict[tuple[int, ...], Counter[int]] = {}
        self.total: Counter[int] = Counter()
        self.apply()

    @rule()
    def apply(self) -> None:
        """The table comes again, with another serial and nothing new for this environment."""
        self.serial += 1
        deployments = []
        for version, weight in self.weights.items():
            auth = POLICIES[self.policies[version]]
            endpoints = [an_endpoint("/all", auth=auth)]
            if version in self.having:
                endpoints.append(an_endpoint("/some", auth=auth))
            deployments.append(a_deployment(version, weight=weight, endpoints=endpoints))
        environment = an_environment(*deployments, generation=self.generation)
        self.gateway.apply(a_table(environment, serial=self.serial))

    @rule(
        path=st.sampled_from(["/all", "/all", "/some", "/none"]),
        key=st.sampled_from([*KEYS, "wrong"]),
        times=st.integers(1, 30),
    )
    def call(self, path: str, key: str, times: int) -> None:
        having = self.having if path == "/some" else set(self.weights) if path == "/all" else set()
        candidates = tuple(one for one in sorted(having) if self.weights[one])
        for _ in range(times):
            before = len(self.engine.routes)
            status = self.ask(path, key, host=LABEL)
            taken = self.engine.routes[before:]
            if not candidates:
                assert (status, taken) == (404, [])
            elif status == 202:
                self.count(candidates, taken, key)
            else:
                assert (status, taken) == (401, [])

    @rule(version=st.integers(1, 5), key=st.sampled_from(KEYS))
    def call_a_tag(self, version: int, key: str) -> None:
        """A call to one version by its tag is drawn by nobody."""
        self.ask("/all", key, host=f"v{version}--{LABEL}")

    def ask(self, path: str, key: str, *, host: str) -> int:
        headers = [("host", f"{host}.localhost:8080"), ("x-api-key", key)]
        request = Request("POST", path, path=path, headers=headers, body=b"{}", address="192.0.2.1")
        return asyncio.run(self.gateway.handle(request)).status

    def count(self, candidates: tuple[int, ...], taken: list[route.Route], key: str) -> None:
        [one] = taken
        assert one.generation == self.generation
        [version] = [each for each in candidates if deployment_id(each) == one.deployment_id]
        asks = self.policies[version]
        assert asks == 0 or KEYS[asks - 1] == key  # the drawn version's own policy decided
        counts = self.drawn.setdefault(candidates, Counter())
        counts[version] += 1
        self.total[version] += 1
        turns, whole = counts.total(), sum(self.weights[each] for each in candidates)
        for each in candidates:
            share = Fraction(turns * self.weights[each], whole)
            assert abs(counts[each] - share) <= 1, (
                f"{each}: {counts[each]} of {turns}, share {share}"
            )

    @invariant()
    def what_is_reported_is_what_was_drawn(self) -> None:
        if hasattr(self, "gateway"):
            said = self.gateway.counts()[ENVIRONMENT]
            drawn = {deployment_id(one): count for one, count in self.total.items()}
            assert said == {"generation": self.generation, "drawn": drawn}


def test_every_prefix_is_exact() -> None:
    run(TrafficMachine, examples=150, steps=30)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_prefix_is_exact_in_many_worlds() -> None:
    run(TrafficMachine, examples=5_000, steps=60)
