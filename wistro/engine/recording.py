"""What is told of attempts, runs and lines: encoded here once, numbered by the store, kept by `wistro/records`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wistro.engine.clock import Clock
from wistro.protocol.frames import Log
from wistro.protocol.records import (
    AttemptRecord,
    EmitRecord,
    ErrorRecord,
    LineRecord,
    RunRecord,
    WriteRecord,
)
from wistro.records.redact import CUT
from wistro.store.port import Store, Unnumbered
from wistro.store.tasks import TaskRow

if TYPE_CHECKING:
    from wistro.engine.attempt import Attempt
    from wistro.engine.queues import Delivery
    from wistro.engine.runs import LiveRun


class Recording:
    def __init__(self, store: Store, clock: Clock, *, line_bytes: int) -> None:
        self._store = store
        self._clock = clock
        self._line_bytes = line_bytes
        self._encoder = msgspec.json.Encoder()

    def run(self, run: LiveRun, status: str, *, at_us: int) -> Unnumbered:
        header = run.header
        record = RunRecord(
            seq=0,
            at_us=at_us,
            run_id=run.id,
            deployment_id=run.deployment_id,
            generation=header.generation,
            trigger=header.trigger,
            trigger_id=header.trigger_id,
            status=status,
            started_at_us=header.started_at_us,
            trace_id=header.trace_id,
            flows=header.flows,
            method=header.method,
            path=header.path,
            replays=header.replays or None,
            ended_at_us=None if status in ("running", "waiting") else at_us,
            trace_parent=header.trace_parent,
        )
        return self._unnumbered(record)

    def attempt(
        self,
        attempt: Attempt,
        outcome: str,
        *,
        at_us: int,
        delivery: Delivery | None = None,
        input: bytes = b"null",
        auth: dict[str, Any] | None = None,
        answer: Any = None,
        error: ErrorRecord | None = None,
        counts: bool = True,
    ) -> Unnumbered:
        """An attempt that failed or was cut off tells its reads, which explain it, and no writes or emits but those
        that had left: the others never counted (`counts`)."""
        row = delivery.row if delivery else None
        record = AttemptRecord(
            seq=0,
            at_us=at_us,
            attempt_id=attempt.id,
            delivery_id=row.delivery_id if row else attempt.delivery_id,
            run_id=attempt.run.id,
            deployment_id=attempt.run.deployment_id,
            step=attempt.step.id,
            number=row.number if row else attempt.number,
            outcome=outcome,
            queued_at_us=row.due_at_us if row else attempt.run.header.started_at_us,
            started_at_us=attempt.started_at_us,
            ended_at_us=at_us,
            now_us=attempt.started_at_us,
            input=msgspec.Raw(row.message if row else input),
            topic=row.topic if row else None,
            parent_attempt_id=row.parent_attempt_id if row else None,
            ordinal=row.ordinal if row else 0,
            auth=auth,
            emits=[
                EmitRecord(ordinal, one.plan.topic, msgspec.Raw(one.stored), one.key, one.id)
                for ordinal, one in enumerate(attempt.emits)
                if counts or one.has_left
            ],
            reads=attempt.reads,
            writes=[WriteRecord(one.op, one.group, one.key, one.value) for one in attempt.writes]
            if counts
            else [],
            answer=answer,
            error=error,
        )
        return self._unnumbered(record)

    def task(
        self,
        task: TaskRow,
        outcome: str,
        *,
        at_us: int,
        emits: list[EmitRecord] | None = None,
        answer: dict[str, Any] | None = None,
        error: ErrorRecord | None = None,
    ) -> Unnumbered:
        """A wait is told like an attempt: once when it opens, and in its place again when it ends."""
        record = AttemptRecord(
            seq=0,
            at_us=at_us,
            attempt_id=task.attempt_id,
            delivery_id=task.task_id,
            run_id=task.run_id,
            deployment_id=task.deployment_id,
            step=task.step,
            number=task.number,
            outcome=outcome,
            queued_at_us=task.queued_at_us,
            started_at_us=task.opened_at_us,
            ended_at_us=at_us,
            now_us=task.opened_at_us,
            input=msgspec.Raw(task.message),
            topic=task.topic,
            parent_attempt_id=task.parent_attempt_id,
            ordinal=task.ordinal,
            emits=emits or [],
            answer=answer,
            error=error,
        )
        return self._unnumbered(record)

    def line(self, log: Log, deployment_id: str, *, attempt: Attempt | None = None) -> None:
        message = log.message
        if len(message) > self._line_bytes:
            message = message[: self._line_bytes] + CUT
        record = LineRecord(
            seq=0,
            at_us=log.at_us,
            level=log.level,
            message=message,
            deployment_id=deployment_id,
            step=attempt.step.id if attempt else None,
            run_id=attempt.run.id if attempt else None,
            attempt_id=attempt.id if attempt else None,
            fields=log.fields,
            source=log.source,
        )
        try:
            self._store.line(self._unnumbered(record))
        except UnicodeEncodeError:
            record.message = message.encode("utf-8", "replace").decode()
            record.fields = {}
            self._store.line(self._unnumbered(record))

    def say(
        self, level: str, message: str, deployment_id: str, *, attempt: Attempt | None = None
    ) -> None:
        """A line of the engine's own."""
        log = Log(at_us=self._clock.now_us(), level=level, message=message, source="engine")
        self.line(log, deployment_id, attempt=attempt)

    def _unnumbered(self, record: RunRecord | AttemptRecord | LineRecord) -> Unnumbered:
        # {"kind":"…","seq":0,…: kinds have no digit, so the first 0 is the number's place.
        head, _, tail = self._encoder.encode(record).partition(b"0")
        return head, tail
