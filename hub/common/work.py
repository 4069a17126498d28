"""Work that outlives a crash: a committed row is the truth, the Celery message only a hint that it is due.

    class Build(WorkRow): ...                     # a row, written in the transaction that is answered with 2xx

    @work(Build)                                  # in tasks.py; the function runs outside any transaction
    def run_build(build: Build) -> None: ...      # with the row claimed; it opens `with tenant(...)` as it needs

    run_build.hint(build)                         # after the row is committed; a lost hint is made good by beat

Claiming is SKIP LOCKED and moves `due_at` past a lease, so a worker that dies gives its row back. A function that
raises is tried again with backoff, up to `tries`; then the row has `gave_up_at` and its error, and stays.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import structlog
from celery import shared_task
from django.db import models, transaction
from django.db.models.functions import Now

from hub.common import doors
from hub.common.schedule import every
from hub.common.tenancy import TenantModel, tenant

log = structlog.get_logger()
AT_ONCE = 100  # left-over rows handed out a tick, for each kind of work
BACKOFF_MOST = timedelta(minutes=30)


class WorkRow(TenantModel):
    """Derive from it, and give the table a partial index: `indexes = [due_index("builds")]`."""

    due_at = models.DateTimeField(null=True, db_default=Now())  # null: done, or given up
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    gave_up_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta(TenantModel.Meta):
        abstract = True


def due_index(table: str) -> models.Index:
    """Only what is due is in it, so beat's question costs the same after a million rows."""
    return models.Index(
        fields=["due_at", "id"], name=f"{table}_due"[:30], condition=models.Q(due_at__isnull=False)
    )


class NotNow(Exception):
    """Raise it in a work function to be called again later, without it counting as a failed try."""

    def __init__(self, *, after: timedelta) -> None:
        super().__init__(f"again after {after}")
        self.after = after


Row = TypeVar("Row", bound=WorkRow)


@dataclass(frozen=True)
class Work(Generic[Row]):
    """One kind of work. `hint` after writing a row; `work_off` is what the Celery task calls."""

    model: type[Row]
    do: Callable[[Row], None]
    lease: timedelta
    tries: int
    task: Any

    all: ClassVar[dict[str, Work[Any]]] = {}

    def hint(self, row: Row) -> None:
        """Tell a worker once the row is committed. Redis being away loses the hint, not the work."""
        ids = str(row.organization_id), str(row.pk)  # type: ignore[attr-defined]
        transaction.on_commit(lambda: self.send(*ids), robust=True)

    def send(self, organization_id: str, id: str) -> None:
        try:
            self.task.apply_async((organization_id, id), retry=False)
        except self.task.OperationalError as error:
            log.warning("work.hint-lost", work=self.task.name, id=id, why=str(error))

    def work_off(self, organization_id: UUID | str, id: UUID | str) -> bool:
        """Claim this row and do it; False when it is not due or someone else has it."""
        row = self.claim(organization_id, id)
        if row is None:
            return False
        try:
            self.do(row)
        except NotNow as later:
            self._set(row, due_at=Now() + later.after, tries=row.tries - 1)
        except Exception as error:  # the work's outermost loop
            self._failed(row, error)
        else:
            self._set(row, due_at=None, done_at=Now(), last_error="")
        return True

    def claim(self, organization_id: UUID | str, id: UUID | str) -> Row | None:
        with tenant(UUID(str(organization_id))):
            found = self.model.objects.select_for_update(skip_locked=True, of=("self",)).filter(
                pk=id, due_at__lte=Now()
            )
            row = found.first()
            if row is not None:
                row.tries += 1
                found.model.objects.filter(pk=row.pk).update(
                    tries=row.tries, due_at=Now() + self.lease
                )
        return row

    def _failed(self, row: Row, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"[:2000]
        if row.tries >= self.tries:
            log.error("work.gave-up", work=self.task.name, id=str(row.pk), exc_info=error)
            self._set(row, due_at=None, gave_up_at=Now(), last_error=said)
        else:
            log.warning(
                "work.failed", work=self.task.name, id=str(row.pk), tries=row.tries, exc_info=error
            )
            self._set(row, due_at=Now() + backoff(row.tries), last_error=said)

    def _set(self, row: Row, **values: Any) -> None:
        with tenant(row.organization_id):  # type: ignore[attr-defined]
            # fenced by `tries`: a worker whose lease ran out must not end the row of its successor
            self.model.objects.filter(pk=row.pk, tries=row.tries).update(**values)


def backoff(tries: int) -> timedelta:
    """2, 4, 8 … seconds up to half an hour, with full jitter above one second."""
    most = min(2.0**tries, BACKOFF_MOST.total_seconds())
    return timedelta(seconds=1 + random.uniform(0, most))


def work(
    model: type[Row], *, lease: timedelta = timedelta(minutes=5), tries: int = 8
) -> Callable[[Callable[[Row], None]], Work[Row]]:
    """Make a function the work of a model's rows; `lease` must be longer than it ever takes."""

    def make(do: Callable[[Row], None]) -> Work[Row]:
        name = f"{do.__module__}.{do.__name__}"

        @shared_task(name=name)
        def task(organization_id: str, id: str) -> None:
            made.work_off(organization_id, id)

        made = Work(model=model, do=do, lease=lease, tries=tries, task=task)
        Work.all[name] = made
        return made

    return make


@every(seconds=10)
@shared_task(name="hub.common.work.hand_out_left_overs")
def hand_out_left_overs() -> None:
    """Send what is due and was not taken: its hint was lost, its worker died, or its backoff is over."""
    for one in list(Work.all.values()):
        for organization_id, id in doors.rows("left_over", one.model._meta.db_table, AT_ONCE):
            one.send(str(organization_id), str(id))
