"""What a store keeps under load that never pauses: as much as there is to do, not as much as was done."""

from __future__ import annotations

import asyncio

from tests.conformance.store.conftest import Opened
from wistro.store.port import Unit
from wistro.store.sqlite import CHECKPOINT_BYTES, SqliteStore

RECORD = (b'{"kind":"line","seq":', b',"text":"' + b"x" * 4_000 + b'"}')
UNITS, AT_ONCE = 24_000, 128


async def test_the_log_does_not_grow_with_what_was_done(on_sqlite: Opened) -> None:
    """100 MB go through while other units always wait, and every record is forgotten soon."""
    store = await on_sqlite.open()
    left = iter(range(UNITS))

    async def submits() -> None:
        for number in left:
            last = on_sqlite.chunks[-1].last if on_sqlite.chunks else 0
            forget = (store.stream, last) if number % 50 == 0 else None
            await store.submit(Unit(records=[RECORD], forget=forget))

    await asyncio.gather(*(submits() for _ in range(AT_ONCE)))

    sizes = {path.name: path.stat().st_size for path in on_sqlite.path.iterdir()}
    assert sizes["store.db-wal"] < 8 * CHECKPOINT_BYTES, sizes
    assert sizes["store.db"] < 8 * CHECKPOINT_BYTES, sizes


async def test_what_a_deployment_left_is_counted_without_reading_it(on_sqlite: Opened) -> None:
    store = await on_sqlite.open()
    assert isinstance(store, SqliteStore)
    plans: list[str] = []
    reader = store._reader
    reader.set_trace_callback(plans.append)
    await store.totals("deployment")
    reader.set_trace_callback(None)

    countings = [sql for sql in plans if "FROM deliveries" in sql]
    assert len(countings) == 2
    for counting, index in zip(countings, ("waiting", "parked"), strict=True):
        [(*_, plan)] = reader.execute(f"EXPLAIN QUERY PLAN {counting}").fetchall()
        assert f"INDEX deliveries_{index}" in plan
