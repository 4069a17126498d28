"""What the Hub asks of a store of records, so that a column store can take PostgreSQL's place.

Reading is done in the tenant's scope, of an environment that the caller found in it. Ids are UUIDs, instants
microseconds; a cursor is {stream: seq}.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from wistro.protocol.reading import Gap
from wistro.protocol.records import RecordsBatch

Cursor = Mapping[UUID, int]


@dataclass(frozen=True)
class Taken:
    """A batch that is kept: up to which seq its stream is, and whom it is news for."""

    seq: int
    lines: bool
    runs: frozenset[UUID]  # whose status or attempts changed


@dataclass(frozen=True)
class RunFilter:
    status: str = ""
    step: str = ""
    flow: str = ""
    text: str = ""  # in what attempts took and gave
    deployments: Sequence[UUID] | None = None  # None: of any


@dataclass(frozen=True)
class LineFilter:
    run: UUID | None = None
    step: str = ""
    level: str = ""
    text: str = ""


@dataclass(frozen=True)
class RunRow:
    id: UUID
    environment_id: UUID
    deployment_id: UUID
    generation: int
    status: str
    trigger: str
    trigger_id: str
    method: str | None
    path: str | None
    flows: list[str]
    trace_id: str
    started_at_us: int
    ended_at_us: int | None
    attempts: int = 0
    errors: int = 0


@dataclass(frozen=True)
class AttemptRow:
    """`record` is the AttemptRecord's JSON, None once payloads of its day are gone, or where it was too large to read.

    `size_bytes` is the record's, None where it is gone.
    """

    id: UUID
    delivery_id: UUID
    parent_id: UUID | None
    deployment_id: UUID
    step: str
    number: int
    outcome: str
    topic: str | None
    ordinal: int
    queued_at_us: int
    started_at_us: int
    ended_at_us: int
    record: str | None
    size_bytes: int | None


@dataclass(frozen=True)
class LineRow:
    stream: UUID
    seq: int
    at_us: int
    level: str
    source: str
    step: str | None
    run_id: UUID | None
    attempt_id: UUID | None
    deployment_id: UUID | None
    message: str
    fields: str  # a JSON object, or nothing


@dataclass(frozen=True)
class Lines:
    """By (at, stream, seq). `cursor` reads on from their end; `more` lie beyond, in the direction that was asked."""

    lines: list[LineRow]
    cursor: Cursor
    more: bool
    gaps: list[Gap] = field(default_factory=list)


class RecordStore(Protocol):
    def take(self, batch: RecordsBatch, *, organization_id: UUID) -> Taken:
        """Keep what is not kept yet, all or nothing, durably. The caller has checked whose environment it is."""
        ...

    def runs(
        self, environment_id: UUID, filter: RunFilter, *, before: UUID | None, limit: int
    ) -> list[RunRow]:
        """Newest first."""
        ...

    def run(self, run_id: UUID, *, environment_ids: Collection[UUID]) -> RunRow | None: ...

    def attempts(self, run: RunRow, *, limit: int, bytes_most: int) -> list[AttemptRow]:
        """By (queued_at, id); from where their records go over `bytes_most` together they come without."""
        ...

    def lines_after(
        self, environment_id: UUID, filter: LineFilter, *, after: Cursor, limit: int
    ) -> Lines: ...

    def lines_before(
        self,
        environment_id: UUID,
        filter: LineFilter,
        *,
        before: tuple[UUID, int] | None,
        limit: int,
    ) -> Lines:
        """Those before one line, or the newest. Empty when that line is not kept (any more)."""
        ...

    def draws(self, environment_id: UUID, generation: int) -> dict[UUID, int]:
        """Calls by deployment."""
        ...
