from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from runner.hub import HubGone, HubRefused
from runner.shipping import shipper as module
from runner.shipping.shipper import Shipper
from wistro.protocol.records import ClosedRecord, LineRecord, RecordsBatch, RecordsTaken

LIMIT_S = 10


class RecordsHub:
    """`send` of runner.hub.Hub: keeps each record once; `problems` come in turn, after it was kept or before."""

    def __init__(self) -> None:
        self.sent: list[RecordsBatch] = []
        self.kept: dict[tuple[str, int], object] = {}
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.most = 10**6
        self.unfit: set[int] = set()
        self.takes = 10**6  # records of a batch
        self.heard = asyncio.Event()

    async def send(self, path: str, message: object, *, answer: type[RecordsTaken]) -> RecordsTaken:
        assert path == "/records"
        batch = msgspec.json.decode(msgspec.json.encode(message), type=RecordsBatch)
        self.heard.set()
        if self.before:
            raise self.before.pop(0)
        seqs = [one.seq for one in batch.records]
        if len(seqs) > self.most or self.unfit & set(seqs):
            raise HubRefused(413 if len(seqs) > self.most else 422, "records", "unfit")
        self.sent.append(batch)
        taken = batch.records[: self.takes]
        for one in taken:
            assert self.kept.setdefault((batch.stream, one.seq), one) == one
        if self.after:
            raise self.after.pop(0)
        return RecordsTaken(batch.stream, taken[-1].seq)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while len(self.kept) < count:
                self.heard.clear()
                await self.heard.wait()


def line(seq: int, text: str = "said") -> bytes:
    return msgspec.json.encode(LineRecord(seq, 1, "info", text, "dep")) + b"\n"


def write(spool: Path, stream: str, first: int, *lines: bytes) -> Path:
    (spool / stream).mkdir(parents=True, exist_ok=True)
    path = spool / stream / f"{first:020}-000.jsonl"
    with path.open("ab") as file:
        file.write(b"".join(lines))
    return path


@pytest.fixture
async def hub() -> RecordsHub:
    return RecordsHub()


@pytest.fixture
async def shipper(tmp_path: Path, hub: RecordsHub):
    fences = [7]
    made = Shipper("env", tmp_path, hub=hub, fence=lambda: fences[0], jitter=random.Random(1))
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def caught_up(shipper: Shipper) -> None:
    await asyncio.wait_for(shipper.caught_up.wait(), LIMIT_S)


async def test_what_is_written_is_sent_in_order_with_its_fence(tmp_path, hub, shipper):
    path = write(tmp_path, "s1", 1, line(1), line(2))
    await hub.has(2)
    with path.open("ab") as file:
        file.write(line(3)[:-5])
        file.flush()
        file.write(line(3)[-5:] + line(5))  # 4 was lost: a gap, not an end
    await hub.has(4)

    assert [one.seq for batch in hub.sent for one in batch.records] == [1, 2, 3, 5]
    assert {(batch.environment_id, batch.fence, batch.stream) for batch in hub.sent} == {
        ("env", 7, "s1")
    }


async def test_a_closed_stream_goes_once_it_is_acknowledged(tmp_path, hub, shipper):
    write(tmp_path, "s1", 1, line(1), msgspec.json.encode(ClosedRecord(2, 1)) + b"\n")
    write(tmp_path, "s2", 1, line(1))
    await hub.has(3)
    await caught_up(shipper)

    assert not (tmp_path / "s1").exists() and (tmp_path / "s2").exists()
    assert [batch.stream for batch in hub.sent] == ["s1", "s2"]


async def test_a_batch_whose_answer_is_lost_is_sent_again_unchanged(tmp_path, hub, shipper):
    hub.after = [HubGone("the answer is lost")] * 3
    write(tmp_path, "s1", 1, *(line(seq) for seq in range(1, 11)))
    await hub.has(10)
    await caught_up(shipper)

    assert len(hub.sent) == 4 and len(hub.kept) == 10
    assert all(batch.records == hub.sent[0].records for batch in hub.sent)


async def test_what_the_hub_took_in_part_goes_on_from_there(tmp_path, hub, shipper):
    hub.takes = 3
    write(tmp_path, "s1", 1, *(line(seq) for seq in range(1, 8)))
    await hub.has(7)

    assert [batch.records[0].seq for batch in hub.sent] == [1, 4, 7]


async def test_while_the_hub_is_away_or_refuses_records_wait(
    tmp_path, hub, shipper, monkeypatch, caplog
):
    monkeypatch.setattr(module, "REFUSED_S", 0.01)
    hub.before = [HubGone("away"), HubRefused(409, "fleet.fence", "an older fence")] * 2
    write(tmp_path, "s1", 1, line(1))
    await hub.has(1)

    assert len(hub.sent) == 1 and "fleet.fence" in caplog.text


async def test_batches_are_cut_by_count_and_by_bytes(tmp_path, hub, shipper, monkeypatch):
    monkeypatch.setattr(module, "BYTES", 10_000)
    lines = [line(seq, "x" * 4000) for seq in range(1, 6)]
    write(tmp_path, "s1", 1, *lines, line(6, "x" * 20_000), *map(line, range(7, 2007)))
    await hub.has(2006)

    sizes = [len(batch.records) for batch in hub.sent]
    assert sizes[:3] == [2, 2, 1] and max(sizes) <= module.RECORDS
    assert [one.seq for batch in hub.sent for one in batch.records] == list(range(1, 2007))


async def test_a_batch_that_is_too_large_is_halved(tmp_path, hub, shipper):
    hub.most = 10
    write(tmp_path, "s1", 1, *(line(seq) for seq in range(1, 101)))
    await hub.has(100)

    assert [one.seq for batch in hub.sent for one in batch.records] == list(range(1, 101))


async def test_a_record_that_is_refused_alone_is_left_out_loudly(tmp_path, hub, shipper, caplog):
    hub.unfit = {5}
    write(tmp_path, "s1", 1, *(line(seq) for seq in range(1, 10)))
    await hub.has(8)

    assert {seq for _, seq in hub.kept} == {1, 2, 3, 4, 6, 7, 8, 9}
    assert "record 5" in caplog.text


async def test_the_next_shipper_goes_on_after_what_was_acknowledged(tmp_path, hub, shipper):
    write(tmp_path, "s1", 1, line(1), line(2))
    await hub.has(2)
    await caught_up(shipper)
    write(tmp_path, "s1", 1, line(3))
    other = RecordsHub()
    second = Shipper("env", tmp_path, hub=other, fence=lambda: 8, jitter=random.Random(1))
    task = asyncio.create_task(second.run())
    await other.has(1)
    task.cancel()

    assert [one.seq for one in other.sent[0].records] == [3] and other.sent[0].fence == 8


async def test_what_is_not_ours_in_the_spool_holds_nothing_up(tmp_path, hub, shipper):
    (tmp_path / "z-lost+found").mkdir()
    (tmp_path / ".DS_Store").write_text("x")
    path = write(tmp_path, "s1", 1, line(1))
    (tmp_path / "s1" / "README.jsonl").write_text("hello\n")
    (tmp_path / "s1" / "sub").mkdir()
    await hub.has(1)
    await caught_up(shipper)

    with path.open("ab") as file:
        file.write(line(2) + msgspec.json.encode(ClosedRecord(3, 1)) + b"\n")
    await hub.has(3)
    while path.exists():
        shipper.caught_up.clear()
        await caught_up(shipper)

    assert (tmp_path / "s1" / "README.jsonl").read_text() == "hello\n"
