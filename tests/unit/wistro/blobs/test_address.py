from __future__ import annotations

import pytest

from wistro.blobs.address import BadBlobs, bucket_of
from wistro.blobs.s3_client import Bucket
from wistro.blobs.s3_signing import Credentials

KEY = {"WISTRO_BLOB_CREDENTIALS": "id:se/cret:token"}


def test_a_bucket_is_named_with_its_prefix_region_and_endpoint() -> None:
    address = "s3://shop/a/b?region=eu-central-1&endpoint=http://127.0.0.1:9000/"

    assert bucket_of(address, KEY, below="env-1") == Bucket(
        "http://127.0.0.1:9000",
        "shop",
        "a/b/env-1/",
        Credentials("id", "se/cret", "eu-central-1", "token"),
    )


def test_amazons_own_address_and_variables_are_the_default() -> None:
    found = bucket_of("s3://shop", {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"})

    assert (found.endpoint, found.prefix) == ("https://s3.us-east-1.amazonaws.com", "")
    assert found.credentials == Credentials("i", "s", "us-east-1")


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("https://shop", KEY),
        ("s3:///a", KEY),
        ("s3://shop?regoin=x", KEY),
        ("s3://shop?endpoint=shop.example", KEY),
        ("s3://shop?endpoint=https://a/b", KEY),
        ("s3://shop", {}),
        ("s3://shop", {"WISTRO_BLOB_CREDENTIALS": "only-an-id"}),
    ],
)
def test_what_names_no_bucket_is_refused(address: str, values: dict[str, str]) -> None:
    with pytest.raises(BadBlobs):
        bucket_of(address, values)
