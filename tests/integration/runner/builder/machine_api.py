"""The machine API as a builder sees it, in memory, on a port of its own: orders out, lines and results in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.server
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from wistro.protocol.bundle import Bundle
from wistro.protocol.machine import (
    BuildControl,
    BuildLine,
    BuildOrder,
    BuildProgress,
    BuildResult,
    GitSource,
    Registered,
    Registration,
    UploadSource,
)

LIMIT_S = 100
ORGANIZATION = "0192aaaa-0000-7000-8000-000000000001"


@dataclass
class MachineApi:
    """Thread-safe by one lock; `finished` is set whenever a result comes in."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    orders: list[BuildOrder] = field(default_factory=list)
    lines: list[BuildLine] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    results: list[BuildResult] = field(default_factory=list)
    registrations: list[Registration] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    cancel_at: str | None = None
    lost_at: str | None = None
    port: int = 0

    def __post_init__(self) -> None:
        self.changed = threading.Condition()

    def order(self, *, git: GitSource | None = None, upload: Bundle | None = None, lease_s=5.0):
        source = None
        if upload is not None:
            source = UploadSource(self.put(msgspec.json.encode(upload)))
        order = BuildOrder(
            str(uuid.uuid4()),
            str(uuid.uuid4()),
            ORGANIZATION,
            attempt=1,
            lease_s=lease_s,
            git=git,
            upload=source,
        )
        with self.changed:
            self.orders.append(order)

    def put(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self.blobs[name] = content
        return name

    async def result(self) -> BuildResult:
        """The next result; what was logged is in `lines`."""
        await asyncio.to_thread(self._wait, lambda: bool(self.results), LIMIT_S)
        return self.results.pop(0)

    async def reached(self, stage: str) -> None:
        await asyncio.to_thread(self._wait, lambda: stage in self.stages, LIMIT_S)

    def _wait(self, ready: Callable[[], bool], limit_s: float) -> None:
        with self.changed:
            if not self.changed.wait_for(ready, limit_s):
                raise TimeoutError(f"nothing after {limit_s} s; said so far: {self.text()}")

    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def bundle(self, sha256: str | None) -> Bundle:
        assert sha256 is not None
        return msgspec.json.decode(self.blobs[sha256], type=Bundle)


def serve(api: MachineApi) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(api.blobs.get(self.path.rpartition("/")[2]), missing=404)

        def do_PUT(self) -> None:
            content = self._body()
            with api.changed:
                api.uploads.append(api.put(content))
            self._answer(None)

        def do_POST(self) -> None:
            body, last = self._body(), self.path.rpartition("/")[2]
            with api.changed:
                answer, status = self._post(last, body)
                api.changed.notify_all()
            self._answer(answer, missing=status)

        def _post(self, last: str, body: bytes) -> tuple[bytes | None, int]:
            if last == "register":
                api.registrations.append(msgspec.json.decode(body, type=Registration))
                return msgspec.json.encode(Registered(str(uuid.uuid4()), "own-token")), 200
            if self.headers["authorization"] != "Bearer own-token":
                return None, 401
            if last == "claim":
                return (msgspec.json.encode(api.orders.pop(0)), 200) if api.orders else (None, 204)
            if last == "missing":
                asked = msgspec.json.decode(body)["sha256"]
                missing = [name for name in asked if name not in api.blobs]
                return msgspec.json.encode({"missing": missing}), 200
            if last == "progress":
                progress = msgspec.json.decode(body, type=BuildProgress)
                api.lines += progress.lines
                api.stages.append(progress.state)
                if progress.state == api.lost_at:
                    return None, 409
                return msgspec.json.encode(BuildControl(progress.state == api.cancel_at)), 200
            result = msgspec.json.decode(body, type=BuildResult)
            api.lines += result.lines
            api.results.append(result)
            return None, 204

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body
            return self.rfile.read(int(self.headers.get("content-length") or 0))

        def _answer(self, content: bytes | None, *, missing: int = 204) -> None:
            self.send_response(missing if content is None else 200)
            if content is not None or missing != 204:
                self.send_header("content-length", str(len(content or b"")))
            with contextlib.suppress(OSError):  # a builder that was stopped hears no answer
                self.end_headers()
                self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_port
    return server
