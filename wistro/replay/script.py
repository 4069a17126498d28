"""The sample as a script: which of its deliveries each of the replay's is, and whose turn it is.

Deliveries run one at a time, in the order in which the sample's committed, so that each finds the state that it found
then. What the sample does not have is not run: the difference is at its emitter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from wistro.protocol.records import AttemptRecord
from wistro.replay.places import Place
from wistro.store.port import DeliveryRow


class Script:
    def __init__(self, expected: Mapping[Place, AttemptRecord]) -> None:
        self._expected = expected
        self._order = sorted(
            expected, key=lambda place: (expected[place].ended_at_us, expected[place].seq)
        )
        self._place_by_delivery: dict[str, Place] = {}
        self._place_by_attempt: dict[str, Place] = {}
        self._open: set[Place] = set()  # emitted, not settled
        self._settled: set[Place] = set()
        self._waiting: dict[Place, asyncio.Future[None]] = {}
        self._running: Place | None = None
        self.unexpected: list[str] = []  # steps of deliveries that the sample does not have

    @property
    def has_begun(self) -> bool:
        """Has anything been run?"""
        return bool(self._place_by_attempt)

    def emitted(self, row: DeliveryRow) -> None:
        """Told before the row is stored: it takes the sample's delivery id, which is the step's idempotency key."""
        parent = self._place_by_attempt.get(row.parent_attempt_id or "", ())
        place = (*parent, (row.step, row.topic, row.ordinal))
        if (expected := self._expected.get(place)) is not None:
            row.delivery_id = expected.delivery_id
        self._place_by_delivery[row.delivery_id] = place
        self._open.add(place)

    async def turn(self, step: str, key: str, attempt_id: str) -> AttemptRecord | None:
        """The sample's attempt that this one repeats, once it may run; None when the sample has none."""
        place = self._place_by_delivery.get(key, ((step, None, 0),))  # a call's root is in no queue
        self._place_by_attempt[attempt_id] = place
        if place not in self._expected:
            self.unexpected.append(step)
            return None
        self._open.add(place)
        self._waiting[place] = asyncio.get_running_loop().create_future()
        self._go_on()
        await self._waiting[place]
        return self._expected[place]

    def settled(self, attempt_id: str) -> None:
        """Its outcome is committed."""
        place = self._place_by_attempt.get(attempt_id)
        if place is None:
            return
        self._open.discard(place)
        self._settled.add(place)
        if self._running == place:
            self._running = None
        self._go_on()

    def _go_on(self) -> None:
        if self._running is not None:
            return
        for place in self._order:
            if place in self._settled:
                continue
            if (waiting := self._waiting.get(place)) is not None:
                self._running = place
                waiting.set_result(None)
                return
            if self._may_come(place):
                return

    def _may_come(self, place: Place) -> bool:
        """Is it on its way, or one that it follows from?"""
        if place in self._settled:
            return False
        if place in self._open:
            return True
        return len(place) > 1 and self._may_come(place[:-1])
