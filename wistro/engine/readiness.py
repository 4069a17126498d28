"""Whether an engine may be given calls now: something is loaded, it is not stopping, and its store takes writes."""

from __future__ import annotations

import asyncio

from wistro.engine.clock import Clock
from wistro.store.port import Store, StoreAway, StoreBroken, StoreFull, Unit

PROBE = "/_wistro/ready"  # a cursor of its own: no schedule has this id
PROBED_FOR_US = 1_000_000  # many who ask cost one write
PROBE_S = 5.0


class Readiness:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._probed_at_us = 0
        self._why: str | None = None
        self._probing: asyncio.Task[str | None] | None = None

    async def why_not(self) -> str | None:
        """None once a write has reached the disk within the last second."""
        if self._probing is None:
            now_us = self._clock.now_us()
            if now_us - self._probed_at_us < PROBED_FOR_US:
                return self._why
            self._probing = asyncio.create_task(self._probe(now_us))
        return await asyncio.shield(self._probing)

    async def _probe(self, now_us: int) -> str | None:
        try:
            async with asyncio.timeout(PROBE_S):
                await self._store.submit(Unit(cursor=(PROBE, now_us)))
            self._why = None
        except StoreAway:
            self._why = "the store does not answer"
        except StoreFull:
            self._why = "the disk is full"
        except StoreBroken:
            self._why = "the store is broken"
        except TimeoutError:
            self._why = f"the store took no write within {PROBE_S:g} s"
        self._probed_at_us = self._clock.now_us()
        self._probing = None
        return self._why
