"""Deliveries that were given up, and their further chance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
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

PAGE = 500
FULL_AGAIN_S = 1.0
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


@dataclass(frozen=True, slots=True)
class DeadFilter:
    """Which dead letters; None: whatever it is. `error` is the type of what was thrown."""

    step: str | None = None
    topic: str | None = None
    run_id: str | None = None
    error: str | None = None
    since_us: int | None = None  # dead at or after it
    until_us: int | None = None  # dead before it
    limit: int = 1_000

    def fits(self, dead: DeadLetter) -> bool:
        return (
            self.step in (None, dead.step)
            and self.topic in (None, dead.topic)
            and self.run_id in (None, dead.run_id)
            and (self.error is None or _error_type(dead) == self.error)
            and (self.since_us is None or dead.dead_at_us >= self.since_us)
            and (self.until_us is None or dead.dead_at_us < self.until_us)
        )


def _error_type(dead: DeadLetter) -> str:
    return msgspec.json.decode(dead.error, type=ErrorRecord).type


@dataclass(frozen=True, slots=True)
class Redrives:
    """What came of many: (delivery id, run id) of each, and why the others were not."""

    done: list[tuple[str, str]]
    refused: dict[str, str]


class DeadLetters:
    def __init__(
        self, parts: Parts, emitting: Emitting, *, loaded_of: Callable[[str], Loaded]
    ) -> None:
        """`loaded_of` raises UnknownDeployment."""
        self._parts = parts
        self._emitting = emitting
        self._loaded_of = loaded_of
        self._reopening: set[str] = set()  # runs whose new life is on its way to the disk

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

    async def delete(self, delivery_id: str) -> None:
        """For ever. The lane that it blocked goes on. Raises UnknownDeadLetter."""
        dead = await self._parts.store.dead_letter(delivery_id)
        if dead is None:
            raise UnknownDeadLetter(f"no dead letter `{delivery_id}`")
        try:
            await self._parts.store.submit(Unit(redriven=delivery_id))
        except Fenced as gone:
            raise UnknownDeadLetter(f"no dead letter `{delivery_id}`") from gone
        self._emitting.claiming.freed(dead.step)

    async def redrive_many(self, wanted: DeadFilter, *, deployment_id: str | None) -> Redrives:
        """Those that fit, oldest first, so that a lane gets them in their order."""
        done: list[tuple[str, str]] = []
        refused: dict[str, str] = {}
        for id in await self._ids(wanted):
            try:
                done.append((id, await self.redrive(id, deployment_id=deployment_id)))
            except UserError as error:
                refused[id] = error.message
        return Redrives(done, refused)

    async def _ids(self, wanted: DeadFilter) -> list[str]:
        """The oldest of them, in the order in which they were given up."""
        found: list[tuple[int, str]] = []
        before: str | None = None
        while True:
            page = await self._parts.store.dead_letters(limit=PAGE, before=before)
            found += [(one.dead_at_us, one.delivery_id) for one in page if wanted.fits(one)]
            if len(page) < PAGE:
                break
            before = page[-1].delivery_id
        return [id for _, id in sorted(found)[: wanted.limit]]

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
        is_reopening = kept is None and dead.run_id in self._reopening
        if is_reopening or (kept is not None and run is None):
            # Its end, or its new life, is on its way to the disk: look again behind it.
            await store.submit(Unit())
            raise Fenced("its run is ending, or lives again")
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
            self._reopening.add(run.id)
        else:
            unit.run_changes = [(run.seq, 1, "")]
        self._emitting.keep(run)  # whoever claims of it meanwhile must count with this one
        try:
            await store.submit(
                unit, then=partial(self._redriven, Delivery(row, run, queue), loaded, is_reopened)
            )
        except (Fenced, StoreFull, StoreBroken):
            run.open -= 1
            if (
                run.open == 0 and not is_reopened
            ):  # its last delivery ended while this one was counted
                self._emitting.claiming.later(self._end(run, loaded))
            raise
        finally:
            self._emitting.let_go(run)
            if is_reopened:
                self._reopening.discard(run.id)
        return True

    async def _end(self, run: LiveRun, loaded: Loaded) -> None:
        """Of a run with nothing open any more. A full disk is waited for."""
        while run.open == 0:
            now_us = self._parts.clock.now_us()
            told = self._parts.recording.run(run, run.status, at_us=now_us)
            try:
                await self._parts.store.submit(Unit(ends=(run.seq, 0), records=[told]))
            except StoreFull:
                await asyncio.sleep(FULL_AGAIN_S)
            except (Fenced, StoreBroken):  # it has ended, or something was opened in it
                return
            else:
                loaded.one_run_ended()
                return

    def _live_run(self, kept: RunRow | None) -> LiveRun | None:
        """None also when what ends it is on its way to the disk."""
        if kept is None:
            return None
        run = self._emitting.runs.get(kept.seq) or LiveRun.of(kept)
        return run if run.open > 0 else None

    def _redriven(self, delivery: Delivery, loaded: Loaded, is_reopened: bool) -> None:
        delivery.run.is_kept = True
        loaded.live_runs += is_reopened
        self._emitting.committed([delivery], loaded)
        self._emitting.claiming.freed(delivery.row.step)  # it may have held its lane up
