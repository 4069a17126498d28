"""Tasks as a store keeps them: one row a wait, kept for a while after it ended, and the hashes of links to them."""

from __future__ import annotations

from dataclasses import dataclass, fields

OPEN, ANSWERED, TIMED_OUT, CANCELLED = "open", "answered", "timed-out", "cancelled"
KEPT_US = 30 * 24 * 3600 * 1_000_000  # an ended one: who comes late is told who answered


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A delivery that waits for an answer; its id is the delivery's."""

    task_id: str
    run_id: str
    deployment_id: str
    step: str
    delivery_seq: int  # its row among the deliveries, while it is open
    attempt_id: str  # of its record, written when it opens and again when it ends
    number: int  # the delivery's
    topic: str | None
    message: bytes  # JSON: what it waits with
    parent_attempt_id: str | None
    ordinal: int
    assignee: str | None
    queued_at_us: int
    opened_at_us: int
    expires_at_us: int | None = None
    state: str = OPEN
    answer: str | None = None
    form: bytes | None = None  # JSON: what was emitted
    answered_by: str | None = None
    how: str | None = None  # link | api | cli | timeout
    ended_at_us: int | None = None


COLUMNS = ", ".join(one.name for one in fields(TaskRow))  # of both stores' tables


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How an open task ended. The unit that holds it also finishes its delivery, which fences it."""

    task_id: str
    state: str  # answered | timed-out | cancelled
    ended_at_us: int
    answer: str | None = None
    form: bytes | None = None
    answered_by: str | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True)
class TaskLink:
    """Whoever has the token may answer the task; only the token's sha256 is kept."""

    token_sha256: str
    task_id: str
    made_at_us: int


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list, newest first by id. None: whatever it is."""

    state: str | None = OPEN
    assignee: str | None = None
    step: str | None = None
    run_id: str | None = None
    before: str | None = None  # a task's id
    limit: int = 100
