"""The few requests that blobs need of an S3 bucket, signed, over a few kept connections. Paths name the bucket."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, BinaryIO
from urllib.parse import urlsplit
from xml.etree import ElementTree

from wistro.blobs.port import BlobsBroken
from wistro.blobs.s3_signing import Credentials, encoded, query_string, signed

TIMEOUT_S = 60.0
MOST_KEPT = 8
TRIES = 4
WAIT_S = 0.2  # before the second try, doubled for each further one
NOTHING_SHA256 = hashlib.sha256(b"").hexdigest()
_BROKEN = (OSError, http.client.HTTPException)
_TRY_AGAIN = (429, 500, 502, 503, 504)
_LONGEST_XML = 8 * 1024 * 1024


@dataclass(frozen=True)
class Bucket:
    """`endpoint`: `https://s3.eu-central-1.amazonaws.com`. `prefix` ends with a slash or is empty."""

    endpoint: str
    name: str
    prefix: str
    credentials: Credentials


@dataclass(frozen=True)
class Found:
    """An object: its key below the prefix, its size, and when it was last written (seconds)."""

    key: str
    size: int
    written_at: float


class S3Client:
    """Synchronous; may be shared by threads. Raises BlobsBroken."""

    def __init__(
        self, bucket: Bucket, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bucket = bucket
        self._now = now
        self._url = urlsplit(bucket.endpoint)
        self._kept: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._is_closed = False

    def put(self, key: str, content: BinaryIO | None, *, sha256: str, size: int) -> None:
        self._ask("PUT", key, body=content, sha256=sha256, size=size)

    def head(self, key: str) -> Found | None:
        answer = self._ask("HEAD", key, misses=True)
        if answer is None:
            return None
        written = parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
        return Found(key, int(answer.headers["content-length"]), written)

    def fetch(self, key: str, into: IO[bytes]) -> bool:
        """False when there is none."""
        return self._ask("GET", key, misses=True, into=into) is not None

    def copy(self, key: str, to: str) -> bool:
        source = encoded(f"{self._bucket.name}/{self._bucket.prefix}{key}", also="/")
        headers = {"x-amz-copy-source": source, "x-amz-metadata-directive": "REPLACE"}
        return self._ask("PUT", to, headers=headers, misses=True) is not None

    def delete(self, key: str) -> None:
        self._ask("DELETE", key, misses=True)

    def list(self, prefix: str) -> Iterator[Found]:
        """All keys that begin so, in their order."""
        query = {"list-type": "2", "prefix": self._bucket.prefix + prefix}
        while True:
            answer = self._ask("GET", "", query=query)
            assert answer is not None
            tree = ElementTree.fromstring(answer.body)
            space = tree.tag.partition("}")[0] + "}" if tree.tag.startswith("{") else ""
            for one in tree.iter(f"{space}Contents"):
                key = one.findtext(f"{space}Key", "").removeprefix(self._bucket.prefix)
                at = datetime.fromisoformat(one.findtext(f"{space}LastModified", ""))
                yield Found(key, int(one.findtext(f"{space}Size", "0")), at.timestamp())
            token = tree.findtext(f"{space}NextContinuationToken")
            if not token:
                return
            query = {**query, "continuation-token": token}

    # Inside

    def _ask(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: BinaryIO | None = None,
        sha256: str = NOTHING_SHA256,
        size: int = 0,
        misses: bool = False,
        into: IO[bytes] | None = None,
    ) -> _Answer | None:
        """All of these may be sent twice. None: 404, where `misses` allows it."""
        why = ""
        for number in range(TRIES):
            if number:
                time.sleep(WAIT_S * 2 ** (number - 1))
            try:
                if body is not None:
                    body.seek(0)
                if into is not None:
                    into.seek(0)
                    into.truncate()
                answer = self._send(
                    method, key, query or {}, headers or {}, body, sha256, size, into
                )
            except _BROKEN as error:
                why = str(error) or type(error).__name__
                continue
            if answer.status == 404 and misses:
                return None
            if answer.status < 300:
                return answer
            why = f"{answer.status} {answer.body[:300].decode(errors='replace')}"
            if answer.status not in _TRY_AGAIN:
                break
        raise BlobsBroken(f"{method} {self._url.netloc}/{self._bucket.name}/{key}: {why}")

    def _send(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: BinaryIO | None,
        sha256: str,
        size: int,
        into: IO[bytes] | None,
    ) -> _Answer:
        path = encoded(f"/{self._bucket.name}", also="/")
        if key:
            path += "/" + encoded(self._bucket.prefix + key, also="/")
        given = {"host": self._url.netloc, **headers}
        sent = signed(
            method,
            path,
            query,
            given,
            body_sha256=sha256,
            credentials=self._bucket.credentials,
            at=self._now(),
        )
        if method == "PUT":
            sent["content-length"] = str(size)
        target = f"{path}?{query_string(query)}" if query else path
        connection = self._take()
        try:
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            if into is not None and answer.status == 200:
                shutil.copyfileobj(answer, into, 1024 * 1024)
                read = b""
            else:
                read = answer.read(_LONGEST_XML)
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, is_usable=answer.isclosed() and not answer.will_close)
        return _Answer(answer.status, answer.headers, read)

    def _take(self) -> http.client.HTTPConnection:
        with self._guard:
            if self._kept:
                return self._kept.pop()
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            tls = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def _give_back(self, connection: http.client.HTTPConnection, *, is_usable: bool) -> None:
        with self._guard:
            if is_usable and not self._is_closed and len(self._kept) < MOST_KEPT:
                self._kept.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._guard:
            self._is_closed = True
            for connection in self._kept:
                connection.close()
            self._kept.clear()


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Any
    body: bytes
