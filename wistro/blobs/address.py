"""Where blobs are kept, as a setting says it: nothing for the engine's own folder, or an S3 bucket's address."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from wistro.blobs.s3_client import Bucket
from wistro.blobs.s3_signing import Credentials
from wistro.errors import UserError

SETTING = "WISTRO_BLOB_STORE"
KEY = "WISTRO_BLOB_CREDENTIALS"


class BadBlobs(UserError):
    """WISTRO_BLOB_STORE or its key names no place where blobs can be kept."""

    code = "blob.address"
    hint = (
        "WISTRO_BLOB_STORE=s3://bucket/prefix?region=eu-central-1&endpoint=https://…, and"
        " WISTRO_BLOB_CREDENTIALS=<key id>:<secret>[:<session token>] (or AWS_ACCESS_KEY_ID and its two neighbours)."
    )


class BlobsAreLocal(UserError):
    """Engines share a store, and blobs lie in a folder that those on other machines do not see."""

    code = "blob.local"
    hint = (
        "Name a bucket in WISTRO_BLOB_STORE, unless all engines run on this machine in this folder."
    )


def bucket_of(address: str, values: Mapping[str, str], *, below: str = "") -> Bucket:
    """`values` is where the key is found; `below` is put after the address's prefix. Raises BadBlobs."""
    url = urlsplit(address)
    options = dict(parse_qsl(url.query))
    if url.scheme != "s3" or not url.netloc or set(options) - {"region", "endpoint"}:
        raise BadBlobs(f"`{address}` is no address of a bucket")
    region = options.get("region", "us-east-1")
    endpoint = options.get("endpoint", f"https://s3.{region}.amazonaws.com").rstrip("/")
    if urlsplit(endpoint).scheme not in ("http", "https") or urlsplit(endpoint).path:
        raise BadBlobs(f"`{endpoint}` is no endpoint: http(s)://host[:port]")
    parts = [one for one in (*url.path.split("/"), below) if one]
    prefix = "".join(f"{one}/" for one in parts)
    return Bucket(endpoint, url.netloc, prefix, _credentials(values, region))


def _credentials(values: Mapping[str, str], region: str) -> Credentials:
    if given := values.get(KEY, ""):
        key_id, _, rest = given.partition(":")
        secret, _, token = rest.partition(":")
    else:
        key_id, secret = (
            values.get("AWS_ACCESS_KEY_ID", ""),
            values.get("AWS_SECRET_ACCESS_KEY", ""),
        )
        token = values.get("AWS_SESSION_TOKEN", "")
    if not key_id or not secret:
        raise BadBlobs("there is no key for the bucket")
    return Credentials(key_id, secret, region, token)
