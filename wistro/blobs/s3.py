"""Blobs in an S3 bucket, with a folder of this machine's for what was written or read lately.

    content/<sha256>          the bytes
    runs/<run id>/<sha256>    empty: this run names that blob
    going/<sha256>            being deleted: brought back when a run turns out to name it

S3 has no lock and no link count. What nobody names is first moved to `going/`, then the names are read again: whoever
named it in between gets it back, and a reader that missed it looks there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wistro.blobs.files import FileUpload
from wistro.blobs.port import BlobsBroken, Kept, NamedBy
from wistro.blobs.s3_client import NOTHING_SHA256, S3Client

CACHE_BYTES = 2 * 1024 * 1024 * 1024
CACHED_FOR_S = 3600.0  # at least, so that what a host is told of is there when it opens it
UNNAMED_FOR_S = 3600.0  # an upload is named right after it


class S3Blobs:
    """Implements `Blobs`. `folder` is this process's own."""

    def __init__(
        self,
        client: S3Client,
        folder: Path,
        *,
        cache_bytes: int = CACHE_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder / "content"
        self._uploads = folder / "uploads"
        self._client = client
        self._cache_bytes = cache_bytes
        self._now = now
        self._fetching = threading.Lock()

    async def start(self) -> None:
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        for one in (self.folder, self._uploads):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._uploads.iterdir():
            left.unlink(missing_ok=True)

    def upload(self) -> S3Upload:
        return S3Upload(self, self._uploads)

    async def name(self, sha256: str, *, run_id: str) -> int | None:
        return await asyncio.to_thread(self._name, sha256, run_id)

    def _name(self, sha256: str, run_id: str) -> int | None:
        """Named first, looked for afterwards: what is found then cannot be collected any more."""
        self._mark(sha256, run_id)
        size = self._size(sha256)
        if size is None:
            self._client.delete(f"runs/{run_id}/{sha256}")
        return size

    def _size(self, sha256: str) -> int | None:
        if found := self._client.head(f"content/{sha256}"):
            return found.size
        if self._client.head(f"going/{sha256}") and self._client.copy(
            f"going/{sha256}", f"content/{sha256}"
        ):
            found = self._client.head(f"content/{sha256}")
        return found.size if found else None

    async def path(self, sha256: str) -> Path | None:
        return await asyncio.to_thread(self._path, sha256)

    def _path(self, sha256: str) -> Path | None:
        cached = self.folder / sha256
        with self._fetching:
            try:
                os.utime(cached)
            except FileNotFoundError:
                return cached if self._fetch(sha256, cached) else None
        return cached

    def _fetch(self, sha256: str, cached: Path) -> bool:
        descriptor, path = tempfile.mkstemp(dir=self._uploads)
        written = Path(path)
        try:
            with os.fdopen(descriptor, "wb") as into:
                keys = (f"content/{sha256}", f"going/{sha256}")
                is_found = any(self._client.fetch(key, into) for key in keys)
            if is_found:
                written.chmod(0o400)
                written.replace(cached)
            return is_found
        finally:
            written.unlink(missing_ok=True)

    async def runs(self) -> list[NamedBy]:
        return await asyncio.to_thread(self._named)

    def _named(self) -> list[NamedBy]:
        sizes = {
            one.key.removeprefix("content/"): one.size for one in self._client.list("content/")
        }
        found: dict[str, NamedBy] = {}
        for mark in self._client.list("runs/"):
            _, run_id, sha256 = mark.key.split("/")
            at_us, size = int(mark.written_at * 1e6), sizes.get(sha256, 0)
            if before := found.get(run_id):
                at_us, size = max(at_us, before.last_named_at_us), size + before.size
            found[run_id] = NamedBy(run_id, at_us, size)
        return sorted(found.values(), key=lambda one: (one.last_named_at_us, one.run_id))

    async def forget(self, run_id: str) -> None:
        await asyncio.to_thread(self._forget, run_id)

    def _forget(self, run_id: str) -> None:
        for mark in list(self._client.list(f"runs/{run_id}/")):
            self._client.delete(mark.key)

    async def collect(self) -> int:
        return await asyncio.to_thread(self._collect)

    def _collect(self) -> int:
        self._evict()
        before = self._now() - UNNAMED_FOR_S
        old = [one for one in self._client.list("content/") if one.written_at < before]
        named = self._named_blobs() if old else set()
        for one in old:
            sha256 = one.key.removeprefix("content/")
            if sha256 not in named and self._client.copy(one.key, f"going/{sha256}"):
                self._client.delete(one.key)
        return self._end_going()

    def _end_going(self) -> int:
        """Also what a sweep left behind that died half-way."""
        going = [one.key for one in self._client.list("going/")]
        named = self._named_blobs() if going else set()
        deleted = 0
        for key in going:
            sha256 = key.removeprefix("going/")
            if sha256 in named:
                self._client.copy(key, f"content/{sha256}")
            elif self._client.head(f"content/{sha256}") is None:
                deleted += 1
            self._client.delete(key)
        return deleted

    def _named_blobs(self) -> set[str]:
        return {one.key.rpartition("/")[2] for one in self._client.list("runs/")}

    def _evict(self) -> None:
        """The longest unread first, until the cache is below its size; never what was read lately."""
        files = [(one.stat().st_mtime, one.stat().st_size, one) for one in self.folder.iterdir()]
        total = sum(size for _, size, _ in files)
        for read_at, size, cached in sorted(files):
            if total <= self._cache_bytes or read_at > self._now() - CACHED_FOR_S:
                return
            cached.unlink(missing_ok=True)
            total -= size

    async def close(self) -> None:
        self._client.close()

    # What an upload asks

    def keep_now(self, written: Path, sha256: str, size: int, run_id: str) -> None:
        """The mark first: from then on nobody collects it. It is sent also when it is there: that makes it young."""
        self._mark(sha256, run_id)
        with written.open("rb") as content:
            self._client.put(f"content/{sha256}", content, sha256=sha256, size=size)
        with contextlib.suppress(OSError):  # the cache is only a cache
            written.replace(self.folder / sha256)

    def _mark(self, sha256: str, run_id: str) -> None:
        self._client.put(f"runs/{run_id}/{sha256}", None, sha256=NOTHING_SHA256, size=0)


class S3Upload:
    """Implements `Upload`: to a file first, since S3 wants the digest before the bytes."""

    def __init__(self, blobs: S3Blobs, folder: Path) -> None:
        self._blobs = blobs
        self._file = FileUpload(folder)

    @property
    def size(self) -> int:
        return self._file.size

    async def write(self, chunk: bytes | memoryview) -> None:
        await self._file.write(chunk)

    async def finish(self, *, run_id: str) -> Kept:
        return await asyncio.to_thread(self._finish, run_id)

    def _finish(self, run_id: str) -> Kept:
        path, sha256 = self._file.seal()
        try:
            self._blobs.keep_now(path, sha256, self.size, run_id)
        except OSError as error:
            raise BlobsBroken(str(error)) from error
        finally:
            path.unlink(missing_ok=True)
        return Kept(sha256, self.size)

    def abort(self) -> None:
        self._file.abort()
