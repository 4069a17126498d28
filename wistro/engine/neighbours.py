"""Other engines on the same store: what they leave to this one, take from it, and ask of the runs that are its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from wistro.engine.cancelling import UnknownRun
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.parts import Parts
from wistro.engine.runs import LiveRun
from wistro.errors import UserError
from wistro.records.port import Sink
from wistro.store.port import (
    Chunk,
    Command,
    Fenced,
    Moved,
    Others,
    RunRow,
    StoreBroken,
    StoreFull,
    Unit,
)

log = logging.getLogger("wistro.engine")

FULL_AGAIN_S = 1.0
CANCEL = "cancel"
REDRIVE = "redrive"

Does = Callable[[Command, Any], Awaitable[None]]


class Neighbours:
    """`on` names who does which command: its unit says that it is done (`Unit.done_commands`)."""

    def __init__(
        self,
        parts: Parts,
        emitting: Emitting,
        sink: Sink,
        *,
        loaded_of: Callable[[str], Loaded | None],
    ) -> None:
        self._parts = parts
        self._emitting = emitting
        self._sink = sink
        self._loaded_of = loaded_of
        self._does: dict[str, Does] = {}
        self._doing: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, kind: str, does: Does) -> None:
        self._does[kind] = does

    def told(self) -> Others:
        return Others(
            moved=self._moved, left=self._left, command=self._command, idle_steps=self._idle_steps
        )

    async def settled(self) -> None:
        """Returns when the calls that others died under are interrupted."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _moved(self, moved: Moved) -> None:
        loaded = self._loaded_of(moved.deployment_id)
        if loaded is not None:
            loaded.live_runs += moved.runs
            loaded.backlog += moved.deliveries
            if loaded.live_runs == 0:
                loaded.quiet.set()
            if moved.deliveries > 0:
                for queue in loaded.lane.queues.values():
                    self._emitting.claiming.more(queue, loaded)
        if moved.calling:
            self._later(self.interrupt(moved.calling, loaded))

    def _left(self, chunks: list[Chunk], streams: list[tuple[str, int]]) -> None:
        self._sink.adopt(leftovers=chunks, streams=streams, at_us=self._parts.clock.now_us())

    def _idle_steps(self, deployment_id: str) -> list[str]:
        loaded = self._loaded_of(deployment_id)
        if loaded is None or loaded.is_draining or loaded.lane.in_flight:
            return []
        queues = loaded.lane.queues
        is_busy = any(queue.ready or queue.is_claiming for queue in queues.values())
        return [] if is_busy else list(queues)

    async def interrupt(self, rows: list[RunRow], loaded: Loaded | None = None) -> None:
        """End the runs of calls whose engine died under them: their callers have no answer."""
        now_us, recording = self._parts.clock.now_us(), self._parts.recording
        runs = [LiveRun.of(row) for row in rows]
        ended = [run for run in runs if run.open <= 1]
        unit = Unit(
            ended_runs=[run.seq for run in ended],
            # What left before the call's end goes on without the call.
            run_changes=[(run.seq, -1, "interrupted") for run in runs if run not in ended],
            records=[recording.run(run, "interrupted", at_us=now_us) for run in ended],
        )
        while True:
            try:
                await self._parts.store.submit(unit)
            except StoreFull:
                await asyncio.sleep(FULL_AGAIN_S)
            else:
                break
        if loaded is not None:
            for _ in ended:
                loaded.one_run_ended()

    # Commands

    def _command(self, command: Command) -> None:
        if command.id not in self._doing:
            self._doing.add(command.id)
            self._later(self._do(command))

    async def _do(self, command: Command) -> None:
        try:
            does = self._does.get(command.kind)
            if does is None:
                log.warning(
                    "another engine asks for `%s`, which this release has not", command.kind
                )
                return
            await does(command, msgspec.json.decode(command.body))
        except UnknownRun:
            pass  # it has ended: who asked sees that
        except UserError as refused:
            log.warning("`%s` of run %s: %s", command.kind, command.run_id, refused.message)
            await self._parts.store.submit(Unit(done_commands=[command.id]))
        except (Fenced, StoreFull, StoreBroken) as failed:
            log.warning("`%s` of run %s is tried again: %s", command.kind, command.run_id, failed)
        finally:
            self._doing.discard(command.id)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
