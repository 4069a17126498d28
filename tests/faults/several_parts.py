"""What several engines on one PostgreSQL are made of: the server, a network that can be cut, engines that are kept alive."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from infra import procs
from infra.place import CHECKOUT
from infra.ports import free_ports
from tests.faults.engine_system import MODULE, STARTED_WITHIN_S, own_environ

SCHEMA = "faults"


class Proxy:
    """From a TCP port to a socket. `hold` lets nothing pass and says nothing, as a network that is cut."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._passes = asyncio.Event()
        self._passes.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def hold(self) -> None:
        self._passes.clear()

    def let_pass(self) -> None:
        self._passes.set()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._passes.wait()
            there_reader, there = await asyncio.open_unix_connection(str(self._to))
            ways = [self._pump(reader, there), self._pump(there_reader, writer)]
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


class Balancer:
    """One port before several: each connection goes to the next that takes it."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._next = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            for _ in self._ports:
                self._next = (self._next + 1) % len(self._ports)
                with contextlib.suppress(OSError):
                    port = self._ports[self._next]
                    there_reader, there = await asyncio.open_connection("127.0.0.1", port)
                    ways = [_copy(reader, there), _copy(there_reader, writer)]
                    await asyncio.gather(*ways, return_exceptions=True)
                    return
            writer.close()
        finally:
            self._tasks.discard(task)


class Engine:
    """One engine with a folder of its own, started again whenever it dies; `ended` holds how."""

    def __init__(self, folder: Path, root: Path, *, proxy: Proxy, url: str, effects: Path) -> None:
        self.folder = folder
        self.root = root
        self.proxy = proxy
        self.port = free_ports(1)[0]
        self.ended: list[int] = []
        self.seen: set[procs.Identity] = set()
        self._environ = own_environ() | {"FAULTS_EFFECTS": str(effects), "WISTRO_STORE": url}
        self._popen: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self) -> None:
        self._spawn()
        self._keeper = asyncio.create_task(self._keep())
        until = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < until:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise TimeoutError(f"the engine did not start:\n{self.log()[-3000:]}")

    async def stop(self) -> None:
        self._is_stopping = True
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        if self._keeper is not None:
            async with asyncio.timeout(30):
                await self._keeper

    def send(self, number: int) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)

    def living(self) -> list[procs.Identity]:
        found = procs.identify(self._popen.pid) if self._popen else None
        mine = [found] if found else []
        self.seen |= {*mine, *procs.descendants(one.pid for one in mine)}
        return mine

    def log(self) -> str:
        return (self.folder / "engine.log").read_text()

    def _spawn(self) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "engine.log").open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(self.root), str(self.port)],
                cwd=CHECKOUT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _keep(self) -> None:
        while True:
            assert self._popen is not None
            await procs.exited(self._popen)
            self.ended.append(self._popen.returncode)
            if self._is_stopping:
                return
            self._spawn()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
