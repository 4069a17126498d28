"""A deployment whose agent never answers: it ends, and says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.deployments import tasks
from hub.deployments.models import Deployment
from hub.fleet.models import Grant, Machine
from tests.factories.deployments import a_deployment, a_machine

pytestmark = pytest.mark.django_db


def started_ago(deployment: Deployment, seconds: float) -> None:
    with tenant(deployment.organization_id):
        then = Now() - timedelta(seconds=seconds)
        Deployment.objects.filter(pk=deployment.pk).update(created_at=then)


def now(deployment: Deployment) -> Deployment:
    with tenant(deployment.organization_id):
        return Deployment.objects.get(pk=deployment.pk)


def test_one_that_nobody_runs_has_failed_after_the_limit():
    late, early = a_deployment(), a_deployment()
    started_ago(late, SETTINGS.start_limit_s + 1)
    started_ago(early, SETTINGS.start_limit_s - 60)

    tasks.give_up_starting()

    assert (now(late).state, now(early).state) == ("failed", "starting")
    assert "There was no agent to run it." in now(late).error


@pytest.mark.parametrize(
    ("silent_s", "why"), [(0, "has not said how it went"), (60, "has fallen silent")]
)
def test_one_whose_agent_never_answers_says_so(silent_s, why):
    a_machine("agent")
    late = a_deployment()
    started_ago(late, SETTINGS.start_limit_s + 1)
    with tenant(late.organization_id):
        assert Grant.objects.filter(environment=late.environment_id).exists()
    Machine.objects.update(seen_at=Now() - timedelta(seconds=silent_s))

    tasks.give_up_starting()

    assert why in now(late).error


def test_one_that_got_healthy_is_left_alone():
    deployment = a_deployment(healthy=True)
    started_ago(deployment, SETTINGS.start_limit_s + 1)

    tasks.give_up_starting()

    assert now(deployment).state == "healthy"
