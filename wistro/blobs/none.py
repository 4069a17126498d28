"""Where no blobs are kept: every use says why."""

from __future__ import annotations

from pathlib import Path

from wistro.blobs.port import BlobsBroken, Kept, NamedBy


class NoBlobs:
    """Implements `Blobs`."""

    def __init__(self, why: str, folder: Path = Path("/nonexistent")) -> None:
        self.folder = folder
        self._why = why

    async def start(self) -> None:
        return None

    def upload(self) -> NoUpload:
        return NoUpload(self._why)

    async def name(self, sha256: str, *, run_id: str) -> int | None:
        raise BlobsBroken(self._why)

    async def path(self, sha256: str) -> Path | None:
        raise BlobsBroken(self._why)

    async def runs(self) -> list[NamedBy]:
        return []

    async def forget(self, run_id: str) -> None:
        return None

    async def collect(self) -> int:
        return 0

    async def close(self) -> None:
        return None


class NoUpload:
    """Implements `Upload`."""

    size = 0

    def __init__(self, why: str) -> None:
        self._why = why

    async def write(self, chunk: bytes | memoryview) -> None:
        raise BlobsBroken(self._why)

    async def finish(self, *, run_id: str) -> Kept:
        raise BlobsBroken(self._why)

    def abort(self) -> None:
        return None
