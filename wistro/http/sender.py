"""Answers to bytes on one connection, no faster than the caller reads them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from math import inf

from wistro.http.errors import InternalError
from wistro.http.message import Request, Response, UnsendableHeader, head, refusal

log = logging.getLogger("wistro.http")


class Sender:
    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, write_s: float
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._write_s = write_s
        self._writable: asyncio.Future[None] | None = None
        self._paused = False
        self.is_lost = False
        self.deadline = inf  # by when the caller must have read something of what waits

    def pause(self) -> None:
        self._paused = True
        self.deadline = self._loop.time() + self._write_s

    def resume(self) -> None:
        self._paused = False
        self.deadline = inf
        if self._writable and not self._writable.done():
            self._writable.set_result(None)

    def lose(self) -> None:
        self.is_lost = True
        self.resume()

    async def send(self, response: Response, *, asked: Request | None, last: bool) -> None:
        """One answer whole. `asked` None: a refusal before any request was; `last`: the connection's."""
        if isinstance(response.body, bytes):
            self._send_whole(response, response.body, asked, last=last)
        else:
            try:
                await self._stream(response, response.body, asked, last=last)
            finally:
                if close := getattr(response.body, "aclose", None):
                    await close()
        if self._paused and not self.is_lost:
            await self._drained()

    def write_head(self, response: Response, *, last: bool, chunked: bool) -> None:
        """Of a body that comes by `write`. Raises UnsendableHeader."""
        self._transport.write(head(response, length=None, close=last, chunked=chunked))

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def ready(self) -> None:
        """Returns when the caller has read most of what was written, or has left."""
        if self._paused and not self.is_lost:
            await self._drained()

    def cut(self) -> None:
        self._transport.abort()

    def _send_whole(
        self, response: Response, body: bytes, asked: Request | None, *, last: bool
    ) -> None:
        is_head = asked is not None and asked.method == "HEAD"
        try:
            length = (claimed_length(response) or 0) if is_head and not body else len(body)
            start = head(response, length=length, close=last)
        except UnsendableHeader as error:
            response, body = _unsendable(error)
            start = head(response, length=len(body), close=last)
        is_bare = is_head or response.status in (204, 304)
        self._transport.write(start if is_bare else start + body)

    async def _stream(
        self, response: Response, body: AsyncIterator[bytes], asked: Request | None, *, last: bool
    ) -> None:
        """A body as it comes; when its source fails the connection is cut: no one takes it for whole."""
        length = claimed_length(response)
        chunked = length is None and not (asked and asked.is_old)
        try:
            start = head(response, length=length, close=last, chunked=chunked)
        except UnsendableHeader as error:
            self._send_whole(*_unsendable(error), asked, last=last)
            return
        self._transport.write(start)
        if response.status in (204, 304) or (asked and asked.method == "HEAD"):
            return
        try:
            sent = await self._send_chunks(body, chunked=chunked)
            if length is not None and sent != length and not self.is_lost:
                raise ValueError(f"a body of {sent} bytes was said to have {length}")
        except Exception:
            log.exception("an answer's body broke off")
            self._transport.abort()

    async def _send_chunks(self, body: AsyncIterator[bytes], *, chunked: bool) -> int:
        sent = 0
        async for chunk in body:
            if self.is_lost:
                return sent
            if chunk:
                sent += len(chunk)
                self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            if self._paused:
                await self._drained()
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        return sent

    async def _drained(self) -> None:
        self._writable = self._loop.create_future()
        await self._writable


def claimed_length(response: Response) -> int | None:
    """The length that a handler names for a body that is not here as a whole."""
    for name, value in response.headers:
        if name.lower() == "content-length" and value.isascii() and value.isdigit():
            return int(value)
    return None


def _unsendable(error: UnsendableHeader) -> tuple[Response, bytes]:
    log.error("unsendable answer: %s", error)
    failed = refusal(InternalError("the server failed"))
    assert isinstance(failed.body, bytes)
    return failed, failed.body
