"""A real server on a loopback port and a caller that writes bytes and reads answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from tests.doubles.caller import Caller
from wistro.http.message import Request, Response
from wistro.http.server import Server


class Place:
    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port
        self._callers: list[Caller] = []

    async def caller(self) -> Caller:
        caller = await Caller.open(self.port)
        self._callers.append(caller)
        return caller

    async def close(self) -> None:
        for caller in self._callers:
            caller.close()
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
