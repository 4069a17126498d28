"""A blob goes with the last run that names it: runs that are over and old are made to name nothing, then nobody's blobs go."""

from __future__ import annotations

import asyncio
import logging

from wistro.blobs.port import Blobs, BlobsBroken, NamedBy
from wistro.engine.clock import Clock
from wistro.store.port import Store, StoreBroken, StoreFull

log = logging.getLogger("wistro.engine")

KEPT_US = 7 * 24 * 3600 * 1_000_000  # as long as the payloads in the records
FIRST_S = 60.0
EVERY_S = 3600.0
PAGE = 100


class Retention:
    """Of one engine. Several on one store may sweep at once: each step may be done twice."""

    def __init__(self, blobs: Blobs, store: Store, clock: Clock, *, kept_us: int = KEPT_US) -> None:
        self._blobs = blobs
        self._store = store
        self._clock = clock
        self._kept_us = kept_us

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.sweep()
            except (BlobsBroken, StoreFull) as error:  # also a store that is away
                log.warning("blobs could not be swept, in an hour again: %s", error)
            except StoreBroken:
                return
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> int:
        """How many blobs went."""
        before_us = self._clock.now_us() - self._kept_us
        old = [one for one in await self._blobs.runs() if one.last_named_at_us < before_us]
        for run in await self._over(old):
            await self._blobs.forget(run.run_id)
        return await self._blobs.collect()

    async def _over(self, old: list[NamedBy]) -> list[NamedBy]:
        """Those that are neither live nor have a dead letter. Looked at before and after the dead letters, since a
        run may become one, or live again, meanwhile."""
        ended = await self._without_live(old)
        if not ended:
            return []
        dead = await self._dead()
        return await self._without_live([one for one in ended if one.run_id not in dead])

    async def _without_live(self, runs: list[NamedBy]) -> list[NamedBy]:
        return [one for one in runs if await self._store.run(one.run_id) is None]

    async def _dead(self) -> set[str]:
        found: set[str] = set()
        before: str | None = None
        while page := await self._store.dead_letters(limit=PAGE, before=before):
            found |= {one.run_id for one in page}
            before = page[-1].delivery_id
        return found
