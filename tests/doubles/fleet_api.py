"""The machine API as agents and gateways see it, in memory: assignments, routing, blobs, heartbeats, records.

Records are kept as the Hub keeps them: by (stream, seq), each once, whatever is sent twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tests.factories.routing import a_table
from wistro.http.message import Request, Response
from wistro.http.server import Server
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import (
    Assignment,
    Assignments,
    DeploymentHealth,
    Heartbeat,
    Registered,
)
from wistro.protocol.records import RecordsBatch, RecordsTaken

LIMIT_S = 30.0
T = TypeVar("T")


class FleetApi:
    def __init__(self) -> None:
        self.port = 0
        self.blobs: dict[str, bytes] = {}
        self.assignments = Assignments(PROTOCOL, 1, 6.0, [])
        self.table = a_table()
        self.heartbeats: list[Heartbeat] = []
        self.registrations: list[Any] = []
        self.batches: list[RecordsBatch] = []
        self.records: dict[tuple[str, int], Any] = {}
        self.refuse_records: int | None = None  # a status to answer instead of taking them
        self.loses_answers = False  # takes every other batch, and its answer never arrives
        self.most_records = 10_000
        self._changed = asyncio.Event()
        self._server: Server | None = None

    async def start(self) -> None:
        """On the port it had before, so that it comes back where it is looked for."""
        self._server = Server(self._handle)
        self.port = await self._server.listen_tcp("127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self.blobs[name] = content
        return name

    def assign(self, *assignments: Assignment) -> None:
        serial = self.assignments.serial + 1
        self.assignments = Assignments(PROTOCOL, serial, 6.0, list(assignments))

    async def until(self, found: Callable[[], T | None]) -> T:
        """What `found` finds, looked for whenever something arrives."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := found()):
                self._changed.clear()
                await self._changed.wait()
        return value

    async def state(self, deployment_id: str, state: str) -> DeploymentHealth:
        """Waits for a heartbeat, after those so far, that says this of the deployment."""
        seen = len(self.heartbeats)

        def found() -> DeploymentHealth | None:
            for beat in self.heartbeats[max(0, seen - 1) :]:
                for environment in beat.environments:
                    for one in environment.deployments:
                        if one.deployment_id == deployment_id and one.state == state:
                            return one
            return None

        return await self.until(found)

    async def record(self, kind: type[T], **fields: Any) -> T:
        """Waits for a record of this kind with these fields."""

        def found() -> T | None:
            for one in self.records.values():
                if isinstance(one, kind) and all(
                    getattr(one, name) == value for name, value in fields.items()
                ):
                    return one
            return None

        return await self.until(found)

    async def _handle(self, request: Request) -> Response:
        try:
            return self._answer(request)
        finally:
            self._changed.set()

    def _answer(self, request: Request) -> Response:
        what = request.path.removeprefix("/machine/v1/")
        if what == "register":
            self.registrations.append(msgspec.json.decode(request.body))
            return _json(Registered("machine-1", "own-token"))
        if request.header("authorization") != "Bearer own-token":
            return Response(401)
        if what in ("assignments", "routing"):
            return self._polled(request, what)
        if what == "heartbeat":
            self.heartbeats.append(msgspec.json.decode(request.body, type=Heartbeat))
            return Response(204)
        if what == "records":
            return self._take(msgspec.json.decode(request.body, type=RecordsBatch))
        blob = self.blobs.get(what.removeprefix("blobs/"))
        return Response(404) if blob is None else Response(200, blob)

    def _polled(self, request: Request, what: str) -> Response:
        message = self.assignments if what == "assignments" else self.table
        etag = f'"{message.serial}"'
        if request.header("if-none-match") == etag:
            return Response(304, headers=[("etag", etag)])
        return Response(200, msgspec.json.encode(message), [("etag", etag)])

    def _take(self, batch: RecordsBatch) -> Response:
        if self.refuse_records is not None:
            return Response(self.refuse_records)
        if len(batch.records) > self.most_records:
            return Response(413)
        self.batches.append(batch)
        for one in batch.records:
            kept = self.records.setdefault((batch.stream, one.seq), one)
            assert kept == one, f"{batch.stream} {one.seq} came again as something else"
        if self.loses_answers and len(self.batches) % 2:
            return Response(503)
        return _json(RecordsTaken(batch.stream, batch.records[-1].seq))


def _json(message: Any) -> Response:
    return Response(200, msgspec.json.encode(message), [("content-type", "application/json")])
