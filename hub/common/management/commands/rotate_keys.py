"""`manage.py rotate_keys`: wrap every sealed value under the key ring's current key. May run at any time, twice too."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.db import transaction

from hub.common import doors, sealing
from hub.common.sealing import SealedColumn
from hub.common.tenancy import tenant

BATCH = 200


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, **_: Any) -> None:
        ours = [column for column in sealing.COLUMNS if not column.of_tenants]
        changed, last = sum(rotate(None, column) for column in ours), None
        while found := doors.rows("organizations_after", last, BATCH):
            for (organization_id,) in found:
                theirs = (column for column in sealing.COLUMNS if column.of_tenants)
                changed += sum(rotate(organization_id, column) for column in theirs)
            last = found[-1][0]
        self.stdout.write(f"{changed} values are now under key {sealing.ring().current}\n")
        self.stderr.write(
            "next: keep the old keys in WISTRO_KEY_RING until backups made before now are gone"
        )


def rotate(organization_id: UUID | None, sealed: SealedColumn) -> int:
    """How many values of one organization (None: of the Hub) were wrapped anew; in batches, each a transaction."""
    changed, last = 0, None
    while True:
        with tenant(organization_id) if organization_id else transaction.atomic():
            rows = (
                sealed.model.objects.exclude(**{sealed.column: None})
                .order_by("pk")
                .select_for_update()
            )
            batch = list((rows.filter(pk__gt=last) if last else rows)[:BATCH])
            changed += sum(_rewrap(row, sealed) for row in batch)
        if len(batch) < BATCH:
            return changed
        last = batch[-1].pk


def _rewrap(row: Any, sealed: SealedColumn) -> bool:
    value = getattr(row, sealed.column)
    if sealing.key_of(value) == sealing.ring().current:
        return False
    setattr(row, sealed.column, sealing.rewrap(value, bound_to=sealed.bound_to(row)))
    row.save(update_fields=[sealed.column])
    return True
