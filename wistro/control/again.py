"""Doing a run once more, messages that are due later, and what becomes of dead letters, as commands ask for them."""

from __future__ import annotations

import asyncio

from wistro.control import reading
from wistro.control.asked import NothingSuch, Project, Query
from wistro.engine.dead_letters import DeadFilter
from wistro.protocol.ids import read as read_id
from wistro.protocol.ids import show
from wistro.protocol.operating import (
    Changed,
    DelayedPage,
    DelayedView,
    Emitted,
    Redriven,
    RedrivenMany,
)
from wistro.protocol.times import rfc3339

REDRIVEN_AT_ONCE = 2_000  # each is a commit, and the answer is waited for


class Again:
    def __init__(self, project: Project) -> None:
        self._project = project

    async def change_run(self, rest: str, query: Query, body: bytes) -> Changed | Emitted:
        id, _, verb = rest.partition("/")
        engine, run_id = self._project.running, str(read_id("run", id))
        if verb == "cancel":
            await engine.cancel(run_id)
            return Changed(1)
        if verb == "replay" and self._project.reads is not None:
            attempts = await asyncio.to_thread(self._project.reads.attempts, id)
            made = await engine.replay(run_id, attempts, from_step=query.get("from") or None)
            return Emitted(show("run", made.run_id))
        raise NothingSuch(f"there is no runs/{rest}")

    async def delayed(self, rest: str, query: Query, body: bytes) -> DelayedPage:
        limit = reading.limit(query, 100)
        found = await self._project.running.list_delayed(limit=limit + 1)
        views = [
            DelayedView(
                show("delivery", one.delivery_id),
                show("run", one.run_id),
                one.step,
                one.topic,
                rfc3339(one.due_at_us),
            )
            for one in found[:limit]
        ]
        return DelayedPage(views, len(found) > limit)

    async def take_back(self, rest: str, query: Query, body: bytes) -> Changed:
        await self._project.running.cancel_delivery(str(read_id("delivery", rest)))
        return Changed(1)

    async def redrive(self, rest: str, query: Query, body: bytes) -> Redriven | RedrivenMany:
        if rest == "redrive":
            return await self._redrive_many(query.get("step"))
        id, _, verb = rest.partition("/")
        if verb != "redrive":
            raise NothingSuch(f"there is no dead/{rest}")
        run = await self._project.running.redrive(str(read_id("delivery", id)))
        return Redriven(id, show("run", run))

    async def _redrive_many(self, step: str | None) -> RedrivenMany:
        wanted = DeadFilter(step=step, limit=REDRIVEN_AT_ONCE)
        found = await self._project.running.redrive_many(wanted)
        return RedrivenMany(
            [Redriven(show("delivery", id), show("run", run)) for id, run in found.done],
            {show("delivery", id): why for id, why in found.refused.items()},
            more=len(found.done) + len(found.refused) == REDRIVEN_AT_ONCE,
        )

    async def delete_dead(self, rest: str, query: Query, body: bytes) -> Changed:
        await self._project.running.delete_dead(str(read_id("delivery", rest)))
        return Changed(1)
