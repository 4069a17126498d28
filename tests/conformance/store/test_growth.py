"""What a store keeps under load that never pauses: as much as there is to do, not as much as was done."""

from __future__ import annotations

import asyncio

from tests.conformance.store.conftest import Opened
from wistro.store.port import Unit
from wistro.store.sqlite import CHECKPOINT_BYTES

RECORD = (b'{"kind":"line","seq":', b',"text":"' + b"x" * 4_000 + b'"}')
UNITS, AT_ONCE = 24_000, 128


async def test_the_log_does_not_grow_with_what_was_done(place: Opened) -> None:
    """100 MB go through while other units always wait, and every record is forgotten soon."""
    store = await place.open()
    left = iter(range(UNITS))

    async def submits() -> None:
        for number in left:
            last = place.chunks[-1].last if place.chunks else 0
            forget = (store.stream, last) if number % 50 == 0 else None
            await store.submit(Unit(records=[RECORD], forget=forget))

    await asyncio.gather(*(submits() for _ in range(AT_ONCE)))

    sizes = {path.name: path.stat().st_size for path in place.path.iterdir()}
    assert sizes["store.db-wal"] < 8 * CHECKPOINT_BYTES, sizes
    assert sizes["store.db"] < 8 * CHECKPOINT_BYTES, sizes
