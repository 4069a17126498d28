"""Keys for events from outside: told once, kept as digests, in the routing table at once."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from hub.common.tenancy import tenant
from hub.deployments.versions import EVENTS_KEY, endpoints_of
from hub.ingress import events_keys
from hub.projects.models import Environment
from tests.factories.accounts import owner_of
from tests.factories.deployments import a_deployment, a_machine, a_version, say
from tests.factories.projects import an_environment
from wistro.lock.model import Lock, OutsideTrigger, Triggers
from wistro.protocol.ids import show
from wistro.protocol.routing import RoutingTable

pytestmark = pytest.mark.django_db
PATH = "/_wistro/events/stock.changed"


@pytest.fixture
def environment() -> Environment:
    return an_environment(name="prod")


@pytest.fixture
def url(environment: Environment) -> str:
    return f"/api/v1/environments/{show('environment', environment.pk)}/events-keys"


def serving(environment: Environment) -> None:
    endpoints = [
        {
            "method": "POST",
            "path": PATH,
            "step": "outside:stock.changed",
            "auth": [{"type": EVENTS_KEY}],
        }
    ]
    version = a_version(environment.project, ready=True, endpoints=endpoints)
    say(a_deployment(environment, version=version), "healthy")


def allowed(machines: Any) -> list[str]:
    """Digests that the routing table lets in, by either header."""
    answer = machines(a_machine("gateway").token).get("/machine/v1/routing")
    table = msgspec.json.decode(answer.content, type=RoutingTable)
    (endpoint,) = table.environments[0].deployments[0].endpoints
    assert endpoint.path == PATH
    assert [one["header"] for one in endpoint.auth] == ["authorization", "x-api-key"]
    assert endpoint.auth[0]["sha256"] == endpoint.auth[1]["sha256"]
    return endpoint.auth[0]["sha256"]


def test_a_versions_topics_from_outside_are_endpoints() -> None:
    lock = Lock(lock=1, digest="", triggers=Triggers(outside=[OutsideTrigger("stock.changed")]))

    (endpoint,) = endpoints_of(lock)

    assert (endpoint.method, endpoint.path, endpoint.auth) == ("POST", PATH, [{"type": EVENTS_KEY}])


def test_before_a_key_is_made_nobody_may_send(environment: Environment, machines: Any) -> None:
    serving(environment)

    assert allowed(machines) == []


def made(environment: Environment) -> str:
    """A new key's digest."""
    with tenant(environment.organization_id):
        _, key = events_keys.make(environment, by=owner_of(environment.organization_id))
    return hashlib.sha256(key.encode()).hexdigest()


def test_the_key_before_stays_valid_until_it_is_ended(
    environment: Environment, machines: Any
) -> None:
    serving(environment)

    digests = [made(environment) for _ in range(3)]

    assert allowed(machines) == digests[1:]
    with tenant(environment.organization_id):
        assert events_keys.end_older(environment) == 1
    assert allowed(machines) == digests[2:]


def test_a_key_is_told_once(environment: Environment, url: str, api: Any) -> None:
    serving(environment)
    client = api(owner_of(environment.organization_id))

    answer = client.post(url)
    shown = client.get(url).json()

    key = answer.json()["key"]
    assert answer.status_code == 201 and len(key) > 40
    assert shown["topics"] == ["stock.changed"]
    assert shown["address"].endswith("/_wistro/events/")
    assert [one["start"] for one in shown["keys"]] == [key[:10]]
    assert key not in str(shown)
    assert len(client.delete(url).json()["keys"]) == 1
