"""Reading the fleet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Value, When
from django.db.models.functions import Now

from hub.common import doors
from hub.fleet.actions import alive
from hub.fleet.models import Machine

SHOWN_FOR = timedelta(days=1)


def shown_machines() -> list[dict[str, Any]]:
    """The shared pool's machines, as the fleet screen shows them; those silent for a day are left out."""
    state = Case(
        *(When(alive(kind), then=Value("alive")) for kind in ("agent", "builder", "gateway")),
        default=Value("silent"),
        output_field=CharField(),
    )
    lately = Machine.objects.filter(seen_at__gt=Now() - SHOWN_FOR)
    found = lately.annotate(state=state).order_by("kind", "name")
    return list(found.values("id", "kind", "name", "state", "seen_at", "sandbox"))


def granted(machine_id: UUID, environment_id: UUID, fence: int) -> UUID | None:
    """The organization whose environment this machine runs under this fence; None when it does not (any more)."""
    found = doors.rows("granted", machine_id, environment_id, fence)
    return found[0][0] if found else None
