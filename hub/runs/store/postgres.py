"""RecordStore on the Hub's PostgreSQL: intake, runs and lines are a file each."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hub.runs.models import Draw
from hub.runs.store import intake, lines, runs
from hub.runs.store.port import (
    AttemptRow,
    Cursor,
    LineFilter,
    Lines,
    RunFilter,
    RunRow,
    Taken,
)
from wistro.protocol.records import RecordsBatch


class PostgresRecords:
    def take(self, batch: RecordsBatch, *, organization_id: UUID) -> Taken:
        return intake.take(batch, organization_id=organization_id)

    def runs(
        self, environment_id: UUID, filter: RunFilter, *, before: UUID | None, limit: int
    ) -> list[RunRow]:
        return runs.page(environment_id, filter, before=before, limit=limit)

    def run(self, run_id: UUID, *, environment_ids: Collection[UUID]) -> RunRow | None:
        return runs.one(run_id, environment_ids)

    def attempts(self, run: RunRow, *, limit: int, bytes_most: int) -> list[AttemptRow]:
        return runs.attempts(run, limit=limit, bytes_most=bytes_most)

    def lines_after(
        self, environment_id: UUID, filter: LineFilter, *, after: Cursor, limit: int
    ) -> Lines:
        return lines.after(environment_id, filter, cursor=after, limit=limit)

    def lines_before(
        self,
        environment_id: UUID,
        filter: LineFilter,
        *,
        before: tuple[UUID, int] | None,
        limit: int,
    ) -> Lines:
        return lines.before(environment_id, filter, line=before, limit=limit)

    def draws(self, environment_id: UUID, generation: int) -> dict[UUID, int]:
        found = Draw.objects.filter(environment_id=environment_id, generation=generation)
        return dict(found.values_list("deployment_id", "calls"))
