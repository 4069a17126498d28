"""What an engine is given in a replay: the sample's ids, keys and clock, a store that starts with its state, records in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from wistro.engine.clock import Clock, Ids
from wistro.hosts.port import Asks, HostCall, HostLost, Hosts, Outcome, Returned, Threw
from wistro.protocol import trace
from wistro.protocol.frames import Failed
from wistro.protocol.records import AttemptRecord, Record
from wistro.records.port import NoSink
from wistro.records.redact import Redactor
from wistro.replay.script import Script
from wistro.store.port import Chunk, Unit
from wistro.store.sqlite import SqliteStore
from wistro.store.tasks import TaskRow


class GivenIds(Ids):
    """The first id is given: a tick takes it for its run."""

    def __init__(self, clock: Clock, *, first: str) -> None:
        super().__init__(clock)
        self._given = [first]

    def new(self) -> str:
        return self._given.pop() if self._given else super().new()


class ReplayStore(SqliteStore):
    """Tells the script what is emitted, before it is stored, and what is settled, once that is on disk."""

    def __init__(self, path: Path, script: Script, *, stream: str) -> None:
        super().__init__(path, stream=stream)
        self._script = script
        self.opened: asyncio.Queue[TaskRow] = asyncio.Queue()

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        for row in unit.new_deliveries:
            self._script.emitted(row)
        records = [_record.decode(b"".join((head, b"0", tail))) for head, tail in unit.records]
        attempts = [one for one in records if isinstance(one, AttemptRecord)]
        settled = [one.attempt_id for one in attempts if one.outcome != "waiting"]
        future = super().submit(unit, then=then)

        def done(future: asyncio.Future[None]) -> None:
            if not future.cancelled() and future.exception() is None:
                for attempt_id in settled:
                    self._script.settled(attempt_id)
                for task in unit.tasks:
                    self.opened.put_nowait(task)

        if settled or unit.tasks:
            future.add_done_callback(done)
        return future


class Kept(NoSink):
    """The attempts of a replay, secrets taken out as they were of the sample's."""

    def __init__(self) -> None:
        self.attempts: list[AttemptRecord] = []
        self._redactor = Redactor()

    def protect(self, secrets: Iterable[str]) -> None:
        self._redactor.add(secrets)

    def take(self, chunk: Chunk) -> None:
        super().take(chunk)
        for line in self._redactor.lines(chunk.lines).splitlines():
            if isinstance(record := _record.decode(line), AttemptRecord):
                self.attempts.append(record)


class ReplayHosts:
    """Real hosts, each call in its turn and with the sample's context. They outlive the sample."""

    def __init__(self, hosts: Hosts, script: Script, *, trace_id: str) -> None:
        self._hosts = hosts
        self._script = script
        self._trace_id = trace_id
        self.could_not_start: str | None = None

    async def call(self, call: HostCall, asks: Asks) -> Outcome:
        attempt_id: str = asks.id  # type: ignore[attr-defined]  the engine's Attempt
        sampled = await self._script.turn(call.step, call.context.idempotency_key, attempt_id)
        if sampled is None:
            return Returned(None)
        trace_id = self._trace_id or call.context.trace_id
        context = msgspec.structs.replace(
            call.context,
            trace_id=trace_id,
            traceparent=trace.parent_header(trace_id, trace.span_of(attempt_id), trace.OURS),
            now_us=sampled.now_us,
            attempt=sampled.number,
            deadline_us=sampled.now_us + int(call.deadline_s * 1e6),
        )
        outcome = await self._hosts.call(msgspec.structs.replace(call, context=context), asks)
        if isinstance(outcome, HostLost):  # once is enough: nothing else was in flight
            if outcome.exit.startswith("could not start"):
                self.could_not_start = outcome.exit
            failed = Failed(0, "HostLost", outcome.exit, outcome.stderr, retry="never")
            return Threw(failed)
        return outcome

    async def close(self, *, grace_s: float) -> None:
        pass


_record: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
