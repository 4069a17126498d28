"""Records of one batch as rows: checked, of each run only the newest, lines and attempts as text for COPY."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from hub.common.api.errors import Invalid
from wistro.protocol.records import (
    AttemptRecord,
    ClosedRecord,
    LineRecord,
    Record,
    RecordsBatch,
    RunRecord,
)

SEQ_MOST = 2**53 - 1
YEAR_9999_US = 253_402_300_799_999_999
NAME_MOST = 500  # of what is indexed

LINE_COLUMNS = "organization_id, environment_id, stream, seq, at_us, level, source, step, run_id, attempt_id, deployment_id, message, fields"
ATTEMPT_COLUMNS = "id, run_id, organization_id, environment_id, deployment_id, delivery_id, parent_id, step, number, outcome, topic, ordinal, queued_at_us, started_at_us, ended_at_us"
PAYLOAD_COLUMNS = "id, organization_id, environment_id, record"


class BadRecords(Invalid):
    """A batch that no engine of ours writes."""

    code = "records.invalid"


@dataclass
class Rows:
    """What one batch writes. COPY's text, a row a line; runs as objects for json_to_recordset."""

    lines: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    payloads: list[str] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)  # runs with news
    closed: bool = False


def uuid_of(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRecords(f"{what} `{text[:80]}` is not a UUID") from None


def checked(batch: RecordsBatch) -> list[Record]:
    """Its records by seq, each seq once."""
    by_seq: dict[int, Record] = {}
    for record in batch.records:
        if not 0 < record.seq <= SEQ_MOST:
            raise BadRecords(f"{record.seq} is no seq: they count from 1")
        by_seq.setdefault(record.seq, record)
    return [by_seq[seq] for seq in sorted(by_seq)]


def rows_of(
    records: Iterable[Record], *, organization_id: UUID, environment_id: UUID, stream: UUID
) -> Rows:
    writer = _Writer(str(organization_id), str(environment_id), str(stream))
    for record in records:
        writer.add(record)
    return writer.rows


class _Writer:
    """Ids recur from row to row, so each text is checked once."""

    def __init__(self, organization_id: str, environment_id: str, stream: str) -> None:
        self.rows = Rows()
        self._place = f"{organization_id}\t{environment_id}"
        self._stream = stream
        self._ids: dict[str, str] = {}

    def add(self, record: Record) -> None:
        if isinstance(record, LineRecord):
            self._line(record)
        elif isinstance(record, AttemptRecord):
            self._attempt(record)
        elif isinstance(record, RunRecord):
            self._run(record)
        else:
            assert isinstance(record, ClosedRecord)
            self.rows.closed = True

    def _line(self, one: LineRecord) -> None:
        fields = escaped(msgspec.json.encode(one.fields).decode()) if one.fields else ""
        step = "\\N" if one.step is None else name(one.step)
        ids = "\t".join(map(self._id, (one.run_id, one.attempt_id, one.deployment_id or None)))
        about = f"{time(one.at_us)}\t{name(one.level)}\t{name(one.source)}\t{step}"
        self.rows.lines.append(
            f"{self._place}\t{self._stream}\t{one.seq}\t{about}\t{ids}\t{escaped(one.message)}\t{fields}\n"
        )

    def _attempt(self, one: AttemptRecord) -> None:
        id, run = self._id(one.attempt_id), self._id(one.run_id)
        if not (0 <= one.number < 2**31 and 0 <= one.ordinal < 2**31):
            raise BadRecords(f"Attempt {id} has a number or ordinal out of range")
        ids = f"{self._id(one.deployment_id)}\t{self._id(one.delivery_id)}\t{self._id(one.parent_attempt_id)}"
        topic = "\\N" if one.topic is None else name(one.topic)
        times = f"{time(one.queued_at_us)}\t{time(one.started_at_us)}\t{time(one.ended_at_us)}"
        self.rows.attempts.append(
            f"{id}\t{run}\t{self._place}\t{ids}\t{name(one.step)}\t{one.number}\t{name(one.outcome)}\t{topic}\t{one.ordinal}\t{times}\n"
        )
        record = escaped(msgspec.json.encode(one).decode())
        self.rows.payloads.append(f"{id}\t{self._place}\t{record}\n")
        self.rows.touched.add(UUID(run))

    def _run(self, one: RunRecord) -> None:
        id = self._id(one.run_id)
        self.rows.runs[id] = {
            "id": id,
            "deployment_id": self._id(one.deployment_id),
            "generation": min(max(one.generation, 0), SEQ_MOST),
            "seq": one.seq,
            "status": plain(one.status),
            "trigger": plain(one.trigger),
            "trigger_id": plain(one.trigger_id),
            "method": one.method and plain(one.method),
            "path": one.path and plain(one.path),
            "flows": [plain(flow) for flow in one.flows],
            "trace_id": plain(one.trace_id),
            "started_at_us": time(one.started_at_us),
            "ended_at_us": None if one.ended_at_us is None else time(one.ended_at_us),
        }
        self.rows.touched.add(UUID(id))

    def _id(self, text: str | None) -> str:
        if text is None:
            return "\\N"
        if (found := self._ids.get(text)) is None:
            found = self._ids[text] = str(uuid_of(text, "The id"))
        return found


def time(at_us: int) -> int:
    """An instant that RFC 3339 can write: a wrong clock is no reason to refuse what happened."""
    return min(max(at_us, 0), YEAR_9999_US)


def plain(text: str) -> str:
    """PostgreSQL's text holds no NUL: its picture is kept in its place."""
    return text.replace("\x00", "␀")


def name(text: str) -> str:
    return escaped(text[:NAME_MOST])


def escaped(text: str) -> str:
    """For COPY's text format."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if not text.isprintable():
        text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        text = plain(text)
    return text
