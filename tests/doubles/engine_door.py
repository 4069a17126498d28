"""An engine's front door alone: a unix socket that believes signed routes, remembers them, answers as told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.factories.routing import KEY
from wistro.http.limits import ENDPOINTS
from wistro.http.message import Request, Response
from wistro.http.server import Handler, Server
from wistro.protocol.route import HEADER, Route, verify

NOW_US = 1_800_000_000_000_000


def real_now_us() -> int:
    return time.time_ns() // 1000


class EngineDoor:
    def __init__(self, path: Path, *, now_us: Callable[[], int] = lambda: NOW_US) -> None:
        self.path = path
        self.now_us = now_us
        self.routes: list[Route] = []
        self.requests: list[Request] = []
        self.answer = Response(202, b"taken", [("x-answer", "1")])
        self.stream: Handler | None = None  # answers in its place
        self.server: Server | None = None

    async def start(self) -> None:
        self.server = Server(self.handle, limits=ENDPOINTS, spool=self.path.parent)
        await self.server.listen_unix(self.path)

    async def stop(self) -> None:
        if self.server:
            await self.server.close()

    async def handle(self, request: Request) -> Response:
        header = request.header(HEADER) or ""
        self.routes.append(verify(header, key=KEY, now_us=self.now_us()))
        self.requests.append(request)
        return self.answer if self.stream is None else await self.stream(request)
