"""A server for one handler: listen on TCP and unix sockets, hold the limits, drain.

server = Server(handle)                      # async def handle(request: Request) -> Response
await server.listen_tcp("127.0.0.1", 3000)
await server.drain(grace_s=30)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

from wistro.errors import UserError
from wistro.http import errors
from wistro.http.body import IncomingBody
from wistro.http.connection import Connection
from wistro.http.limits import Limits
from wistro.http.message import Request, Response, refusal

log = logging.getLogger("wistro.http")
Handler = Callable[[Request], Awaitable[Response]]
SWEEP_S = 0.5
BACKLOG = 2048


class Server:
    """Made inside a running loop. `cancel_when_lost` ends a handler whose caller is gone."""

    def __init__(
        self,
        handle: Handler,
        *,
        limits: Limits | None = None,
        cancel_when_lost: bool = False,
        drain_linger_s: float = 0.25,
        spool: Path | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.limits = limits or Limits()
        self.cancel_when_lost = cancel_when_lost
        self.drain_linger_s = (
            drain_linger_s  # how long a quiet caller may still send while draining
        )
        self.draining = False
        self.in_flight = 0
        self.held_bytes = 0
        self.spooled_bytes = 0
        # Bodies over `body_bytes` go into files there, if the limits let any be larger.
        self.spool = spool if self.limits.large_body_bytes > self.limits.body_bytes else None
        self.refused = 0  # for want of room
        self._handle = handle
        self._connections: set[Connection] = set()
        self._awaited: set[Connection] = set()  # of a drain: those that were here when it began
        self._emptied: asyncio.Future[None] | None = None
        self._listeners: list[asyncio.Server] = []
        self._unix: list[tuple[Path, int]] = []
        self._sweep = self.loop.call_later(SWEEP_S, self._swept)

    async def listen_tcp(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen; returns the port, which port 0 lets the system choose."""
        listener = await self.loop.create_server(
            lambda: Connection(self), host, port, backlog=BACKLOG, reuse_port=reuse_port or None
        )
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def listen_unix(self, path: Path) -> None:
        """Listen on a socket that its owner alone may open, in place of one left by a dead process."""
        fresh = path.with_name(path.name + "~")  # renamed when ready: never reachable by others
        fresh.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(fresh))
            fresh.chmod(0o600)
            listening.listen(BACKLOG)
            listening.setblocking(False)
            listener = await self.loop.create_unix_server(
                lambda: Connection(self), sock=listening, backlog=BACKLOG
            )
        except BaseException:
            listening.close()
            raise
        self._unix.append((path, fresh.stat().st_ino))
        fresh.replace(path)
        self._listeners.append(listener)

    async def drain(self, *, grace_s: float, listens: bool = False) -> bool:
        """Answer all that was accepted, close; True when nothing was cut off.

        With `listens` callers are let in until then, so that the handler can tell them (`Request.is_late`) to try
        elsewhere; else the port is closed to them at once.
        """
        self.draining = True
        # Connections that the kernel has already accepted for us are taken in one loop turn.
        await asyncio.sleep(0.01)
        if not listens:
            self._stop_listening()
        self._awaited = set(self._connections)
        for connection in self._awaited:
            connection.drain()
        whole = True
        if self._awaited:
            self._emptied = self.loop.create_future()
            try:
                await asyncio.wait_for(self._emptied, grace_s)
            except TimeoutError:
                whole = False
                log.warning("drain cut %d connections after %s s", len(self._awaited), grace_s)
        await self.close()
        return whole

    async def close(self) -> None:
        """Stop at once; callers in flight are cut off."""
        self.draining = True
        self._stop_listening()
        self._sweep.cancel()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    def _stop_listening(self) -> None:
        for path, inode in self._unix:
            with contextlib.suppress(OSError):
                if path.stat().st_ino == inode:  # not the socket of a successor
                    path.unlink()
        for listener in self._listeners:
            listener.close()
        self._unix, self._listeners = [], []

    # What connections ask.

    def admit(self, connection: Connection) -> bool:
        self._connections.add(connection)
        return len(self._connections) <= self.limits.connections

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._awaited.discard(connection)
        if not self._awaited and self._emptied and not self._emptied.done():
            self._emptied.set_result(None)

    def begin(self) -> bool:
        """Room for one more request?"""
        if self.in_flight >= self.limits.in_flight:
            self.refused += 1
            return False
        self.in_flight += 1
        return True

    def end(self, request: Request) -> None:
        self.in_flight -= 1
        self.let_go(request.body, request.file, request.size)

    def let_go(self, body: bytes, file: IO[bytes] | None, size: int) -> None:
        """A body is no longer needed."""
        if file is None:
            self.held_bytes -= len(body)
        else:
            file.close()
            self.spooled_bytes -= size

    @property
    def most_body_bytes(self) -> int:
        return self.limits.body_bytes if self.spool is None else self.limits.large_body_bytes

    def is_full_of(self, body: IncomingBody) -> bool:
        """Of bodies as this one is kept: what lies in files leaves room in memory, and the other way."""
        if body.in_file:
            return self.spooled_bytes > self.limits.spooled_bytes
        return self.held_bytes > self.limits.held_bytes

    async def answer(self, request: Request) -> Response:
        try:
            return await self._handle(request)
        except UserError as error:
            return refusal(error)
        except Exception:
            log.exception("a handler failed: %s %s", request.method, request.path)
            return self.failed()

    def failed(self) -> Response:
        return refusal(errors.InternalError("the server failed"))

    def overloaded(self) -> Response:
        return refusal(
            errors.Overloaded("too many calls at once"),
            headers=[("retry-after", str(self.limits.retry_after_s))],
        )

    def _swept(self) -> None:
        now = self.loop.time()
        for connection in list(self._connections):
            if connection.is_late(now):
                connection.expire(now)
        self._sweep = self.loop.call_later(SWEEP_S, self._swept)
