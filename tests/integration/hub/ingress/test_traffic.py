"""Weights as the API sets them, and as pushes and variables move them."""

from __future__ import annotations

from typing import Any

import pytest

from hub.common.tenancy import tenant
from hub.deployments.models import Deployment
from hub.fleet.models import Machine
from hub.projects.actions import set_variable
from hub.projects.models import Environment
from hub.runs.models import Draw
from tests.factories.accounts import owner_of
from tests.factories.deployments import a_deployment, a_machine, a_version, say
from tests.factories.projects import an_environment
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    return an_environment(name="prod")


@pytest.fixture
def owner(environment: Environment) -> Any:
    return owner_of(environment.organization_id)


@pytest.fixture
def traffic(api: Any, environment: Environment, owner: Any) -> Any:
    """The traffic's API, signed in: `traffic()` reads it, `traffic(weights, …)` sets them."""
    client = api(owner)
    path = f"/api/v1/environments/{show('environment', environment.pk)}/traffic"

    def ask(weights: dict[Deployment, Any] | None = None, *, based_on: int | None = None, **more: Any) -> Any:  # fmt: skip
        if weights is None:
            return client.get(path).json()
        body = {
            "weights": {show("deployment", one.pk): weight for one, weight in weights.items()},
            "if_generation": client.get(path).json()["generation"] if based_on is None else based_on,
        }  # fmt: skip
        return client.put(path, body | more)

    ask.release = lambda: client.post(path + "/release")  # type: ignore[attr-defined]
    return ask


def weights(shown: Any) -> dict[int, int]:
    return {one["version"]: one["weight"] for one in shown["deployments"] if one["weight"]}


def push(environment: Environment, **more: Any) -> Deployment:
    """A version of a push, deployed and not yet healthy."""
    return a_deployment(environment, version=a_version(environment.project, ready=True), **more)


def set_one(environment: Environment, name: str = "GREETING", value: str = "hello") -> None:
    with tenant(environment.organization_id):
        of = Environment.objects.get(pk=environment.pk)
        set_variable(of, name, value, secret=True, by=owner_of(environment.organization_id))


def successors(deployment: Deployment) -> list[Deployment]:
    with tenant(deployment.organization_id):
        return list(Deployment.objects.filter(succeeds=deployment).order_by("pk"))


def test_an_environment_without_deployments_has_no_traffic(traffic):
    shown = traffic()

    assert (shown["generation"], shown["holds"], shown["deployments"]) == (0, False, [])
    assert shown["gateways"] == {"applied": 0, "total": 0, "after_s": None}
    assert (shown["history"], shown["draws"]) == ([], {})


def test_a_healthy_push_takes_all(traffic, environment):
    first = push(environment)
    assert weights(traffic()) == {}

    say(first, "healthy")
    shown = traffic()

    assert (weights(shown), shown["generation"], shown["holds"]) == ({1: 10_000}, 1, False)
    (past,) = shown["history"]
    assert (past["why"], past["by"], past["weights"]) == ("promoted", None, {"1": 10_000})
    say(push(environment), "healthy")
    assert weights(traffic()) == {2: 10_000}


def test_a_push_that_gets_healthy_late_takes_nothing_from_a_later_one(traffic, environment):
    earlier, later = push(environment), push(environment)

    say(later, "healthy")
    say(earlier, "healthy")

    assert weights(traffic()) == {2: 10_000}


def test_a_version_that_was_no_head_when_ready_is_there_at_0(traffic, environment):
    say(push(environment, promotes=False), "healthy")

    (shown,) = traffic()["deployments"]
    assert (shown["state"], shown["weight"]) == ("healthy", 0)
    assert shown["tag_address"].startswith("http://v1--prod--")


def test_weights_set_by_hand_hold(traffic, environment, owner):
    first, second = push(environment, healthy=True), push(environment, healthy=True)

    answer = traffic({first: 2500, second: 7500}, note="A canary")
    third = push(environment, healthy=True)

    assert answer.status_code == 200, answer.json()
    assert weights(answer.json()) == {1: 2500, 2: 7500}
    shown = traffic()
    assert (weights(shown), shown["holds"], shown["generation"]) == ({1: 2500, 2: 7500}, True, 3)
    assert shown["history"][0] | {"at": None} == {
        "generation": 3,
        "at": None,
        "by": owner.email,
        "why": "set",
        "note": "A canary",
        "weights": {"1": 2500, "2": 7500},
    }
    assert shown["deployments"][0]["id"] == show("deployment", third.pk)


def test_released_the_next_healthy_version_takes_all(traffic, environment, owner):
    first = push(environment, healthy=True)
    traffic({first: 10_000})

    released = traffic.release().json()
    again = traffic.release().json()

    assert (released["holds"], weights(released)) == (False, {1: 10_000})
    assert released["generation"] == again["generation"]
    assert released["history"][0]["why"] == "released"
    assert released["history"][0]["by"] == owner.email
    push(environment, healthy=True)
    assert weights(traffic()) == {2: 10_000}


def test_weights_that_do_not_add_up_are_refused(traffic, environment):
    first, second = push(environment, healthy=True), push(environment, healthy=True)

    answer = traffic({first: 2500, second: 7000})

    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (
        "traffic.sum",
        "the weights add up to 95 %, not 100 %",
    )
    assert "10,000" in error["hint"]
    assert (weights(traffic()), traffic()["holds"]) == ({2: 10_000}, False)


@pytest.mark.parametrize("weight", [-1, 10_001, 1.5, "much", None])
def test_a_weight_is_a_whole_number_of_basis_points(traffic, environment, weight):
    first, second = push(environment, healthy=True), push(environment, healthy=True)

    answer = traffic({first: weight, second: 10_000})

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] in ("traffic.weight", "request.invalid")


def test_a_stale_generation_is_refused(traffic, environment):
    first = push(environment, healthy=True)
    push(environment, healthy=True)

    answer = traffic({first: 10_000}, based_on=1)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "traffic.stale")
    assert weights(traffic()) == {2: 10_000}


def test_only_healthy_deployments_of_the_environment_get_weight(traffic, environment):
    healthy, starting = push(environment, healthy=True), push(environment)
    elsewhere = a_deployment(healthy=True)

    unready = traffic({healthy: 5000, starting: 5000})
    foreign = traffic({healthy: 5000, elsewhere: 5000})

    assert (unready.status_code, unready.json()["error"]["code"]) == (409, "traffic.not-healthy")
    assert "Version 2 is starting in prod" in unready.json()["error"]["message"]
    assert unready.json()["error"]["fields"] == {show("deployment", starting.pk): "starting"}
    assert foreign.status_code == 422
    assert foreign.json()["error"]["code"] == "traffic.unknown-deployment"
    assert foreign.json()["error"]["fields"] == {show("deployment", elsewhere.pk): "unknown"}


def test_changed_variables_make_successors_that_take_over_in_one_generation(traffic, environment):
    first, second = push(environment, healthy=True), push(environment, healthy=True)
    traffic({first: 2500, second: 7500})

    set_one(environment)
    (heir_of_first,), (heir_of_second,) = successors(first), successors(second)
    say(heir_of_first, "healthy")
    assert traffic()["generation"] == 3
    say(heir_of_second, "healthy")

    shown = traffic()
    assert (shown["generation"], shown["holds"]) == (4, True)
    assert {one["id"]: one["weight"] for one in shown["deployments"] if one["weight"]} == {
        show("deployment", heir_of_first.pk): 2500,
        show("deployment", heir_of_second.pk): 7500,
    }
    assert shown["history"][0]["why"] == "succeeded"
    assert (heir_of_first.revision, heir_of_first.version_id) == (1, first.version_id)


def test_a_successor_that_fails_leaves_its_predecessor_serving(traffic, environment):
    first, second = push(environment, healthy=True), push(environment, healthy=True)
    traffic({first: 2500, second: 7500})
    set_one(environment)
    (heir_of_first,), (heir_of_second,) = successors(first), successors(second)

    say(heir_of_second, "healthy")
    say(heir_of_first, "failed", error="No such database")

    held = {one["id"]: one["weight"] for one in traffic()["deployments"] if one["weight"]}
    assert held == {
        show("deployment", first.pk): 2500,
        show("deployment", heir_of_second.pk): 7500,
    }
    assert successors(first) == [heir_of_first]


def test_variables_changed_twice_leave_the_last_successor_alone(traffic, environment):
    first = push(environment, healthy=True)

    set_one(environment)
    set_one(environment, value="bye")

    earlier, last = successors(first)
    assert (earlier.state, last.state, last.revision) == ("stopped", "starting", 2)
    say(last, "healthy")
    assert {one["id"] for one in traffic()["deployments"] if one["weight"]} == {
        show("deployment", last.pk)
    }


def test_a_deployment_that_began_before_its_variables_changed_is_succeeded(traffic, environment):
    began = push(environment)
    set_one(environment)
    assert successors(began) == []

    say(began, "healthy")

    (heir,) = successors(began)
    assert heir.revision == 1
    say(heir, "healthy")
    assert traffic()["history"][0]["why"] == "succeeded"


def test_setting_weights_by_hand_to_what_has_old_variables_brings_them_up_to_date(
    traffic, environment
):
    first, second = push(environment, healthy=True), push(environment, healthy=True)
    set_one(environment)
    (heir,) = successors(second)
    say(heir, "healthy")

    traffic({first: 10_000})

    assert [one.revision for one in successors(first)] == [1]


def test_a_deployment_that_failed_never_serves(traffic, environment):
    failed = say(push(environment), "failed", error="It imports a module that is not there")

    (shown,) = traffic()["deployments"]
    assert (failed.state, shown["state"], shown["weight"]) == ("failed", "failed", 0)
    assert shown["error"] == "It imports a module that is not there"


def test_two_gateways_acknowledge_and_one_that_dies_is_not_waited_for(
    machines, environment, traffic
):
    one, other = a_machine("gateway"), a_machine("gateway")
    push(environment, healthy=True)
    with_settings = machines

    def poll(token: str, etag: str | None = None) -> Any:
        headers = {"HTTP_IF_NONE_MATCH": etag} if etag else {}
        return with_settings(token).get("/machine/v1/routing", **headers)

    etag = poll(one.token)["ETag"]
    assert poll(one.token, etag).status_code == 304
    assert applied(environment) == (1, 2, None)
    Machine.objects.filter(pk=other.machine_id).update(seen_at="2000-01-01T00:00:00Z")
    assert applied(environment)[:2] == (1, 1)

    from hub.ingress.tasks import note_applied

    note_applied()

    done, total, after_s = applied(environment)
    assert (done, total, after_s is not None) == (1, 1, True)


def applied(environment: Environment) -> tuple[int, int, float | None]:
    from hub.ingress import queries

    with tenant(environment.organization_id):
        found = queries.traffic_of(environment)
        shown = queries.applied(queries.history(found)[0])
        return shown.applied, shown.total, shown.after_s


def test_drawn_calls_are_counted_by_version_in_the_newest_generation(traffic, environment):
    first, second = push(environment, healthy=True), push(environment, healthy=True)
    traffic({first: 2500, second: 7500})
    with tenant(environment.organization_id):
        for deployment, generation, calls in ((first, 3, 25), (second, 3, 75), (first, 1, 9)):
            Draw.objects.create(
                environment_id=environment.pk,
                deployment_id=deployment.pk,
                generation=generation,
                calls=calls,
            )

    assert traffic()["draws"] == {
        "1": {"calls": 25, "share": 0.25},
        "2": {"calls": 75, "share": 0.75},
    }
