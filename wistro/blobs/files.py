"""Blobs in a folder. A run's name for a blob is a hard link, so a blob's link count is its reference count.

content/ab/<sha256>       the bytes, read-only
runs/<run id>/<sha256>    the same file, once for each run that names it
uploads/                  what is being written
lock                      held shared to name, exclusively to delete
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from wistro.blobs.port import BlobsBroken, Kept, NamedBy

_GIVE_UP_AFTER = 10  # a folder that is taken away each time we made it


class FileBlobs:
    """Implements `Blobs`. Several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "content"
        self._runs = folder / "runs"
        self._uploads = folder / "uploads"
        self._lock = folder / "lock"

    async def start(self) -> None:
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        with _told():
            for one in (self.folder, self._runs, self._uploads):
                one.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
                for left in self._uploads.iterdir() if held else ():
                    left.unlink(missing_ok=True)

    def upload(self) -> FileUpload:
        return FileUpload(self._uploads, self)

    async def name(self, sha256: str, *, run_id: str) -> int | None:
        return await asyncio.to_thread(self.name_now, sha256, run_id)

    def name_now(self, sha256: str, run_id: str) -> int | None:
        with _told(), self._locked(fcntl.LOCK_SH):
            content = self._content(sha256)
            try:
                size = content.stat().st_size
                self._link(content, run_id)
            except FileNotFoundError:
                return None
            return size

    async def path(self, sha256: str) -> Path | None:
        content = self._content(sha256)
        return content if await asyncio.to_thread(content.is_file) else None

    async def runs(self) -> list[NamedBy]:
        return await asyncio.to_thread(self._named)

    def _named(self) -> list[NamedBy]:
        found: list[NamedBy] = []
        with _told():
            for run in self._runs.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    size = sum(one.stat().st_size for one in run.iterdir())
                    found.append(NamedBy(run.name, run.stat().st_mtime_ns // 1_000, size))
        return sorted(found, key=lambda one: (one.last_named_at_us, one.run_id))

    async def forget(self, run_id: str) -> None:
        with _told():
            await asyncio.to_thread(shutil.rmtree, self._runs / run_id, ignore_errors=True)

    async def collect(self) -> int:
        return await asyncio.to_thread(self._collect)

    def _collect(self) -> int:
        """A look without the lock first, so that namers wait only for the deleting itself."""
        deleted = 0
        with _told():
            for content in [one for one in self.folder.glob("*/*") if _is_unnamed(one)]:
                with self._locked(fcntl.LOCK_EX):
                    if _is_unnamed(content):
                        content.unlink()
                        deleted += 1
        return deleted

    async def close(self) -> None:
        return None

    # Inside

    def keep_now(self, written: Path, sha256: str, run_id: str) -> None:
        """A finished upload becomes the blob, or one more name of the blob that was there."""
        with _told(), self._locked(fcntl.LOCK_SH):
            content = self._content(sha256)
            if not content.is_file():
                content.parent.mkdir(exist_ok=True, mode=0o700)
                with contextlib.suppress(FileExistsError):  # somebody else was faster
                    os.link(written, content)
                _sync(content.parent)
                _sync(self.folder)
            self._link(content, run_id)
        written.unlink()

    def _link(self, content: Path, run_id: str) -> None:
        folder = self._runs / run_id
        for _ in range(_GIVE_UP_AFTER):
            folder.mkdir(exist_ok=True, mode=0o700)
            try:
                os.link(content, folder / content.name)
            except FileExistsError:
                return
            except FileNotFoundError:
                if not content.exists():
                    raise
                continue  # the run was forgotten in between
            _sync(folder)
            _sync(self._runs)
            return
        raise OSError(f"{folder} is taken away again and again")

    def _content(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[bool]:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)


class FileUpload:
    """Implements `Upload` for `FileBlobs`; without `blobs` a file to be sealed. Chunks are written in threads."""

    def __init__(self, folder: Path, blobs: FileBlobs | None = None) -> None:
        self._blobs = blobs
        self._folder = folder
        self._hash = hashlib.sha256()
        self._descriptor = -1
        self._path: Path | None = None
        self._guard = threading.Lock()
        self._is_over = False
        self.size = 0

    async def write(self, chunk: bytes | memoryview) -> None:
        self.size += len(chunk)
        await asyncio.to_thread(self.write_now, chunk)

    def write_now(self, chunk: bytes | memoryview) -> None:
        with _told(), self._guard:
            if self._is_over:
                return
            if self._path is None:
                self._open()
            self._hash.update(chunk)
            left = memoryview(chunk)
            while left:
                left = left[os.write(self._descriptor, left) :]

    async def finish(self, *, run_id: str) -> Kept:
        return await asyncio.to_thread(self._finish, run_id)

    def _finish(self, run_id: str) -> Kept:
        assert self._blobs is not None
        path, sha256 = self.seal()
        try:
            self._blobs.keep_now(path, sha256, run_id)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Kept(sha256, self.size)

    def seal(self) -> tuple[Path, str]:
        """Written, fsynced and closed: the file, and what it is called from now on."""
        with _told(), self._guard:
            if self._is_over:
                raise BlobsBroken("the upload is over")
            if self._path is None:
                self._open()
            os.fchmod(self._descriptor, 0o400)
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._is_over = True
            assert self._path is not None
            return self._path, self._hash.hexdigest()

    def abort(self) -> None:
        with self._guard:
            if self._is_over:
                return
            self._is_over = True
            if self._path is not None:
                os.close(self._descriptor)
                self._path.unlink(missing_ok=True)

    def _open(self) -> None:
        self._descriptor, path = tempfile.mkstemp(dir=self._folder)
        self._path = Path(path)


def _is_unnamed(content: Path) -> bool:
    try:
        return content.stat().st_nlink == 1
    except FileNotFoundError:
        return False


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """The disk's own words become BlobsBroken."""
    try:
        yield
    except OSError as error:
        raise BlobsBroken(str(error)) from error
