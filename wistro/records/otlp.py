"""Records as OpenTelemetry's spans and log records, in the JSON of OTLP 1.x. Sending them: otlp_export.py.

A run is a span, each of its attempts one below it: below the attempt whose emit it handles, as `ctx.traceparent` says to
whatever a step calls. Payloads stay here: what messages hold is nobody's telemetry.
Attribute names are those of the semantic conventions 1.2x where they have one, else `wistro.…`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from wistro.protocol.ids import show
from wistro.protocol.records import AttemptRecord, LineRecord, Record, RunRecord
from wistro.protocol.trace import span_of

SCOPE = "wistro"
MOST_RUNS = 20_000  # whose trace is remembered for the attempts that end before them
INTERNAL, SERVER, CONSUMER = 1, 2, 5
ERROR = 2
FAILED = {"failed", "dead", "interrupted", "retrying"}
SEVERITIES = {"debug": 5, "info": 9, "warn": 13, "error": 17}


class Translation:
    """Remembers the traces of runs that have not ended, so that their attempts are told of in them."""

    def __init__(self, resource: dict[str, str]) -> None:
        self._resource = {"attributes": _attributes(resource)}
        self._traces: OrderedDict[str, str] = OrderedDict()

    def of(self, records: Iterable[Record]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What to send to `/v1/traces` and to `/v1/logs`; None for nothing."""
        records = list(records)
        for one in records:
            if isinstance(one, RunRecord):
                self._remember(one)
        spans = [span for one in records if (span := self._span(one)) is not None]
        lines = [self._line(one) for one in records if isinstance(one, LineRecord)]
        for one in records:
            if isinstance(one, RunRecord) and one.ended_at_us is not None:
                self._traces.pop(one.run_id, None)
        return (
            self._whole("resourceSpans", "scopeSpans", "spans", spans),
            self._whole("resourceLogs", "scopeLogs", "logRecords", lines),
        )

    def _remember(self, run: RunRecord) -> None:
        self._traces[run.run_id] = run.trace_id or run.run_id.replace("-", "")
        self._traces.move_to_end(run.run_id)
        while len(self._traces) > MOST_RUNS:
            self._traces.popitem(last=False)

    def _trace_of(self, run_id: str) -> str:
        return self._traces.get(run_id) or run_id.replace(
            "-", ""
        )  # what a run without a caller's trace has

    def _whole(
        self, resource: str, scope: str, what: str, found: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        if not found:
            return None
        return {
            resource: [
                {"resource": self._resource, scope: [{"scope": {"name": SCOPE}, what: found}]}
            ]
        }

    def _span(self, record: Record) -> dict[str, Any] | None:
        if isinstance(record, AttemptRecord):
            return self._attempt(record)
        if isinstance(record, RunRecord) and record.ended_at_us is not None:
            return self._run(record, record.ended_at_us)
        return None

    def _run(self, run: RunRecord, ended_at_us: int) -> dict[str, Any]:
        is_call = run.method is not None
        return _span(
            trace=self._trace_of(run.run_id),
            id=span_of(run.run_id),
            parent=run.trace_parent,
            name=f"{run.method} {run.path}" if is_call else f"{run.trigger} {run.trigger_id}",
            kind=SERVER if is_call else CONSUMER if run.trigger == "event" else INTERNAL,
            times=(run.started_at_us, ended_at_us),
            attributes={
                "wistro.run_id": show("run", run.run_id),
                "wistro.trigger": run.trigger,
                "wistro.trigger_id": run.trigger_id,
                "wistro.status": run.status,
                "wistro.flows": run.flows,
                "http.request.method": run.method,
                "url.path": run.path,
            },
            error=run.status if run.status in FAILED else None,
        )

    def _attempt(self, one: AttemptRecord) -> dict[str, Any]:
        above = one.parent_attempt_id or one.run_id
        error = one.error
        span = _span(
            trace=self._trace_of(one.run_id),
            id=span_of(one.attempt_id),
            parent=span_of(above),
            name=one.step,
            kind=CONSUMER if one.topic is not None else INTERNAL,
            times=(one.started_at_us, one.ended_at_us),
            attributes={
                "wistro.run_id": show("run", one.run_id),
                "wistro.step": one.step,
                "wistro.attempt": one.number,
                "wistro.outcome": one.outcome,
                "wistro.queue_wait_ms": max(0, one.started_at_us - one.queued_at_us) / 1_000,
                "messaging.system": "wistro" if one.topic is not None else None,
                "messaging.destination.name": one.topic,
                "messaging.operation.type": "process" if one.topic is not None else None,
            },
            error=f"{error.type}: {error.message}"
            if error
            else one.outcome
            if one.outcome in FAILED
            else None,
        )
        if error is not None:
            span["events"] = [
                {
                    "name": "exception",
                    "timeUnixNano": _nano(one.ended_at_us),
                    "attributes": _attributes(
                        {
                            "exception.type": error.type,
                            "exception.message": error.message,
                            "exception.stacktrace": error.stack or None,
                        }
                    ),
                }
            ]
        return span

    def _line(self, line: LineRecord) -> dict[str, Any]:
        found: dict[str, Any] = {
            "timeUnixNano": _nano(line.at_us),
            "severityNumber": SEVERITIES.get(line.level, 9),
            "severityText": line.level.upper(),
            "body": {"stringValue": line.message},
            "attributes": _attributes(
                {**line.fields, "wistro.step": line.step, "log.source": line.source}
            ),
        }
        if line.run_id is not None:
            found["traceId"] = self._trace_of(line.run_id)
            found["spanId"] = span_of(line.attempt_id or line.run_id)
        return found


def _span(
    *,
    trace: str,
    id: str,
    parent: str,
    name: str,
    kind: int,
    times: tuple[int, int],
    attributes: dict[str, Any],
    error: str | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": trace,
        "spanId": id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nano(times[0]),
        "endTimeUnixNano": _nano(max(times)),
        "attributes": _attributes(attributes),
    }
    if parent:
        found["parentSpanId"] = parent
    if error is not None:
        found["status"] = {"code": ERROR, "message": error}
    return found


def _nano(at_us: int) -> str:
    """64-bit numbers are texts in OTLP's JSON."""
    return str(at_us * 1_000)


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": _value(value)}
        for key, value in values.items()
        if value is not None and value != []
    ]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if abs(value) < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, dict):
        return {
            "kvlistValue": {"values": _attributes({str(key): one for key, one in value.items()})}
        }
    return {"stringValue": "" if value is None else str(value)}
