"""What every blob store must do."""

from __future__ import annotations

import asyncio
import hashlib
import os

import pytest

from tests.conformance.blobs.conftest import Subject
from wistro.blobs.port import Blobs, BlobsBroken, Kept

ABC = hashlib.sha256(b"abc").hexdigest()


async def put(blobs: Blobs, *chunks: bytes, run: str = "run-1") -> Kept:
    upload = blobs.upload()
    for chunk in chunks:
        await upload.write(chunk)
    return await upload.finish(run_id=run)


async def read(blobs: Blobs, sha256: str) -> bytes | None:
    path = await blobs.path(sha256)
    return None if path is None else await asyncio.to_thread(path.read_bytes)


async def test_a_blob_is_its_bytes_under_their_digest(subject: Subject) -> None:
    kept = await put(subject.blobs, b"a", b"", b"bc")

    assert kept == Kept(ABC, 3)
    assert await read(subject.blobs, ABC) == b"abc"


@pytest.mark.parametrize("content", [b"", os.urandom(3 * 1024 * 1024)])
async def test_nothing_and_much_are_blobs(subject: Subject, content: bytes) -> None:
    kept = await put(subject.blobs, content)

    assert await read(subject.blobs, kept.sha256) == content
    assert kept == Kept(hashlib.sha256(content).hexdigest(), len(content))


async def test_another_process_reads_what_one_wrote(subject: Subject) -> None:
    await put(subject.blobs, b"abc")
    other = await subject.again()

    assert await read(other, ABC) == b"abc"


async def test_what_hosts_read_lies_in_the_folder_and_cannot_be_written(subject: Subject) -> None:
    await put(subject.blobs, b"abc")
    path = await subject.blobs.path(ABC)

    assert path is not None and path.is_relative_to(subject.blobs.folder)
    assert path.stat().st_mode & 0o222 == 0


async def test_the_same_bytes_are_kept_once_for_all_that_name_them(subject: Subject) -> None:
    await asyncio.gather(*(put(subject.blobs, b"abc", run=f"run-{n}") for n in range(4)))

    assert sorted(one.run_id for one in await subject.blobs.runs()) == [
        f"run-{n}" for n in range(4)
    ]
    assert {one.size for one in await subject.blobs.runs()} == {3}


async def test_a_blob_goes_with_the_last_run_that_names_it(subject: Subject) -> None:
    blobs = subject.blobs
    await put(blobs, b"abc", run="run-1")
    assert await blobs.name(ABC, run_id="run-2") == 3
    await blobs.forget("run-1")
    subject.let_time_pass()
    assert await blobs.collect() == 0

    await blobs.forget("run-2")
    assert await blobs.collect() == 1

    other = await subject.again()
    assert await read(other, ABC) is None
    assert await blobs.runs() == []


async def test_what_is_not_there_cannot_be_named_and_leaves_no_name(subject: Subject) -> None:
    assert await subject.blobs.name(ABC, run_id="run-1") is None
    assert await subject.blobs.runs() == [] or (await subject.blobs.runs())[0].size == 0


async def test_an_upload_that_was_given_up_leaves_nothing(subject: Subject) -> None:
    upload = subject.blobs.upload()
    await upload.write(b"abc")
    upload.abort()

    assert await subject.blobs.path(ABC) is None
    assert await subject.blobs.runs() == []
    with pytest.raises(BlobsBroken):
        await upload.finish(run_id="run-1")


async def test_forgetting_twice_or_nothing_is_fine(subject: Subject) -> None:
    await subject.blobs.forget("run-1")
    await subject.blobs.forget("run-1")

    assert await subject.blobs.collect() == 0


async def test_the_longest_untouched_run_is_told_first(subject: Subject) -> None:
    await put(subject.blobs, b"1", run="run-1")
    subject.let_time_pass()
    await put(subject.blobs, b"22", run="run-2")

    told = await subject.blobs.runs()

    assert [(one.run_id, one.size) for one in told] == [("run-1", 1), ("run-2", 2)]


async def test_naming_beside_collecting_loses_nothing(subject: Subject) -> None:
    """A name that was given holds, however it falls beside a sweep; a refused one may be put again."""
    blobs, sweeper = subject.blobs, await subject.again()

    async def use(number: int) -> str | None:
        run = f"run-{number}"
        if await blobs.name(ABC, run_id=run) is None:
            await put(blobs, b"abc", run=run)
        subject.let_time_pass()
        return run

    await put(blobs, b"abc", run="run-0")
    for number in range(1, 15):
        await blobs.forget(f"run-{number - 1}")
        subject.let_time_pass()
        await asyncio.gather(use(number), sweeper.collect(), sweeper.collect())
        fresh = await subject.again()

        assert await fresh.name(ABC, run_id=f"run-{number}") == 3
