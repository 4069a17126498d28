"""Messages that wait for their time: listed, and taken back before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.ends import Ends
from wistro.engine.parts import Parts
from wistro.engine.runs import LiveRun
from wistro.errors import UserError
from wistro.store.port import DeliveryRow, Fenced, RunRow, Unit

TRIES = 5


class UnknownDelivery(UserError):
    """No open delivery has this id: it never was, or it has been handled."""

    code = "engine.unknown-delivery"
    hint = "List the delayed messages again."
    status = 404


class DeliveryRuns(UserError):
    """The delivery is no longer waiting: its attempt runs, or is about to."""

    code = "engine.delivery-runs"
    hint = "Cancel its run to stop it."
    status = 409


class ElsewhereOwned(UserError):
    """Another engine on the same store works on the delivery's run."""

    code = "engine.elsewhere"
    hint = "Ask that engine, or cancel the run, which any engine passes on."
    status = 409


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is due later: delayed, or between two attempts (`number` > 1)."""

    delivery_id: str
    run_id: str
    deployment_id: str
    step: str
    topic: str | None
    message: bytes
    due_at_us: int
    number: int
    cursor: tuple[int, int]  # goes into `after`


class Delayed:
    def __init__(
        self,
        parts: Parts,
        emitting: Emitting,
        ends: Ends,
        *,
        loaded_of: Callable[[str], Loaded],
    ) -> None:
        """`loaded_of` raises UnknownDeployment."""
        self._parts = parts
        self._emitting = emitting
        self._ends = ends
        self._loaded_of = loaded_of

    async def list(self, *, limit: int, after: tuple[int, int] | None) -> list[Waiting]:
        now_us = self._parts.clock.now_us()
        found = await self._parts.store.delayed(now_us=now_us, limit=limit, after=after)
        return [_waiting(row, run) for row, run in found]

    async def cancel(self, delivery_id: str) -> None:
        """Its run ends if nothing else of it is open. Raises UnknownDelivery, DeliveryRuns, ElsewhereOwned."""
        for _ in range(TRIES):
            found = await self._parts.store.open_delivery(delivery_id)
            if found is None:
                break
            row, kept = found
            if not kept.is_here:
                raise ElsewhereOwned(f"another engine has `{delivery_id}`")
            if row.claimed:
                raise DeliveryRuns(f"`{row.step}` has taken `{delivery_id}` already")
            try:
                await self._drop(row, kept)
                return
            except Fenced:
                continue  # something of it was settled meanwhile: look again
        raise UnknownDelivery(f"no delivery `{delivery_id}` waits")

    async def _drop(self, row: DeliveryRow, kept: RunRow) -> None:
        loaded = self._loaded_of(row.deployment_id)
        run = self._emitting.runs.get(kept.seq) or LiveRun.of(kept)
        gated = [row.seq] if row.gate is not None else []
        unit = Unit(finished=[(row.seq, row.number)], gated=gated)
        self._emitting.keep(run)  # whoever claims of it meanwhile must count with this one
        try:
            now_us = self._parts.clock.now_us()
            await self._ends.commit(unit, run, loaded, change=-1, now_us=now_us)
        finally:
            self._emitting.let_go(run)
        if row.gate is not None:
            self._emitting.claiming.freed(row.step)
        said = f"a message for `{row.step}` was taken back before its time ({row.delivery_id})"
        self._parts.recording.say("info", said, row.deployment_id)


def _waiting(row: DeliveryRow, run: RunRow) -> Waiting:
    return Waiting(
        row.delivery_id,
        run.run_id,
        row.deployment_id,
        row.step,
        row.topic,
        row.message,
        row.due_at_us,
        row.number,
        (row.due_at_us, row.seq),
    )
