"""Taking a batch in, as the ingest role, in one transaction: idempotent by (stream, seq).

The stream's row is locked, what is kept already is left out, the rest is copied, the row moves on. A seq that later
ones overtook is a gap; when it comes after all, it is kept and the gap shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections, transaction
from psycopg.errors import UniqueViolation

from hub.runs.store import rows
from hub.runs.store.port import Taken
from hub.runs.store.rows import Rows
from wistro.protocol.ids import new_id
from wistro.protocol.records import Record, RecordsBatch
from wistro.protocol.route import NOT_DRAWN

DATABASE = "ingest"


@dataclass(frozen=True)
class _Stream:
    organization_id: UUID
    environment_id: UUID
    stream: UUID
    last_seq: int

    @property
    def key(self) -> tuple[UUID, UUID]:
        return self.environment_id, self.stream


def take(batch: RecordsBatch, *, organization_id: UUID) -> Taken:
    environment_id = rows.uuid_of(batch.environment_id, "The environment")
    stream = rows.uuid_of(batch.stream, "The stream")
    records = rows.checked(batch)
    with transaction.atomic(using=DATABASE), connections[DATABASE].cursor() as cursor:
        # Acknowledged is durable, whatever the server's setting is.
        cursor.execute("SET LOCAL synchronous_commit = on")
        at = _locked(cursor, organization_id, environment_id, stream)
        late, fresh = _not_kept(cursor, at, records)
        written = rows.rows_of(
            [*late, *fresh],
            organization_id=organization_id,
            environment_id=environment_id,
            stream=stream,
        )
        _write(cursor, at, written)
        last = fresh[-1].seq if fresh else at.last_seq
        if late or fresh:
            _move(cursor, at, fresh, last, closed=written.closed)
    return Taken(last, lines=bool(late or fresh), runs=frozenset(written.touched))


def _locked(cursor: Any, organization_id: UUID, environment_id: UUID, stream: UUID) -> _Stream:
    sql = "SELECT last_seq FROM streams WHERE environment_id = %s AND stream = %s FOR UPDATE"
    cursor.execute(sql, [environment_id, stream])
    if (found := cursor.fetchone()) is None:
        # Numbered one after the other, so that whoever sees a number has seen all below it.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(environment_id)]
        )
        cursor.execute(sql, [environment_id, stream])
        found = cursor.fetchone()
    if found is None:
        cursor.execute(
            "INSERT INTO streams (id, organization_id, environment_id, stream, number, last_seq, closed) "
            "SELECT %s, %s, %s, %s, coalesce(max(number), 0) + 1, 0, false FROM streams WHERE environment_id = %s",
            [new_id(), organization_id, environment_id, stream, environment_id],
        )
        found = (0,)
    return _Stream(organization_id, environment_id, stream, found[0])


def _not_kept(cursor: Any, at: _Stream, records: list[Record]) -> tuple[list[Record], list[Record]]:
    """What fills a gap, and what is new."""
    fresh = [one for one in records if one.seq > at.last_seq]
    early = [one for one in records if one.seq <= at.last_seq]
    return (_filling(cursor, at, early) if early else []), fresh


def _filling(cursor: Any, at: _Stream, records: list[Record]) -> list[Record]:
    """Those whose seqs lie in gaps, which are made smaller by them."""
    cursor.execute(
        "SELECT first, last FROM gaps WHERE environment_id = %s AND stream = %s AND last >= %s AND first <= %s ORDER BY first",
        [*at.key, records[0].seq, records[-1].seq],
    )
    late: list[Record] = []
    for first, last in cursor.fetchall():
        inside = [one for one in records if first <= one.seq <= last]
        if inside:
            cursor.execute(
                "DELETE FROM gaps WHERE environment_id = %s AND stream = %s AND first = %s",
                [*at.key, first],
            )
            _add_gaps(cursor, at, _holes(first, [one.seq for one in inside], last))
            late += inside
    return late


def _holes(first: int, seqs: list[int], last: int) -> list[tuple[int, int]]:
    """What is missing from first..last when these are there."""
    ends = [first - 1, *seqs, last + 1]
    return [(a + 1, b - 1) for a, b in pairwise(ends) if b - a > 1]


def _add_gaps(cursor: Any, at: _Stream, gaps: list[tuple[int, int]]) -> None:
    cursor.executemany(
        "INSERT INTO gaps (id, organization_id, environment_id, stream, first, last) VALUES (%s, %s, %s, %s, %s, %s)",
        [(new_id(), at.organization_id, *at.key, first, last) for first, last in gaps],
    )


def _move(cursor: Any, at: _Stream, fresh: list[Record], last: int, *, closed: bool) -> None:
    _add_gaps(cursor, at, _holes(at.last_seq + 1, [one.seq for one in fresh], last))
    cursor.execute(
        "UPDATE streams SET last_seq = %s, closed = closed OR %s, taken_at = now() WHERE environment_id = %s AND stream = %s",
        [last, closed, *at.key],
    )


def _write(cursor: Any, at: _Stream, written: Rows) -> None:
    _copy(cursor, "lines", rows.LINE_COLUMNS, written.lines)
    if written.attempts:
        _write_attempts(cursor, written)
    if written.runs:
        _write_runs(cursor, at, list(written.runs.values()))


def _copy(cursor: Any, table: str, columns: str, lines: list[str]) -> None:
    if lines:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write("".join(lines))


def _write_attempts(cursor: Any, written: Rows) -> None:
    """By COPY; should one be there already, then one by one past those that are."""
    try:
        with transaction.atomic(using=DATABASE):
            _copy(cursor, "attempts", rows.ATTEMPT_COLUMNS, written.attempts)
            _copy(cursor, "payloads", rows.PAYLOAD_COLUMNS, written.payloads)
    except UniqueViolation:
        for attempt, payload in zip(written.attempts, written.payloads, strict=True):
            cursor.execute(KEEP_ATTEMPT, _values(attempt))
            if cursor.fetchone() is not None:
                values = _values(payload)
                cursor.execute(KEEP_PAYLOAD, [*values, values[RECORD]])


RECORD = rows.PAYLOAD_COLUMNS.split(", ").index("record")


def _insert(table: str, columns: str) -> str:
    marks = ", ".join(["%s"] * len(columns.split(", ")))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"


# One that is there was sent under another stream, and stays as it is; but a task that waited has ended.
KEEP_ATTEMPT = f"""
{_insert("attempts", rows.ATTEMPT_COLUMNS)} ON CONFLICT (run_id, id, environment_id) DO UPDATE
SET outcome = excluded.outcome, ended_at_us = excluded.ended_at_us
WHERE attempts.outcome = 'waiting' AND excluded.outcome <> 'waiting' RETURNING id
"""
# The role may write a payload and read none, not even what it inserts (`excluded`).
KEEP_PAYLOAD = f"""
{_insert("payloads", rows.PAYLOAD_COLUMNS)} ON CONFLICT (id, environment_id) DO UPDATE SET record = %s
"""


def _values(line: str) -> list[str | None]:
    return [
        None if one == "\\N" else _unescaped(one) for one in line.removesuffix("\n").split("\t")
    ]


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    parts = text.split("\\\\")
    parts = [one.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r") for one in parts]
    return "\\".join(parts)


RUN_COLUMNS = (
    "deployment_id", "generation", "stream", "seq", "status", "trigger", "trigger_id",
    "method", "path", "flows", "trace_id", "started_at_us", "ended_at_us",
)  # fmt: skip
UPSERT_RUNS = f"""
INSERT INTO runs (id, organization_id, environment_id, {", ".join(RUN_COLUMNS)})
SELECT new.id, %(organization)s, %(environment)s, new.deployment_id, new.generation, %(stream)s, new.seq, new.status,
  new.trigger, new.trigger_id, new.method, new.path,
  ARRAY(SELECT json_array_elements_text(new.flows)), new.trace_id, new.started_at_us, new.ended_at_us
FROM json_to_recordset(%(runs)s::json) AS new (
  id uuid, deployment_id uuid, generation bigint, seq bigint, status text, trigger text, trigger_id text,
  method text, path text, flows json, trace_id text, started_at_us bigint, ended_at_us bigint)
ORDER BY new.id
ON CONFLICT (id, environment_id) DO UPDATE SET
  {", ".join(f"{one} = excluded.{one}" for one in RUN_COLUMNS)}, taken_at = now()
WHERE (runs.stream, runs.seq) < (excluded.stream, excluded.seq)
"""  # streams are UUIDv7 of their boot, so a later boot's word counts more than an earlier one's


def _write_runs(cursor: Any, at: _Stream, new: list[dict[str, Any]]) -> None:
    _count_draws(cursor, at, new)
    cursor.execute(
        UPSERT_RUNS,
        {
            "organization": at.organization_id,
            "environment": at.environment_id,
            "stream": at.stream,
            "runs": msgspec.json.encode(new).decode(),
        },
    )


def _count_draws(cursor: Any, at: _Stream, new: list[dict[str, Any]]) -> None:
    """Each call once, when its run is first heard of; those by a version's tag were not drawn."""
    drawn = (one for one in new if one["trigger"] == "api" and one["generation"] != NOT_DRAWN)
    calls = {one["id"]: one for one in drawn}
    cursor.execute(
        "SELECT id::text FROM runs WHERE id = ANY(%s::uuid[]) AND environment_id = %s",
        [list(calls), at.environment_id],
    )
    for (id,) in cursor.fetchall():
        del calls[id]
    counts: dict[tuple[int, str], int] = {}
    for one in calls.values():
        by = one["generation"], one["deployment_id"]
        counts[by] = counts.get(by, 0) + 1
    cursor.executemany(
        "INSERT INTO draws (id, organization_id, environment_id, generation, deployment_id, calls) VALUES (%s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (environment_id, generation, deployment_id) DO UPDATE SET calls = draws.calls + excluded.calls",
        [
            (new_id(), at.organization_id, at.environment_id, generation, deployment, count)
            for (generation, deployment), count in sorted(counts.items())
        ],
    )
