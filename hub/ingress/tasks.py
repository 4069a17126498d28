"""What beat does for traffic."""

from __future__ import annotations

from celery import shared_task

from hub.common import doors
from hub.common.schedule import every
from hub.common.tenancy import tenant
from hub.ingress import acknowledging, actions
from hub.projects.models import Environment

AT_ONCE = 200


@every(seconds=2)
@shared_task(name="hub.ingress.tasks.note_applied")
def note_applied() -> None:
    """Weights that only a gateway which fell silent had not applied are applied now."""
    acknowledging.note()


@every(seconds=60)
@shared_task(name="hub.ingress.tasks.retire_deployments")
def retire_deployments() -> None:
    """Let go of deployments without weight or runs that nobody has needed for long."""
    last = None
    while page := doors.rows("environments_with_idle", last, AT_ONCE):
        for organization_id, environment_id in page:
            with tenant(organization_id):
                if found := Environment.objects.filter(pk=environment_id).first():
                    actions.retire(found)
        last = page[-1][1]
