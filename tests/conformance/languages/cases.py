"""What every language's host must do, case by case. A step named `acts` in each language does the listed acts in order.

Acts that have a result add it to the body that an endpoint returns (`results`). `projects/*/src` holds the same acts
in each language; `test_contract.py` runs the cases.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from wistro.protocol.frames import MOST_WRITES
from wistro.store.state import version_of

MANY = {"text": "Grüße, 世界, 🦊, \u0000, \u2028", "deep": [[[{"a": [None, True, 1.5, -0.25]}]]]}
MAX_SAFE = 2**53 - 1


@dataclass(frozen=True)
class Case:
    """`failed`: type, and what the message, stack or retry must contain or be. Nothing given is nothing expected.

    `but`: languages whose own compiler does not let a step get so far, or that have no such value.
    """

    name: str
    do: list[list[Any]]
    kind: str = "api"
    results: list[Any] = field(default_factory=list)
    emits: list[tuple[str, Any]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)  # of emits that have any
    writes: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)  # level, message, fields, source
    failed: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    streamed: list[Any] = field(default_factory=list)  # (status, headers), then each chunk
    but: frozenset[str] = frozenset()


GO = frozenset({"go"})


SSE = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def refused(kind: str, *, at: str, but: frozenset[str] = frozenset()) -> Case:
    """A value that may not leave is refused at the emit, with its place."""
    return Case(
        f"refuses to emit {kind}",
        do=[["emit_odd", kind]],
        failed={"type": "Unserialisable", "message": f"at {at}", "retry": "yes"},
        but=but,
    )


CASES = [
    # emit
    Case("emits a message", do=[["emit", "order.created", {"sku": "a"}]], emits=[("order.created", {"sku": "a"})]),
    Case("emits null, an empty object and an empty list", do=[["emit", "t", None], ["emit", "t", {}], ["emit", "t", []]],
         emits=[("t", None), ("t", {}), ("t", [])]),
    Case("carries unicode and nesting unchanged", do=[["emit", "t", MANY]], emits=[("t", MANY)]),
    Case("carries the largest integers that every language has", do=[["emit", "t", [MAX_SAFE, -MAX_SAFE]]],
         emits=[("t", [MAX_SAFE, -MAX_SAFE])]),
    Case("carries a text of many digits", do=[["emit", "t", "9" * 40]], emits=[("t", "9" * 40)]),
    Case("lands an emit that nobody awaited", do=[["emit_unawaited", "t", 1]], emits=[("t", 1)]),
    Case("keeps the order of emits and writes", do=[["emit", "t", 1], ["set", "g", "k", 2], ["emit", "t", 3]],
         emits=[("t", 1), ("t", 3)], writes=[("set", "g", "k", 2)]),
    Case("throws at the line of an emit that does not fit", do=[["emit", "refused", {"sku": 1}]],
         failed={"type": "Refused", "message": "`sku` must be a string (at /sku)", "stack": "acts.step", "retry": "yes"}),
    Case("fails a call whose unawaited emit was refused", do=[["emit_unawaited", "refused", {}]],
         failed={"type": "Refused", "message": "(at /sku)"}),
    Case("lets a step catch a refusal and read why", do=[["emit_caught", "refused", {}]],
         results=[{"code": "message.does-not-fit", "path": "/sku"}]),
    Case("delays an emit by a duration", do=[["emit_with", {"topic": "t", "data": 1, "delay": "1h0.5s"}]],
         emits=[("t", 1)], options=[{"delay_s": 3600.5}]),
    Case("delays an emit by a number of seconds", do=[["emit_with", {"topic": "t", "data": 1, "delay": 2.5}]],
         emits=[("t", 1)], options=[{"delay_s": 2.5}]),
    Case("schedules an emit for a time in any zone",
         do=[["emit_with", {"topic": "t", "data": 1, "at": "2026-11-22T10:00:00.5Z"}],
             ["emit_with", {"topic": "t", "data": 2, "at": "2026-11-22T12:00:00+02:00"}]],
         emits=[("t", 1), ("t", 2)], options=[{"at_us": 1795341600500000}, {"at_us": 1795341600000000}]),
    Case("schedules an emit by the language's own time", do=[["emit_at_deadline", "t", 1]],
         emits=[("t", 1)], options=[{"at_us": 1767323105000000}]),
    Case("gives an emit a key and an id", do=[["emit_with", {"topic": "t", "data": 1, "key": "kä", "id": "id 1"}]],
         emits=[("t", 1)], options=[{"key": "kä", "id": "id 1"}]),
    Case("reads Motia's messageGroupId as the key", do=[["emit_with", {"topic": "t", "data": 1, "messageGroupId": "g"}]],
         emits=[("t", 1)], options=[{"key": "g"}], but=GO),
    Case("sends an emit at once and waits for it", do=[["emit_with", {"topic": "t", "data": 1, "now": True}], ["emit", "t", 2]],
         emits=[("t", 1), ("t", 2)], options=[{"now": True}]),
    Case("passes over options that are null or off",
         do=[["emit_with", {"topic": "t", "data": 1, "delay": None, "at": None, "key": None, "id": None, "now": False}]], emits=[("t", 1)]),
    *[
        Case(f"refuses an emit with {what}", do=[["emit_with", {"topic": "t", "data": 1, **given}]],
             failed={"type": "TypeError", "message": says, "retry": "yes"}, but=frozenset(but))
        for what, given, says, *but in [
            ("a delay that is none", {"delay": "soon"}, "`delay`", "go"),
            ("a negative delay", {"delay": -1}, "`delay`"),
            ("a delay of more than a year", {"delay": "366d"}, "365 days"),
            ("a time without a zone", {"at": "2026-11-22T10:00:00"}, "`at`", "go"),
            ("a time that is a number", {"at": 5}, "`at`", "go"),
            ("a delay and a time", {"delay": 1, "at": "2026-11-22T10:00:00Z"}, "not both"),
            ("a delay and `now`", {"delay": 1, "now": True}, "`now`"),
            ("a `now` that is none", {"now": 1}, "`now`", "go"),
            ("a key that is no text", {"key": 1}, "`key`", "go"),
            ("an empty id", {"id": ""}, "`id`"),
            ("an id of 201 characters", {"id": "x" * 201}, "200"),
        ]
    ],
    Case("refuses a key of emit that does not exist", do=[["emit_with", {"topic": "t", "dta": 1}]],
         failed={"type": "TypeError", "message": "dta"}, but=GO),
    Case("refuses an emit without a topic", do=[["emit_with", {"data": 1}]], failed={"type": "TypeError", "message": "topic"}, but=GO),
    refused("nan", at="/a/1"),
    refused("infinity", at="/a/1"),
    refused("big", at="/a/1"),
    refused("surrogate", at="/a/1"),
    refused("surrogate key", at="/a/1"),
    refused("function", at="/a/1"),
    refused("set", at="/a/1", but=GO),
    refused("bytes", at="/a/1", but=GO),
    refused("cycle", at="/a/1"),
    refused("deep", at="/a/1"),
    Case("refuses a message that no frame holds", do=[["emit_odd", "huge"]], failed={"type": "FrameTooLarge", "message": "16"}),
    Case("emits a thousand in order", do=[["emit", "t", n] for n in range(1_000)], emits=[("t", n) for n in range(1_000)]),
    # state
    Case("reads its own writes", do=[["set", "g", "k", {"n": 1}], ["get", "g", "k"], ["delete", "g", "k"], ["get", "g", "k"]],
         results=[{"n": 1}, None], writes=[("set", "g", "k", {"n": 1}), ("delete", "g", "k", None)]),
    Case("reads what is committed", do=[["get", "committed", "a"], ["list", "committed"]],
         results=[1, [["a", 1], ["b", {"x": [2]}]]]),
    Case("reads a value with its version", do=[["get_versioned", "committed", "a"], ["get_versioned", "committed", "none"]],
         results=[{"value": 1, "version": version_of(1)}, {"value": None, "version": "0"}]),
    Case("writes what must meet a version", do=[["set_if", "g", "k", {"n": 1}, "0"], ["get_versioned", "g", "k"]],
         results=[{"value": {"n": 1}, "version": version_of({"n": 1})}], writes=[("set", "g", "k", {"n": 1}, "0")]),
    Case("refuses a version that is none", do=[["set_if", "g", "k", 1, None]], failed={"type": "TypeError", "message": "ersion"}, but=GO),
    Case("throws at the line of a versioned read that is refused", do=[["get_versioned", "refused", "k"]],
         failed={"type": "Refused", "message": "10,000", "stack": "acts"}),
    Case("clears a group", do=[["clear", "committed"], ["list", "committed"]], results=[[]], writes=[("clear", "committed", "", None)]),
    Case("updates by an operation",
         do=[["update", "g", "n", {"increment": 2}], ["update", "g", "l", {"append": "x"}], ["update", "g", "m", {"merge": {"a": 1}}], ["update", "g", "s", {"set": 0}]],
         writes=[("increment", "g", "n", 2), ("append", "g", "l", "x"), ("merge", "g", "m", {"a": 1}), ("set", "g", "s", 0)]),
    Case("takes as many writes as an attempt may make", do=[["set", "g", "k", n] for n in range(MOST_WRITES)],
         writes=[("set", "g", "k", n) for n in range(MOST_WRITES)]),
    Case("throws at the line of one write too many", do=[["set", "g", "k", n] for n in range(MOST_WRITES + 1)],
         writes=[("set", "g", "k", n) for n in range(MOST_WRITES)],
         failed={"type": "Refused", "message": "1,000", "stack": "acts", "retry": "yes"}),
    Case("throws at the line of a read that is refused", do=[["get", "refused", "k"]],
         failed={"type": "Refused", "message": "10,000", "stack": "acts"}),
    Case("throws at the line of a list that is refused", do=[["list", "refused"]],
         failed={"type": "Refused", "message": "10,000", "stack": "acts"}),
    Case("refuses an operation that does not exist", do=[["update", "g", "n", {"divide": 2}]], failed={"message": "divide"}, but=GO),
    Case("refuses to increment by a text", do=[["update", "g", "n", {"increment": "2"}]], failed={"message": "increment"}, but=GO),
    Case("refuses a key that is not a text", do=[["get", "g", 1]], failed={"type": "TypeError", "message": "strings"}, but=GO),
    # blobs
    Case("puts bytes and reads them back in three ways", do=[["blob", "h\u00e9llo", {"type": "text/plain", "name": "a.txt"}]],
         results=[{"blob": "sha256:" + hashlib.sha256("h\u00e9llo".encode()).hexdigest(), "size": 6, "type": "text/plain", "name": "a.txt"},
                  "h\u00e9llo", "h\u00e9llo", "h\u00e9llo"]),
    Case("puts nothing as a blob of no bytes", do=[["blob", "", {}]],
         results=[{"blob": "sha256:" + hashlib.sha256(b"").hexdigest(), "size": 0}, "", "", ""]),
    Case("puts a stream of any pieces", do=[["blob_stream", [700_000, 1, 0, 2_600_000]]], results=[3_300_001]),
    Case("throws at the line of a blob that is gone", do=[["blob_get", "sha256:" + "0" * 64]],
         failed={"type": "Refused", "message": "there is no blob", "stack": "acts", "retry": "yes"}),
    Case("refuses a text as a blob", do=[["blob_text", "a"]], failed={"type": "TypeError", "message": "text"}, but=GO),
    # lines
    Case("logs at four levels with fields",
         do=[["log", "debug", "a", None], ["log", "info", "b", {"n": 1}], ["log", "warn", "ü", {}], ["log", "error", "d", {"x": [1]}]],
         lines=[("debug", "a", {}, "logger"), ("info", "b", {"n": 1}, "logger"), ("warn", "ü", {}, "logger"), ("error", "d", {"x": [1]}, "logger")]),
    Case("catches what is printed, line by line", do=[["print", "one\ntwo"], ["print_error", "three"]],
         lines=[("info", "one", {}, "stdout"), ("info", "two", {}, "stdout"), ("warn", "three", {}, "stderr")]),
    Case("joins what is printed in pieces", do=[["write", "one "], ["write", "two\nthr"], ["write", "ee"]],
         lines=[("info", "one two", {}, "stdout"), ("info", "three", {}, "stdout")]),
    Case("catches an unfinished line", do=[["write", "half"]], lines=[("info", "half", {}, "stdout")]),
    Case("logs fields that are not JSON as text", do=[["log_odd"]], lines=[("info", "odd", {"a": "NaN"}, "logger")]),
    # what a step is given
    Case("is given its context", do=[["context"]], results=[{
        "run_id": "run_06d", "trace_id": "4bf92f", "trace": ["00-4bf92f-01", "vendor=opaque"], "now": "2026-01-02T03:04:05.678Z", "attempt": 2,
        "deadline": "2026-01-02T03:05:05.000Z", "idempotency_key": "key-1", "flows": ["orders"], "topic": None,
        "auth": {"sub": "u"}, "secret": "s3cret", "in_process": "s3cret", "cancelled": False}]),
    Case("is given its request", do=[["request"]], results=[{
        "method": "POST", "path": "/acts/berlin", "path_params": {"shop": "berlin"}, "query_params": {"q": ["1", "2"]},
        "headers": {"content-type": "application/json"}, "raw": "raw: \u00fc"}]),
    Case("is given an event's message", kind="event", do=[["emit", "t", 1]], emits=[("t", 1)]),
    # what an endpoint returns
    Case("answers 204 to nothing", do=[["return_nothing"]], answer={"status": 204, "headers": {}}),
    Case("answers with status and headers", do=[["return", {"status": 201, "headers": {"x-a": "b", "x-n": 1}, "body": None}]],
         answer={"status": 201, "headers": {"x-a": "b", "x-n": "1"}, "body": None}),
    Case("answers 200 unless it says another", do=[["return", {"body": "text"}]], answer={"status": 200, "headers": {}, "body": "text"}),
    Case("answers with bytes", do=[["return_bytes"]], answer={"status": 200, "headers": {}, "body_base64": "AP9oaQ=="}),
    Case("refuses an answer that is a text", do=[["return", "ok"]], failed={"type": "BadAnswer"}, but=GO),
    Case("refuses an answer with an unknown key", do=[["return", {"statusCode": 200}]], failed={"type": "BadAnswer", "message": "statusCode"}, but=GO),
    Case("refuses an answer with a status that is none", do=[["return", {"status": 99}]], failed={"type": "BadAnswer", "message": "99"}),
    Case("refuses a header with a line break", do=[["return", {"headers": {"x": "a\r\nb: c"}}]], failed={"type": "BadAnswer", "message": "line break"}),
    Case("refuses a body that is not JSON", do=[["return_odd"]], failed={"type": "Unserialisable", "message": "at /body/a/1"}),
    # streamed answers
    Case("streams what an iterator gives", do=[["stream", ["a", "\u00e9", ""], {"status": 201, "headers": {"x-a": "b"}}]],
         streamed=[(201, {"x-a": "b"}), "a", "\u00e9"], answer={"streamed": True}),
    Case("streams nothing as an answer that begins and ends", do=[["stream", [], {}]],
         streamed=[(200, {})], answer={"streamed": True}),
    Case("streams an iterator that is the answer itself", do=[["stream_bare", ["a"]]],
         streamed=[(200, {}), "a"], answer={"streamed": True}, but=GO),
    Case("streams server-sent events, the last after the commit", do=[["sse", [{"event": "e", "data": {"n": 1}, "id": 7, "retry": 9}, "two\nlines", {"n": 2}], {}]],
         streamed=[(200, SSE), 'event: e\nid: 7\nretry: 9\ndata: {"n":1}\n\n', "data: two\ndata: lines\n\n", 'data: {"n":2}\n\n'],
         answer={"streamed": True, "last_base64": encoded('event: done\ndata: {"run_id":"run_06d"}\n\n')}),
    Case("lets an answer's own headers win over a stream's", do=[["sse", [], {"headers": {"Cache-Control": "private"}}]],
         streamed=[(200, {"content-type": "text/event-stream", "x-accel-buffering": "no", "Cache-Control": "private"})],
         answer={"streamed": True, "last_base64": encoded('event: done\ndata: {"run_id":"run_06d"}\n\n')}),
    Case("streams values as lines, with a last one of its own", do=[["ndjson", [{"a": 1}, None, "\u00e9"], {"sum": 3}]],
         streamed=[(200, {"content-type": "application/x-ndjson"}), '{"a":1}\n', "null\n", '"\u00e9"\n'],
         answer={"streamed": True, "last_base64": encoded('{"sum":3}\n')}),
    Case("streams a large piece in chunks of 1 MiB", do=[["stream", ["x" * 2_500_000], {}]],
         streamed=[(200, {}), "x" * 1_048_576, "x" * 1_048_576, "x" * 402_848], answer={"streamed": True}),
    Case("fails half-way where its iterator throws", do=[["stream_throws", ["a"]]], streamed=[(200, {}), "a"],
         failed={"message": "half-way", "stack": "acts"}),
    Case("answers as ever where it throws before the first piece", do=[["stream_throws", []]], failed={"message": "half-way"}),
    Case("refuses to stream what is neither bytes nor text", do=[["stream", [1], {}]], failed={"type": "BadAnswer", "message": "ndjson"}, but=GO),
    Case("refuses an event whose name has two lines", do=[["sse", [{"event": "a\nb", "data": 1}], {}]], failed={"message": "one line"}),
    # errors
    Case("tells an error with the step's own line", do=[["throw", "no stock"]],
         failed={"message": "no stock", "stack": "THROWS HERE", "retry": "yes", "retry_after_s": None}),
    Case("counts nothing of an error as a bug of ours", do=[["emit", "t", 1], ["throw", "later"]], emits=[("t", 1)],
         failed={"message": "later"}),
    Case("never retries NonRetriable", do=[["throw_non_retriable", "gone"]],
         failed={"type": "NonRetriable", "message": "gone", "retry": "never"}),
    Case("retries after so many seconds", do=[["throw_retry_after", 30]],
         failed={"type": "RetryAfter", "retry": "yes", "retry_after_s": 30.0}),
    Case("tells what caused an error", do=[["throw_caused"]], failed={"message": "outer", "stack": "inner"}),
]  # fmt: skip
