"""The engine of one environment: several deployments, one store. Implements `wistro.triggers.port.Engine`."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from wistro.blobs.none import NoBlobs
from wistro.blobs.port import Blobs
from wistro.engine.cancelling import Cancelling
from wistro.engine.clock import Clock, Ids
from wistro.engine.dead_letters import DeadLetters
from wistro.engine.delayed import Delayed
from wistro.engine.deliveries import Deliveries
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.endpoints import Endpoints
from wistro.engine.ends import Ends
from wistro.engine.intake import Intake
from wistro.engine.limits import Limits
from wistro.engine.loaded import Deployment, Plans, UnknownDeployment, secret_values
from wistro.engine.neighbours import CANCEL, REDRIVE, Neighbours
from wistro.engine.operating import Operating
from wistro.engine.outside import Outside
from wistro.engine.parts import Parts
from wistro.engine.payloads import Payloads
from wistro.engine.queues import Delivery, Lane, Turns
from wistro.engine.readiness import Readiness
from wistro.engine.recording import Recording
from wistro.engine.replaying import Replaying
from wistro.engine.retention import Retention
from wistro.engine.runs import CALLING
from wistro.engine.tasks import ASKED, Tasks
from wistro.engine.ticks import Ticks
from wistro.protocol.frames import Log
from wistro.records.port import Sink
from wistro.store.port import Store, StoreBroken, StoreFull, Unit
from wistro.triggers.port import EndpointAnswer, EndpointCall

ANNOUNCE_EVERY_S = 0.25


@dataclass(frozen=True)
class DeploymentStatus:
    id: str
    state: str  # healthy | draining
    live_runs: int
    backlog: int  # deliveries not yet done
    in_flight: int


class Engine(Operating):
    def __init__(
        self,
        *,
        store: Store,
        sink: Sink,
        clock: Clock,
        ids: Ids,
        chance: random.Random,
        limits: Limits | None = None,
        blobs: Blobs | None = None,
        on_broken: Callable[[StoreBroken], None],
    ) -> None:
        """`on_broken` must end the process: nothing may be acknowledged any more."""
        limits = limits or Limits()
        recording = Recording(store, clock, line_bytes=limits.line_bytes)
        self.blobs = blobs or NoBlobs("this engine keeps no blobs")
        payloads = Payloads(self.blobs, limits)
        intake = Intake(self.blobs, limits)
        self._parts = Parts(store, clock, ids, chance, limits, recording, payloads, intake)
        self._sink = sink
        self._on_broken = on_broken
        self._loaded: dict[str, Loaded] = {}
        self._primary: str | None = None
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by deployment
        self._turns = Turns(limits, start=self._start, is_low=self._is_low)
        self._emitting = Emitting(self._parts, self._turns, self._loaded)
        ends = Ends(self._parts)
        self._tasks = Tasks(self._parts, self._emitting, ends, loaded_of=self._get)
        self._deliveries = Deliveries(
            self._parts,
            self._turns,
            self._emitting,
            ends,
            self._tasks,
            loaded_of=self._loaded.__getitem__,
        )
        self._endpoints = Endpoints(self._parts, self._emitting, loaded_for=self._find)
        self._ticks = Ticks(self._parts, self._emitting)
        self._outside = Outside(self._parts, self._emitting)
        self._cancelling = Cancelling(
            self._parts,
            self._turns,
            self._emitting,
            self._deliveries,
            self._tasks,
            end_call=self._endpoints.cancel,
            loaded_of=self._loaded.get,
            changing=self._changing.__getitem__,
        )
        self._dead_letters = DeadLetters(self._parts, self._emitting, loaded_of=self._get)
        self._readiness = Readiness(store, clock)
        self._neighbours = Neighbours(self._parts, self._emitting, sink, loaded_of=self._loaded.get)
        self._delayed = Delayed(self._parts, self._emitting, ends, loaded_of=self._get)
        self._replaying = Replaying(self._parts, self._emitting)
        self._neighbours.on(CANCEL, self._cancelling.asked)
        self._neighbours.on(REDRIVE, self._dead_letters.asked)
        self._neighbours.on(ASKED, self._tasks.asked)
        self._background: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def store(self) -> Store:
        return self._parts.store

    async def why_not_ready(self) -> str | None:
        """What keeps it from being given calls; None when nothing does."""
        if self._endpoints.is_closed:
            return "it is being stopped"
        if not self._loaded:
            return "no lock is loaded yet"
        return await self._readiness.why_not()

    async def start(self) -> None:
        """Take over what an earlier boot left: its records, and the calls it died under."""
        store, now_us = self._parts.store, self._parts.clock.now_us()
        self._loop = asyncio.get_running_loop()
        store.share(self._neighbours.told())
        await self.blobs.start()
        await store.start(on_chunk=self._sink.take, on_broken=self._broken)
        leftovers, streams = await store.leftovers(), await store.streams()
        self._sink.start(leftovers=leftovers, streams=streams, at_us=now_us, forget=self._forget)
        if interrupted := await store.runs(marked=CALLING):
            await self._neighbours.interrupt(interrupted)
        self._announcing = self._loop.create_task(self._announce())
        retention = Retention(self.blobs, store, self._parts.clock)
        self._sweeping = self._loop.create_task(retention.run())

    # Deployments

    async def load(self, deployment: Deployment) -> None:
        """Run it from now on. An id that is loaded is replaced: its lock, variables and hosts, not what it has to do."""
        async with self._changing[deployment.id]:
            await self._load(deployment)

    async def _load(self, deployment: Deployment) -> None:
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
            await self._parts.store.serve(deployment.id)
            await self._neighbours.settled()
            loaded.live_runs, loaded.backlog = await self._parts.store.totals(deployment.id)
            self._loaded[deployment.id] = loaded
        await self._open_gates(loaded)
        for step in await self._parts.store.waiting_steps(deployment.id):
            if (queue := lane.queues.get(step)) is not None:
                self._emitting.claiming.more(queue, loaded)
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
        async with self._changing[deployment_id]:
            await self._drop(self._get(deployment_id), grace_s=grace_s)

    async def _drop(self, loaded: Loaded, *, grace_s: float) -> None:
        deployment_id = loaded.deployment.id
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
        # Every host is gone. What they did is being committed, and is counted here: whoever loads it next counts anew.
        if in_flight:
            await asyncio.wait(in_flight)
        if loaded.calls:
            await loaded.without_calls.wait()
        await self._emitting.claiming.settled()
        await self._parts.store.leave(deployment_id)
        self._loaded.pop(deployment_id, None)
        with contextlib.suppress(StoreFull, StoreBroken):
            await self._parts.store.submit(Unit())  # after all that was submitted of it
        await self._emitting.claiming.settled()  # what came of that is put back

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
        """Fire a schedule in the primary deployment; False when it has fired for this instant before."""
        loaded = self._find(self._primary)
        if loaded is None:
            raise UnknownDeployment("no primary deployment is loaded")
        return await self._ticks.fire(schedule_id, scheduled_at_us=scheduled_at_us, loaded=loaded)

    async def emit(self, topic: str, value: Any, *, deployment_id: str | None = None) -> str:
        """An event from outside: the id of the run that it starts, which is on disk then."""
        loaded = self._find(deployment_id or self._primary)
        if loaded is None:
            raise UnknownDeployment("no deployment is loaded that could take the event")
        return await self._outside.emit(topic, value, loaded=loaded)

    # The end

    async def close(self, *, grace_s: float = 10.0) -> None:
        """Take nothing new, let what is in flight end within `grace_s`, keep all else for the next boot."""
        if self._is_closed:
            return
        self._is_closed = True
        self._endpoints.close()
        self._turns.is_stopped = True
        self._announcing.cancel()
        self._sweeping.cancel()
        tasks = [one.task for one in self._deliveries.in_flight if one.task]
        waits = [asyncio.ensure_future(self._endpoints.idle.wait()), *tasks]
        await asyncio.wait(waits, timeout=grace_s)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, self._announcing, self._sweeping, return_exceptions=True)
        for loaded in self._loaded.values():
            loaded.lane.is_stopped = True
            loaded.lane.cancel_timers()
        await self._neighbours.close()
        await self._tasks.settled()
        await self._emitting.claiming.close()
        await asyncio.gather(
            *(loaded.hosts.close(grace_s=1.0) for loaded in self._loaded.values()),
            *self._background,
            return_exceptions=True,
        )
        await self._sink.flush()
        await self._parts.store.close()
        await self._sink.close()
        await self.blobs.close()

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
                self._emitting.claiming.more(queue, loaded)

    async def _open_gates(self, loaded: Loaded) -> None:
        """Ask for what the limits let through now; steps that an edit took the limits from let all through."""
        id, queues = loaded.deployment.id, loaded.lane.queues
        for step in await self._parts.store.gated_steps(id):
            if (queue := queues.get(step)) is not None and queue.plan.gating is None:
                await self._parts.store.submit(Unit(ungated=[(id, step)]))
        for queue in queues.values():
            if queue.plan.gating is not None:
                self._emitting.claiming.more(queue, loaded)

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
        self._endpoints.close()
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
