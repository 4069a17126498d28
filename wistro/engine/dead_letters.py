"""Deliveries that were given up, and their further chance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import UnknownDeployment
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import LiveRun, RunHeader
from wistro.errors import UserError
from wistro.protocol.records import ErrorRecord
from wistro.store.port import (
    Command,
    DeadLetter,
    DeliveryRow,
    Fenced,
    RunRow,
    StoreBroken,
    StoreFull,
    Unit,
)

TRIES = 20


class UnknownDeadLetter(UserError):
    """No dead letter has this delivery id, or it has been redriven."""

    code = "engine.unknown-dead-letter"
    hint = "List the dead letters again."
    status = 404


def dead_letter(
    row: DeliveryRow,
    run: LiveRun,
    error: ErrorRecord,
    *,
    now_us: int,
    stderr: str = "",
    blocks: bool = False,
) -> DeadLetter:
    """A delivery as it is given up. `blocks`: its lane waits until it is redriven or deleted."""
    return DeadLetter(
        delivery_id=row.delivery_id,
        run_id=run.id,
        deployment_id=row.deployment_id,
        step=row.step,
        kind=row.kind,
        topic=row.topic,
        message=row.message,
        error=msgspec.json.encode(error),
        stderr=stderr,
        attempts=row.number,
        dead_at_us=now_us,
        header=run.row(open=0).header,
        parent_attempt_id=row.parent_attempt_id,
        ordinal=row.ordinal,
        gate=row.gate,
        blocks=blocks,
    )


class DeadLetters:
    def __init__(
        self, parts: Parts, emitting: Emitting, *, loaded_of: Callable[[str], Loaded]
    ) -> None:
        """`loaded_of` raises UnknownDeployment."""
        self._parts = parts
        self._emitting = emitting
        self._loaded_of = loaded_of

    async def redrive(self, delivery_id: str, *, deployment_id: str | None = None) -> str:
        """Give a dead letter another chance under its own id; returns its run's id, which lives again."""
        for _ in range(TRIES):
            dead = await self._parts.store.dead_letter(delivery_id)
            if dead is None:
                break
            try:
                if await self._redrive(dead, deployment_id=deployment_id):
                    return dead.run_id
            except (
                Fenced
            ):  # it has been redriven, or its run ended or went to another engine meanwhile
                continue
        raise UnknownDeadLetter(f"no dead letter `{delivery_id}`")

    async def asked(self, command: Command, body: Any) -> None:
        """By another engine, of a run that is this one's."""
        dead = await self._parts.store.dead_letter(body["delivery_id"])
        if dead is None:
            raise UnknownDeadLetter(f"no dead letter `{body['delivery_id']}`")
        await self._redrive(dead, deployment_id=body["deployment_id"], command=command)

    async def _redrive(
        self, dead: DeadLetter, *, deployment_id: str | None, command: Command | None = None
    ) -> bool:
        """False when its run was another engine's, and has ended. Raises Fenced when something changed meanwhile."""
        store, now_us = self._parts.store, self._parts.clock.now_us()
        kept = await store.run(dead.run_id)
        if kept is not None and not kept.is_here:
            if command is not None:
                raise Fenced("its run went to another engine")
            asked = {"delivery_id": dead.delivery_id, "deployment_id": deployment_id}
            return await store.tell(dead.run_id, "redrive", msgspec.json.encode(asked))
        run = self._live_run(kept)
        # A run lives in one deployment: while it does, what is redriven of it runs there.
        where = run.deployment_id if run else deployment_id or dead.deployment_id
        loaded = self._loaded_of(where)
        queue = loaded.lane.queues.get(dead.step)
        if queue is None:
            raise UnknownDeployment(f"the deployment has no step `{dead.step}`")
        if is_reopened := run is None:
            run = LiveRun(
                seq=store.next_run_seq(),
                id=dead.run_id,
                deployment_id=loaded.deployment.id,
                header=msgspec.json.decode(dead.header, type=RunHeader),
            )
        gate = dead.gate if queue.plan.gating is not None else None
        row = self._emitting.row(
            queue, run, dead.message, due_at_us=now_us, gate=gate, kind=dead.kind
        )
        row.delivery_id, row.topic, row.number = dead.delivery_id, dead.topic, dead.attempts + 1
        row.parent_attempt_id, row.ordinal = dead.parent_attempt_id, dead.ordinal
        unit = Unit(
            redriven=dead.delivery_id,
            done_commands=[command.id] if command else [],
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
        except (Fenced, StoreFull, StoreBroken):
            run.open -= 1
            raise
        finally:
            self._emitting.let_go(run)
        return True

    def _live_run(self, kept: RunRow | None) -> LiveRun | None:
        """None also when what ends it is on its way to the disk: then it lives anew under its id."""
        if kept is None:
            return None
        run = self._emitting.runs.get(kept.seq) or LiveRun.of(kept)
        return run if run.open > 0 else None

    def _redriven(self, delivery: Delivery, loaded: Loaded, is_reopened: bool) -> None:
        delivery.run.is_kept = True
        loaded.live_runs += is_reopened
        self._emitting.committed([delivery], loaded)
        self._emitting.claiming.freed(delivery.row.step)  # it may have held its lane up
