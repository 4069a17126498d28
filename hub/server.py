"""Daphne with bounds: `python -m hub.server -b <address> -p <port> hub.asgi:application`.

Daphne keeps a whole body, on disk or in memory, before it calls the application, so nothing behind ASGI can bound it.
Here a body is refused as soon as its announced or its received length is over its address's limit, when it takes too long,
or when too much of others is held; and the application reads it piece by piece instead of having all of it in a queue.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO
from urllib.parse import unquote

import daphne.server
import structlog
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server

from hub.common.api import limits
from hub.common.api.errors import Busy, TooLarge, TooSlow
from wistro.errors import UserError

Receive = Callable[[], Awaitable[dict[str, Any]]]
log = structlog.get_logger()
HEADERS_S = 20.0  # for all the headers, from the first line on
BODY_S = 60.0  # for a body of the ordinary size
SLOWEST = 256 << 10  # bytes a second, of a body that may be longer
HELD_MOST = 4 << 30  # bytes of bodies longer than the ordinary, of all connections
LINGER_S = 3.0  # how long what still comes is thrown away, so that the refusal can be read
PIECE = 64 << 10
REASONS = {408: "Request Timeout", 413: "Content Too Large", 503: "Service Unavailable"}


class BoundedRequest(WebRequest):
    """A request whose head and body have a length and a time in which they must come."""

    channel: Any
    _parsePOSTFormSubmission = False  # twisted would read a form whole into memory; Django reads it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body: BinaryIO | None = None
        self.refused = False
        self._most = self._received = self._held = 0
        self._deadline = self.channel.callLater(HEADERS_S, self._too_slow)

    def gotLength(self, length: int | None) -> None:
        """All headers are there, none of the body."""
        super().gotLength(length)
        method = self.channel._command.decode("latin-1")
        path = unquote(self.channel._path.split(b"?", 1)[0].decode("latin-1"))
        self._most = limits.most_of(method, path)
        if (length or 0) > self._most:
            self._refuse(self._too_large())
        else:
            self._deadline.reset(max(BODY_S, (length or self._most) / SLOWEST))

    def handleContentChunk(self, data: bytes) -> None:
        if self.refused:
            return
        self._received += len(data)
        if self._received > self._most:
            self._refuse(self._too_large())
        elif self._received > limits.BODY and not self._hold(len(data)):
            self._refuse(Busy("The Hub holds as many large bodies as it can just now"))
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self.refused:
            self._stop_clock()
            super().requestReceived(command, path, version)

    def process(self) -> Any:
        """Daphne would queue all of `content` for the application at once; it gets the body from `Body` instead."""
        self.body, self.content = self.content, io.BytesIO()
        self.body.seek(0)
        return super().process()

    def finish(self) -> None:
        super().finish()
        self._let_go()

    def connectionLost(self, reason: Any) -> None:
        self._stop_clock()
        super().connectionLost(reason)
        self._let_go()

    def _hold(self, size: int) -> bool:
        if self.server.held + size > HELD_MOST:
            return False
        self.server.held += size
        self._held += size
        return True

    def _let_go(self) -> None:
        self.server.held -= self._held
        self._held = 0
        if self.body is not None:
            self.body.close()

    def _stop_clock(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is over {limits.shown(self._most)}")

    def _too_slow(self) -> None:
        self._refuse(TooSlow("The request did not come to its end in time"))

    def _refuse(self, error: UserError) -> None:
        """Answer, throw away what still comes for a moment, and close."""
        self.refused = True
        self._stop_clock()
        self.requestHeaders.removeHeader(b"expect")  # it is not to go on
        if self.content is not None:
            self.content.close()
        log.info("request.refused", code=error.code, received=self._received)
        transport = self.channel.transport
        self.channel.setTimeout(None)
        self.channel.dataReceived = lambda data: None
        transport.write(_written(error))
        transport.loseWriteConnection()
        self.channel.callLater(LINGER_S, transport.abortConnection)


def _written(error: UserError) -> bytes:
    body = json.dumps(error.as_body()).encode()
    head = [
        f"HTTP/1.1 {error.status} {REASONS[error.status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if error.status == 503:
        head.append("Retry-After: 5")
    return "\r\n".join([*head, "", ""]).encode() + body


class Body:
    """The application's `receive`: the body piece by piece, then what daphne says."""

    def __init__(self, file: BinaryIO, receive: Receive) -> None:
        self._file, self._receive = file, receive
        self._is_read = False

    async def __call__(self) -> dict[str, Any]:
        if not self._is_read and not self._file.closed:
            await asyncio.sleep(0)  # others go on between the pieces of a large one
            piece = self._file.read(PIECE)
            self._is_read = len(piece) < PIECE
            return {"type": "http.request", "body": piece, "more_body": not self._is_read}
        while (said := await self._receive())["type"] == "http.request":
            pass  # daphne's own, which is empty
        return said


class Bounded(Server):
    """Daphne's server, whose application reads bodies by `Body`."""

    held = 0  # bytes of large bodies, of all connections

    def __init__(self, application: Any, **options: Any) -> None:
        super().__init__(self._read_by_piece, **options)
        self._behind = application

    async def _read_by_piece(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:
        body = scope.pop("wistro.body", None)
        await self._behind(scope, receive if body is None else Body(body, receive), send)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, BoundedRequest):
            scope["wistro.body"] = protocol.body
        return super().create_application(protocol, scope)


class BoundedFactory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        made: Any = super().buildProtocol(addr)
        made.requestFactory = BoundedRequest
        return made


class CommandLine(CommandLineInterface):
    server_class = Bounded


if __name__ == "__main__":
    daphne.server.HTTPFactory = BoundedFactory  # it takes no other, and names it nowhere else
    CommandLine().run(sys.argv[1:])
