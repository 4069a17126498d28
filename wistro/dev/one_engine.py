"""One engine at a time on a project's data: a file lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from wistro.errors import UserError

NAME = "engine.lock"


class AlreadyRunning(UserError):
    """Another `wistro dev` or `wistro start` runs this project; two would take its work from each other."""

    code = "engine.already-running"
    hint = "End the other one first, or run this one from a folder of its own."


class OneEngine:
    """Held from `with` to its end. `what` is told to whoever comes second, such as `wistro dev`."""

    def __init__(self, folder: Path, what: str) -> None:
        self._path = folder / NAME
        self._what = what
        self._descriptor = -1

    def __enter__(self) -> OneEngine:
        """Raises AlreadyRunning."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            who = holder or "another process"
            raise AlreadyRunning(f"{who} runs this project already") from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{self._what} (process {os.getpid()})".encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
