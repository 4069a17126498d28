"""Reading runs and their attempts from PostgreSQL, in the tenant's scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from hub.runs.models import Attempt, Payload, Run
from hub.runs.store.port import AttemptRow, RunFilter, RunRow
from hub.runs.store.searching import limited, pattern

ERRORS = ("retrying", "dead", "failed", "interrupted")
_RUN = (
    "id", "environment_id", "deployment_id", "generation", "status", "trigger", "trigger_id",
    "method", "path", "flows", "trace_id", "started_at_us", "ended_at_us",
)  # fmt: skip
_ATTEMPT = (
    "id", "delivery_id", "parent_id", "deployment_id", "step", "number", "outcome", "topic",
    "ordinal", "queued_at_us", "started_at_us", "ended_at_us",
)  # fmt: skip


def page(
    environment_id: UUID, filter: RunFilter, *, before: UUID | None, limit: int
) -> list[RunRow]:
    where, values = _where(environment_id, filter, before)
    source = "runs r"
    if filter.step:
        # From the index of steps, so that a rare step's runs are found without looking at the others'.
        source = (
            "(SELECT DISTINCT run_id FROM attempts WHERE environment_id = %(environment)s AND step = %(step)s"
            + (" AND run_id < %(before)s" if before else "")
            + " ORDER BY run_id DESC) of_step JOIN runs r ON r.id = of_step.run_id"
        )
    sql = (
        f"SELECT {', '.join(f'r.{one}' for one in _RUN)} FROM {source} "
        f"WHERE {' AND '.join(where)} ORDER BY r.id DESC LIMIT %(limit)s"
    )
    with limited(), connection.cursor() as cursor:
        cursor.execute(sql, values | {"limit": limit})
        found = [RunRow(*row) for row in cursor.fetchall()]
    return _counted(environment_id, found)


def _where(
    environment_id: UUID, filter: RunFilter, before: UUID | None
) -> tuple[list[str], dict[str, Any]]:
    where = ["r.environment_id = %(environment)s"]
    values: dict[str, Any] = {"environment": environment_id, "step": filter.step}
    if before:
        where.append("r.id < %(before)s")
        values["before"] = before
    if filter.status:
        where.append("r.status = %(status)s")
        values["status"] = filter.status
    if filter.flow:
        where.append("%(flow)s = ANY (r.flows)")
        values["flow"] = filter.flow
    if filter.deployments is not None:
        where.append("r.deployment_id = ANY (%(deployments)s::uuid[])")
        values["deployments"] = list(filter.deployments)
    if filter.text:
        # As it stands in a record's JSON. OFFSET 0 keeps the run's attempts as the way in.
        where.append(
            "EXISTS (SELECT FROM (SELECT a.id FROM attempts a WHERE a.run_id = r.id AND a.environment_id = %(environment)s OFFSET 0) a "
            "JOIN payloads p ON p.id = a.id AND p.environment_id = %(environment)s WHERE p.record LIKE %(text)s)"
        )
        values["text"] = pattern(msgspec.json.encode(filter.text).decode()[1:-1])
    return where, values


def one(run_id: UUID, environment_ids: Collection[UUID]) -> RunRow | None:
    found = Run.objects.filter(pk=run_id, environment_id__in=environment_ids).values(*_RUN)[:1]
    rows = [RunRow(**row) for row in found]
    return _counted(rows[0].environment_id, rows)[0] if rows else None


def _counted(environment_id: UUID, runs: list[RunRow]) -> list[RunRow]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, count(*), count(*) FILTER (WHERE outcome = ANY (%s)) FROM attempts "
            "WHERE run_id = ANY (%s::uuid[]) AND environment_id = %s GROUP BY run_id",
            [list(ERRORS), [run.id for run in runs], environment_id],
        )
        counts = {run: (attempts, errors) for run, attempts, errors in cursor.fetchall()}
    return [
        replace(run, attempts=attempts, errors=errors)
        for run in runs
        for attempts, errors in [counts.get(run.id, (0, 0))]
    ]


def attempts(run: RunRow, *, limit: int, bytes_most: int) -> list[AttemptRow]:
    found = Attempt.objects.filter(run_id=run.id, environment_id=run.environment_id)
    rows = list(found.order_by("queued_at_us", "id").values(*_ATTEMPT)[:limit])
    sizes = _sizes(run.environment_id, [row["id"] for row in rows])
    read, left = [], bytes_most
    for id in (row["id"] for row in rows if row["id"] in sizes):
        left -= sizes[id]
        if left < 0:
            break
        read.append(id)
    records = _records(run.environment_id, read)
    return [
        AttemptRow(**row, record=records.get(row["id"]), size_bytes=sizes.get(row["id"]))
        for row in rows
    ]


def _sizes(environment_id: UUID, ids: list[UUID]) -> dict[UUID, int]:
    """Known to PostgreSQL without reading the payloads, which stand in a table of their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, octet_length(record) FROM payloads WHERE id = ANY (%s::uuid[]) AND environment_id = %s",
            [ids, environment_id],
        )
        return dict(cursor.fetchall())


def _records(environment_id: UUID, ids: list[UUID]) -> dict[UUID, str]:
    found = Payload.objects.filter(environment_id=environment_id, id__in=ids)
    return dict(found.values_list("id", "record"))
