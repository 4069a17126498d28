"""What happens at once: real threads with connections of their own, each in its own transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

import pytest
from django.db import connections

from hub.common.tenancy import tenant
from hub.deployments import deploying, versions
from hub.deployments.models import Deployment, Version
from hub.ingress.actions import StaleGeneration, release, set_weights
from hub.ingress.models import Traffic, TrafficChange
from hub.ingress.queries import weights_of
from hub.projects.actions import set_variable
from hub.projects.models import Environment
from tests.factories.accounts import owner_of
from tests.factories.deployments import a_deployment, a_machine, a_version
from tests.factories.projects import an_environment
from wistro.protocol.machine import DeploymentHealth

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
LIMIT_S = 60


def at_once(*what: Callable[[], T]) -> list[T]:
    """Each in a thread, all let go together; their results in order, or the first error."""
    start = threading.Barrier(len(what))

    def run(one: Callable[[], T]) -> T:
        try:
            start.wait(LIMIT_S)
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(what)) as threads:
        return [one.result(LIMIT_S) for one in [threads.submit(run, each) for each in what]]


def sums(environment: Environment) -> dict[int, int]:
    """What each generation's weights add up to."""
    with tenant(environment.organization_id):
        found = TrafficChange.objects.filter(environment=environment)
        changes = found.prefetch_related("weights").order_by("generation")
        return {
            one.generation: sum(each.basis_points for each in one.weights.all()) for one in changes
        }


def test_of_two_who_set_weights_from_the_same_generation_one_is_told_so():
    environment = an_environment()
    first, second = (a_deployment(environment, healthy=True) for _ in range(2))

    def setting(deployment: Deployment) -> Callable[[], str]:
        def run() -> str:
            with tenant(environment.organization_id):
                try:
                    set_weights(environment, {deployment.pk: 10_000}, if_generation=2, by=None)
                except StaleGeneration:
                    return "stale"
                return "set"

        return run

    assert sorted(at_once(setting(first), setting(second))) == ["set", "stale"]
    assert sums(environment) == {1: 10_000, 2: 10_000, 3: 10_000}


def test_one_build_is_given_to_one_of_many_builders():
    made = [a_version() for _ in range(3)]
    builders = [UUID(a_machine("builder").machine_id) for _ in range(6)]

    claimed = at_once(*((lambda id=id: versions.claim(id)) for id in builders))

    given = [one.version_id for one in claimed if one is not None]
    assert sorted(given) == sorted(one.pk for one in made)


def test_pushes_told_at_once_become_versions_counted_without_gap_each_once():
    environment = an_environment()
    project = environment.project
    with tenant(project.organization_id):
        project.refresh_from_db()

    def telling(sha: str) -> Callable[[], int]:
        def run() -> int:
            with tenant(project.organization_id):
                told = {"branch": "main", "sha": sha, "telling": "1", "to": environment}
                return versions.push(project, **told).number

        return run

    numbers = at_once(*(telling(sha) for sha in ("a", "b", "c", "a", "b", "c")))

    assert sorted(set(numbers)) == [1, 2, 3]
    assert numbers[:3] == numbers[3:]


def test_two_pushes_that_get_healthy_at_once_end_with_the_later_one_serving():
    for _ in range(3):
        environment = an_environment()
        earlier, later = a_deployment(environment), a_deployment(environment)

        def saying(deployment: Deployment) -> Callable[[], None]:
            def run() -> None:
                with tenant(deployment.organization_id):
                    healthy = DeploymentHealth(str(deployment.pk), "healthy")
                    deploying.hear_all(deployment.environment_id, [healthy])

            return run

        at_once(saying(earlier), saying(later))

        with tenant(environment.organization_id):
            traffic = Traffic.objects.get(environment=environment)
            assert weights_of(traffic) == {later.pk: 10_000}


def test_everything_at_once_waits_for_nobody_for_ever_and_keeps_every_sum():
    """Two environments of one organization: setting, releasing, variables, deploys and heartbeats, in any order."""
    environments = [an_environment()]
    environments.append(an_environment(environments[0].project, name="prod"))
    owner = owner_of(environments[0].organization_id)
    version = a_version(environments[0].project, ready=True)
    for environment in environments:
        for _ in range(2):
            a_deployment(environment, version=version, healthy=True)

    def healthy(environment: Environment) -> Sequence[Deployment]:
        return list(Deployment.objects.filter(environment=environment, state="healthy"))

    def setting(environment: Environment) -> None:
        generation = Traffic.objects.get(environment=environment).generation
        found = healthy(environment)
        weights = {found[0].pk: 4000, found[-1].pk: 6000}
        try:
            set_weights(environment, weights, if_generation=generation, by=None)
        except StaleGeneration:
            release(environment, by=None)

    def variable(environment: Environment) -> None:
        set_variable(environment, "A", "1", secret=True, by=owner)

    def deploy(environment: Environment) -> None:
        deploying.deploy(Version.objects.get(), environment, by=None, promotes=True)

    def beat(environment: Environment) -> None:
        alive = Deployment.objects.filter(environment=environment, state__in=deploying.ALIVE)
        healths = [DeploymentHealth(str(one.pk), "healthy", 1) for one in alive]
        deploying.hear_all(environment.pk, healths)

    def often(what: Callable[[Environment], None], environment: Environment) -> Callable[[], None]:
        def run() -> None:
            for _ in range(5):
                with tenant(environment.organization_id):
                    what(environment)

        return run

    work: list[Any] = [
        often(what, environment)
        for what in (setting, variable, deploy, beat)
        for environment in environments
    ]

    at_once(*work)

    for environment in environments:
        with tenant(environment.organization_id):
            beat(environment)
        assert set(sums(environment).values()) == {10_000}
