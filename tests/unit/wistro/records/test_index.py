"""What was spooled is found once each, however the index was brought up to date, with what is missing counted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from wistro.protocol.ids import show, uuid7
from wistro.protocol.records import LineRecord, RunRecord
from wistro.records.index import PORTION, RecordsIndex
from wistro.records.local import LocalRecords
from wistro.records.local_reads import LocalReads
from wistro.store.port import Chunk

STREAM = "0197c4ea-0000-7000-8000-000000000001"
RUN = str(uuid7(now_ms=1_700_000_000_000, random=b"r" * 10))
SECRET = "a-secret-value"


def line(seq: int, message: str = "") -> bytes:
    return msgspec.json.encode(
        LineRecord(seq, 7, "info", message or f"line {seq}", "d", run_id=RUN)
    )


def run(seq: int, status: str, *, at_us: int = 7) -> bytes:
    ended = None if status == "running" else 9
    return msgspec.json.encode(
        RunRecord(
            seq, at_us, RUN, "d", 0, "api", "src/a", status, 7, "t" * 32, [], ended_at_us=ended
        )
    )


def chunk(*records: bytes, durable: bool = True) -> Chunk:
    seqs = [msgspec.json.decode(one)["seq"] for one in records]
    return Chunk(STREAM, seqs[0], seqs[-1], b"".join(one + b"\n" for one in records), durable)


class Laptop:
    """A sink on a folder; nothing indexes unless a test's reader does."""

    def __init__(self, folder: Path) -> None:
        self.index = RecordsIndex(folder)
        self.sink = LocalRecords(self.index)
        self.reads = LocalReads(self.index, lock_of=lambda _: None)
        self.sink.start(leftovers=[], streams=[], at_us=1, forget=lambda stream, seq: None)

    async def keep(self, *chunks: Chunk) -> None:
        for one in chunks:
            self.sink.take(one)
        await self.sink.flush()

    async def close(self) -> None:
        await self.sink.close()
        self.reads.close()
        self.index.close()


@pytest.fixture
async def laptop(tmp_path: Path):
    laptop = Laptop(tmp_path)
    yield laptop
    await laptop.close()


async def test_a_reader_sees_at_once_what_was_kept(laptop: Laptop) -> None:
    await laptop.keep(chunk(run(1, "running")), chunk(line(2), durable=False))
    running = laptop.reads.runs().runs
    await laptop.keep(chunk(run(3, "done")))

    assert [one.status for one in running] == ["running"]
    assert laptop.reads.run(show("run", RUN)).run.status == "done"
    assert [one.message for one in laptop.reads.lines().lines] == ["line 2"]


async def test_more_than_one_portion_is_caught_up_with(laptop: Laptop) -> None:
    many = PORTION * 2 + 3
    await laptop.keep(chunk(*(line(seq) for seq in range(1, many + 1))))

    newest = laptop.reads.lines(limit=1).lines

    assert [one.seq for one in newest] == [many]


async def test_missing_numbers_are_gaps(laptop: Laptop) -> None:
    await laptop.keep(chunk(line(1)), chunk(line(5)), chunk(line(6)))

    page = laptop.reads.lines()

    assert [(gap.first, gap.last) for gap in page.gaps] == [(2, 4)]
    assert [one.seq for one in page.lines] == [1, 5, 6]


async def test_what_another_engine_left_of_a_run_hides_nothing_told_since(laptop: Laptop) -> None:
    await laptop.keep(chunk(run(1, "done", at_us=9)))
    assert laptop.reads.run(RUN).run.status == "done"

    older = Chunk("0" + STREAM[1:-1] + "0", 1, 1, run(1, "running", at_us=8) + b"\n", True)
    laptop.sink.adopt(leftovers=[older], streams=[(older.stream, 1)], at_us=10)
    await laptop.keep(chunk(line(2)))

    assert laptop.reads.run(RUN).run.status == "done"


async def test_two_readers_with_an_index_each_bring_a_record_in_once(
    laptop: Laptop, tmp_path: Path
) -> None:
    await laptop.keep(chunk(line(1), line(2)))
    with closing(RecordsIndex(tmp_path)) as other:
        other.catch_up()
        laptop.index.catch_up()
        await laptop.keep(chunk(line(3)))
        laptop.index.catch_up()
        other.catch_up()

    with closing(sqlite3.connect(tmp_path / "records.db")) as db:
        assert db.execute("SELECT seq FROM lines ORDER BY 1").fetchall() == [(1,), (2,), (3,)]
        assert db.execute("SELECT count(*) FROM gaps").fetchone() == (0,)


async def test_what_nobody_read_before_the_end_is_found_after_it(tmp_path: Path) -> None:
    first = Laptop(tmp_path)
    await first.keep(chunk(run(1, "done"), line(2)))
    await first.close()

    with (
        closing(RecordsIndex(tmp_path)) as index,
        closing(LocalReads(index, lock_of=lambda _: None)) as reads,
    ):
        assert [one.id for one in reads.runs().runs] == [show("run", RUN)]


async def test_half_of_what_waits_can_be_dropped_and_is_counted(laptop: Laptop) -> None:
    text = "x" * 400_000  # three of them end a segment
    for seq in range(1, 13):
        await laptop.keep(chunk(line(seq, text)))
    before = laptop.index.waiting_bytes()

    laptop.index.drop_waiting()

    assert laptop.index.waiting_bytes() < before * 0.7
    page = laptop.reads.lines()
    assert page.lines[-1].seq == 12 and 1 < page.lines[0].seq < 12
    with closing(sqlite3.connect(laptop.index.path)) as db:
        assert db.execute("SELECT first, last FROM gaps").fetchall() == [(1, page.lines[0].seq - 1)]


async def test_secrets_are_marked_before_they_are_written(tmp_path: Path) -> None:
    kept: list[bytes] = []
    with closing(RecordsIndex(tmp_path)) as index:
        sink = LocalRecords(index, on_kept=lambda chunks: kept.extend(one.lines for one in chunks))
        sink.protect([SECRET])
        sink.start(leftovers=[], streams=[], at_us=1, forget=lambda stream, seq: None)
        sink.take(chunk(line(1, f"it is {SECRET}")))
        await sink.close()

    written = b"".join(one.read_bytes() for one in (tmp_path / "spool").rglob("*.jsonl"))
    assert SECRET.encode() not in written + b"".join(kept)
    assert b"it is [redacted]" in written and b"it is [redacted]" in kept[0]


async def test_old_runs_are_trimmed(tmp_path: Path) -> None:
    with closing(RecordsIndex(tmp_path, now_us=lambda: 1_800_000_000_000_000)) as index:
        sink = LocalRecords(index)
        sink.start(leftovers=[], streams=[], at_us=1, forget=lambda stream, seq: None)
        sink.take(chunk(run(1, "done"), line(2)))
        await sink.close()
        index.catch_up()

        index.trim()

    with closing(sqlite3.connect(index.path)) as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM lines").fetchone() == (0,)


async def test_a_trim_that_fails_half_way_does_not_end_the_index(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    await laptop.keep(chunk(line(1)))
    laptop.index.catch_up()
    with closing(sqlite3.connect(tmp_path / "records.db")) as beside:
        beside.execute("ALTER TABLE lines RENAME TO gone")
    with pytest.raises(sqlite3.OperationalError, match="lines"):
        laptop.index.trim()
    with closing(sqlite3.connect(tmp_path / "records.db")) as beside:
        beside.execute("ALTER TABLE gone RENAME TO lines")

    await laptop.keep(chunk(line(2)))
    laptop.index.catch_up()
    laptop.index.trim()

    await laptop.close()
