"""The engine of one environment: several deployments, one store. Implements `wistro.triggers.port.Engine`."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from wistro.engine.clock import Clock, Ids
from wistro.engine.deliveries import Deliveries
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.endpoints import Endpoints
from wistro.engine.limits import Limits
from wistro.engine.loaded import Deployment, Plans, Schedule, secret_values
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery, Lane, Turns
from wistro.engine.recording import Recording
from wistro.engine.runs import CALLING, LiveRun, RunHeader
from wistro.errors import UserError
from wistro.protocol.frames import Log
from wistro.protocol.times import rfc3339
from wistro.records.port import Sink
from wistro.store.port import DeadLetter, Fenced, Store, StoreBroken, StoreFull, TickTaken, Unit
from wistro.triggers.port import EndpointAnswer, EndpointCall

ANNOUNCE_EVERY_S = 0.25
CANCEL_TRIES = 20


class UnknownDeployment(UserError):
    """No deployment of this id is loaded in this engine."""

    code = "engine.unknown-deployment"
    hint = "`wistro versions` lists what is deployed."
    status = 404


class UnknownSchedule(UserError):
    """The deployment's lock has no schedule of this id."""

    code = "engine.unknown-schedule"
    hint = "The lock's `triggers.cron` lists the schedules."
    status = 404


class UnknownRun(UserError):
    """No live run has this id: it never was, or it has ended."""

    code = "engine.unknown-run"
    hint = "Only runs that have not ended can be cancelled."
    status = 404


class UnknownDeadLetter(UserError):
    """No dead letter has this delivery id, or it has been redriven."""

    code = "engine.unknown-dead-letter"
    hint = "List the dead letters again."
    status = 404


@dataclass(frozen=True)
class DeploymentStatus:
    id: str
    state: str  # healthy | draining
    live_runs: int
    backlog: int  # deliveries not yet done
    in_flight: int


class Engine:
    def __init__(
        self,
        *,
        store: Store,
        sink: Sink,
        clock: Clock,
        ids: Ids,
        chance: random.Random,
        limits: Limits | None = None,
        on_broken: Callable[[StoreBroken], None],
    ) -> None:
        """`on_broken` must end the process: nothing may be acknowledged any more."""
        limits = limits or Limits()
        recording = Recording(store, clock, line_bytes=limits.line_bytes)
        self._parts = Parts(store, clock, ids, chance, limits, recording)
        self._sink = sink
        self._on_broken = on_broken
        self._loaded: dict[str, Loaded] = {}
        self._primary: str | None = None
        self._turns = Turns(limits, start=self._start, is_low=self._is_low)
        self._emitting = Emitting(self._parts, self._turns, loaded_of=self._loaded.get)
        self._deliveries = Deliveries(
            self._parts, self._turns, self._emitting, loaded_of=self._loaded.__getitem__
        )
        self._endpoints = Endpoints(self._parts, self._emitting, loaded_for=self._find)
        self._background: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def store(self) -> Store:
        return self._parts.store

    async def start(self) -> None:
        """Take over what an earlier boot left: its records, and the calls it died under."""
        store, now_us = self._parts.store, self._parts.clock.now_us()
        self._loop = asyncio.get_running_loop()
        store.start(on_chunk=self._sink.take, on_broken=self._broken)
        self._sink.start(
            leftovers=store.leftovers(), streams=store.streams(), at_us=now_us, forget=self._forget
        )
        interrupted = [LiveRun.of(row) for row in store.runs(marked=CALLING)]
        if interrupted:
            recording = self._parts.recording
            records = [recording.run(run, "interrupted", at_us=now_us) for run in interrupted]
            ended = [run.seq for run in interrupted]
            await store.submit(Unit(ended_runs=ended, records=records))
        self._announcing = self._loop.create_task(self._announce())

    # Deployments

    async def load(self, deployment: Deployment) -> None:
        """Run it from now on. An id that is loaded is replaced: its lock, variables and hosts, not what it has to do."""
        plans = Plans(deployment.lock)
        self._sink.protect(secret_values(deployment))
        lane = Lane(plans.steps.values())
        hosts = deployment.hosts(partial(self._line, deployment.id))
        if (loaded := self._loaded.get(deployment.id)) is not None:
            old_lane, old_hosts = loaded.lane, loaded.hosts
            loaded.deployment, loaded.plans = deployment, plans
            loaded.lane, loaded.hosts, loaded.is_draining = lane, hosts, False
            await self._put_back(old_lane)
            self._later(old_hosts.close(grace_s=30.0))
        else:
            loaded = Loaded(deployment, plans, lane, hosts)
            loaded.live_runs, loaded.backlog = self._parts.store.totals(deployment.id)
            self._loaded[deployment.id] = loaded
        for step in self._parts.store.waiting_steps(deployment.id):
            if (queue := lane.queues.get(step)) is not None:
                self._emitting.claim_more(queue, loaded)
            else:
                gone = f"deliveries wait for `{step}`, which this lock does not have"
                self._parts.recording.say("warn", gone, deployment.id)

    def drain(self, deployment_id: str) -> None:
        """Take no new root; finish the runs that live."""
        self._get(deployment_id).is_draining = True

    async def quiet(self, deployment_id: str) -> None:
        """Returns when no run of it is live."""
        loaded = self._get(deployment_id)
        while loaded.live_runs:
            loaded.quiet.clear()
            await loaded.quiet.wait()

    async def drop(self, deployment_id: str, *, grace_s: float = 30.0) -> None:
        """Stop running it: what is in flight may end within `grace_s`; what is to do stays in the store."""
        loaded = self._get(deployment_id)
        loaded.is_draining = True
        await self._put_back(loaded.lane)
        in_flight = [
            one.task
            for one in self._deliveries.in_flight
            if one.row.deployment_id == deployment_id and one.task
        ]
        if in_flight:
            await asyncio.wait(in_flight, timeout=grace_s)
        await loaded.hosts.close(grace_s=grace_s)
        if in_flight:  # every host is gone: what they did is being committed
            await asyncio.wait(in_flight, timeout=grace_s)
        await self._emitting.settled()
        self._loaded.pop(deployment_id, None)

    def set_primary(self, deployment_id: str | None) -> None:
        """The deployment in which cron fires."""
        self._primary = deployment_id

    @property
    def primary(self) -> Deployment | None:
        loaded = self._find(self._primary)
        return loaded.deployment if loaded else None

    def status(self) -> list[DeploymentStatus]:
        return [
            DeploymentStatus(
                id,
                "draining" if one.is_draining else "healthy",
                one.live_runs,
                one.backlog,
                one.lane.in_flight,
            )
            for id, one in self._loaded.items()
        ]

    # Triggers

    async def call(self, call: EndpointCall) -> EndpointAnswer:
        return await self._endpoints.answer(call)

    async def tick(self, schedule_id: str, *, scheduled_at_us: int) -> bool:
        loaded = self._find(self._primary)
        if loaded is None:
            raise UnknownDeployment("no primary deployment is loaded")
        schedule = loaded.plans.schedules.get(schedule_id)
        if schedule is None:
            raise UnknownSchedule(f"no schedule `{schedule_id}`")
        deliveries, unit = self._tick_unit(schedule, scheduled_at_us, loaded)
        try:
            await self._parts.store.submit(unit, then=partial(self._ticked, deliveries, loaded))
        except TickTaken:
            return False
        return True

    def _tick_unit(
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
            row = self._emitting.row(queue, run, b"null", due_at_us=now_us, kind="cron")
            deliveries = [Delivery(row, run, queue)]
        else:
            assert schedule.topic is not None
            message = msgspec.json.encode({"scheduled_at": rfc3339(scheduled_at_us)})
            deliveries = self._emitting.deliveries(
                [(schedule.topic, message)], run, loaded, due_at_us=now_us
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

    # Runs and dead letters

    async def cancel(self, run_id: str) -> None:
        """End a live run: what of it waits is dropped, what runs is told to stop and counts for nothing."""
        store = self._parts.store
        row = store.run(run_id)
        if row is None:
            raise UnknownRun(f"no live run `{run_id}`")
        for one in list(self._deliveries.in_flight):
            if one.run.id == run_id and one.task is not None and not one.is_settling:
                one.task.cancel()
        run = self._emitting.runs.get(row.seq) or LiveRun.of(row)
        for _ in range(CANCEL_TRIES):
            waiting = store.run_deliveries(row.seq)
            now_us = self._parts.clock.now_us()
            unit = Unit(
                finished=[(one.seq, one.number) for one in waiting],
                ended_runs=[row.seq],
                records=[self._parts.recording.run(run, "cancelled", at_us=now_us)],
            )
            with contextlib.suppress(Fenced):  # something of it was settled meanwhile: look again
                await store.submit(unit)
                self._cancelled(run, len(waiting))
                return
            if store.run(run_id) is None:
                return
        raise Fenced(f"the run {run_id} keeps changing")

    def _cancelled(self, run: LiveRun, dropped: int) -> None:
        loaded = self._loaded.get(run.deployment_id)
        if loaded is None:
            return
        for queue in loaded.lane.queues.values():
            for delivery in [one for one in queue.ready if one.run is run]:
                self._turns.take_out(delivery)
                self._emitting.release(delivery)
        loaded.backlog -= dropped
        loaded.one_run_ended()

    async def redrive(self, delivery_id: str, *, deployment_id: str | None = None) -> str:
        """Give a dead letter another chance under its own id; returns its run's id, which lives again."""
        store, now_us = self._parts.store, self._parts.clock.now_us()
        dead = store.dead_letter(delivery_id)
        if dead is None:
            raise UnknownDeadLetter(f"no dead letter `{delivery_id}`")
        loaded = self._get(deployment_id or dead.deployment_id)
        queue = loaded.lane.queues.get(dead.step)
        if queue is None:
            raise UnknownDeployment(f"the deployment has no step `{dead.step}`")
        run = self._live_run_of(dead)
        if is_reopened := run is None:
            run = LiveRun(
                seq=store.next_run_seq(),
                id=dead.run_id,
                deployment_id=loaded.deployment.id,
                header=msgspec.json.decode(dead.header, type=RunHeader),
            )
        row = self._emitting.row(queue, run, dead.message, due_at_us=now_us, kind=dead.kind)
        row.delivery_id, row.topic, row.number = dead.delivery_id, dead.topic, dead.attempts + 1
        row.parent_attempt_id, row.ordinal = dead.parent_attempt_id, dead.ordinal
        unit = Unit(
            redriven=delivery_id,
            new_deliveries=[row],
            records=[self._parts.recording.run(run, "running", at_us=now_us)],
        )
        run.open += 1
        if is_reopened:
            unit.new_runs = [run.row(open=1)]
        else:
            unit.run_changes = [(run.seq, 1, "")]
        self._emitting.keep(run)  # whoever claims of it meanwhile must count with this one
        try:
            await store.submit(
                unit, then=partial(self._redriven, Delivery(row, run, queue), loaded, is_reopened)
            )
        except (Fenced, StoreFull, StoreBroken) as failed:
            run.open -= 1
            if isinstance(failed, Fenced):
                raise UnknownDeadLetter(f"no dead letter `{delivery_id}`") from failed
            raise
        finally:
            self._emitting.let_go(run)
        return dead.run_id

    def _live_run_of(self, dead: DeadLetter) -> LiveRun | None:
        """None also when what ends it is on its way to the disk: then it lives anew under its id."""
        kept = self._parts.store.run(dead.run_id)
        if kept is None:
            return None
        run = self._emitting.runs.get(kept.seq) or LiveRun.of(kept)
        return run if run.open > 0 else None

    def _redriven(self, delivery: Delivery, loaded: Loaded, is_reopened: bool) -> None:
        delivery.run.is_kept = True
        loaded.live_runs += is_reopened
        self._emitting.committed([delivery], loaded)

    # The end

    async def close(self, *, grace_s: float = 10.0) -> None:
        """Take nothing new, let what is in flight end within `grace_s`, keep all else for the next boot."""
        if self._is_closed:
            return
        self._is_closed = True
        self._endpoints.is_closed = True
        self._turns.is_stopped = True
        self._announcing.cancel()
        tasks = [one.task for one in self._deliveries.in_flight if one.task]
        waits = [asyncio.ensure_future(self._endpoints.idle.wait()), *tasks]
        await asyncio.wait(waits, timeout=grace_s)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, self._announcing, return_exceptions=True)
        for loaded in self._loaded.values():
            loaded.lane.is_stopped = True
            loaded.lane.cancel_timers()
        await self._emitting.close()
        await asyncio.gather(
            *(loaded.hosts.close(grace_s=1.0) for loaded in self._loaded.values()),
            *self._background,
            return_exceptions=True,
        )
        await self._sink.flush()
        await self._parts.store.close()
        await self._sink.close()

    # Inside

    def _find(self, deployment_id: str | None) -> Loaded | None:
        if deployment_id is not None:
            return self._loaded.get(deployment_id)
        return next(iter(self._loaded.values())) if len(self._loaded) == 1 else None

    def _get(self, deployment_id: str) -> Loaded:
        if (loaded := self._loaded.get(deployment_id)) is None:
            raise UnknownDeployment(f"deployment `{deployment_id}` is not loaded here")
        return loaded

    def _start(self, delivery: Delivery) -> None:
        self._deliveries.start(delivery)

    def _is_low(self, queue) -> None:
        for loaded in self._loaded.values():
            if loaded.lane is queue.lane:
                self._emitting.claim_more(queue, loaded)

    async def _put_back(self, lane: Lane) -> None:
        """What a lane holds waits in the store again."""
        lane.is_stopped = True
        lane.cancel_timers()
        held = [one for queue in lane.queues.values() for one in queue.ready]
        for delivery in held:
            self._turns.take_out(delivery)
            self._emitting.release(delivery)
        await self._emitting.put_back(held)

    def _line(self, deployment_id: str, log: Log) -> None:
        self._parts.recording.line(log, deployment_id)

    def _forget(self, stream: str, seq: int) -> None:
        self._loop.call_soon_threadsafe(self._forget_now, stream, seq)

    def _forget_now(self, stream: str, seq: int) -> None:
        self._parts.store.submit(Unit(forget=(stream, seq))).add_done_callback(
            lambda future: future.cancelled() or future.exception()
        )

    def _broken(self, error: StoreBroken) -> None:
        self._endpoints.is_closed = True
        self._turns.is_stopped = True
        self._on_broken(error)

    def _later(self, work) -> None:
        task = self._loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _announce(self) -> None:
        while True:
            await asyncio.sleep(ANNOUNCE_EVERY_S)
            self._endpoints.announce()
