"""How a call ends: what of it is committed with its answer, and what is recorded of one that does not count."""

from __future__ import annotations

import asyncio
from functools import partial

from wistro.engine.attempt import Attempt
from wistro.engine.calling import Calling
from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import CALLED, CALLING, LiveRun
from wistro.protocol.records import ErrorRecord
from wistro.store.port import StoredAnswer, StoreFull, Unit
from wistro.triggers.port import EndpointAnswer

FULL_AGAIN_S = 1.0


class CallEnds:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting
        self.is_closed = False

    async def commit(
        self,
        calling: Calling,
        unit: Unit,
        answer: EndpointAnswer,
        *,
        emits: list[Emitted],
        parent: str | None = None,
    ) -> None:
        run, loaded = calling.run, calling.loaded
        now_us = self._parts.clock.now_us()
        emitted = self._emitting.deliveries(
            emits, run, loaded, now_us=now_us, parent_attempt_id=parent
        )
        was_kept = run.is_kept
        status = "running" if emitted else "done"
        if not was_kept or not emitted:
            unit.records.append(self._parts.recording.run(run, status, at_us=now_us))
        if emitted and was_kept:
            unit.run_changes.append((run.seq, len(emitted), CALLED))
        elif emitted:
            unit.new_runs.append(run.row(open=len(emitted)))
        elif was_kept:
            unit.ended_runs.append(run.seq)
        unit.new_deliveries = [one.row for one in emitted]
        if calling.key is not None:
            kept = StoredAnswer(answer.status, answer.headers, answer.body, run.id)
            unit.answer = (calling.key, kept, now_us + self._parts.limits.answers_kept_us)
        run.open = len(emitted)
        submitted = self._parts.store.submit(
            unit, then=partial(self._committed, calling, emitted, was_kept)
        )
        try:
            await asyncio.shield(submitted)
        except asyncio.CancelledError:
            # Its caller has left, but it may be on its way to the disk: its sender's id is not free before we know.
            await asyncio.wait([submitted])
            _ignore(submitted)
            raise

    def _committed(self, calling: Calling, emitted: list[Delivery], was_kept: bool) -> None:
        """Also when the caller has left meanwhile: what is on disk goes on."""
        if emitted:
            if was_kept:
                calling.run.mark = (
                    CALLED  # else the next of its commits would mark it as calling again
                )
            calling.run.is_kept = True
            calling.loaded.live_runs += not was_kept
            self._emitting.committed(emitted, calling.loaded)
        elif was_kept:
            calling.loaded.one_run_ended()

    def tell(
        self,
        calling: Calling,
        attempt: Attempt,
        input: bytes,
        outcome: str,
        status: str,
        error: ErrorRecord | None,
    ) -> None:
        """Record a call of which nothing counts. Its caller is answered without waiting for the disk."""
        now_us = self._parts.clock.now_us()
        record = self._parts.recording.attempt(
            attempt,
            outcome,
            at_us=now_us,
            input=input,
            auth=calling.call.claims,
            error=error,
            counts=False,
        )
        unit = Unit(records=[record, self._parts.recording.run(calling.run, status, at_us=now_us)])
        if calling.run.is_kept:
            unit.ends = (
                calling.run.seq,
                0,
            )  # it may be told again later: not of a run that was cancelled meanwhile
            calling.run.is_kept = False  # counted here, and not again should its announcing fail
            calling.loaded.one_run_ended()
        self._keep(unit)

    def _keep(self, unit: Unit) -> None:
        self._parts.store.submit(unit).add_done_callback(partial(self._kept, unit))

    def _kept(self, unit: Unit, future: asyncio.Future[None]) -> None:
        """A full disk is waited for where a run's row would stay behind. Other records of what never counted are lost
        to it: the store has told the engine why."""
        if future.cancelled() or not isinstance(future.exception(), StoreFull):
            return
        if unit.ends and not self.is_closed:
            asyncio.get_running_loop().call_later(FULL_AGAIN_S, self._keep, unit)

    def announce(self, run: LiveRun, loaded: Loaded) -> None:
        run.is_kept, run.mark = True, CALLING
        unit = Unit(
            new_runs=[run.row(open=0)],
            records=[self._parts.recording.run(run, "running", at_us=self._parts.clock.now_us())],
        )
        loaded.live_runs += 1
        self._parts.store.submit(unit).add_done_callback(partial(_announced, run, loaded))


def _announced(run: LiveRun, loaded: Loaded, future: asyncio.Future[None]) -> None:
    if not future.cancelled() and future.exception() is not None and run.is_kept:
        run.is_kept = False
        loaded.one_run_ended()


def _ignore(future: asyncio.Future[None]) -> None:
    """A record that could not be kept: the store has told the engine why."""
    if not future.cancelled():
        future.exception()
