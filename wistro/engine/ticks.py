"""A schedule's tick: the run that it starts, once for an instant."""

from __future__ import annotations

from functools import partial

import msgspec

from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import Schedule
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import LiveRun, RunHeader
from wistro.errors import UserError
from wistro.protocol.times import rfc3339
from wistro.store.port import TickTaken, Unit


class UnknownSchedule(UserError):
    """The deployment's lock has no schedule of this id."""

    code = "engine.unknown-schedule"
    hint = "The lock's `triggers.cron` lists the schedules."
    status = 404


class Ticks:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting

    async def fire(self, schedule_id: str, *, scheduled_at_us: int, loaded: Loaded) -> bool:
        """False when it has fired for this instant before."""
        schedule = loaded.plans.schedules.get(schedule_id)
        if schedule is None:
            raise UnknownSchedule(f"no schedule `{schedule_id}`")
        deliveries, unit = self._unit(schedule, scheduled_at_us, loaded)
        try:
            await self._parts.store.submit(unit, then=partial(self._ticked, deliveries, loaded))
        except TickTaken:
            return False
        return True

    def _unit(
        self, schedule: Schedule, scheduled_at_us: int, loaded: Loaded
    ) -> tuple[list[Delivery], Unit]:
        now_us, trigger = self._parts.clock.now_us(), schedule.trigger
        id = self._parts.ids.new()
        header = RunHeader(
            trigger="cron",
            trigger_id=trigger.id,
            started_at_us=now_us,
            trace_id=id.replace("-", ""),
            flows=schedule.step.flows if schedule.step else trigger.flows,
        )
        run = LiveRun(
            seq=self._parts.store.next_run_seq(),
            id=id,
            deployment_id=loaded.deployment.id,
            header=header,
        )
        if schedule.step is not None:
            queue = loaded.lane.queues[schedule.step.id]
            gating = queue.plan.gating
            gate = gating.gate(b"null", key=None) if gating is not None else None
            row = self._emitting.row(queue, run, b"null", due_at_us=now_us, gate=gate, kind="cron")
            deliveries = [Delivery(row, run, queue)]
        else:
            assert schedule.topic is not None
            message = msgspec.json.encode({"scheduled_at": rfc3339(scheduled_at_us)})
            deliveries = self._emitting.deliveries(
                [Emitted(schedule.topic, message)], run, loaded, now_us=now_us
            )
        run.open = len(deliveries)
        status = "running" if deliveries else "done"
        unit = Unit(
            tick=(trigger.id, scheduled_at_us),
            cursor=(trigger.id, scheduled_at_us),
            new_runs=[run.row(open=run.open)] if deliveries else [],
            new_deliveries=[one.row for one in deliveries],
            records=[self._parts.recording.run(run, status, at_us=now_us)],
        )
        return deliveries, unit

    def _ticked(self, deliveries: list[Delivery], loaded: Loaded) -> None:
        if deliveries:
            deliveries[0].run.is_kept = True
            loaded.live_runs += 1
            self._emitting.committed(deliveries, loaded)
