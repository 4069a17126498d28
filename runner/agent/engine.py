"""`python -m runner.agent.engine <environment id>`: one environment's engine, in a process that outlives its agent.

It serves the gateway on one socket and takes its agent's orders on another; it runs on with what it has when the
agent is gone. SIGTERM drains it. Exit 70: its store broke; the agent starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time

import uvloop

from runner import logs
from runner.agent.control import End, Orders, ToEngine, listening, receive, send
from runner.agent.hosting import Hosting
from runner.agent.locks import hold
from runner.paths import control_socket, engine_socket, private_folder
from runner.sandbox import choose
from runner.settings import Settings, load
from wistro.errors import UserError
from wistro.http.limits import ENDPOINTS
from wistro.http.server import Server
from wistro.triggers.http import RoutedDoor
from wistro.wiring import BLOBS, blobs_at, fleet_engine

log = logging.getLogger("runner.engine")
LOCK_WAIT_S = 10.0  # a predecessor may be at its end
ANSWER_GRACE_S = 5.0
CLOSE_GRACE_S = 3.0
REPORT_S = 0.1  # between two reports, at least
QUIET_S = 2.0  # and at most


def now_us() -> int:
    return time.time_ns() // 1000


class EngineProcess:
    def __init__(self, settings: Settings, environment_id: str, hosting: Hosting) -> None:
        self._hosting = hosting
        self._run = private_folder(settings.run)
        self._environment_id = environment_id
        self._door = RoutedDoor(
            hosting.environment.engine, environment_id=environment_id, key=b"", now_us=now_us
        )
        self._server = Server(self._door.handle, limits=ENDPOINTS, spool=settings.data)
        self._is_open = False
        self._orders: Orders | None = None
        self._ordered = asyncio.Event()
        self._agent: asyncio.StreamWriter | None = None
        self.stop = asyncio.Event()

    async def serve(self) -> None:
        """Until told to stop; then what was accepted is answered, and the rest kept for the next boot."""
        path = control_socket(self._run, self._environment_id)
        control = await asyncio.start_unix_server(self._take_agent, sock=listening(path))
        inode = path.stat().st_ino
        work: list[asyncio.Task[object]] = [
            asyncio.create_task(self._carry_out()),
            asyncio.create_task(self._tell()),
        ]
        stopped: asyncio.Task[object] = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({*work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():  # they never end by themselves: a mistake of ours
                    task.result()
            log.info("draining")
            control.close()
            await self._server.drain(grace_s=ANSWER_GRACE_S)
        finally:
            for task in (*work, stopped):
                task.cancel()
            await asyncio.gather(*work, stopped, return_exceptions=True)
            with contextlib.suppress(OSError):
                if path.stat().st_ino == inode:  # not a successor's
                    path.unlink()
            await self._server.close()
            await self._hosting.close(grace_s=CLOSE_GRACE_S)
            if self._agent is not None:
                self._agent.close()

    async def _take_agent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One agent at a time: one that gives orders takes the last one's place."""
        while (message := await receive(reader, ToEngine)) is not None:
            if isinstance(message, End):
                self.stop.set()
                continue
            if self._agent is not writer:
                if self._agent is not None:
                    self._agent.close()
                self._agent = writer
            self._orders = message
            self._ordered.set()
        if self._agent is writer:
            self._agent = None
        writer.close()

    async def _carry_out(self) -> None:
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            assert self._orders is not None
            if await self._hosting.apply(self._orders):
                self._door.key = self._hosting.key
                await self._open()

    async def _open(self) -> None:
        """Calls are taken once what they may ask for is loaded: until then gateways hold them."""
        if not self._is_open:
            self._is_open = True
            await self._server.listen_unix(engine_socket(self._run, self._environment_id))
            log.info("serving")

    async def _tell(self) -> None:
        last = None
        last_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hosting.changed.wait(), REPORT_S)
            told_anew = self._hosting.changed.is_set()
            self._hosting.changed.clear()
            report = self._hosting.report()
            if told_anew or report != last or loop.time() - last_at >= QUIET_S:
                last, last_at = report, loop.time()
                # Before all is loaded a report would have deployments without their live runs.
                if report.number and (agent := self._agent) is not None:
                    with contextlib.suppress(OSError):
                        await send(agent, report)
            await asyncio.sleep(REPORT_S / 10)


def store_url(stores: str, environment_id: str) -> str | None:
    """The environment's own schema on the server that the fleet's stores are on; None for a file."""
    if not stores:
        return None
    schema = "environment_" + "".join(one for one in environment_id if one.isalnum())
    return f"{stores}{'&' if '?' in stores else '?'}schema={schema[:48]}"


async def main(settings: Settings, environment_id: str) -> None:
    folder = private_folder(settings.data)
    held = await hold(folder / "engine.lock", wait_s=LOCK_WAIT_S)
    launcher = choose.launcher(settings)
    key = {"WISTRO_BLOB_CREDENTIALS": settings.blobs_credentials}
    blobs = blobs_at(settings.blobs, folder / BLOBS, key, below=environment_id)
    environment = fleet_engine(
        folder, store=store_url(settings.stores, environment_id), blobs=blobs
    )
    await environment.start()
    hosting = Hosting(environment, launcher, label=environment_id[-12:])
    process = EngineProcess(settings, environment_id, hosting)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.stop.set)
    log.info("engine of %s, pid %d", environment_id, os.getpid())
    try:
        await process.serve()
    finally:
        if (close := getattr(launcher, "close", None)) is not None:
            await asyncio.to_thread(close)
        os.close(held)
    log.info("drained")


def run(arguments: list[str]) -> None:
    """Raises SystemExit with one clear line for what its reader can mend."""
    try:
        settings = load(os.environ)
        logs.configure(settings.log_level)
        uvloop.run(main(settings, arguments[0]))
    except UserError as error:
        hint = f"\n hint: {error.hint}" if error.hint else ""
        sys.exit(f"error: {error.message}{hint}  [{error.code}]")


if __name__ == "__main__":
    run(sys.argv[1:])
