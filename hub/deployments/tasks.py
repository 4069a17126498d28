"""What beat does for deployments."""

from __future__ import annotations

from celery import shared_task

from hub.common import doors
from hub.common.schedule import every
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.deployments import deploying, versions
from hub.fleet import actions as fleet
from hub.projects.models import Environment

AT_ONCE = 100


@every(seconds=5)
@shared_task(name="hub.deployments.tasks.expire_builds")
def expire_builds() -> None:
    """Say of builds that lost their builder that they wait again, also while no other builder asks."""
    for organization_id, build_id in doors.rows("builds_to_do", AT_ONCE):
        versions.expire(organization_id, build_id)


@every(seconds=10)
@shared_task(name="hub.deployments.tasks.give_up_starting")
def give_up_starting() -> None:
    """Say of deployments whose agent never answered that they failed, and why."""
    for organization_id, deployment_id in doors.rows(
        "starting_for", SETTINGS.start_limit_s, AT_ONCE
    ):
        with tenant(organization_id):
            deploying.give_up(deployment_id)


@every(seconds=2)
@shared_task(name="hub.deployments.tasks.place_environments")
def place_environments() -> None:
    """Give environments that wait for a machine to one, now that there may be one."""
    for organization_id, environment_id in doors.rows("unplaced", AT_ONCE):
        with tenant(organization_id):
            fleet.place(Environment.objects.get(pk=environment_id))
