"""From emits to deliveries: a row for each that hears, held in memory where its queue has room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from wistro.engine.emitted import Emitted
from wistro.engine.loaded import Deployment, Plans
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery, Lane, StepQueue, Turns
from wistro.engine.runs import LiveRun
from wistro.hosts.port import Hosts
from wistro.store.port import DeliveryRow, Fenced, RunRow, StoreBroken, StoreFull, Unit

CLAIM_AT_ONCE = 512
CLAIM_AGAIN_S = 1.0
LONGEST_SLEEP_S = 20.0  # the clock on the wall may be set meanwhile


@dataclass(slots=True)
class Loaded:
    """A deployment that this engine runs."""

    deployment: Deployment
    plans: Plans
    lane: Lane
    hosts: Hosts
    is_draining: bool = False
    live_runs: int = 0
    backlog: int = 0  # deliveries not yet done
    quiet: asyncio.Event = field(default_factory=asyncio.Event)  # set when no run is live
    calls: int = 0  # accepted and not yet answered
    without_calls: asyncio.Event = field(default_factory=asyncio.Event)  # set when `calls` gets 0

    def one_run_ended(self) -> None:
        self.live_runs -= 1
        if self.live_runs == 0:
            self.quiet.set()


class Emitting:
    """Puts deliveries into queues, and takes more from the store when a queue runs low."""

    def __init__(
        self, parts: Parts, turns: Turns, *, loaded_of: Callable[[str], Loaded | None]
    ) -> None:
        self._parts = parts
        self._turns = turns
        self._loaded_of = loaded_of
        self.runs: dict[int, LiveRun] = {}  # those that something in memory belongs to
        self._tasks: set[asyncio.Task[None]] = set()

    def deliveries(
        self,
        emits: Iterable[Emitted],
        run: LiveRun,
        loaded: Loaded,
        *,
        now_us: int,
        parent_attempt_id: str | None = None,
    ) -> list[Delivery]:
        made: list[Delivery] = []
        for ordinal, emitted in enumerate(emits):
            for plan in emitted.plan.subscribers:
                queue = loaded.lane.queues[plan.id]
                due_at_us = emitted.due_at_us(plan, now_us=now_us)
                row = self.row(
                    queue, run, emitted.stored, due_at_us=due_at_us, is_due=due_at_us <= now_us
                )
                row.topic = emitted.plan.topic
                row.parent_attempt_id = parent_attempt_id
                row.ordinal = ordinal
                made.append(Delivery(row, run, queue))
        return made

    def row(
        self,
        queue: StepQueue,
        run: LiveRun,
        message: bytes,
        *,
        due_at_us: int,
        is_due: bool = True,
        kind: str = "event",
    ) -> DeliveryRow:
        is_held = is_due and queue.has_room(self._parts.limits)
        if is_due and not is_held:
            queue.is_spilled = True
            queue.put_aside += 1
        return DeliveryRow(
            seq=self._parts.store.next_delivery_seq(),
            delivery_id=self._parts.ids.new(),
            run_seq=run.seq,
            deployment_id=run.deployment_id,
            step=queue.plan.id,
            kind=kind,
            topic=None,
            message=message,
            due_at_us=due_at_us,
            claimed=is_held,
        )

    def committed(self, deliveries: list[Delivery], loaded: Loaded) -> None:
        """They are on disk: now they may run."""
        loaded.backlog += len(deliveries)
        for delivery in deliveries:
            if delivery.row.claimed:
                self.hold(delivery)
            elif delivery.row.due_at_us > self._parts.clock.now_us():
                self.wake_at(delivery.queue, delivery.row.due_at_us, loaded)
            elif not delivery.queue.ready:
                self.claim_more(delivery.queue, loaded)
        self._turns.pump()

    def hold(self, delivery: Delivery) -> None:
        """Keep it in memory until its turn. Its lane may have been stopped while its row was on the way to the
        disk: then it goes to the lane in that one's place, or waits in the store."""
        if delivery.queue.lane.is_stopped:
            queue = self._current(delivery.queue, self._loaded_of(delivery.row.deployment_id))
            if queue is None:
                self._later(self.put_back([delivery]))
                return
            delivery.queue = queue
        self.keep(delivery.run)
        self._turns.put(delivery)

    def release(self, delivery: Delivery) -> None:
        self.let_go(delivery.run)

    def keep(self, run: LiveRun) -> None:
        """There is one object of a run: two would each count what is open of it, and each be wrong."""
        run.held += 1
        self.runs[run.seq] = run

    def let_go(self, run: LiveRun) -> None:
        run.held -= 1
        if run.held <= 0:
            self.runs.pop(run.seq, None)

    async def put_back(self, deliveries: list[Delivery]) -> None:
        """They wait in the store, for whoever runs their deployment next. A full disk is waited for."""
        for delivery in deliveries:
            delivery.row.claimed = False
        while deliveries:
            units = [Unit(retried=[(one.row.number, one.row)]) for one in deliveries]
            submitted = [self._parts.store.submit(unit) for unit in units]
            done = await asyncio.gather(*submitted, return_exceptions=True)
            kept = zip(deliveries, done, strict=True)
            deliveries = [one for one, problem in kept if isinstance(problem, StoreFull)]
            for problem in done:
                # Fenced: its run was cancelled meanwhile. Broken: the next boot has it.
                if problem is not None and not isinstance(
                    problem, StoreFull | StoreBroken | Fenced
                ):
                    raise problem
            if deliveries:
                await asyncio.sleep(CLAIM_AGAIN_S)

    async def settled(self) -> None:
        """Returns when what is being put back or claimed now has been."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def wake_at(self, queue: StepQueue, due_at_us: int, loaded: Loaded) -> None:
        """Something of this queue in the store is due then. Looked at each minute, for a clock may be set meanwhile."""
        if queue.timer is not None:
            if queue.wakes_at_us <= due_at_us:
                return
            queue.timer.cancel()
        delay_s = (due_at_us - self._parts.clock.now_us()) / 1e6
        delay_s = min(max(0.0, delay_s), LONGEST_SLEEP_S)
        queue.wakes_at_us = due_at_us
        loop = asyncio.get_running_loop()
        queue.timer = loop.call_later(delay_s, self._woken, queue, loaded)

    def claim_more(self, queue: StepQueue, loaded: Loaded) -> None:
        current = self._current(queue, loaded)
        if current is None:
            return  # whoever loads it next looks into the store
        current.is_spilled = True
        if not current.is_claiming:
            current.is_claiming = True
            self._later(self._claim(current, loaded))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _current(queue: StepQueue, loaded: Loaded | None) -> StepQueue | None:
        """The step's queue in the lane that is served now; None when the deployment or the step is gone."""
        if loaded is None or loaded.lane.is_stopped:
            return None
        return loaded.lane.queues.get(queue.plan.id)

    def _woken(self, queue: StepQueue, loaded: Loaded) -> None:
        queue.timer = None
        if queue.wakes_at_us > self._parts.clock.now_us():
            self.wake_at(queue, queue.wakes_at_us, loaded)
        else:
            self.claim_more(queue, loaded)

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
        for row, run in taken:
            self.hold(Delivery(row, self._run(run), queue))
        if len(taken) < CLAIM_AT_ONCE:
            # What was put aside meanwhile may have missed the claim.
            queue.is_spilled = queue.put_aside != put_aside
            if queue.is_spilled and not queue.ready:
                self.claim_more(queue, loaded)
            elif (due_at_us := await self._parts.store.next_due(deployment_id, step)) is not None:
                self.wake_at(queue, due_at_us, loaded)
        self._turns.pump()

    def _again_soon(self, queue: StepQueue, loaded: Loaded) -> None:
        self.wake_at(queue, self._parts.clock.now_us() + int(CLAIM_AGAIN_S * 1e6), loaded)

    def _run(self, row: RunRow) -> LiveRun:
        return self.runs.get(row.seq) or LiveRun.of(row)
