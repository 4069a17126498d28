"""The gateway as a process, between a machine API and an engine's door: Hub down, restart, drain."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from runner.paths import engine_socket
from tests.doubles.caller import LIMIT_S, Caller
from tests.doubles.engine_door import EngineDoor, real_now_us
from tests.factories.routing import ENVIRONMENT, LABEL, a_deployment, a_table, an_environment
from wistro.http.message import Request, Response
from wistro.http.server import Server
from wistro.protocol.machine import Registered
from wistro.protocol.routing import RoutingTable

ROOT = Path(__file__).parents[4]
HOST = f"{LABEL}.localhost"


class MachineApi:
    """Registers gateways and serves the routing table; `acknowledged` holds the serials told back."""

    def __init__(self) -> None:
        self.table = a_table()
        self.acknowledged: asyncio.Queue[str] = asyncio.Queue()
        self.server: Server | None = None

    async def start(self, port: int = 0) -> int:
        self.server = Server(self.handle)
        return await self.server.listen_tcp("127.0.0.1", port)

    async def stop(self) -> None:
        if self.server:
            await self.server.close()

    def change(self, table: RoutingTable) -> None:
        self.table = table

    async def acknowledges(self, serial: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.acknowledged.get() != f'"{serial}"':
                pass

    async def handle(self, request: Request) -> Response:
        if request.path == "/machine/v1/register":
            return Response(200, msgspec.json.encode(Registered("machine-1", "token")))
        assert request.path == "/machine/v1/routing"
        asked = request.header("if-none-match") or ""
        self.acknowledged.put_nowait(asked)
        etag = f'"{self.table.serial}"'
        if asked == etag:
            return Response(304, headers=[("etag", etag)])
        return Response(200, msgspec.json.encode(self.table), [("etag", etag)])


class Place:
    """Folders, ports and the two neighbours of one gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.api = MachineApi()
        self.engine = EngineDoor(engine_socket(folder, ENVIRONMENT), now_us=real_now_us)
        self.machines_port = 0
        self.process: asyncio.subprocess.Process | None = None

    async def start_gateway(self) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "WISTRO_DATA": str(self.folder / "gateway"),
            "WISTRO_RUN": str(self.folder),
            "WISTRO_MACHINES_URL": f"http://127.0.0.1:{self.machines_port}",
            "WISTRO_POOL_TOKEN": "pool",
            "WISTRO_GATEWAY_BIND": f"127.0.0.1:{self.port}",
        }
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runner.gateway"),
            cwd=ROOT,
            env=env,
            stderr=asyncio.subprocess.PIPE,
        )
        await self.logged("listening")

    async def logged(self, text: str) -> dict:
        assert self.process and self.process.stderr
        async with asyncio.timeout(LIMIT_S):
            while line := await self.process.stderr.readline():
                if text in (entry := json.loads(line))["message"]:
                    return entry
        raise AssertionError(f"the gateway ended without saying {text!r}")

    async def end_gateway(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        assert self.process and self.process.stderr
        async with asyncio.timeout(LIMIT_S):
            await self.process.stderr.read()
            return await self.process.wait()

    async def ask(self, path: str = "/orders", **options) -> int:
        caller = await Caller.open(self.port)
        try:
            return (await caller.ask(path, host=HOST, **options))[0]
        finally:
            caller.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    place = Place(folder)
    place.machines_port = await place.api.start()
    await place.engine.start()
    yield place
    await place.end_gateway(signal.SIGKILL)
    await place.api.stop()
    await place.engine.stop()
    shutil.rmtree(folder)


async def test_a_table_is_fetched_applied_acknowledged_and_changed(place):
    await place.start_gateway()
    await place.api.acknowledges(1)

    assert await place.ask() == 202
    two = an_environment(a_deployment(2), generation=2)
    place.api.change(a_table(two, serial=2))
    await place.api.acknowledges(2)
    assert await place.ask() == 202

    assert [route.generation for route in place.engine.routes] == [1, 2]


async def test_with_the_hub_down_calls_are_served_and_after_a_restart_too(place):
    await place.start_gateway()
    await place.api.acknowledges(1)
    await place.api.stop()

    assert await place.ask() == 202
    await place.logged("no routing table")
    await place.end_gateway(signal.SIGKILL)
    await place.start_gateway()

    assert await place.ask() == 202


async def test_a_hub_that_comes_back_is_heard_again(place):
    await place.start_gateway()
    await place.api.acknowledges(1)
    await place.api.stop()
    await place.logged("no routing table")
    place.api.change(a_table(an_environment(generation=5), serial=5))

    await place.api.start(place.machines_port)

    await place.api.acknowledges(5)
    assert await place.ask() == 202


async def test_a_term_signal_answers_what_was_accepted_and_ends(place):
    release, entered = asyncio.Event(), asyncio.Event()
    handle = place.engine.handle

    async def slow(request):
        entered.set()
        await release.wait()
        return await handle(request)

    await place.engine.stop()
    place.engine.handle = slow
    await place.engine.start()
    await place.start_gateway()
    await place.api.acknowledges(1)
    call = asyncio.create_task(place.ask())
    await asyncio.wait_for(entered.wait(), LIMIT_S)

    place.process.send_signal(signal.SIGTERM)
    asyncio.get_running_loop().call_later(0.2, release.set)

    assert await call == 202
    await place.logged("drained")
    assert await place.ended() == 0


async def test_settings_that_cannot_be_used_are_one_clear_line(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runner.gateway"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "WISTRO_RUN": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), LIMIT_S)

    assert process.returncode == 1
    assert said.decode().startswith("error: WISTRO_DATA is not set") and b"Traceback" not in said


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_stream_passes_piece_by_piece_and_ends_its_step_when_the_caller_leaves(place):
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def stream(request: Request) -> Response:
        assert request.sink is not None
        request.sink.begin(200, [("content-type", "text/event-stream")])
        try:
            await request.sink.write(b"first")
            await go_on.wait()
            return Response(200, b"last", streamed=True)
        finally:
            ended.set()

    await place.start_gateway()
    await place.api.acknowledges(1)
    place.engine.stream = stream
    caller = await Caller.open(place.port)
    asked = f"POST /orders HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode()
    await caller.send(asked)
    head = await caller.reader.readuntil(b"first")
    go_on.set()
    rest = await caller.reader.readuntil(b"0\r\n\r\n")

    assert b"text/event-stream" in head and b"4\r\nlast\r\n" in rest

    go_on.clear()
    ended.clear()
    await caller.send(asked)
    await caller.reader.readuntil(b"first")
    caller.close()
    await asyncio.wait_for(ended.wait(), LIMIT_S)


async def test_a_stream_that_breaks_off_at_the_engine_is_cut_for_its_caller(place):
    async def stream(request: Request) -> Response:
        assert request.sink is not None
        request.sink.begin(200, [])
        await request.sink.write(b"first")
        return Response(500)

    await place.start_gateway()
    await place.api.acknowledges(1)
    place.engine.stream = stream
    caller = await Caller.open(place.port)
    await caller.send(
        f"POST /orders HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode()
    )

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        async with asyncio.timeout(LIMIT_S):
            await caller.reader.readuntil(b"0\r\n\r\n")
    caller.close()


async def test_a_large_body_reaches_the_engine_whole(place):
    async def digest(request: Request) -> Response:
        assert request.file is not None
        return Response(200, hashlib.sha256(request.file.read()).hexdigest().encode())

    await place.start_gateway()
    await place.api.acknowledges(1)
    place.engine.stream = digest
    body = os.urandom(12 * 1024 * 1024)
    caller = await Caller.open(place.port)

    status, _, told = await caller.ask("/orders", host=HOST, body=body)

    assert (status, told.decode()) == (200, hashlib.sha256(body).hexdigest())
    caller.close()
