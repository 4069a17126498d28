"""The first wall between tenants: models whose rows cannot be reached without saying whose they are.

The second wall, row-level security, is laid by `hub.common.migrations.TenantTable`; `tenant()` sets the
scope of both. What must be read before an organization is known goes through hub/common/doors.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection, models, transaction
from psycopg.pq import TransactionStatus

from wistro.protocol.ids import new_id

_scope: ContextVar[UUID | None] = ContextVar("organization", default=None)


class NoTenantScope(RuntimeError):
    """A tenant's rows were asked for outside `with tenant(organization)`."""


class OtherTenant(RuntimeError):
    """A row of one organization was about to be written in the scope of another."""


def current_organization_id() -> UUID:
    """The organization of the scope we are in; raises NoTenantScope outside one."""
    if (organization_id := _scope.get()) is None:
        raise NoTenantScope("Not inside `with tenant(organization)`")
    return organization_id


@contextmanager
def tenant(organization: models.Model | UUID | str) -> Iterator[UUID]:
    """Inside, both walls let this organization's rows through, and no other's. Opens a transaction if none is open.

    Nests: the scope before is put back at the end. The database's half is SET LOCAL, so it cannot outlive its
    transaction, whatever happens to the connection.
    """
    organization_id = (
        organization.pk if isinstance(organization, models.Model) else UUID(str(organization))
    )
    before = _scope.get()
    with transaction.atomic(savepoint=False):
        _set_local(organization_id)
        token = _scope.set(organization_id)
        try:
            yield organization_id
        finally:
            _scope.reset(token)
            if not _is_lost():
                _set_local(before)


def _set_local(organization_id: UUID | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('wistro.organization_id', %s, true)",
            [str(organization_id) if organization_id else ""],
        )


def _is_lost() -> bool:
    """Whether the transaction can only roll back, which takes our setting with it."""
    raw = connection.connection
    return (
        connection.needs_rollback
        or raw is None
        or raw.info.transaction_status != TransactionStatus.INTRANS
    )


class TenantQuerySet(models.QuerySet):
    """A queryset that exists only inside a tenant's scope."""


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """Only the scope's rows; raises NoTenantScope outside one. There is no way around it but a door."""

    use_in_migrations = False

    def get_queryset(self) -> models.QuerySet:
        column = getattr(self.model, "tenant_column", "organization_id")
        return super().get_queryset().filter(**{column: current_organization_id()})


class TenantModel(models.Model):
    """A row that belongs to an organization. Its table is laid with `TenantTable` in the migration that makes it."""

    tenant_column: ClassVar[str] = "organization_id"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        "accounts.Organization",
        models.CASCADE,
        default=current_organization_id,  # type: ignore[arg-type]
        editable=False,
        related_name="+",
    )

    objects: ClassVar[Any] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.organization_id != current_organization_id():  # type: ignore[attr-defined]
            raise OtherTenant(f"{self._meta.label} {self.pk} is not of the scope's organization")
        super().save(*args, **kwargs)
