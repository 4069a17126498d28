"""Celery's doors: reading one source, handing out those that are due, and what is swept away."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db.models import Q
from django.db.models.functions import Now

from hub.common import doors
from hub.common.schedule import every
from hub.common.tenancy import tenant
from hub.sources import checks, hooks, reading
from hub.sources.models import ConnectState, Hook, Report

__all__ = ["checks", "hand_out_readings", "hooks", "read_source", "sweep"]
AT_ONCE = 500
BATCH = 200


@shared_task(name=reading.TASK)
def read_source(organization_id: str, id: str) -> None:
    reading.read(UUID(organization_id), UUID(id))


@every(seconds=5)
@shared_task(name="hub.sources.tasks.hand_out_readings")
def hand_out_readings() -> None:
    """Each source is due every 60 s, and at once when a hint said so and got lost."""
    for organization_id, id in doors.rows("sources_due", AT_ONCE):
        reading.send(str(organization_id), str(id))


@every(seconds=3600)
@shared_task(name="hub.sources.tasks.sweep")
def sweep() -> None:
    """Webhooks and reports that were worked off long ago, and states that have ended."""
    last = None
    while found := doors.rows("organizations_after", last, BATCH):
        for (organization_id,) in found:
            with tenant(organization_id):
                old = Now() - hooks.KEPT
                Hook.objects.filter(due_at=None, received_at__lt=old).delete()
                ended = Q(done_at__lt=old) | Q(gave_up_at__lt=old)
                Report.objects.filter(ended, due_at=None).delete()
                ConnectState.objects.filter(expires_at__lt=Now()).delete()
        last = found[-1][0]
