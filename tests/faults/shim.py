"""The page by which shim.c is told what to do, and its compiling. Where there is no C compiler, `why_not` says so."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "shim.c"
HONEST, LIES, FAILS_NEXT = 0, 1, 2
FIELDS = struct.Struct("=qqqq")  # mode, failed_pid, after, ahead_ns


def why_not() -> str | None:
    if not sys.platform.startswith("linux"):
        return "the shim is written for Linux"
    if shutil.which("cc") is None:
        return "there is no C compiler to make the shim with"
    return None


class Shim:
    """One for a harness: `environ` is what an engine is started with to be under it."""

    def __init__(self, folder: Path) -> None:
        library, page = folder / "shim.so", folder / "shim.page"
        argv = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(argv, check=True, capture_output=True, timeout=60)
        page.write_bytes(bytes(FIELDS.size))
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), FIELDS.size)
        self.environ = {"LD_PRELOAD": str(library), "FAULTS_SHIM": str(page)}

    def lie(self) -> None:
        """Every sync is said to be done, and is not."""
        self._set(0, LIES)

    def fail_next_sync(self) -> None:
        """The next sync of the store fails, once, as a kernel tells a lost write."""
        self._set(1, 0)
        self._set(0, FAILS_NEXT)

    def shift_clock(self, seconds: float) -> None:
        self._set(3, self._get(3) + int(seconds * 1e9))

    @property
    def has_failed(self) -> bool:
        return self._get(0) == HONEST

    @property
    def syncs_after(self) -> int:
        """How often a process that was told of an error has synced the store again."""
        return self._get(2)

    def _get(self, field: int) -> int:
        return FIELDS.unpack(self._page[:])[field]

    def _set(self, field: int, value: int) -> None:
        struct.pack_into("=q", self._page, field * 8, value)
