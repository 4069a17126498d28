"""A message at its step: one attempt, and what follows from how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import msgspec

from wistro.blobs.port import BlobsBroken
from wistro.engine.attempt import CONFLICT_TRIES, Attempt
from wistro.engine.dead_letters import dead_letter
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.ends import Ends
from wistro.engine.leaving import Leaving
from wistro.engine.parts import Parts
from wistro.engine.payloads import BlobGone
from wistro.engine.queues import Delivery, Turns
from wistro.engine.runs import DEAD
from wistro.engine.tasks import Tasks
from wistro.hosts.port import HostCall, HostLost, Outcome, Returned, Threw, TimedOut
from wistro.protocol.blobs import is_large
from wistro.protocol.frames import Context, Failed
from wistro.protocol.records import ErrorRecord
from wistro.store.port import (
    BadStateOperation,
    DeliveryRow,
    Fenced,
    IdTaken,
    StateConflict,
    StoreBroken,
    StoreFull,
    Unit,
)

T = TypeVar("T")

ID_TRIES = 20
LONE_DEATHS = 2  # a message that killed so many hosts in which it ran alone is given up
FULL_AGAIN_S = 1.0
NO_HOST_AGAIN_S = 1.0
NO_HOST_AGAIN_CAP_S = 60.0
COULD_NOT_START = "could not start"
LONGEST_WAIT_S = (
    365 * 24 * 3600.0
)  # what a step asks for may be any number; the store's times are int64


class Deliveries:
    def __init__(
        self,
        parts: Parts,
        turns: Turns,
        emitting: Emitting,
        ends: Ends,
        tasks: Tasks,
        *,
        loaded_of: Callable[[str], Loaded],
    ) -> None:
        self._parts = parts
        self._turns = turns
        self._emitting = emitting
        self._ends = ends
        self._tasks = tasks
        self._loaded_of = loaded_of
        self._leaving = Leaving(parts, emitting)
        self.in_flight: set[Delivery] = set()

    def start(self, delivery: Delivery) -> None:
        delivery.task = asyncio.get_running_loop().create_task(self._deliver(delivery))
        self.in_flight.add(delivery)

    def drop(self, run_id: str) -> None:
        """Stop what runs of a run that was cancelled. What is being settled is refused by the store."""
        for one in list(self.in_flight):
            if one.run.id == run_id and not one.is_settling:
                one.is_dropped = True
                if one.task is not None and one.has_begun:
                    one.task.cancel()  # before it has begun it would free no turn

    async def _deliver(self, delivery: Delivery) -> None:
        loaded = self._loaded_of(delivery.row.deployment_id)
        if delivery.queue.plan.task is not None:
            await self._arrive(delivery, loaded)
            return
        try:
            conflicts = 0
            while not delivery.is_dropped and await self._attempt(delivery, loaded, conflicts):
                conflicts += 1
        finally:
            self._leave(delivery)

    async def _attempt(self, delivery: Delivery, loaded: Loaded, conflicts: int) -> bool:
        """Once, to its end; True when a conflict asks for it again."""
        attempt = Attempt(
            self._parts,
            delivery.queue.plan,
            delivery.run,
            started_at_us=self._parts.clock.now_us(),
        )
        attempt.leaves = partial(
            self._leaving.of_delivery, loaded=loaded, delivery_id=delivery.row.delivery_id
        )
        try:
            delivery.has_begun = True
            outcome = await self._outcome(delivery, attempt, loaded)
            attempt.end()
            delivery.is_settling = True
            return await self._settle(delivery, attempt, outcome, loaded, conflicts=conflicts)
        except (StoreBroken, asyncio.CancelledError):
            attempt.end()  # it stays in the store: the next boot, or who cancelled, sees to it
        except Fenced:
            self._parts.recording.say(
                "warn", "its delivery was settled elsewhere", loaded.deployment.id, attempt=attempt
            )
        return False

    async def _arrive(self, delivery: Delivery, loaded: Loaded) -> None:
        """At a No-Op step that waits: no code runs, the delivery is told of by its task."""
        delivery.is_settling = True
        try:
            await self._patiently(partial(self._tasks.arrive, delivery, loaded))
        except (Fenced, StoreBroken):
            pass  # it was answered or cancelled meanwhile; or it stays in the store for the next boot
        finally:
            self._leave(delivery)

    def _leave(self, delivery: Delivery) -> None:
        self.in_flight.discard(delivery)
        self._emitting.release(delivery)
        self._turns.finished(delivery)
        if delivery.queue.plan.gating is not None:
            self._emitting.claiming.freed(delivery.row.step)
        self._turns.pump()

    async def _outcome(self, delivery: Delivery, attempt: Attempt, loaded: Loaded) -> Outcome:
        message = delivery.row.message
        if is_large(message):
            try:
                message = await self._parts.payloads.whole(message)
            except (BlobGone, BlobsBroken) as error:
                retry = "never" if isinstance(error, BlobGone) else "yes"
                return Threw(Failed(0, type(error).__name__, str(error), retry=retry))
        return await loaded.hosts.call(self._call(delivery, attempt, message), attempt)

    def _call(self, delivery: Delivery, attempt: Attempt, message: bytes) -> HostCall:
        row, plan, header = delivery.row, delivery.queue.plan, delivery.run.header
        context = Context(
            run_id=delivery.run.shown,
            trace_id=header.trace_id,
            traceparent=header.traceparent(attempt.id),
            tracestate=header.trace_state,
            now_us=attempt.started_at_us,
            attempt=row.number,
            deadline_us=attempt.started_at_us + int(plan.timeout_s * 1e6),
            idempotency_key=row.delivery_id,
            flows=plan.flows,
            topic=row.topic,
        )
        input = msgspec.Raw(message)
        return HostCall(plan.id, row.kind, input, context, plan.timeout_s, alone=row.suspect)

    async def _settle(
        self,
        delivery: Delivery,
        attempt: Attempt,
        outcome: Outcome,
        loaded: Loaded,
        *,
        conflicts: int,
    ) -> bool:
        """True when it is to be run again at once."""
        if isinstance(outcome, Returned):
            try:
                await self._done(delivery, attempt, loaded)
            except BadStateOperation as error:
                if isinstance(error, StateConflict) and conflicts < CONFLICT_TRIES:
                    await self._at_once(delivery, attempt, loaded, error)
                    return True
                await self._failed(
                    delivery, attempt, loaded, Failed(0, type(error).__name__, error.message)
                )
            except (
                ValueError,
                OverflowError,
                IdTaken,
            ) as error:  # a text or number that no store can keep
                await self._failed(
                    delivery, attempt, loaded, Failed(0, type(error).__name__, str(error))
                )
        elif isinstance(outcome, Threw):
            await self._failed(delivery, attempt, loaded, outcome.failed)
        elif isinstance(outcome, TimedOut):
            message = f"took longer than its timeout of {outcome.after_s:g} s"
            await self._failed(delivery, attempt, loaded, Failed(0, "TimedOut", message))
        else:
            await self._lost(delivery, attempt, loaded, outcome)
        return False

    async def _at_once(
        self, delivery: Delivery, attempt: Attempt, loaded: Loaded, conflict: StateConflict
    ) -> None:
        """Not the step's failure, so no retry is charged; it keeps its turn and its place in its lane."""
        now_us = self._parts.clock.now_us()
        error = ErrorRecord(type(conflict).__name__, conflict.message, code=conflict.code)
        record = self._parts.recording.attempt(
            attempt, "retrying", at_us=now_us, delivery=delivery, error=error, counts=False
        )
        again = replace(delivery.row, number=delivery.row.number + 1)
        held = replace(
            again, claimed=True, gate=None
        )  # without its gate it does not wait there anew
        unit = Unit(retried=[(delivery.row.number, held)], records=[record])
        await self._ends.commit(unit, delivery.run, loaded, change=0, now_us=now_us)
        delivery.row, delivery.is_settling = again, False

    async def _done(self, delivery: Delivery, attempt: Attempt, loaded: Loaded) -> None:
        attempt.check()
        ids: list[tuple[str, int]] = []
        for _ in range(ID_TRIES):
            ids = await self._patiently(partial(self._leaving.ids, attempt.emits))
            try:
                await self._commit(delivery, attempt, loaded, ids)
                return
            except IdTaken:
                continue  # by somebody whose commit is known by now
        raise IdTaken([key for key, _ in ids])

    @staticmethod
    async def _patiently(asks: Callable[[], Awaitable[T]]) -> T:
        """A store that is full or away is waited for: a delivery that is let go here is in nobody's hands."""
        while True:
            try:
                return await asks()
            except StoreFull:
                await asyncio.sleep(FULL_AGAIN_S)

    async def _commit(
        self, delivery: Delivery, attempt: Attempt, loaded: Loaded, ids: list[tuple[str, int]]
    ) -> None:
        now_us = self._parts.clock.now_us()
        emitted = self._emitting.deliveries(
            attempt.emits, delivery.run, loaded, now_us=now_us, parent_attempt_id=attempt.id
        )
        unit = Unit(
            new_deliveries=[one.row for one in emitted],
            finished=[(delivery.row.seq, delivery.row.number)],
            gated=_gated(delivery.row),
            writes=attempt.writes,
            ids=ids,
            records=[
                self._parts.recording.attempt(attempt, "done", at_us=now_us, delivery=delivery)
            ],
        )
        then = partial(self._emitting.committed, emitted, loaded) if emitted else None
        await self._ends.commit(
            unit, delivery.run, loaded, change=len(emitted) - 1, now_us=now_us, then=then
        )

    async def _failed(
        self, delivery: Delivery, attempt: Attempt, loaded: Loaded, failed: Failed
    ) -> None:
        """Charge it; wait and try again, or give it up."""
        row, retrying = delivery.row, delivery.queue.plan.retrying
        charged = row.charged + 1
        error = ErrorRecord(failed.type, failed.message, failed.stack)
        if failed.retry == "never" or charged > retrying.max:
            await self._dead(delivery, attempt, loaded, error)
            return
        delay_s = retrying.delay_s(charged, chance=self._parts.chance)
        if failed.retry_after_s is not None:
            delay_s = min(max(0.0, failed.retry_after_s), LONGEST_WAIT_S)
        again = replace(row, number=row.number + 1, charged=charged)
        await self._again(delivery, attempt, loaded, again, delay_s=delay_s, error=error)

    async def _lost(
        self, delivery: Delivery, attempt: Attempt, loaded: Loaded, lost: HostLost
    ) -> None:
        """Its host died: not the step's failure, so no retry is charged; only a death while alone counts against it."""
        row = delivery.row
        again = replace(row, number=row.number + 1)
        error = ErrorRecord("HostLost", lost.exit, lost.stderr)
        delay_s = 0.0
        if lost.exit.startswith(COULD_NOT_START) or (row.suspect and not lost.alone):
            delay_s = min(NO_HOST_AGAIN_S * 2 ** min(row.number - 1, 16), NO_HOST_AGAIN_CAP_S)
        else:
            again.suspect = True
            again.lone_deaths += lost.alone
        if again.lone_deaths >= LONE_DEATHS:
            await self._dead(delivery, attempt, loaded, error, stderr=lost.stderr)
        else:
            await self._again(delivery, attempt, loaded, again, delay_s=delay_s, error=error)

    async def _again(
        self,
        delivery: Delivery,
        attempt: Attempt,
        loaded: Loaded,
        again: DeliveryRow,
        *,
        delay_s: float,
        error: ErrorRecord,
    ) -> None:
        now_us = self._parts.clock.now_us()
        again.due_at_us = now_us + int(delay_s * 1e6)
        again.claimed = delay_s == 0 and again.gate is None
        record = self._parts.recording.attempt(
            attempt, "retrying", at_us=now_us, delivery=delivery, error=error, counts=False
        )
        unit = Unit(retried=[(delivery.row.number, again)], records=[record])
        await self._ends.commit(unit, delivery.run, loaded, change=0, now_us=now_us)
        if again.claimed:
            self._emitting.hold(Delivery(again, delivery.run, delivery.queue))
        elif (queue := loaded.lane.queues.get(again.step)) is not None:  # else an edit took it away
            self._emitting.claiming.wake_at(queue, again.due_at_us, loaded)

    async def _dead(
        self,
        delivery: Delivery,
        attempt: Attempt,
        loaded: Loaded,
        error: ErrorRecord,
        *,
        stderr: str = "",
    ) -> None:
        now_us = self._parts.clock.now_us()
        row, run, gating = delivery.row, delivery.run, delivery.queue.plan.gating
        run.mark = DEAD
        blocks = gating is not None and gating.blocks
        dead = dead_letter(row, run, error, now_us=now_us, stderr=stderr, blocks=blocks)
        record = self._parts.recording.attempt(
            attempt, "dead", at_us=now_us, delivery=delivery, error=error, counts=False
        )
        unit = Unit(
            finished=[(row.seq, row.number)], gated=_gated(row), dead=dead, records=[record]
        )
        await self._ends.commit(unit, delivery.run, loaded, change=-1, now_us=now_us)


def _gated(row: DeliveryRow) -> list[int]:
    return [row.seq] if row.gate is not None else []
