"""Ending a live run before its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from wistro.engine.deliveries import Deliveries
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.parts import Parts
from wistro.engine.queues import Turns
from wistro.engine.runs import CALLING, LiveRun
from wistro.engine.tasks import Tasks
from wistro.errors import UserError
from wistro.store.port import Command, Fenced, Unit

CANCEL_TRIES = 20
CALL_ENDS_S = 10.0


class UnknownRun(UserError):
    """No live run has this id: it never was, or it has ended."""

    code = "engine.unknown-run"
    hint = "Only runs that have not ended can be cancelled."
    status = 404


class Cancelling:
    def __init__(
        self,
        parts: Parts,
        turns: Turns,
        emitting: Emitting,
        deliveries: Deliveries,
        tasks: Tasks,
        *,
        end_call: Callable[[str], asyncio.Task[Any] | None],
        loaded_of: Callable[[str], Loaded | None],
        changing: Callable[[str], asyncio.Lock],
    ) -> None:
        """`changing`: held while a deployment is loaded or dropped, which counts what lives of it."""
        self._parts = parts
        self._turns = turns
        self._emitting = emitting
        self._deliveries = deliveries
        self._tasks = tasks
        self._end_call = end_call
        self._loaded_of = loaded_of
        self._changing = changing

    async def cancel(self, run_id: str) -> None:
        """End a live run: what of it waits is dropped, what runs is told to stop and counts for nothing."""
        if (call := self._end_call(run_id)) is not None:
            if not any(run.id == run_id and run.holds_call for run in self._emitting.runs.values()):
                return
            await asyncio.wait([call], timeout=CALL_ENDS_S)  # then what left before its end
            if await self._parts.store.run(run_id) is None:
                return
        row = await self._parts.store.run(run_id)
        if row is None:
            raise UnknownRun(f"no live run `{run_id}`")
        if row.is_here:
            async with self._changing(row.deployment_id):
                await self._end(run_id)
        elif not await self._parts.store.tell(run_id, "cancel", b"null"):
            raise UnknownRun(f"no live run `{run_id}`")

    async def asked(self, command: Command, _: Any) -> None:
        """By another engine, of a run that is this one's."""
        if self._end_call(command.run_id) is not None:
            await self._parts.store.submit(Unit(done_commands=[command.id]))
            return
        row = await self._parts.store.run(command.run_id)
        if row is None or not row.is_here:
            raise UnknownRun(f"no live run `{command.run_id}`")
        async with self._changing(row.deployment_id):
            await self._end(command.run_id, command=command.id)

    async def _end(self, run_id: str, *, command: int | None = None) -> None:
        store = self._parts.store
        for _ in range(CANCEL_TRIES):
            row = await store.run(run_id)
            if row is None and command is None:
                return
            if row is None:
                raise UnknownRun(f"no live run `{run_id}`")
            if row.mark == CALLING:
                # Its call's own end is on its way to the disk: look again after it.
                await store.submit(Unit())
                continue
            waiting = await store.run_deliveries(row.seq)
            run = self._emitting.runs.get(row.seq) or LiveRun.of(row)
            now_us = self._parts.clock.now_us()
            task_ends, records = await self._tasks.cancelled(run_id, now_us=now_us)
            unit = Unit(
                finished=[(one.seq, one.number) for one in waiting],
                gated=[one.seq for one in waiting if one.gate is not None],
                ends=(row.seq, row.open),
                task_ends=task_ends,
                records=[*records, self._parts.recording.run(run, "cancelled", at_us=now_us)],
                done_commands=[command] if command is not None else [],
            )
            with contextlib.suppress(Fenced):  # something of it was settled meanwhile: look again
                await store.submit(unit)
                self._cancelled(run, len(waiting))
                for step in {one.step for one in waiting if one.gate is not None}:
                    self._emitting.claiming.freed(step)
                return
        raise Fenced(f"the run {run_id} keeps changing")

    def _cancelled(self, run: LiveRun, dropped: int) -> None:
        self._deliveries.drop(run.id)
        loaded = self._loaded_of(run.deployment_id)
        if loaded is None:
            return
        for queue in loaded.lane.queues.values():
            for delivery in [one for one in queue.ready if one.run is run]:
                self._turns.take_out(delivery)
                self._emitting.release(delivery)
            if queue.is_spilled and not queue.ready:  # nobody's turn would ask for more
                self._emitting.claiming.more(queue, loaded)
        loaded.backlog -= dropped
        loaded.one_run_ended()
