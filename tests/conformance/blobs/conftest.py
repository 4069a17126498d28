"""Each adapter of the blob store, empty; a bucket of S3 is the double's, which checks every signature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.doubles import s3
from wistro.blobs.files import FileBlobs
from wistro.blobs.port import Blobs
from wistro.blobs.s3 import S3Blobs
from wistro.blobs.s3_client import Bucket, S3Client
from wistro.blobs.s3_signing import Credentials


@dataclass
class Subject:
    """`let_time_pass` makes all that is kept old."""

    open: Callable[[str], Blobs]
    let_time_pass: Callable[[], None]
    opened: list[Blobs] = field(default_factory=list)

    @property
    def blobs(self) -> Blobs:
        return self.opened[0]

    async def again(self) -> Blobs:
        """The same store as another process sees it."""
        self.opened.append(self.open(f"process-{len(self.opened)}"))
        await self.opened[-1].start()
        return self.opened[-1]


@pytest.fixture(scope="module")
def bucket() -> Iterator[s3.Bucket]:
    bucket = s3.Bucket()
    yield bucket
    bucket.close()
    assert bucket.refused == []


@pytest.fixture(params=["files", "s3"])
async def subject(
    request: pytest.FixtureRequest, bucket: s3.Bucket, tmp_path: Path
) -> AsyncIterator[Subject]:
    if request.param == "files":
        subject = Subject(lambda place: FileBlobs(tmp_path), let_time_pass=lambda: None)
    else:
        bucket.objects.clear()

        def opened(place: str) -> S3Blobs:
            credentials = Credentials(s3.KEY_ID, s3.SECRET, s3.REGION)
            there = Bucket(bucket.endpoint, s3.BUCKET, "env ä/", credentials)
            return S3Blobs(S3Client(there), tmp_path / place)

        subject = Subject(opened, let_time_pass=bucket.make_old)
    await subject.again()
    yield subject
    for one in subject.opened:
        await one.close()
