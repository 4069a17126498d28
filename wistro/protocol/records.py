"""What happened, on its way from an engine to where it is kept.

A stream is one engine boot; `seq` counts its records and lines together from 1 without a hole. An
attempt's record is written in the transaction that commits the attempt; lines are best effort, and a
missing seq is shown as a gap. Taking a batch in is idempotent by (stream, seq).
"""

from __future__ import annotations

from typing import Any

import msgspec


class RunRecord(msgspec.Struct, tag_field="kind", tag="run", omit_defaults=True):
    """A run began or changed its status; the newest seq wins. `trigger` is api | cron | event."""

    seq: int
    at_us: int
    run_id: str
    deployment_id: str
    generation: int
    trigger: str
    trigger_id: str  # the step or entry that the call or tick arrived at
    status: str  # running | waiting | done | failed | dead | cancelled | interrupted
    started_at_us: int
    trace_id: str = ""
    flows: list[str] = []
    method: str | None = None
    path: str | None = None
    ended_at_us: int | None = None
    replays: str | None = (
        None  # the run that this one does once more, from its start or one of its steps
    )
    trace_parent: str = ""  # the caller's span, when its call named one


class EmitRecord(msgspec.Struct, omit_defaults=True):
    ordinal: int  # from 0 within the attempt
    topic: str
    data: Any
    key: str | None = None
    id: str | None = None


class ReadRecord(msgspec.Struct, omit_defaults=True):
    """A state read with what it returned: `op` is get | list; a list's value is [[key, value], …]."""

    op: str
    group: str
    key: str
    value: Any = None


class WriteRecord(msgspec.Struct, omit_defaults=True):
    op: str
    group: str
    key: str = ""
    value: Any = None


class ErrorRecord(msgspec.Struct, omit_defaults=True):
    type: str
    message: str
    stack: str = ""
    code: str | None = None


class AttemptRecord(msgspec.Struct, tag_field="kind", tag="attempt", omit_defaults=True):
    """One finished attempt, whole: enough to replay it."""

    seq: int
    at_us: int
    attempt_id: str
    delivery_id: str
    run_id: str
    deployment_id: str
    step: str
    number: int  # 1 for the first attempt of its delivery
    outcome: str  # done | retrying | dead | interrupted | cancelled | failed (an endpoint's) | waiting (a task)
    queued_at_us: int  # when it became due
    started_at_us: int
    ended_at_us: int
    now_us: int  # ctx.now
    input: Any = None
    topic: str | None = None
    parent_attempt_id: str | None = None  # whose emit it was
    ordinal: int = 0  # which emit of the parent's
    auth: dict[str, Any] | None = None
    emits: list[EmitRecord] = []
    reads: list[ReadRecord] = []
    writes: list[WriteRecord] = []
    answer: Any = None
    error: ErrorRecord | None = None


class LineRecord(msgspec.Struct, tag_field="kind", tag="line", omit_defaults=True):
    seq: int
    at_us: int
    level: str
    message: str
    deployment_id: str
    step: str | None = None
    run_id: str | None = None
    attempt_id: str | None = None
    fields: dict[str, Any] = {}
    source: str = "logger"  # logger | stdout | stderr | engine


class ClosedRecord(msgspec.Struct, tag_field="kind", tag="closed"):
    """The stream ended; its last seq is this record's own."""

    seq: int
    at_us: int


Record = RunRecord | AttemptRecord | LineRecord | ClosedRecord


class RecordsBatch(msgspec.Struct):
    """Part of one stream, ordered by seq; not necessarily contiguous (lost lines are gaps)."""

    environment_id: str
    fence: int
    stream: str
    records: list[Record]


class RecordsTaken(msgspec.Struct):
    """Everything of the stream up to `seq` is kept; the sender may delete it."""

    stream: str
    seq: int
