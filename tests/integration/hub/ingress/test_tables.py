"""What gateways and agents poll: exactly what is theirs to know, again only when it changed."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import pytest

from hub.common.tenancy import tenant
from hub.deployments.models import Deployment
from hub.fleet import actions as fleet
from hub.fleet.models import Grant, Machine
from hub.ingress.actions import release, retire, set_weights
from hub.projects.actions import remove_project, set_variable
from hub.projects.models import Environment, Project
from tests.factories.accounts import owner_of
from tests.factories.deployments import a_deployment, a_machine, a_version, say
from tests.factories.projects import an_environment
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import Assignment, Assignments, EnvironmentHealth, Heartbeat
from wistro.protocol.machine import DeploymentHealth as Health
from wistro.protocol.routing import Endpoint, RoutedEnvironment, RoutingTable

pytestmark = pytest.mark.django_db
API_KEY = {"type": "api_key", "keys": ["$KEY"], "header": "x-api-key"}
GITHUB = {"type": "hmac", "preset": "github", "secret": ["$SECRET"]}


@pytest.fixture
def environment() -> Environment:
    return an_environment(name="prod")


def variable(environment: Environment, name: str, value: str, *, secret: bool = True) -> None:
    with tenant(environment.organization_id):
        by = owner_of(environment.organization_id)
        set_variable(environment, name, value, secret=secret, by=by)


def protected(environment: Environment, *auth: dict[str, Any]) -> Deployment:
    endpoints = [{"method": "POST", "path": "/a", "step": "src/a", "auth": list(auth)}]
    version = a_version(environment.project, ready=True, endpoints=endpoints)
    return a_deployment(environment, version=version)


@pytest.fixture
def gateway(machines: Any) -> Any:
    """`gateway(etag)` polls; a table, or None for 304."""
    client = machines(a_machine("gateway").token)

    def poll(etag: str | None = None) -> tuple[RoutingTable | None, str]:
        headers = {"HTTP_IF_NONE_MATCH": etag} if etag else {}
        answer = client.get("/machine/v1/routing", **headers)
        assert answer.status_code in (200, 304), answer.content
        table = msgspec.json.decode(answer.content, type=RoutingTable) if answer.content else None
        return table, answer["ETag"]

    return poll


@pytest.fixture
def agent(machines: Any) -> Any:
    """An agent that polls and beats; alive, so environments are placed on it."""
    client = machines(a_machine("agent").token)

    class Agent:
        def poll(self, etag: str | None = None) -> tuple[Assignments | None, str]:
            headers = {"HTTP_IF_NONE_MATCH": etag} if etag else {}
            answer = client.get("/machine/v1/assignments", **headers)
            assert answer.status_code in (200, 304), answer.content
            found = msgspec.json.decode(answer.content, type=Assignments) if answer.content else None  # fmt: skip
            return found, answer["ETag"]

        def assignment(self) -> Assignment:
            found, _ = self.poll()
            assert found is not None
            (one,) = found.assignments
            return one

        def beat(self, assignment: Assignment, *healths: Health, fence: int | None = None) -> None:
            fence = assignment.fence if fence is None else fence
            said = EnvironmentHealth(assignment.environment_id, fence, list(healths))
            body = msgspec.json.encode(Heartbeat(0, [said]))
            answer = client.generic("POST", "/machine/v1/heartbeat", body, content_type="application/json")  # fmt: skip
            assert answer.status_code == 204, answer.content

    return Agent()


def now(deployment: Deployment) -> Deployment:
    with tenant(deployment.organization_id):
        return Deployment.objects.get(pk=deployment.pk)


def test_a_table_is_exactly_what_an_environment_serves(gateway, environment):
    variable(environment, "KEY", "k1")
    variable(environment, "SECRET", "hush")
    first = say(protected(environment, API_KEY, GITHUB), "healthy")
    second = a_deployment(environment, healthy=True)
    a_deployment(environment)
    with tenant(environment.organization_id):
        weights = {first.pk: 2500, second.pk: 7500}
        set_weights(environment, weights, if_generation=2, by=None)
        project = Project.objects.select_related("organization").get(pk=environment.project_id)

    table, etag = gateway()

    assert table is not None
    (row,) = table.environments
    key = base64.b64decode(row.key)
    digest = hashlib.sha256(b"k1").hexdigest()
    auth = [
        {"type": "api_key", "header": "x-api-key", "sha256": [digest]},
        {"type": "hmac", "preset": "github", "secret": ["hush"]},
    ]
    assert (table.protocol, f'"{table.serial}"', len(key)) == (PROTOCOL, etag, 32)
    assert row == RoutedEnvironment(
        environment_id=str(environment.pk),
        host=f"prod--{project.slug}--{project.organization.slug}",
        generation=3,
        key=row.key,
        deployments=[
            row.deployments[0].__class__(
                str(first.pk), 1, 2500, [Endpoint("POST", "/a", "src/a", auth)]
            ),
            row.deployments[0].__class__(
                str(second.pk), 2, 7500, [Endpoint("POST", "/orders", "src/order")]
            ),
        ],
    )
    assert gateway(etag) == (None, etag)


def test_the_first_table_is_given_before_anything_was_ever_deployed(gateway, agent):
    table, etag = gateway()

    assert (table.serial, table.environments, etag) == (0, [], '"0"')
    assert gateway(etag) == (None, etag)
    assert agent.poll()[0].assignments == []


def test_a_table_has_each_tenants_own_variables_and_keys(gateway):
    environments = [an_environment(), an_environment()]
    for environment, value in zip(environments, ("one's", "the other's"), strict=True):
        variable(environment, "SECRET", value)
        say(protected(environment, GITHUB), "healthy")

    table, _ = gateway()

    assert table is not None
    rows = {one.environment_id: one for one in table.environments}
    secrets = [rows[str(one.pk)].deployments[0].endpoints[0].auth[0]["secret"] for one in environments]  # fmt: skip
    assert secrets == [["one's"], ["the other's"]]
    assert len({one.key for one in table.environments}) == 2


def test_a_deployment_keeps_the_variables_of_its_revision(gateway, environment):
    variable(environment, "SECRET", "old")
    deployment = say(protected(environment, GITHUB), "healthy")
    variable(environment, "SECRET", "new")
    with tenant(environment.organization_id):
        heir = Deployment.objects.get(succeeds=deployment)

    before, _ = gateway()
    say(heir, "healthy")
    after, _ = gateway()

    def secrets(table: RoutingTable | None) -> dict[int, list[str]]:
        assert table is not None
        found = table.environments[0].deployments
        return {one.weight: one.endpoints[0].auth[0]["secret"] for one in found}

    assert secrets(before) == {10_000: ["old"]}
    assert secrets(after) == {0: ["old"], 10_000: ["new"]}


def test_a_policy_whose_variable_is_not_set_fails_the_deployment_and_never_opens_it(
    gateway, environment
):
    failed = protected(environment, API_KEY)

    assert (failed.state, "names KEY" in failed.error) == ("failed", True)
    assert gateway()[0].environments[0].deployments == []


def test_a_variable_that_does_not_open_lets_nobody_in(gateway, environment):
    from hub.projects.models import Variable

    variable(environment, "SECRET", "hush")
    say(protected(environment, GITHUB), "healthy")
    with tenant(environment.organization_id):
        one = Variable.objects.get()
        Variable.objects.update(sealed=one.sealed[:-1] + bytes([one.sealed[-1] ^ 1]))

    (endpoint,) = gateway()[0].environments[0].deployments[0].endpoints

    assert endpoint.auth == [{"type": "unset"}]


def test_a_removed_project_leaves_the_table(gateway, environment):
    a_deployment(environment, healthy=True)
    table, etag = gateway()
    assert len(table.environments) == 1

    with tenant(environment.organization_id):
        remove_project(Project.objects.get(pk=environment.project_id))

    table, fresh = gateway(etag)
    assert (table.environments, fresh != etag) == ([], True)


def test_gateways_acknowledge_by_asking_with_the_serial(gateway, environment):
    from hub.ingress.models import TrafficChange

    deployment = a_deployment(environment, healthy=True)
    _, etag = gateway()
    with tenant(environment.organization_id):
        assert TrafficChange.objects.get().applied_at is None

    gateway(etag)

    with tenant(environment.organization_id):
        change = TrafficChange.objects.get()
        assert change.applied_at >= change.at
        set_weights(environment, {deployment.pk: 10_000}, if_generation=1, by=None)
        gateway(etag)
        assert TrafficChange.objects.get(generation=2).applied_at is None


def test_no_other_kind_of_machine_may_poll(machines):
    builder = machines(a_machine("builder").token)

    assert builder.get("/machine/v1/routing").status_code == 401
    assert builder.get("/machine/v1/assignments").status_code == 401


def test_an_agent_is_told_its_environments_and_what_to_run_there(agent, environment):
    variable(environment, "GREETING", "hello", secret=False)
    variable(environment, "TOKEN", "hush")
    deployment = a_deployment(environment)

    found, etag = agent.poll()

    assert (found.protocol, found.lease_s, f'"{found.serial}"') == (PROTOCOL, 6.0, etag)
    (assignment,) = found.assignments
    assert (assignment.environment_id, assignment.fence) == (str(environment.pk), 1)
    assert assignment.organization_id == str(environment.organization_id)
    assert (assignment.primary, assignment.store_url) == (None, None)
    (one,) = assignment.deployments
    assert msgspec.to_builtins(one) == {
        "deployment_id": str(deployment.pk),
        "version_id": str(deployment.version_id),
        "version": 1,
        "weight": 0,
        "want": "serve",
        "bundle": deployment.version.bundle,
        "variables": {"GREETING": "hello", "TOKEN": "hush"},
        "secrets": ["TOKEN"],
        "revision": 2,
    }
    assert agent.poll(etag) == (None, etag)


def test_health_makes_a_deployment_serve_and_the_primary_is_where_most_goes(agent, environment):
    first, second = a_deployment(environment), a_deployment(environment)
    agent.beat(agent.assignment(), Health(str(first.pk), "healthy"), Health(str(second.pk), "healthy"))  # fmt: skip
    assert agent.assignment().primary == str(second.pk)

    with tenant(environment.organization_id):
        weights = {first.pk: 6000, second.pk: 4000}
        set_weights(environment, weights, if_generation=2, by=None)
        one = agent.assignment()
        weights = {first.pk: 5000, second.pk: 5000}
        set_weights(environment, weights, if_generation=3, by=None)
    even = agent.assignment()

    assert (one.primary, even.primary) == (str(first.pk), str(second.pk))
    assert [each.weight for each in one.deployments] == [6000, 4000]


def test_the_key_of_an_agent_is_the_gateways(agent, gateway, environment):
    a_deployment(environment, healthy=True)

    assert agent.assignment().key == gateway()[0].environments[0].key


def test_what_comes_with_another_fence_or_from_another_agent_is_not_heard(
    agent, machines, environment
):
    deployment = a_deployment(environment)
    assignment = agent.assignment()
    with tenant(environment.organization_id):
        Grant.objects.update(fence=2)

    agent.beat(assignment, Health(str(deployment.pk), "healthy"))
    assert now(deployment).state == "starting"
    assert agent.assignment().fence == 2
    agent.beat(assignment, Health(str(deployment.pk), "healthy"), fence=2)
    assert now(deployment).state == "healthy"

    other = Machine.objects.get(pk=a_machine("agent").machine_id)
    with tenant(environment.organization_id):
        Grant.objects.update(machine=other, fence=3)
    assert agent.poll()[0].assignments == []
    agent.beat(assignment, Health(str(deployment.pk), "healthy", 5), fence=3)
    assert now(deployment).live_runs == 0


def test_a_deployment_that_was_succeeded_drains_and_stops_when_its_last_run_is_over(
    agent, gateway, environment
):
    old = a_deployment(environment, healthy=True)
    variable(environment, "A", "1")
    with tenant(environment.organization_id):
        heir = Deployment.objects.get(succeeds=old)
    say(heir, "healthy")
    with tenant(environment.organization_id):
        assert retire(environment) == 0
        long_ago = "2000-01-01T00:00:00Z"
        Deployment.objects.update(healthy_at=long_ago, idle_since=long_ago)

        assert retire(environment) == 1

    wants = {one.deployment_id: one.want for one in agent.assignment().deployments}
    assert wants == {str(old.pk): "drain", str(heir.pk): "serve"}
    routed = gateway()[0].environments[0].deployments
    assert [one.deployment_id for one in routed] == [str(heir.pk)]
    agent.beat(agent.assignment(), Health(str(old.pk), "draining", 2))
    assert now(old).state == "draining"
    agent.beat(agent.assignment(), Health(str(old.pk), "draining", 0))
    assert now(old).state == "stopped"
    stopped, kept = agent.assignment().deployments
    assert (stopped.want, stopped.variables, kept.want) == ("stop", {}, "serve")


def test_idle_versions_beyond_the_newest_few_are_let_go_but_never_one_with_weight(environment):
    made = [a_deployment(environment, healthy=True) for _ in range(8)]
    long_ago = "2000-01-01T00:00:00Z"
    with tenant(environment.organization_id):
        set_weights(environment, {made[0].pk: 10_000}, if_generation=8, by=None)
        Deployment.objects.update(healthy_at=long_ago, idle_since=long_ago)
        Deployment.objects.filter(pk=made[1].pk).update(live_runs=1)

        retire(environment)

        draining = Deployment.objects.filter(state="draining").values_list("version__number", flat=True)  # fmt: skip
        assert list(draining.order_by("pk")) == [3]


def test_environments_wait_for_an_agent_and_are_spread_over_those_alive():
    from hub.deployments.tasks import place_environments

    deployments = [a_deployment() for _ in range(2)]
    place_environments()
    for one in deployments:
        with tenant(one.organization_id):
            assert not Grant.objects.exists()
    silent = a_machine("agent")
    Machine.objects.filter(pk=silent.machine_id).update(seen_at="2000-01-01T00:00:00Z")
    alive = a_machine("agent")

    place_environments()

    for one in deployments:
        with tenant(one.organization_id):
            assert str(Grant.objects.get().machine_id) == alive.machine_id


def test_a_change_of_anything_that_is_polled_counts_the_clock_on(environment):
    serials = [fleet.serial()]

    deployment = a_deployment(environment)
    serials.append(fleet.serial())
    say(deployment, "healthy")
    serials.append(fleet.serial())
    with tenant(environment.organization_id):
        set_weights(environment, {deployment.pk: 10_000}, if_generation=1, by=None)
        serials.append(fleet.serial())
        release(environment, by=None)
    serials.append(fleet.serial())

    assert serials == sorted(set(serials))
