"""An answer that its handler sends piece by piece while it works. The end is the handler's to say, by what it returns:

    request.sink.begin(200, [("content-type", "text/event-stream")])
    await request.sink.write(b"data: 1\\n\\n")          # once the caller has read most of what came before
    return Response(200, b"data: last\\n\\n", streamed=True)

Anything else that is returned or raised after `begin` cuts the connection: nobody takes the body for whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wistro.http.message import Headers, Response

if TYPE_CHECKING:
    from wistro.http.message import Request
    from wistro.http.sender import Sender


class CallerLeft(Exception):
    """Nobody reads the answer any more."""


class OnBegin(Protocol):
    def __call__(self, *, is_old: bool) -> bool:
        """A streamed answer begins; whether it is its connection's last."""
        ...


class Sink:
    """One answer's."""

    __slots__ = ("_asked", "_chunked", "_is_bare", "_on_begin", "_sender", "is_begun")

    def __init__(self, sender: Sender, asked: Request, *, on_begin: OnBegin) -> None:
        self._sender = sender
        self._asked = asked
        self._on_begin = on_begin
        self._chunked = not asked.is_old
        self._is_bare = False
        self.is_begun = False

    def begin(self, status: int, headers: Headers) -> None:
        """Status and headers leave. Raises UnsendableHeader, and CallerLeft."""
        if self._sender.is_lost:
            raise CallerLeft
        start = Response(status, headers=headers)
        last = self._on_begin(is_old=self._asked.is_old)
        self._sender.write_head(start, last=last, chunked=self._chunked)
        self._is_bare = status in (204, 304) or self._asked.method == "HEAD"
        self.is_begun = True

    async def write(self, chunk: bytes) -> None:
        """Raises CallerLeft."""
        self._send(chunk)
        await self._sender.ready()
        if self._sender.is_lost:
            raise CallerLeft

    def end(self, last: bytes) -> None:
        self._send(last)
        if self._chunked and not self._is_bare:
            self._sender.write(b"0\r\n\r\n")

    def _send(self, chunk: bytes) -> None:
        if not chunk or self._is_bare or self._sender.is_lost:
            return
        self._sender.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)
