"""What a delivery's end means for its run, committed with it: the run goes on, waits, or ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wistro.engine.emitting import Loaded
from wistro.engine.parts import Parts
from wistro.engine.runs import LiveRun
from wistro.store.port import Fenced, StoreFull, Unit

FULL_AGAIN_S = 1.0


class Ends:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def commit(
        self,
        unit: Unit,
        run: LiveRun,
        loaded: Loaded,
        *,
        change: int,
        now_us: int,
        waits: int = 0,
        then: Callable[[], None] | None = None,
        patient: bool = True,
    ) -> None:
        """Submit it with what it means for the run: `change` of its open deliveries, `waits` of its open tasks.

        A full disk is waited for, or, if not `patient`, told by StoreFull: an attempt is not run again for that.
        """
        records = unit.records
        while True:
            before = run.status
            run.open += change
            run.waits += waits
            unit.records = records
            unit.ends, unit.run_changes = None, []
            if run.open == 0:
                unit.ends = (run.seq, -change)
            elif change or unit.dead:
                unit.run_changes = [(run.seq, change, run.mark)]
            if run.status != before:
                told = self._parts.recording.run(run, run.status, at_us=now_us)
                unit.records = [*records, told]
            try:
                await self._parts.store.submit(unit, then=then)
                break
            except BaseException as failed:
                run.open -= change
                run.waits -= waits
                if isinstance(failed, Fenced) and await self._was_miscounted(unit):
                    continue
                if not isinstance(failed, StoreFull) or not patient:
                    raise
                await asyncio.sleep(FULL_AGAIN_S)
        if unit.finished:
            loaded.backlog -= 1
        if unit.ends:
            loaded.one_run_ended()

    async def _was_miscounted(self, unit: Unit) -> bool:
        """It was to end its run, which has more open than was thought: others' commits had failed, and they had not
        heard of that yet. Its delivery is still its own then."""
        if unit.ends is None:
            return False
        for seq, number in unit.finished:
            kept = await self._parts.store.delivery(seq)
            if kept is None or kept[0].number != number:
                return False
        return True
