from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doubles import s3
from wistro.blobs.port import BlobsBroken
from wistro.blobs.s3 import CACHED_FOR_S, S3Blobs
from wistro.blobs.s3_client import NOTHING_SHA256, Bucket, S3Client
from wistro.blobs.s3_signing import Credentials, signed


@pytest.fixture
def bucket() -> Iterator[s3.Bucket]:
    bucket = s3.Bucket()
    yield bucket
    bucket.close()


@pytest.fixture
def a_client(bucket: s3.Bucket) -> Iterator[Callable[..., S3Client]]:
    made: list[S3Client] = []

    def make(*, name: str = s3.BUCKET, secret: str = s3.SECRET) -> S3Client:
        credentials = Credentials(s3.KEY_ID, secret, s3.REGION, token="t")
        made.append(S3Client(Bucket(bucket.endpoint, name, "", credentials)))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_a_request_is_signed_as_amazons_own_example_is() -> None:
    # "Example: GET Object" of "Signature Calculations for the Authorization Header" in the S3 API reference.
    headers = signed(
        "GET",
        "/test.txt",
        {},
        {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"},
        body_sha256=NOTHING_SHA256,
        credentials=Credentials(
            "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
        ),
        at=datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert headers["authorization"].endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_a_wrong_secret_is_refused_and_said(
    bucket: s3.Bucket, a_client: Callable[..., S3Client]
) -> None:
    with pytest.raises(BlobsBroken, match=r"403.*SignatureDoesNotMatch"):
        a_client(secret="other").delete("k")
    assert bucket.refused


def test_what_fails_for_a_moment_is_tried_again(
    bucket: s3.Bucket, a_client: Callable[..., S3Client]
) -> None:
    bucket.failures = [503, 500]

    a_client().put("k", io.BytesIO(b"abc"), sha256=hashlib.sha256(b"abc").hexdigest(), size=3)

    assert bucket.objects["k"][0] == b"abc"


def test_a_bucket_that_is_not_there_is_said(a_client: Callable[..., S3Client]) -> None:
    client = a_client(name="nowhere")

    with pytest.raises(BlobsBroken, match="NoSuchBucket"):
        list(client.list(""))


async def test_the_cache_drops_what_was_not_read_for_long(
    a_client: Callable[..., S3Client], tmp_path: Path
) -> None:
    ages_s = 0.0
    blobs = S3Blobs(
        a_client(),
        tmp_path,
        cache_bytes=3,
        now=lambda: datetime.now(UTC).timestamp() + ages_s,
    )
    await blobs.start()
    for content in (b"abc", b"def"):
        upload = blobs.upload()
        await upload.write(content)
        await upload.finish(run_id="run")

    await blobs.collect()
    lately = sorted(one.name for one in blobs.folder.iterdir())
    ages_s = CACHED_FOR_S + 60
    await blobs.collect()

    assert len(lately) == 2
    assert len(list(blobs.folder.iterdir())) == 1
