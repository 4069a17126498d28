from __future__ import annotations

from pathlib import Path

import pytest

from wistro.blobs.files import FileBlobs
from wistro.blobs.port import BlobsBroken


async def test_what_a_killed_process_was_writing_is_dropped_by_the_next(tmp_path: Path) -> None:
    first = FileBlobs(tmp_path)
    await first.start()
    upload = first.upload()
    await upload.write(b"half")
    assert list((tmp_path / "uploads").iterdir())

    await FileBlobs(tmp_path).start()

    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.start()
    (tmp_path / "uploads").rmdir()

    with pytest.raises(BlobsBroken, match="uploads"):
        await blobs.upload().write(b"x")
