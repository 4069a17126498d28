"""A laptop's records as the screens see them: the shapes of `wistro/protocol/reading.py`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from wistro.errors import UserError
from wistro.lock.model import Lock
from wistro.protocol import reading
from wistro.protocol.ids import read as read_id
from wistro.protocol.ids import show
from wistro.protocol.records import AttemptRecord, LineRecord, RunRecord
from wistro.protocol.times import rfc3339
from wistro.records.index import RecordsIndex, connect

ERRORS = ("retrying", "dead", "failed", "interrupted")
MOST = 1_000


class UnknownRun(UserError):
    """No run of this id is kept here."""

    code = "records.unknown-run"
    hint = "Runs are kept for 7 days or 1 GiB."
    status = 404


class BadCursor(UserError):
    """A cursor that no page of lines has given."""

    code = "records.cursor"
    hint = "Pass on the `cursor` of an earlier page."


class LocalReads:
    """`lock_of` gives the lock that a deployment's steps and triggers are named by, when it is known."""

    def __init__(self, index: RecordsIndex, *, lock_of: Callable[[str], Lock | None]) -> None:
        self._index = index
        self._db = connect(index.path, read_only=True)
        self._lock_of = lock_of
        self._one_at_a_time = threading.Lock()

    def close(self) -> None:
        self._db.close()

    def runs(
        self,
        *,
        status: str | None = None,
        step: str | None = None,
        flow: str | None = None,
        text: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> reading.RunPage:
        """Newest first. `text` is looked for in what attempts took and gave."""
        self._index.catch_up()
        where, values = ["1"], []
        if before:
            where.append("run_id < ?")
            values.append(str(read_id("run", before)))
        if status:
            where.append("status = ?")
            values.append(status)
        if step:
            where.append(
                "EXISTS (SELECT 1 FROM attempts a WHERE a.run_id = runs.run_id AND a.step = ?)"
            )
            values.append(step)
        if flow:
            where.append("EXISTS (SELECT 1 FROM json_each(record, '$.flows') WHERE value = ?)")
            values.append(flow)
        if text:
            where.append(
                "EXISTS (SELECT 1 FROM attempts a WHERE a.run_id = runs.run_id AND instr(CAST(a.record AS TEXT), ?))"
            )
            values.append(text)
        limit = max(1, min(limit, MOST))
        sql = f"SELECT run_id, record FROM runs WHERE {' AND '.join(where)} ORDER BY run_id DESC LIMIT ?"
        rows = self._rows(sql, *values, limit + 1)
        summaries = [self._summary(_run.decode(record)) for _, record in rows[:limit]]
        return reading.RunPage(summaries, summaries[-1].id if len(rows) > limit else None)

    def attempts(self, id: str) -> list[AttemptRecord]:
        """A run's attempts as they were recorded, in order. Raises UnknownRun."""
        self._index.catch_up()
        run_id = str(read_id("run", id))
        sql = "SELECT record FROM attempts WHERE run_id = ? ORDER BY attempt_id"
        found = [_attempt.decode(record) for (record,) in self._rows(sql, run_id)]
        if not found:
            raise UnknownRun(f"no attempt of the run `{id}` is kept")
        return found

    def run(self, id: str) -> reading.RunDetail:
        self._index.catch_up()
        run_id = str(read_id("run", id))
        rows = self._rows("SELECT record FROM runs WHERE run_id = ?", run_id)
        if not rows:
            raise UnknownRun(f"no run `{id}` is kept")
        sql = "SELECT record FROM attempts WHERE run_id = ? ORDER BY attempt_id"
        records = [_attempt.decode(record) for (record,) in self._rows(sql, run_id)]
        records.sort(key=lambda one: (one.queued_at_us, one.attempt_id))
        run = _run.decode(rows[0][0])
        return reading.RunDetail(self._summary(run), [self._attempt(one) for one in records])

    def lines(
        self,
        *,
        run: str | None = None,
        step: str | None = None,
        level: str | None = None,
        text: str | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 200,
    ) -> reading.LinePage:
        """`after` reads on from a cursor; without it, the last `limit` lines (before a cursor, when given)."""
        self._index.catch_up()
        where, values = ["1"], []
        for column, value in (
            ("run_id", run and str(read_id("run", run))),
            ("step", step),
        ):
            if value:
                where.append(f"{column} = ?")
                values.append(value)
        if level:
            levels = reading.at_least(level)
            where.append(f"level IN ({','.join('?' * len(levels))})")
            values += levels
        if text:
            where.append("instr(CAST(record AS TEXT), ?)")
            values.append(text)
        numbers = dict(self._rows("SELECT stream, number FROM streams"))
        limit = max(1, min(limit, MOST))
        if after is not None:
            return self._lines_after(where, values, _read_cursor(after), numbers, limit)
        return self._lines_before(where, values, _read_cursor(before or ""), numbers, limit)

    def _lines_after(
        self,
        where: list[str],
        values: list[Any],
        cursor: dict[str, int],
        numbers: dict[str, int],
        limit: int,
    ) -> reading.LinePage:
        last = dict(self._rows("SELECT stream, last_seq FROM streams"))
        found: list[tuple[Any, ...]] = []
        more = False
        reached = dict(cursor)
        for stream, number in sorted(numbers.items(), key=lambda one: one[1]):
            seq = cursor.get(stream, 0)
            sql = f"SELECT stream, seq, record FROM lines WHERE stream = ? AND seq > ? AND {' AND '.join(where)} ORDER BY seq LIMIT ?"
            rows = self._rows(sql, number, seq, *values, limit + 1 - len(found))
            if len(found) + len(rows) > limit:
                more = True
                rows = rows[: limit - len(found)]
                reached[stream] = rows[-1][1] if rows else seq
                found += rows
                break
            reached[stream] = max(seq, last[stream])
            found += rows
        return self._page(found, numbers, cursor, reached, more=more)

    def _lines_before(
        self,
        where: list[str],
        values: list[Any],
        cursor: dict[str, int],
        numbers: dict[str, int],
        limit: int,
    ) -> reading.LinePage:
        """The newest, going back; the page's cursor reads on from its end."""
        found: list[tuple[Any, ...]] = []
        more = False
        start: dict[str, int] = {}
        newest = max((numbers.get(stream, 0) for stream in cursor), default=2**62)
        for stream, number in sorted(numbers.items(), key=lambda one: -one[1]):
            if number > newest:
                continue
            upto = cursor.get(stream, 2**62)
            sql = f"SELECT stream, seq, record FROM lines WHERE stream = ? AND seq < ? AND {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
            rows = self._rows(sql, number, upto, *values, limit + 1 - len(found))
            more = len(found) + len(rows) > limit
            found += rows[: limit - len(found)]
            start[stream] = min((row[1] for row in rows), default=0) - 1
            if more:
                break
        reached = cursor or dict(self._rows("SELECT stream, last_seq FROM streams"))
        for stream, number in numbers.items():
            if start.get(stream) is None or not any(row[0] == number for row in found):
                start[stream] = reached.get(stream, 0)
        return self._page(found, numbers, start, reached, more=more)

    def _page(
        self,
        rows: list[tuple[Any, ...]],
        numbers: dict[str, int],
        start: dict[str, int],
        reached: dict[str, int],
        *,
        more: bool,
    ) -> reading.LinePage:
        names = {number: stream for stream, number in numbers.items()}
        records = [(names[stream], _line.decode(record)) for stream, _, record in rows]
        records.sort(key=lambda one: (one[1].at_us, one[0], one[1].seq))
        gaps = [
            reading.Gap(names[number], first, last)
            for number, first, last in self._rows(
                "SELECT stream, first, last FROM gaps ORDER BY 1, 2"
            )
            if start.get(names[number], 0) < last and first <= reached.get(names[number], 0)
        ]
        cursor = ",".join(f"{stream}:{seq}" for stream, seq in sorted(reached.items()))
        return reading.LinePage([_line_view(*one) for one in records], gaps, cursor, more)

    def _summary(self, run: RunRecord) -> reading.RunSummary:
        counts = dict(
            self._rows(
                "SELECT outcome, count(*) FROM attempts WHERE run_id = ? GROUP BY 1", run.run_id
            )
        )
        return reading.RunSummary(
            id=show("run", run.run_id),
            status=run.status,
            trigger=reading.Trigger(run.trigger, run.trigger_id, self._label(run)),
            flows=run.flows,
            started_at=rfc3339(run.started_at_us),
            ended_at=rfc3339(run.ended_at_us) if run.ended_at_us is not None else None,
            attempts=sum(counts.values()),
            errors=sum(counts.get(outcome, 0) for outcome in ERRORS),
            trace_id=run.trace_id,
            version=None,
            deployment=None,
            generation=None,
        )

    def _label(self, run: RunRecord) -> str:
        lock = self._lock_of(run.deployment_id)
        for trigger in lock.triggers.api if lock and run.trigger == "api" else []:
            if trigger.step == run.trigger_id:
                return f"{trigger.method} {trigger.path}"
        if run.trigger == "event":
            return run.trigger_id.removeprefix("outside:")
        for schedule in lock.triggers.cron if lock and run.trigger == "cron" else []:
            if schedule.id == run.trigger_id:
                return schedule.schedule
        return f"{run.method} {run.path}" if run.method else run.trigger_id

    def _attempt(self, one: AttemptRecord) -> reading.AttemptView:
        lock = self._lock_of(one.deployment_id)
        step = lock.steps.get(one.step) if lock else None
        return reading.AttemptView(
            id=show("attempt", one.attempt_id),
            delivery_id=show("delivery", one.delivery_id),
            step=one.step,
            step_name=step.config.name if step else one.step,
            language=step.language if step else None,
            number=one.number,
            outcome=one.outcome,
            topic=one.topic,
            parent_id=show("attempt", one.parent_attempt_id) if one.parent_attempt_id else None,
            ordinal=one.ordinal,
            queued_at=rfc3339(one.queued_at_us),
            started_at=rfc3339(one.started_at_us),
            ended_at=rfc3339(one.ended_at_us),
            queue_wait_us=max(0, one.started_at_us - one.queued_at_us),
            run_us=max(0, one.ended_at_us - one.started_at_us),
            input=one.input,
            emits=[msgspec.to_builtins(emit) for emit in one.emits],
            reads=[_all_fields(read) for read in one.reads],
            writes=[_all_fields(write) for write in one.writes],
            answer=one.answer,
            error=_all_fields(one.error) if one.error else None,
        )

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._one_at_a_time, contextlib.closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _all_fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _line_view(stream: str, line: LineRecord) -> reading.LineView:
    return reading.LineView(
        stream=stream,
        seq=line.seq,
        at=rfc3339(line.at_us),
        level=line.level,
        message=line.message,
        fields=line.fields,
        source=line.source,
        run=show("run", line.run_id) if line.run_id else None,
        attempt=show("attempt", line.attempt_id) if line.attempt_id else None,
        step=line.step,
        version=None,
    )


def _read_cursor(text: str) -> dict[str, int]:
    cursor: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        stream, _, seq = part.rpartition(":")
        if not stream or not seq.isdigit():
            raise BadCursor(f"`{text}` is no cursor")
        cursor[stream] = int(seq)
    return cursor


_run = msgspec.json.Decoder(RunRecord)
_attempt = msgspec.json.Decoder(AttemptRecord)
_line = msgspec.json.Decoder(LineRecord)
