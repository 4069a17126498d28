"""One engine with its front door, as `wistro start` puts them together: `python -m tests.faults.engine_process FOLDER PORT`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from tests.factories.auth import a_verifier
from wistro.engine.clock import SystemClock
from wistro.http.server import Server
from wistro.languages.node.build import build
from wistro.lock import file
from wistro.protocol.ids import NewIds
from wistro.triggers.http import LocalDoor
from wistro.wiring import local_engine


async def serve(root: Path, port: int) -> None:
    """Until SIGTERM: then what was accepted is answered, and what is in flight ends."""
    lock = file.read(root / file.NAME)
    environment = local_engine(root, store=os.environ.get("WISTRO_STORE"))
    await environment.start()
    await environment.use(lock, variables=os.environ, built=build(root, lock))
    door = LocalDoor(
        environment.engine,
        lock.triggers.api,
        values={},
        new_id=NewIds(),
        now_us=SystemClock().now_us,
        verifier=a_verifier(),
    )
    server = Server(door.handle)
    await server.listen_tcp("127.0.0.1", port)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()
    await server.drain(grace_s=10)
    await environment.close()


def main() -> None:
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
