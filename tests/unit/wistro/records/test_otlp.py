"""Records told to a collector: one trace a run, each attempt below what it followed from, nothing of a payload."""

from __future__ import annotations

import pytest

from wistro.protocol.ids import uuid7
from wistro.protocol.records import AttemptRecord, ErrorRecord, LineRecord, RunRecord
from wistro.protocol.trace import span_of
from wistro.records.otlp import Translation
from wistro.records.otlp_export import BadExporter, resource_of, target_of

RUN, FIRST, SECOND = (str(uuid7(now_ms=n, random=bytes([n]) * 10)) for n in (1, 2, 3))
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def a_run(status: str, *, ended_at_us: int | None = None, trace: str = TRACE) -> RunRecord:
    return RunRecord(
        1,
        5,
        RUN,
        "d",
        0,
        "api",
        "src/a",
        status,
        5,
        trace,
        ["f"],
        "POST",
        "/a",
        ended_at_us,
        trace_parent=CALLER,
    )


def an_attempt(id: str, **more) -> AttemptRecord:
    given = {"outcome": "done", "queued_at_us": 5, "started_at_us": 2_005, "ended_at_us": 3_005}
    return AttemptRecord(
        2, 9, id, id, RUN, "d", "src/a", 1, now_us=5, input={"card": "4242"}, **(given | more)
    )


def spans(*records) -> dict[str, dict]:
    traces, _ = Translation({"service.name": "shop"}).of(records)
    assert traces is not None
    (scope,) = traces["resourceSpans"][0]["scopeSpans"]
    return {span["spanId"]: span for span in scope["spans"]}


def attributes(span: dict) -> dict[str, dict]:
    return {one["key"]: one["value"] for one in span["attributes"]}


def test_a_run_is_below_its_caller_and_its_attempts_below_what_they_followed_from() -> None:
    found = spans(
        an_attempt(FIRST),
        an_attempt(SECOND, topic="b", parent_attempt_id=FIRST),
        a_run("done", ended_at_us=9_005),
    )

    assert {span["traceId"] for span in found.values()} == {TRACE}
    assert found[span_of(RUN)]["parentSpanId"] == CALLER
    assert found[span_of(FIRST)]["parentSpanId"] == span_of(RUN)
    assert found[span_of(SECOND)]["parentSpanId"] == span_of(FIRST)
    assert found[span_of(RUN)]["kind"] == 2 and found[span_of(SECOND)]["kind"] == 5
    assert found[span_of(RUN)]["endTimeUnixNano"] == "9005000"
    assert attributes(found[span_of(SECOND)])["messaging.destination.name"] == {"stringValue": "b"}
    assert attributes(found[span_of(FIRST)])["wistro.queue_wait_ms"] == {"doubleValue": 2.0}
    assert "4242" not in str(found)


def test_an_attempt_that_ends_long_before_its_run_is_in_its_trace() -> None:
    translation = Translation({})
    assert translation.of([a_run("running")]) == (None, None)

    traces, _ = translation.of([an_attempt(FIRST)])

    assert traces is not None and TRACE in str(traces)


def test_what_failed_says_so_with_its_stack() -> None:
    error = ErrorRecord("ValueError", "no stock", "line 3")
    found = spans(an_attempt(FIRST, outcome="retrying", error=error), a_run("dead", ended_at_us=9))

    assert found[span_of(RUN)]["status"]["code"] == 2
    (event,) = found[span_of(FIRST)]["events"]
    assert event["name"] == "exception"
    assert attributes(event)["exception.stacktrace"] == {"stringValue": "line 3"}


def test_lines_are_log_records_in_their_attempts_span() -> None:
    fields = {"n": 1, "share": 0.5, "is": True, "big": 2**70, "deep": {"a": [1, None]}}
    translation = Translation({})
    translation.of([a_run("running")])

    _, logs = translation.of([LineRecord(3, 7, "warn", "low", "d", "src/a", RUN, FIRST, fields)])

    assert logs is not None
    (line,) = logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert (line["traceId"], line["spanId"]) == (TRACE, span_of(FIRST))
    assert (line["severityNumber"], line["body"]) == (13, {"stringValue": "low"})
    assert attributes(line)["n"] == {"intValue": "1"}
    assert attributes(line)["is"] == {"boolValue": True}
    assert attributes(line)["big"] == {"stringValue": str(2**70)}


def test_opentelemetrys_variables_say_where_to() -> None:
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318/"}
    own = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://logs.example.com/in"}
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,x=1"}

    target = target_of(base | own | headers)

    assert target is not None
    assert (target.traces, target.logs) == (
        "http://localhost:4318/v1/traces",
        "https://logs.example.com/in",
    )
    assert target.headers == {"api-key": "a b", "x": "1"}
    assert target_of({}) is None
    assert target_of(base | {"OTEL_SDK_DISABLED": "true"}) is None
    assert (
        resource_of({"OTEL_SERVICE_NAME": "s", "OTEL_RESOURCE_ATTRIBUTES": "a=b"}, service="x")[
            "service.name"
        ]
        == "s"
    )


@pytest.mark.parametrize(
    "more",
    [{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}],
)
def test_what_cannot_be_sent_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(BadExporter):
        target_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"} | more)
