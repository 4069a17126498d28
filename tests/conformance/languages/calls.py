"""Calls the `acts` step of a subject as the engine would."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.conformance.languages.recorder import Recorder
from tests.conformance.languages.subjects import Subject
from wistro.hosts.pool import HostPool
from wistro.hosts.port import HostCall, Outcome
from wistro.protocol.frames import Context, Log, Request
from wistro.protocol.times import microseconds

NOW_US = microseconds(datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC))
DEADLINE_US = microseconds(datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC))


def context() -> Context:
    return Context(
        run_id="run_06d",
        trace_id="4bf92f",
        now_us=NOW_US,
        attempt=2,
        deadline_us=DEADLINE_US,
        idempotency_key="key-1",
        flows=["orders"],
        auth={"sub": "u"},
        traceparent="00-4bf92f-01",
        tracestate="vendor=opaque",
    )


def request(body: Any) -> Request:
    return Request(
        method="POST",
        path="/acts/berlin",
        path_params={"shop": "berlin"},
        query_params={"q": ["1", "2"]},
        headers={"content-type": "application/json"},
        body=body,
        raw_body_base64=base64.b64encode("raw: ü".encode()).decode(),
    )


class Caller:
    pool: HostPool

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.lines: list[Log] = []  # of no call
        self._line = asyncio.Event()

    def take_line(self, line: Log) -> None:
        self.lines.append(line)
        self._line.set()

    async def line_with(self, is_it: Callable[[Log], bool]) -> Log:
        async with asyncio.timeout(20):
            while True:
                if found := next(filter(is_it, self.lines), None):
                    return found
                self._line.clear()
                await self._line.wait()

    async def call(
        self,
        *do: list[Any],
        kind: str = "api",
        step: str = "acts",
        asks: Recorder | None = None,
        deadline_s: float = 30.0,
        alone: bool = False,
    ) -> Outcome:
        body = {"do": list(do)}
        given = request(body) if kind == "api" else body if kind == "event" else None
        call = HostCall(self.subject.id_of(step, kind), kind, given, context(), deadline_s, alone)
        return await self.pool.call(call, asks or Recorder())
