"""What beat does for deployments."""

from __future__ import annotations

from celery import shared_task

from hub.common import doors
from hub.common.schedule import every
from hub.common.tenancy import tenant
from hub.fleet import actions as fleet
from hub.projects.models import Environment

AT_ONCE = 100


@every(seconds=2)
@shared_task(name="hub.deployments.tasks.place_environments")
def place_environments() -> None:
    """Give environments that wait for a machine to one, now that there may be one."""
    for organization_id, environment_id in doors.rows("unplaced", AT_ONCE):
        with tenant(organization_id):
            fleet.place(Environment.objects.get(pk=environment_id))
