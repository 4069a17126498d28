"""One process at a time on one folder: a file lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from wistro.errors import UserError

LOOK_AGAIN_S = 0.05


class AlreadyRunning(UserError):
    """Another process holds the folder."""

    code = "agent.already-running"
    hint = "One agent a WISTRO_DATA, one engine an environment: end the other, or give this one its own folder."


async def hold(path: Path, *, wait_s: float) -> int:
    """The lock's descriptor, to be kept open; a holder that is just ending is waited for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if asyncio.get_running_loop().time() > until:
                os.close(descriptor)
                raise AlreadyRunning(f"{path.parent} is in use by another process") from None
        await asyncio.sleep(LOOK_AGAIN_S)
