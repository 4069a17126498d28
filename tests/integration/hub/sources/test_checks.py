"""How a build stands is set back on its commit, whatever got lost or came twice on the way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.common.work import NotNow
from hub.deployments import versions
from hub.deployments.models import Version
from hub.sources import checks, orders
from hub.sources.hosts import github as api_of_github
from hub.sources.models import Check, Report
from tests.factories import registry
from tests.integration.hub.sources.conftest import Connected
from wistro.protocol.ids import new_id
from wistro.protocol.machine import Problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(world: Connected) -> Version:
    world.push()
    world.read()
    return world.versions()[0]


def fail(world: Connected, version: Version) -> None:
    with tenant(world.organization):
        problem = Problem(code="lock.bad", message="It does not compile", where="src/a.step.py:3")
        versions.end(version.build, "failed", [problem])


def test_a_check_run_follows_the_build(world: Connected, version: Version) -> None:
    world.report()
    (queued,) = world.github.changes(version.sha)
    assert versions.claim(new_id()) is not None
    world.report()
    fail(world, version)

    world.report()

    (seen,) = world.github.changes(version.sha)
    now, slug = seen["now"], world.organization.slug
    assert [one["status"] for one in seen["history"]] == ["queued", "in_progress", "completed"]
    assert queued["now"]["name"] == f"wistro: {world.project.slug}"
    assert (now["conclusion"], now["output"]["title"]) == ("failure", "Version 1 is failed")
    assert "lock.bad" in now["output"]["summary"] and "src/a.step.py:3" in now["output"]["summary"]
    assert now["details_url"] == f"{SETTINGS.hub_url}/{slug}/{world.project.slug}/versions/1"


def test_a_report_that_comes_late_tells_the_state_of_now(
    world: Connected, version: Version
) -> None:
    fail(world, version)
    with tenant(world.organization):
        old, new = Report.objects.order_by("pk")

    checks.tell.work_off(world.organization.pk, new.pk)
    checks.tell.work_off(world.organization.pk, old.pk)

    (seen,) = world.github.changes(version.sha)
    assert [one["status"] for one in seen["history"]] == ["completed", "completed"]


def test_what_changed_while_it_was_told_is_told_too(
    world: Connected, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, called = api_of_github.call, []

    def changes_meanwhile(method: str, path: str, **more: Any) -> Any:
        answer = right(method, path, **more)
        if method == "POST" and path.endswith("/check-runs") and not called:
            called.append(path)
            fail(world, version)
        return answer

    monkeypatch.setattr(checks, "call", changes_meanwhile)

    with tenant(world.organization):
        first = Report.objects.earliest("pk")
    checks.tell.work_off(world.organization.pk, first.pk)

    (seen,) = world.github.changes(version.sha)
    assert [one["status"] for one in seen["history"]] == ["queued", "completed"]


def test_a_check_run_whose_id_was_not_kept_is_found_again(
    world: Connected, version: Version
) -> None:
    world.report()
    with tenant(world.organization):
        Check.objects.update(check_id=None)
    fail(world, version)

    world.report()

    assert len(world.github.changes(version.sha)) == 1


def test_only_one_makes_the_check_run(world: Connected, version: Version) -> None:
    with tenant(world.organization):
        Check.objects.create(version=version, claimed_until=Now() + checks.CLAIM)
        report = Report.objects.get()

    with pytest.raises(NotNow):
        checks.tell.do(report)

    assert world.github.changes(version.sha) == []


def test_without_the_right_to_checks_a_status_is_set(world: Connected, version: Version) -> None:
    world.github.set_permissions({"contents": "read", "statuses": "write"})
    try:
        world.report()
        fail(world, version)
        world.report()
    finally:
        world.github.set_permissions({"contents": "read", "checks": "write", "statuses": "write"})

    seen = [one["now"] for one in world.github.changes(version.sha)]
    assert [one["state"] for one in seen] == ["pending", "failure"]
    assert seen[1]["target_url"].endswith("/versions/1")


def test_a_host_that_is_away_is_told_later(world: Connected, version: Version) -> None:
    world.github.fail_next(1)

    world.report()

    with tenant(world.organization):
        report = Report.objects.get()
        assert (report.done_at, report.tries) == (None, 1)
        assert "502" in report.last_error


def test_a_commit_that_is_gone_is_given_up_quietly(world: Connected, version: Version) -> None:
    with tenant(world.organization):
        Version.objects.update(sha="0" * 40)

    world.report()

    with tenant(world.organization):
        assert Report.objects.get().done_at is not None


def test_a_builder_is_given_a_token_that_reads_this_repository_alone(
    world: Connected, version: Version
) -> None:
    order = orders.order(version)

    assert order.url == f"{world.github.url}/{world.repository}.git"
    assert (order.commit, order.ref) == (version.sha, "refs/heads/main")
    asked = {"authorization": f"Bearer {order.token}"}
    listed = world.github.http.get("/api/v3/installation/repositories", headers=asked).json()
    assert [one["full_name"] for one in listed["repositories"]] == [world.repository]
    check = {"name": "x", "head_sha": version.sha, "status": "queued"}
    path = f"/api/v3/repos/{world.repository}/check-runs"
    assert world.github.http.post(path, json=check, headers=asked).status_code == 403


def test_a_build_waits_for_a_host_that_is_away(
    world: Connected, version: Version, machines: Any
) -> None:
    registry.load()
    token = registry.machines()["builder"]()
    world.github.fail_next(1)

    answer = machines(token).post("/machine/v1/builds/claim")

    assert answer.status_code == 204
    build = world.versions()[0].build
    assert (build.state, build.attempt, build.machine) == ("queued", 0, None)


def test_a_build_of_a_disconnected_project_fails_by_name(
    world: Connected, version: Version, api: Any
) -> None:
    api(world.owner).delete(world.path)

    with pytest.raises(orders.Disconnected):
        orders.order(version)
