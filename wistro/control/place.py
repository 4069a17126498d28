"""Where a project's control socket lies, and that one process alone runs a project's folder.

A socket's path holds 107 bytes, so it is in a short folder of the user's own and not in the project.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wistro.errors import UserError

SOCKET = "control"
LOCK = "running"


class NotOurs(UserError):
    """The folder for sockets belongs to somebody else, or others may enter it."""

    code = "control.folder"
    hint = "Remove it, or set XDG_RUNTIME_DIR to a folder of your own."


class AlreadyRuns(UserError):
    """Another process runs this project: two would take the store from each other."""

    code = "control.already-runs"
    hint = "End it first; `wistro runs` and the other commands speak to it as it is."


def socket_of(root: Path) -> Path:
    """The control socket of the project at `root`, whether or not it is there."""
    key = hashlib.sha256(os.fsencode((root / ".wistro").resolve())).hexdigest()[:8]
    return _parent() / f"wistro-{os.getuid()}-{key}" / SOCKET


def make_folder(socket: Path) -> None:
    """Raises NotOurs: a folder that another user made could lead us anywhere."""
    folder = socket.parent
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    check_folder(socket)


def check_folder(socket: Path) -> None:
    found = socket.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotOurs(f"{socket.parent} is not a folder of yours alone")


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Run this project as the only one. Raises AlreadyRuns; a process that died is none."""
    path = root / ".wistro" / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            pid = file.read(20).strip()
            named = f"process {pid}" if pid.isdigit() else "another process"
            raise AlreadyRuns(f"{named} runs the project in {root}") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _parent() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) if given and Path(given).is_dir() else Path(tempfile.gettempdir())
