"""Where a project's control socket lies.

A socket's path holds 107 bytes, so it is in a short folder of the user's own and not in the project.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from wistro.errors import UserError

SOCKET = "control"


class NotOurs(UserError):
    """The folder for sockets belongs to somebody else, or others may enter it."""

    code = "control.folder"
    hint = "Remove it, or set XDG_RUNTIME_DIR to a folder of your own."


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


def _parent() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) if given and Path(given).is_dir() else Path(tempfile.gettempdir())
