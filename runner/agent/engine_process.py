"""An engine's process as its agent sees it: started so that it outlives us, and the line to it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runner.agent.control import Report, ToEngine, receive, send

_NOT_FOR_ENGINES = "WISTRO_POOL_TOKEN"


def start(environment_id: str, *, data: Path) -> subprocess.Popen[bytes]:
    """In a session of its own. Its arguments hold nothing secret; its environment holds the keys of the fleet's stores
    and blobs where they are set, which a step's sandbox hides from it."""
    env = {name: value for name, value in os.environ.items() if name != _NOT_FOR_ENGINES}
    return subprocess.Popen(
        [sys.executable, "-m", "runner.agent.engine", environment_id],
        env=env | {"WISTRO_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for it and reap it; at once where there are pidfds."""
    if not hasattr(os, "pidfd_open"):
        return await asyncio.to_thread(process.wait)
    if process.poll() is not None:
        return process.returncode
    descriptor = os.pidfd_open(process.pid)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


@dataclass
class Line:
    """An open connection to an engine's control socket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def open(cls, path: Path) -> Line | None:
        """None when no engine listens there."""
        try:
            return cls(*await asyncio.open_unix_connection(str(path)))
        except OSError:
            return None

    async def listen(self, on_report: Callable[[Report], None]) -> None:
        """Until the engine is gone."""
        while (report := await receive(self.reader, Report)) is not None:
            on_report(report)

    async def say(self, message: ToEngine) -> None:
        """Nothing when it is gone: whoever listens is told so."""
        async with self._sending:
            try:
                await send(self.writer, message)
            except (OSError, msgspec.MsgspecError):
                self.close()

    def close(self) -> None:
        self.writer.close()
