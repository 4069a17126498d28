"""From emits to deliveries: a row for each that hears, held in memory where its queue has room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wistro.engine.claiming import CLAIM_AGAIN_S, Claiming
from wistro.engine.emitted import Emitted
from wistro.engine.loaded import Deployment, Plans
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery, Lane, StepQueue, Turns
from wistro.engine.runs import LiveRun
from wistro.hosts.port import Hosts
from wistro.store.port import DeliveryRow, Fenced, Gate, RunRow, StoreBroken, StoreFull, Unit


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

    def call_began(self) -> None:
        self.calls += 1
        self.without_calls.clear()

    def call_ended(self) -> None:
        self.calls -= 1
        if self.calls == 0:
            self.without_calls.set()

    def one_run_ended(self) -> None:
        self.live_runs -= 1
        if self.live_runs == 0:
            self.quiet.set()


class Emitting:
    """Puts deliveries into queues; `claiming` takes more from the store when a queue runs low."""

    def __init__(self, parts: Parts, turns: Turns, loaded: Mapping[str, Loaded]) -> None:
        self._parts = parts
        self._turns = turns
        self._loaded = loaded
        self.runs: dict[int, LiveRun] = {}  # those that something in memory belongs to
        self.claiming = Claiming(
            parts, turns, all_loaded=loaded.values, hold=self.hold, run_of=self._run_of
        )

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
            if emitted.is_known or emitted.has_left:
                continue
            for plan in emitted.plan.subscribers:
                queue = loaded.lane.queues[plan.id]
                due_at_us = emitted.due_at_us(plan, now_us=now_us)
                is_due, gate = due_at_us <= now_us, None
                if plan.gating is not None:
                    gate = plan.gating.gate(emitted.message, key=emitted.key, is_later=not is_due)
                row = self.row(
                    queue, run, emitted.stored, due_at_us=due_at_us, is_due=is_due, gate=gate
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
        gate: Gate | None = None,
        kind: str = "event",
    ) -> DeliveryRow:
        is_held = gate is None and is_due and queue.has_room(self._parts.limits)
        if gate is None and is_due and not is_held:
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
            gate=gate,
        )

    def committed(self, deliveries: list[Delivery], loaded: Loaded) -> None:
        """They are on disk: now they may run."""
        loaded.backlog += len(deliveries)
        for delivery in deliveries:
            if delivery.row.claimed:
                self.hold(delivery)
            elif delivery.row.due_at_us > self._parts.clock.now_us():
                self.claiming.wake_at(delivery.queue, delivery.row.due_at_us, loaded)
            elif delivery.row.gate is not None or not delivery.queue.ready:
                self.claiming.more(delivery.queue, loaded)
        self._turns.pump()

    def hold(self, delivery: Delivery) -> None:
        """Keep it in memory until its turn. Its lane may have been stopped while its row was on the way to the
        disk: then it goes to the lane in that one's place, or waits in the store."""
        if delivery.queue.lane.is_stopped:
            loaded = self._loaded.get(delivery.row.deployment_id)
            queue = self.claiming.current(delivery.queue, loaded)
            if queue is None:
                self.claiming.later(self.put_back([delivery]))
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
        limited = {one.row.step for one in deliveries if one.row.gate is not None}
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
        for step in limited:
            self.claiming.freed(step)

    def _run_of(self, row: RunRow) -> LiveRun:
        return self.runs.get(row.seq) or LiveRun.of(row)
