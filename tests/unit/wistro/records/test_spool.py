"""What an engine writes down is read once each, in order, whatever died in between."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wistro.records.spool import Spool, SpoolReader
from wistro.store.port import Chunk

STREAM = "0197c4ea-0000-7000-8000-000000000001"
NEXT = "0197c4ea-0000-7000-8000-000000000002"


def chunk(first: int, last: int, *, stream: str = STREAM, durable: bool = True) -> Chunk:
    lines = b"".join(
        b'{"kind":"line","seq":%d,"message":"%d"}\n' % (seq, seq) for seq in range(first, last + 1)
    )
    return Chunk(stream, first, last, lines, durable=durable)


class Boot:
    """One engine's life on a spool: `leftovers` are what its store still holds of the life before."""

    def __init__(
        self,
        folder: Path,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        segment_bytes: int = 4096,
    ) -> None:
        self.forgotten: dict[str, int] = {}
        self.spool = Spool(folder, segment_bytes=segment_bytes)
        self.spool.start(
            leftovers=leftovers,
            streams=streams,
            at_us=1,
            forget=lambda stream, seq: self.forgotten.__setitem__(
                stream, max(seq, self.forgotten.get(stream, 0))
            ),
        )


def seqs(reader: SpoolReader, stream: str = STREAM, *, limit: int = 3) -> list[int]:
    """Every record of a stream, read in small portions and acknowledged."""
    found: list[int] = []
    after = reader.acknowledged(stream)
    while (portion := reader.read(stream, after_seq=after, limit=limit)).lines:
        found += [json.loads(line)["seq"] for line in portion.lines]
        after = portion.last
    return found


async def test_what_was_taken_is_read_in_order_and_forgotten_by_the_store(tmp_path: Path):
    boot = Boot(tmp_path, leftovers=[], streams=[])
    for first in range(1, 100, 10):
        boot.spool.take(chunk(first, first + 9))
    await boot.spool.flush()

    assert seqs(SpoolReader(tmp_path)) == list(range(1, 101))
    assert boot.forgotten == {STREAM: 100}
    await boot.spool.close()


async def test_acknowledged_segments_go_and_the_rest_is_read_on(tmp_path: Path):
    boot = Boot(tmp_path, leftovers=[], streams=[], segment_bytes=200)
    for seq in range(1, 51):
        boot.spool.take(chunk(seq, seq))
        await boot.spool.flush()
    reader = SpoolReader(tmp_path)
    before = len(list((tmp_path / STREAM).glob("*.jsonl")))

    reader.acknowledge(STREAM, 30)

    assert len(list((tmp_path / STREAM).glob("*.jsonl"))) < before
    assert seqs(SpoolReader(tmp_path)) == list(range(31, 51))
    await boot.spool.close()


async def test_the_next_boot_writes_what_was_left_under_its_old_numbers_and_closes_the_stream(
    tmp_path: Path,
):
    first = Boot(tmp_path, leftovers=[], streams=[])
    first.spool.take(chunk(1, 5))
    await first.spool.flush()
    await first.spool.close()

    second = Boot(tmp_path, leftovers=[chunk(4, 8)], streams=[(STREAM, 9)])
    second.spool.take(chunk(1, 2, stream=NEXT))
    await second.spool.flush()

    reader = SpoolReader(tmp_path)
    assert reader.streams() == [STREAM, NEXT]
    assert seqs(reader) == [1, 2, 3, 4, 5, 6, 7, 8, 10]  # 9 was a line that nobody kept: a gap
    assert second.forgotten[STREAM] >= 8
    assert seqs(reader, NEXT) == [1, 2]
    await second.spool.close()


async def test_what_another_engine_left_is_written_while_this_one_runs(tmp_path: Path):
    boot = Boot(tmp_path, leftovers=[], streams=[])
    boot.spool.take(chunk(1, 3))
    await boot.spool.flush()
    left = [chunk(4, 6, stream=NEXT), chunk(9, 10, stream=NEXT)]

    boot.spool.adopt(leftovers=left, streams=[(NEXT, 10)], at_us=2)
    boot.spool.take(chunk(4, 5))
    await boot.spool.close()

    reader = SpoolReader(tmp_path)
    assert seqs(reader) == [1, 2, 3, 4, 5]
    assert seqs(reader, NEXT) == [4, 5, 6, 9, 10, 11]  # 11 closes it
    assert boot.forgotten == {STREAM: 5, NEXT: 11}


async def test_a_closed_stream_that_is_acknowledged_whole_leaves_nothing(tmp_path: Path):
    first = Boot(tmp_path, leftovers=[], streams=[])
    first.spool.take(chunk(1, 5))
    await first.spool.flush()
    await first.spool.close()
    second = Boot(tmp_path, leftovers=[], streams=[(STREAM, 5)])

    SpoolReader(tmp_path).acknowledge(STREAM, 6)

    assert not (tmp_path / STREAM).exists()
    await second.spool.close()


@settings(max_examples=60, deadline=None)
@given(torn=st.integers(1, 400), kept=st.integers(0, 20))
def test_a_torn_end_is_cut_and_written_again_from_what_the_store_kept(
    tmp_path_factory, torn: int, kept: int
):
    """A power cut leaves any part of what was not fsynced; the store has forgotten nothing of it."""
    folder = tmp_path_factory.mktemp("spool")
    stream = folder / STREAM
    stream.mkdir()
    whole = chunk(1, 20).lines
    lines = whole.splitlines(True)
    durable = b"".join(lines[:kept])
    (stream / f"{1:020}-000.jsonl").write_bytes(whole[: max(len(durable), len(whole) - torn)])

    boot = Boot(
        folder, leftovers=[chunk(kept + 1, 20)] if kept < 20 else [], streams=[(STREAM, 20)]
    )

    found = seqs(SpoolReader(folder), limit=7)
    assert found == [*range(1, 21), 21]
    assert boot.forgotten[STREAM] >= 20
