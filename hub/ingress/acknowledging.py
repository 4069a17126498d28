"""When weights are applied: once every gateway that is alive has asked with their serial or a later one."""

from __future__ import annotations

from django.db.models.functions import Now

from hub import live
from hub.common import doors
from hub.common.tenancy import tenant
from hub.ingress.models import TrafficChange
from hub.ingress.queries import gateway_serials

AT_ONCE = 200


def note() -> None:
    """A gateway said what it has applied, or fell silent: mark what all have now, and tell the pages that show it."""
    serials = gateway_serials()
    if not serials:
        return
    for organization_id, environment_id, change_id, serial in doors.rows(
        "changes_to_apply", max(serials), AT_ONCE
    ):
        with tenant(organization_id):
            if serial <= min(serials):
                unapplied = TrafficChange.objects.filter(pk=change_id, applied_at=None)
                unapplied.update(applied_at=Now())
            live.publish("traffic", environment_id)
