"""Attempts' records, the least that is one."""

from __future__ import annotations

from itertools import count
from typing import Any

from wistro.protocol.records import (
    AttemptRecord,
    EmitRecord,
    ErrorRecord,
    ReadRecord,
    WriteRecord,
)

_numbers = count(1)


def an_attempt(
    step: str = "src/a",
    *,
    of: AttemptRecord | None = None,
    topic: str | None = None,
    ordinal: int = 0,
    at: int = 0,
    took: int = 1,
    emits: list[tuple[str, Any]] | None = None,
    reads: list[tuple[str, str, str, Any]] | None = None,
    writes: list[tuple[str, str, str, Any]] | None = None,
    error: str | None = None,
    **more: Any,
) -> AttemptRecord:
    """`of`: the attempt that emitted its message. Reads and writes are (op, group, key, value)."""
    number = next(_numbers)
    return AttemptRecord(
        seq=number,
        at_us=at,
        attempt_id=f"attempt-{number:04}",
        delivery_id=more.pop("delivery_id", f"delivery-{number:04}"),
        run_id="run",
        deployment_id="local",
        step=step,
        number=more.pop("number", 1),
        outcome=more.pop("outcome", "done" if error is None else "dead"),
        queued_at_us=at,
        started_at_us=at,
        ended_at_us=at + took,
        now_us=at,
        topic=topic or ("t" if of else None),
        parent_attempt_id=of.attempt_id if of else None,
        ordinal=ordinal,
        emits=[EmitRecord(at, *emit) for at, emit in enumerate(emits or [])],
        reads=[ReadRecord(*read) for read in reads or []],
        writes=[WriteRecord(*write) for write in writes or []],
        error=ErrorRecord(error, f"{error} happened") if error else None,
        **more,
    )
