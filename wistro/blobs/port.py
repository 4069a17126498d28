"""What the engine asks of a blob store. Adapters: `files` and `s3`; `wistro/wiring.py` picks one.

A blob is its bytes under their sha256. It is kept as long as a run names it; `name` comes before whatever tells of the
blob is committed, so a crash between leaves a name too many, never one too few.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class Kept(NamedTuple):
    """`sha256` is the hex digest."""

    sha256: str
    size: int


class NamedBy(NamedTuple):
    """What a run names: since when nothing was added, and how much it keeps."""

    run_id: str
    last_named_at_us: int
    size: int


class BlobsBroken(Exception):
    """The blob store cannot be read or written now; the message says why."""


class Upload(Protocol):
    """Bytes on their way in. Nothing of them is kept unless `finish` returns."""

    @property
    def size(self) -> int: ...

    async def write(self, chunk: bytes | memoryview) -> None: ...

    async def finish(self, *, run_id: str) -> Kept:
        """On disk, fsynced, named by the run; the same bytes twice are kept once."""
        ...

    def abort(self) -> None:
        """Forget it; nothing after `finish`."""
        ...


class Blobs(Protocol):
    """Every method but `upload` and `abort` may raise BlobsBroken."""

    folder: Path  # where `path` lies: hosts read it, and write nothing there

    async def start(self) -> None:
        """Before anything else; drops what uploads left behind when the last process died."""
        ...

    def upload(self) -> Upload: ...

    async def name(self, sha256: str, *, run_id: str) -> int | None:
        """Keep it for this run too; its size, or None when there is no such blob (any more)."""
        ...

    async def path(self, sha256: str) -> Path | None:
        """A file with its bytes on this machine, to be opened soon; None when there is no such blob."""
        ...

    async def runs(self) -> list[NamedBy]:
        """Every run that names a blob, longest untouched first."""
        ...

    async def forget(self, run_id: str) -> None:
        """The run names nothing any more."""
        ...

    async def collect(self) -> int:
        """Delete what no run names; how many. Safe beside uploads and names of this or another process."""
        ...

    async def close(self) -> None: ...
