"""Live runs, as far as the engine holds deliveries of them. A run's end is decided here, when it has none open."""

from __future__ import annotations

import msgspec

from wistro.protocol import trace
from wistro.protocol.ids import show
from wistro.store.port import RunRow

CALLING = "calling"  # its endpoint's attempt runs; found after a crash, it is interrupted
CALLED = "called"
DEAD = "dead"
ENDED_BADLY = (DEAD, "failed", "interrupted", "cancelled")


class RunHeader(msgspec.Struct, omit_defaults=True):
    """What every record of a run repeats."""

    trigger: str  # api | cron | event
    trigger_id: str
    started_at_us: int
    generation: int = 0
    trace_id: str = ""
    trace_flags: int = trace.OURS
    trace_parent: str = ""  # the caller's span
    trace_state: str = ""
    flows: list[str] = []
    method: str | None = None
    path: str | None = None
    replays: str = ""  # the run that this one does once more

    def traceparent(self, attempt_id: str) -> str:
        """What the step of this attempt passes on."""
        return trace.parent_header(self.trace_id, trace.span_of(attempt_id), self.trace_flags)


class LiveRun:
    """`open` counts deliveries neither done nor dead, here and in the store; `held` those in memory."""

    __slots__ = (
        "deployment_id",
        "encoded",
        "header",
        "held",
        "holds_call",
        "id",
        "is_kept",
        "mark",
        "open",
        "seq",
        "shown",
        "waits",
    )

    def __init__(self, *, seq: int, id: str, deployment_id: str, header: RunHeader) -> None:
        self.seq = seq
        self.id = id
        self.deployment_id = deployment_id
        self.header = header
        self.encoded = b""  # the header's JSON, once the store has it or is given it
        self.shown = show("run", id)
        self.open = 0
        self.held = 0
        self.waits = 0  # those of `open` that are tasks
        self.mark = ""
        self.holds_call = (
            False  # its call is one of what is open: something of it left before its end
        )
        self.is_kept = False  # the store has its row

    @classmethod
    def of(cls, row: RunRow) -> LiveRun:
        run = cls(
            seq=row.seq,
            id=row.run_id,
            deployment_id=row.deployment_id,
            header=_header.decode(row.header),
        )
        run.encoded = row.header
        run.open, run.waits, run.mark, run.is_kept = row.open, row.waits, row.mark, True
        return run

    def row(self, *, open: int) -> RunRow:
        if not self.encoded:
            self.encoded = msgspec.json.encode(self.header)
        return RunRow(self.seq, self.id, self.deployment_id, self.encoded, open, self.mark)

    @property
    def status(self) -> str:
        """What its counts make of it: waiting while nothing but tasks is open."""
        if self.open == 0:
            return self.mark if self.mark in ENDED_BADLY else "done"
        return "waiting" if self.open == self.waits else "running"


_header = msgspec.json.Decoder(RunHeader)
