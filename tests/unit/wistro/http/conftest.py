"""A real server on a loopback port and a caller that writes bytes and reads answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from wistro.http.message import Request, Response
from wistro.http.server import Server

LIMIT_S = 10.0


class Caller:
    """One connection; every read has a limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.writer.write(chunk)
            await self.writer.drain()

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(LIMIT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
            }
            if headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(await self.reader.readuntil(b"\n"), 16):
                    body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readexactly(2)
            elif has_body and "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            else:
                body = b""
            return int(first.split(" ")[1]), headers, body

    async def rest(self) -> bytes:
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.read()


class Place:
    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port
        self._writers: list[asyncio.StreamWriter] = []

    async def caller(self) -> Caller:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        return Caller(reader, writer)

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
        await self.server.close()


Handle = Callable[[Request], Awaitable[Response]]


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Awaitable[Place]]]:
    """`await serving(handle, limits=…)` -> a Place."""
    places: list[Place] = []

    async def serve(handle: Handle, **options: object) -> Place:
        server = Server(handle, **options)  # type: ignore[arg-type]
        places.append(Place(server, await server.listen_tcp("127.0.0.1", 0)))
        return places[-1]

    yield serve
    for place in places:
        await place.close()


def pytest_asyncio_loop_factories(config: object, item: object) -> dict[str, Callable[[], object]]:
    """What runs is uvloop; where there is none it is asyncio's own."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
