"""Answers that are sent while the step works: `return sse(events())`, `return ndjson(rows())`, or any iterator of bytes.

The status promises nothing: what the step emitted and wrote is on disk once the last event is there.
"""

from __future__ import annotations

import json

_EVENT_KEYS = frozenset(("event", "data", "id", "retry"))
_OWN = object()


class Streamed:
    """A body in pieces. `headers` are its own; those of an answer that holds it come on top."""

    def __init__(self, items, headers, encode, last) -> None:
        self.items = items
        self.headers = headers
        self.encode = encode
        self._last = last

    def last(self, run_id: str) -> bytes:
        """What is sent after the commit."""
        value = self._last(run_id) if callable(self._last) else self._last
        return b"" if value is None else self.encode(value)


def sse(events, *, last=_OWN) -> Streamed:
    """Server-sent events of an iterator (async too): `{"event", "data", "id", "retry"}`, a text, or a value as JSON.

    `last` comes once the attempt has committed: by default `event: done` with the run's id; None for none.
    """
    if last is _OWN:
        last = _done_event
    headers = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    return Streamed(events, headers, _event, last)


def ndjson(items, *, last=_OWN) -> Streamed:
    """Values of an iterator (async too), one JSON a line. `last`: by default `{"done": true, "run_id": …}`."""
    if last is _OWN:
        last = _done_line
    return Streamed(items, {"content-type": "application/x-ndjson"}, _line, last)


def _done_event(run_id):
    return {"event": "done", "data": {"run_id": run_id}}


def _done_line(run_id):
    return {"done": True, "run_id": run_id}


def _line(value) -> bytes:
    return _json(value).encode() + b"\n"


def _event(event) -> bytes:
    if not (isinstance(event, dict) and event and _EVENT_KEYS.issuperset(event)):
        event = {"data": event}
    lines = [
        f"{key}: {_one_line(event[key])}\n" for key in ("event", "id", "retry") if key in event
    ]
    if "data" in event:
        data = event["data"]
        text = data if isinstance(data, str) else _json(data)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines += [f"data: {line}\n" for line in text.split("\n")]
    return "".join([*lines, "\n"]).encode()


def _one_line(value) -> str:
    text = str(value)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError(f"an event's name, id and retry are one line: {text!r}")
    return text


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
