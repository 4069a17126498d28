"""Whose turn it is: deliveries that are due, a queue a step, a lane a deployment, each served in turn.

A queue holds a bounded part in memory; the rest waits in the store and is claimed as the part runs low.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from wistro.engine.limits import Limits
from wistro.engine.loaded import StepPlan
from wistro.engine.runs import LiveRun
from wistro.store.port import DeliveryRow


class Delivery:
    """One message for one step, in memory."""

    __slots__ = ("has_begun", "is_dropped", "is_settling", "queue", "row", "run", "task")

    def __init__(self, row: DeliveryRow, run: LiveRun, queue: StepQueue) -> None:
        self.row = row
        self.run = run
        self.queue = queue
        self.task: asyncio.Task[None] | None = None
        self.has_begun = False
        self.is_dropped = False  # its run was cancelled
        self.is_settling = False  # its outcome is known and being committed


class StepQueue:
    """What a step is to do. `put_aside` counts deliveries that went to the store instead of here."""

    __slots__ = (
        "bytes_held", "in_flight", "in_turn", "is_asked_again", "is_claiming", "is_spilled", "lane", "plan",
        "put_aside", "ready", "timer", "wakes_at_us",
    )  # fmt: skip

    def __init__(self, plan: StepPlan, lane: Lane) -> None:
        self.plan = plan
        self.lane = lane
        self.ready: deque[Delivery] = deque()
        self.bytes_held = 0
        self.in_flight = 0
        self.in_turn = False
        self.is_spilled = False  # due deliveries may wait in the store
        self.is_claiming = False
        self.is_asked_again = False  # while it claims
        self.put_aside = 0
        self.timer: asyncio.TimerHandle | None = None
        self.wakes_at_us = 0

    def has_room(self, limits: Limits) -> bool:
        return (
            not self.is_spilled
            and len(self.ready) < limits.held_per_step
            and self.bytes_held < limits.held_bytes_per_step
        )


class Lane:
    """One deployment's queues, in turn."""

    __slots__ = ("in_flight", "in_turn", "is_stopped", "queues", "turns")

    def __init__(self, plans: Iterable[StepPlan]) -> None:
        self.queues = {plan.id: StepQueue(plan, self) for plan in plans if plan.kind != "api"}
        self.turns: deque[StepQueue] = deque()
        self.in_flight = 0
        self.in_turn = False
        self.is_stopped = False

    def cancel_timers(self) -> None:
        for queue in self.queues.values():
            if queue.timer is not None:
                queue.timer.cancel()
                queue.timer = None


class Turns:
    """Starts what is ready: deployments in turn, within one its steps in turn, as far as the limits go."""

    def __init__(
        self,
        limits: Limits,
        *,
        start: Callable[[Delivery], None],
        is_low: Callable[[StepQueue], None],
    ) -> None:
        self._limits = limits
        self._start = start
        self._is_low = is_low
        self._lanes: deque[Lane] = deque()
        self.in_flight = 0
        self.is_stopped = False

    def put(self, delivery: Delivery) -> None:
        queue = delivery.queue
        queue.ready.append(delivery)
        queue.bytes_held += len(delivery.row.message)
        self._line_up(queue)

    def pump(self) -> None:
        limits, lanes = self._limits, self._lanes
        while lanes and self.in_flight < limits.attempts and not self.is_stopped:
            lane = lanes.popleft()
            if (
                not lane.turns
                or lane.in_flight >= limits.attempts_per_deployment
                or lane.is_stopped
            ):
                lane.in_turn = False
                continue
            lanes.append(lane)
            self._serve(lane)

    def take_out(self, delivery: Delivery) -> None:
        delivery.queue.ready.remove(delivery)
        delivery.queue.bytes_held -= len(delivery.row.message)

    def finished(self, delivery: Delivery) -> None:
        queue = delivery.queue
        queue.in_flight -= 1
        queue.lane.in_flight -= 1
        self.in_flight -= 1
        self._line_up(queue)

    def _serve(self, lane: Lane) -> None:
        queue = lane.turns.popleft()
        if not queue.ready:  # taken out meanwhile
            queue.in_turn = False
            return
        delivery = queue.ready.popleft()
        queue.bytes_held -= len(delivery.row.message)
        queue.in_flight += 1
        lane.in_flight += 1
        self.in_flight += 1
        queue.in_turn = False
        self._line_up(queue)
        if queue.is_spilled and len(queue.ready) < self._limits.held_per_step // 4:
            self._is_low(queue)
        self._start(delivery)

    def _line_up(self, queue: StepQueue) -> None:
        lane = queue.lane
        if queue.ready and not queue.in_turn and queue.in_flight < self._limits.attempts_per_step:
            queue.in_turn = True
            lane.turns.append(queue)
        if lane.turns and not lane.in_turn:
            lane.in_turn = True
            self._lanes.append(lane)
