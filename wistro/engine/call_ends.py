"""How a call ends: what of it is committed with its answer, and what is recorded of one that does not count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from wistro.engine.attempt import Attempt
from wistro.engine.calling import Calling
from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.leaving import Leaving
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import CALLED, CALLING, LiveRun
from wistro.protocol.records import ErrorRecord
from wistro.store.port import IdTaken, StoredAnswer, StoreFull, Unit, Unnumbered
from wistro.triggers.port import EndpointAnswer

FULL_AGAIN_S = 1.0
ID_TRIES = 20


class CallEnds:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting
        self.leaving = Leaving(parts, emitting)
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
        for _ in range(ID_TRIES):
            own = Unit(writes=unit.writes, records=[*calling.retried, *unit.records])
            own.ids = await self.leaving.ids(emits)
            try:
                await self._commit(calling, own, answer, emits=emits, parent=parent)
                return
            except IdTaken:
                continue  # by somebody whose commit is known by now
        raise StoreFull("the ids of its emits are being taken by others")

    async def _commit(
        self,
        calling: Calling,
        unit: Unit,
        answer: EndpointAnswer,
        *,
        emits: list[Emitted],
        parent: str | None,
    ) -> None:
        run, loaded = calling.run, calling.loaded
        now_us = self._parts.clock.now_us()
        emitted = self._emitting.deliveries(
            emits, run, loaded, now_us=now_us, parent_attempt_id=parent
        )
        was_kept = run.is_kept
        before = run.open
        run.open = before + len(emitted) - run.holds_call
        status = "running" if run.open else "done"
        if not was_kept or not run.open:
            unit.records.append(self._parts.recording.run(run, status, at_us=now_us))
        if run.open and was_kept:
            unit.run_changes.append((run.seq, run.open - before, CALLED))
        elif run.open:
            unit.new_runs.append(run.row(open=len(emitted)))
        elif was_kept:
            unit.ended_runs.append(run.seq)
        unit.new_deliveries = [one.row for one in emitted]
        if calling.key is not None:
            kept = StoredAnswer(answer.status, answer.headers, answer.body, run.id)
            unit.answer = (calling.key, kept, now_us + self._parts.limits.answers_kept_us)
        submitted = self._parts.store.submit(
            unit, then=partial(self._committed, calling, emitted, was_kept)
        )
        submitted.add_done_callback(partial(_put_back, run, before))
        try:
            await asyncio.shield(submitted)
        except asyncio.CancelledError:
            # Its caller has left, but it may be on its way to the disk: its sender's id is not free before we know.
            await asyncio.wait([submitted])
            _ignore(submitted)
            raise

    def _committed(self, calling: Calling, emitted: list[Delivery], was_kept: bool) -> None:
        """Also when the caller has left meanwhile: what is on disk goes on."""
        run = calling.run
        if run.open:
            if was_kept:
                run.mark = CALLED  # else the next of its commits would mark it as calling again
            run.is_kept = True
            calling.loaded.live_runs += not was_kept
            self._emitting.committed(emitted, calling.loaded)
        elif was_kept:
            calling.loaded.one_run_ended()
        self._let_go(run)

    def _let_go(self, run: LiveRun) -> None:
        if run.holds_call:
            run.holds_call = False
            self._emitting.let_go(run)

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
        if calling.run.holds_call:
            self._end_early(calling, [*calling.retried, record], status, now_us)
            return
        run = self._parts.recording.run(calling.run, status, at_us=now_us)
        unit = Unit(records=[*calling.retried, record, run])
        if calling.run.is_kept:
            # It may be told again later: not of a run that was cancelled meanwhile.
            unit.ends = (calling.run.seq, 0)
            calling.run.is_kept = False  # counted here, and not again should its announcing fail
            calling.loaded.one_run_ended()
        self._keep(unit, calling.loaded)

    def _end_early(
        self, calling: Calling, records: list[Unnumbered], status: str, now_us: int
    ) -> None:
        """What left before its end goes on, and its run then ends as the call did."""
        run = calling.run
        run.open -= 1
        run.mark = status
        unit, then = Unit(records=records), None
        if run.open:
            unit.run_changes = [(run.seq, -1, status)]
        else:
            unit.ended_runs = [run.seq]
            unit.records.append(self._parts.recording.run(run, status, at_us=now_us))
            then = calling.loaded.one_run_ended
        self._let_go(run)
        self._keep(unit, calling.loaded, then)

    def _keep(self, unit: Unit, loaded: Loaded, then: Callable[[], None] | None = None) -> None:
        loaded.call_began()  # until it is kept: whoever drops the deployment waits for it
        self._submit(unit, loaded, then)

    def _submit(self, unit: Unit, loaded: Loaded, then: Callable[[], None] | None) -> None:
        submitted = self._parts.store.submit(unit, then=then)
        submitted.add_done_callback(partial(self._kept, unit, loaded, then))

    def _kept(
        self,
        unit: Unit,
        loaded: Loaded,
        then: Callable[[], None] | None,
        future: asyncio.Future[None],
    ) -> None:
        """A full disk is waited for where a run's row would stay behind. Other records of what never counted are lost
        to it: the store has told the engine why."""
        is_full = not future.cancelled() and isinstance(future.exception(), StoreFull)
        stays = unit.ends or unit.run_changes or unit.ended_runs
        if is_full and stays and not self.is_closed:
            again = partial(self._submit, unit, loaded, then)
            asyncio.get_running_loop().call_later(FULL_AGAIN_S, again)
        else:
            loaded.call_ended()

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
        run.is_kept, run.mark = False, ""  # it may be kept yet, by its call's commit
        loaded.one_run_ended()


def _put_back(run: LiveRun, open: int, future: asyncio.Future[None]) -> None:
    if future.cancelled() or future.exception() is not None:
        run.open = open


def _ignore(future: asyncio.Future[None]) -> None:
    """A record that could not be kept: the store has told the engine why."""
    if not future.cancelled():
        future.exception()
