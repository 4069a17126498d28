"""From the store into a queue: what is due is claimed as the queue runs low, and admitted as its step's limits allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from wistro.engine.gating import Gating
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery, StepQueue, Turns
from wistro.engine.runs import LiveRun
from wistro.store.port import Admission, DeliveryRow, Gate, RunRow, StoreBroken, StoreFull

if TYPE_CHECKING:
    from wistro.engine.emitting import Loaded

CLAIM_AT_ONCE = 512
CLAIM_AGAIN_S = 1.0
LONGEST_SLEEP_S = 20.0  # the clock on the wall may be set meanwhile


class Claiming:
    def __init__(
        self,
        parts: Parts,
        turns: Turns,
        *,
        all_loaded: Callable[[], Iterable[Loaded]],
        hold: Callable[[Delivery], None],
        run_of: Callable[[RunRow], LiveRun],
    ) -> None:
        self._parts = parts
        self._turns = turns
        self._all_loaded = all_loaded
        self._hold = hold
        self._run_of = run_of
        self._tasks: set[asyncio.Task[None]] = set()

    def more(self, queue: StepQueue, loaded: Loaded) -> None:
        current = self.current(queue, loaded)
        if current is None:
            return  # whoever loads it next looks into the store
        gating = current.plan.gating
        if gating is None:
            current.is_spilled = True
        if current.is_claiming:
            current.is_asked_again = True
        else:
            current.is_claiming = True
            if gating is None:
                self.later(self._claim(current, loaded))
            else:
                self.later(self._admit(current, loaded, gating))

    def freed(self, step: str) -> None:
        """Something of a limited step ended or waits again: its limits hold for all versions, so each looks anew."""
        for loaded in self._all_loaded():
            queue = loaded.lane.queues.get(step)
            if queue is not None and queue.plan.gating is not None:
                self.more(queue, loaded)

    def wake_at(self, queue: StepQueue, due_at_us: int, loaded: Loaded) -> None:
        """Something of this queue in the store is due then. Looked at from time to time: a clock may be set meanwhile."""
        if queue.timer is not None:
            if queue.wakes_at_us <= due_at_us:
                return
            queue.timer.cancel()
        delay_s = (due_at_us - self._parts.clock.now_us()) / 1e6
        delay_s = min(max(0.0, delay_s), LONGEST_SLEEP_S)
        queue.wakes_at_us = due_at_us
        loop = asyncio.get_running_loop()
        queue.timer = loop.call_later(delay_s, self._woken, queue, loaded)

    async def settled(self) -> None:
        """Returns when what is being put back or claimed now has been."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def current(queue: StepQueue, loaded: Loaded | None) -> StepQueue | None:
        """The step's queue in the lane that is served now; None when the deployment or the step is gone."""
        if loaded is None or loaded.lane.is_stopped:
            return None
        return loaded.lane.queues.get(queue.plan.id)

    def _woken(self, queue: StepQueue, loaded: Loaded) -> None:
        queue.timer = None
        if queue.wakes_at_us > self._parts.clock.now_us():
            self.wake_at(queue, queue.wakes_at_us, loaded)
        else:
            self.more(queue, loaded)

    async def _claim(self, queue: StepQueue, loaded: Loaded) -> None:
        deployment_id, step = loaded.deployment.id, queue.plan.id
        try:
            put_aside = queue.put_aside
            taken = await self._parts.store.claim(
                deployment_id, step, due_at_us=self._parts.clock.now_us(), limit=CLAIM_AT_ONCE
            )
        except StoreFull:
            queue.is_claiming = False
            self._again_soon(queue, loaded)
            return
        except StoreBroken:
            return
        queue.is_claiming = False
        self._take(taken, queue)
        self._turns.pump()
        if len(taken) < CLAIM_AT_ONCE:
            # What was put aside meanwhile may have missed the claim.
            queue.is_spilled = queue.put_aside != put_aside
            if queue.is_spilled and not queue.ready:
                self.more(queue, loaded)
            else:
                await self._look_ahead(queue, loaded)

    async def _look_ahead(self, queue: StepQueue, loaded: Loaded) -> None:
        """Be awake when the next of the queue is due."""
        try:
            due_at_us = await self._parts.store.next_due(loaded.deployment.id, queue.plan.id)
        except StoreFull:  # also one that is away: when the next is due is not known
            self._again_soon(queue, loaded)
            return
        except StoreBroken:
            return
        if due_at_us is not None:
            self.wake_at(queue, due_at_us, loaded)

    async def _admit(self, queue: StepQueue, loaded: Loaded, gating: Gating) -> None:
        """As many as may run now, until only time or an end lets more through: then it is asked again."""
        queue.is_asked_again = True
        again_at_us: int | None = None
        while queue.is_asked_again and (room := self._room(queue)) > 0:
            queue.is_asked_again = False
            now_us = self._parts.clock.now_us()
            asked = Admission(
                loaded.deployment.id,
                queue.plan.id,
                now_us=now_us,
                limit=room,
                slots=gating.slots,
                rate=gating.rate,
                gate_of=partial(_gate_of, gating),
                whole=gating.whole,
            )
            try:
                admitted = await self._parts.store.admit(asked)
            except StoreFull:
                queue.is_claiming = False
                self._again_soon(queue, loaded)
                return
            except StoreBroken:
                return
            self._take(admitted.taken, queue)
            self._turns.pump()
            again_at_us = admitted.again_at_us
            queue.is_asked_again |= again_at_us is not None and again_at_us <= now_us
        queue.is_claiming = queue.is_spilled = False
        if again_at_us is not None:
            self.wake_at(queue, again_at_us, loaded)

    def _room(self, queue: StepQueue) -> int:
        """Where there is none, whatever ends next asks again."""
        if queue.lane.is_stopped:
            return 0
        return self._parts.limits.attempts_per_step - queue.in_flight - len(queue.ready)

    def _take(self, taken: list[tuple[DeliveryRow, RunRow]], queue: StepQueue) -> None:
        for row, run in taken:
            self._hold(Delivery(row, self._run_of(run), queue))

    def _again_soon(self, queue: StepQueue, loaded: Loaded) -> None:
        self.wake_at(queue, self._parts.clock.now_us() + int(CLAIM_AGAIN_S * 1e6), loaded)


def _gate_of(gating: Gating, row: DeliveryRow) -> Gate:
    return gating.gate(row.message, key=None) or Gate()
