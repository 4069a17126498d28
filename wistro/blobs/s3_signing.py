"""AWS Signature Version 4 for one request, as S3 wants it (headers signed, the body by its sha256, the path encoded once)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Credentials:
    key_id: str
    secret: str
    region: str
    token: str = ""  # of a session


def signed(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    body_sha256: str,
    credentials: Credentials,
    at: datetime,
) -> dict[str, str]:
    """The headers to send: those given (lower-case, `host` among them), date, digest, token and authorization."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    all_headers = {**headers, "x-amz-date": stamp, "x-amz-content-sha256": body_sha256}
    if credentials.token:
        all_headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(all_headers))
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    canonical = canonical_request(method, path, query, all_headers, names, body_sha256)
    to_sign = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_key(credentials, stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    all_headers["authorization"] = (
        f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return all_headers


def canonical_request(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    names: str,
    body_sha256: str,
) -> str:
    fields = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names.split(";"))
    return "\n".join((method, path, query_string(query), fields, names, body_sha256))


def query_string(query: Mapping[str, str]) -> str:
    pairs = sorted((encoded(name), encoded(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def encoded(text: str, *, also: str = "") -> str:
    return quote(text, safe=UNRESERVED + also)


def _key(credentials: Credentials, day: str) -> bytes:
    key = f"AWS4{credentials.secret}".encode()
    for part in (day, credentials.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
