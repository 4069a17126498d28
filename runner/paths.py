"""Where the fleet's processes on one machine meet: socket names, and files that are their owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import UUID

from wistro.errors import UserError

MAX_SOCKET_PATH = 107  # sun_path on Linux, less its NUL


class NotPrivate(UserError):
    """A folder that must be its owner's alone is not."""

    code = "runner.not-private"
    hint = "Remove it, or give it to this user with mode 0700."


class SocketPathTooLong(UserError):
    """The folder of sockets has so long a path that no socket can be named in it."""

    code = "runner.socket-path"
    hint = "Set WISTRO_RUN to a folder with a short path, such as /run/wistro."


def engine_socket(run: Path, environment_id: str) -> Path:
    """Where an environment's engine takes calls (HTTP, with a signed wistro-route)."""
    return _socket(run, "e", environment_id)


def control_socket(run: Path, environment_id: str) -> Path:
    """Where an environment's engine takes its agent's orders."""
    return _socket(run, "c", environment_id)


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 where it is missing; raises NotPrivate when others could enter it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NotPrivate(f"{path} is open to others")
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once and whole, readable by its owner alone, on disk when this returns."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name too
    finally:
        os.close(folder)


def _socket(run: Path, kind: str, environment_id: str) -> Path:
    path = run / f"{kind}-{UUID(environment_id).hex[-12:]}.sock"
    if len(os.fsencode(path)) + 1 > MAX_SOCKET_PATH:  # 1: the name it has until it listens
        raise SocketPathTooLong(f"{path} is too long for a socket")
    return path
