"""Reading costs the same however much was built and deployed before: no lock of 4 MiB a row, no question a row."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.common.tenancy import tenant
from hub.fleet.models import Grant, Machine
from hub.projects.models import Environment
from tests.factories import registry
from tests.factories.accounts import a_world
from tests.factories.clients import client
from tests.factories.deployments import a_deployment, a_machine
from tests.factories.registry import World
from tests.integration.hub.test_matrix import ask, asked, path_of

registry.load()
pytestmark = pytest.mark.django_db
READS_ONE_LOCK = (
    "/lock",
    "/graph",
    "/runs",
    "/lines",
    "/samples/",
)  # the last four keep it in memory


@pytest.fixture
def mine(db: None) -> World:
    made = a_world()
    deploy(made, 1)
    return made


def deploy(world: World, count: int) -> None:
    with tenant(world.organization):
        environment = Environment.objects.get(pk=world.get("environment"))
    for _ in range(count):
        a_deployment(environment, healthy=True)


def questions(asking: Any, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as asked_for:
        assert ask(asking, "GET", path).status_code < 500
    return [one["sql"] for one in asked_for.captured_queries]


def test_no_page_reads_locks(mine: World) -> None:
    asking = client(mine.owner)
    wrong = []
    for route in asked("hub.urls"):
        path = path_of(route, mine)
        if "GET" in route.access and not any(one in path for one in READS_ONE_LOCK):
            wrong += [path for sql in questions(asking, path) if '"versions"."lock",' in sql]

    assert wrong == []


def test_a_list_asks_no_more_when_there_is_more(mine: World) -> None:
    asking = client(mine.owner)
    pages = [path_of(route, mine) for route in asked("hub.urls") if "GET" in route.access]
    for page in pages:  # what is read once and kept in memory
        questions(asking, page)
    before = {page: len(questions(asking, page)) for page in pages}

    deploy(mine, 3)

    after = {page: len(questions(asking, page)) for page in pages}
    assert {page: (n, after[page]) for page, n in before.items() if after[page] > n} == {}


@pytest.mark.parametrize(("kind", "path"), [("gateway", "routing"), ("agent", "assignments")])
def test_no_machine_is_told_by_reading_locks(
    mine: World, machines: Any, kind: str, path: str
) -> None:
    one = a_machine(kind)
    if kind == "agent":
        with tenant(mine.organization):
            Grant.objects.all().delete()
            machine = Machine.objects.get(pk=one.machine_id)
            Grant.objects.create(environment_id=mine.get("environment"), machine=machine)

    asked_for = questions(machines(one.token), f"/machine/v1/{path}")

    assert any('"deployments"' in sql for sql in asked_for)
    assert not any('"versions"."lock",' in sql for sql in asked_for)
