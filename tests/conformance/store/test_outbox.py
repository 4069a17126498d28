"""Records leave by the outbox, numbered with the lines in one sequence without a hole."""

from __future__ import annotations

import asyncio
import json

from tests.conformance.store.conftest import Opened, now
from wistro.store.port import Chunk, StateWrite, Store, Unit

RECORD = (b'{"kind":"run","seq":', b"}")
LINE = (b'{"kind":"line","seq":', b"}")


def kinds_by_seq(chunks: list[Chunk]) -> dict[int, str]:
    records = [json.loads(line) for chunk in chunks for line in chunk.lines.splitlines()]
    return {record["seq"]: record["kind"] for record in records}


async def test_records_and_lines_share_one_sequence_without_holes(place: Opened) -> None:
    store = await place.open()
    pending = []
    for _ in range(20):
        store.line(LINE)
        pending.append(store.submit(Unit(records=[RECORD, RECORD])))
        store.line(LINE)
        await asyncio.sleep(0)
    await asyncio.gather(*pending)
    await store.close()
    place.boots.clear()

    seqs = [json.loads(line)["seq"] for chunk in place.chunks for line in chunk.lines.splitlines()]

    assert seqs == list(range(1, 81))
    assert sorted(kinds_by_seq(place.chunks).values()) == ["line"] * 40 + ["run"] * 40


async def test_a_refused_unit_leaves_neither_record_nor_hole(place: Opened) -> None:
    store = await place.open()
    refused = store.submit(Unit(finished=[(99, 1)], records=[RECORD]))
    kept = store.submit(Unit(records=[RECORD]))
    results = await asyncio.gather(refused, kept, return_exceptions=True)

    assert isinstance(results[0], Exception)
    assert list(kinds_by_seq(place.chunks)) == [1]


async def test_records_wait_in_the_outbox_for_the_next_boot_until_they_are_forgotten(
    place: Opened,
) -> None:
    store = await place.open()
    for _ in range(3):
        await store.submit(Unit(records=[RECORD]))
    await store.submit(Unit(forget=("stream-1", 2)))

    reopened = await place.open()

    assert [
        (one.stream, one.first, one.last, one.durable) for one in await reopened.leftovers()
    ] == [("stream-1", 3, 3, True)]
    assert await reopened.streams() == [("stream-1", 3)]

    await reopened.submit(Unit(forget=("stream-1", 3)))
    assert await reopened.leftovers() == []
    assert await reopened.streams() == []


async def test_a_reader_is_not_held_up_by_a_commit_under_way(store: Store) -> None:
    await store.submit(Unit(writes=[StateWrite("set", "g", "k", 1)]))
    pending = store.submit(Unit(writes=[StateWrite("set", "g", "k", 2)]))
    await asyncio.sleep(0)

    assert await now(store.get("g", "k")) in (1, 2)
    await pending
    assert await now(store.get("g", "k")) == 2
