"""Emits that count once: by their id, or by the place from which they leave before their attempt commits."""

from __future__ import annotations

import asyncio
from functools import partial

from wistro.engine.attempt import Attempt
from wistro.engine.calling import Calling
from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import CALLING, LiveRun
from wistro.protocol.frames import Refusal
from wistro.store.port import IDS_KEPT_US, Fenced, IdTaken, StoreBroken, StoreFull, Unit


class Leaving:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting

    async def ids(self, emits: list[Emitted]) -> list[tuple[str, int]]:
        """Those that are taken with the commit; emits whose id is known are marked, and are not delivered again."""
        own = [one for one in emits if one.id is not None and not one.has_left]
        if not own:
            return []
        now_us = self._parts.clock.now_us()
        keys = {one.id_key: one for one in reversed(own)}  # the first of those with one id
        known = set(await self._parts.store.known_ids(list(keys), now_us=now_us))
        for one in own:
            one.is_known = one.id_key in known or keys[one.id_key] is not one
        return [(key, now_us + IDS_KEPT_US) for key in sorted(keys) if key not in known]

    async def of_delivery(
        self, attempt: Attempt, emitted: Emitted, ordinal: int, *, loaded: Loaded, delivery_id: str
    ) -> Refusal | None:
        run = attempt.run
        unit = Unit()
        made = self._made(unit, attempt, emitted, ordinal, loaded=loaded, place=delivery_id)
        rows = len(made)
        if rows:
            unit.run_changes = [(run.seq, rows, "")]
            run.open += rows
        return await self._submitted(unit, made, loaded, undo=partial(_close, run, rows))

    async def of_call(
        self, attempt: Attempt, emitted: Emitted, ordinal: int, *, calling: Calling
    ) -> Refusal | None:
        """Its run lives from now on, with the call as one of what is open of it."""
        run, loaded = calling.run, calling.loaded
        unit = Unit()
        made = self._made(unit, attempt, emitted, ordinal, loaded=loaded, place=run.id)
        now_us, rows = self._parts.clock.now_us(), len(made)
        if run.holds_call:
            unit.run_changes = [(run.seq, rows, "")]
            run.open += rows
            return await self._submitted(unit, made, loaded, undo=partial(_close, run, rows))
        run.holds_call = True
        run.open += rows + 1
        self._emitting.keep(run)
        if run.is_kept:
            unit.run_changes = [(run.seq, rows + 1, "")]
            return await self._submitted(
                unit, made, loaded, undo=partial(self._let_go, run, rows + 1)
            )
        run.is_kept, run.mark = True, CALLING
        loaded.live_runs += 1
        unit.new_runs = [run.row(open=run.open)]
        unit.records = [self._parts.recording.run(run, "running", at_us=now_us)]
        return await self._submitted(unit, made, loaded, undo=partial(self._forget, run, loaded))

    def _made(
        self,
        unit: Unit,
        attempt: Attempt,
        emitted: Emitted,
        ordinal: int,
        *,
        loaded: Loaded,
        place: str,
    ) -> list[Delivery]:
        now_us = self._parts.clock.now_us()
        made = self._emitting.deliveries(
            [emitted], attempt.run, loaded, now_us=now_us, parent_attempt_id=attempt.id
        )
        for one in made:
            one.row.ordinal = ordinal
        key = emitted.id_key if emitted.id is not None else f"now {place} {ordinal}"
        unit.ids = [(key, now_us + IDS_KEPT_US)]
        unit.new_deliveries = [one.row for one in made]
        return made

    async def _submitted(
        self, unit: Unit, made: list[Delivery], loaded: Loaded, *, undo: partial[None]
    ) -> Refusal | None:
        """What did not come to the disk is undone, also when nobody waits for it any more."""
        then = partial(self._emitting.committed, made, loaded) if made else None
        submitted = self._parts.store.submit(unit, then=then)
        submitted.add_done_callback(partial(_undo, undo))
        try:
            await asyncio.shield(submitted)
        except IdTaken:
            return None  # an earlier attempt, or another, has emitted it
        except StoreFull:
            return Refusal("emit.not-kept", "the disk is full: the message was not kept")
        except StoreBroken:
            return Refusal("emit.not-kept", "the engine is stopping: the message was not kept")
        except Fenced:
            return Refusal("emit.not-kept", "its run has ended: the message was not kept")
        return None

    def _let_go(self, run: LiveRun, opened: int) -> None:
        run.open -= opened
        run.holds_call = False
        self._emitting.let_go(run)

    def _forget(self, run: LiveRun, loaded: Loaded) -> None:
        self._let_go(run, run.open)
        run.is_kept, run.mark = False, ""
        loaded.one_run_ended()


def _close(run: LiveRun, rows: int) -> None:
    run.open -= rows


def _undo(undo: partial[None], future: asyncio.Future[None]) -> None:
    if future.cancelled() or future.exception() is not None:
        undo()
