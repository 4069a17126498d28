"""A pooled HTTP/1.1 client for one unix socket: the gateway's way to an engine.

A request is sent once. Only a connection that could not be made leaves it unsent (`Unreachable`); after
that the other side may have it, so a broken connection is `Lost` and nobody here sends it again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, cast

import httptools

from wistro.http.message import Headers

_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
SENT_AT_ONCE = 256 * 1024
HIGH_WATER = 256 * 1024  # of an answer that is read faster than it is passed on


class Unreachable(Exception):
    """No connection could be made: the request was not sent."""


class Lost(Exception):
    """The connection broke after the request was sent: it may have been received."""


class Answer:
    """Status, headers and a body: bytes when all of it came at once, else an iterator of chunks."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes | AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Client:
    """Connections to one socket, the last used first. At most `idle` are kept, each for `idle_s`."""

    def __init__(self, path: Path, *, idle: int = 256, idle_s: float = 30.0) -> None:
        self._path = str(path)
        self._idle_s = idle_s  # well below the server's, so that it is not the one to hang up
        self._idle: deque[_Line] = deque()
        self._most_idle = idle
        self.loop = asyncio.get_running_loop()

    async def request(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes = b"",
        *,
        connect_s: float,
        answer_s: float,
        file: IO[bytes] | None = None,
        size: int = 0,
    ) -> Answer:
        """Send a whole request; the answer once its header is here. Framing is ours, Host the caller's.

        `file`: a body of `size` bytes in the place of `body`, sent no faster than it is read.

        Raises Unreachable (not sent), Lost (broken, or `answer_s` without a word). Cancelled, it
        closes its connection.
        """
        line = self._from_idle() or await self._connect(connect_s)
        try:
            length = len(body) if file is None else size
            sent = _written(method, target, headers, length) + body
            return await line.ask(sent, file, answer_s=answer_s, bodiless=method == "HEAD")
        except BaseException:
            line.abort()
            raise

    async def warm(self, *, connect_s: float) -> None:
        """Make a connection for the next request; raises Unreachable."""
        self.keep(await self._connect(connect_s))

    def close(self) -> None:
        while self._idle:
            self._idle.popleft().abort()

    def keep(self, line: _Line) -> None:
        """A line whose answer was read to its end may carry the next request."""
        self._drop_old()
        if len(self._idle) < self._most_idle:
            line.idle_since = self.loop.time()
            self._idle.append(line)
        else:
            line.abort()

    def _from_idle(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.is_open and self.loop.time() - line.idle_since < self._idle_s:
                return line
            line.abort()
        return None

    def _drop_old(self) -> None:
        while self._idle and (
            not self._idle[0].is_open or self.loop.time() - self._idle[0].idle_since >= self._idle_s
        ):
            self._idle.popleft().abort()

    async def _connect(self, connect_s: float) -> _Line:
        try:
            async with asyncio.timeout(connect_s):
                _, line = await self.loop.create_unix_connection(lambda: _Line(self), self._path)
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"{self._path}: {error or 'no connection in time'}") from error
        return line


class _Line(asyncio.Protocol):
    """One connection, one request at a time."""

    is_open = False
    idle_since = 0.0

    def __init__(self, client: Client) -> None:
        self._client = client
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._stream: Stream | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._is_sending = False  # a body; not all of it has been sent
        self._reset()

    async def ask(
        self, request: bytes, file: IO[bytes] | None, *, answer_s: float, bodiless: bool
    ) -> Answer:
        loop = self._client.loop
        self._answer = loop.create_future()
        self._bodiless = bodiless
        self._answer_s = answer_s
        timer = loop.call_later(answer_s, self._fail, "no answer in time")
        try:
            self._transport.write(request)
            if file is None:
                return await self._answer
            return await self._ask_with(file, self._answer)
        finally:
            timer.cancel()

    async def _ask_with(self, file: IO[bytes], answer: asyncio.Future[Answer]) -> Answer:
        """An answer may come before all is sent: then nothing more is, and the line carries no other request."""
        self._is_sending = True
        sending = asyncio.ensure_future(self._send(file))
        try:
            return await answer
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def _send(self, file: IO[bytes]) -> None:
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, SENT_AT_ONCE):
            await self._may_write.wait()
            if not self.is_open:
                return
            self._transport.write(piece)
        self._is_sending = False

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def pause(self) -> None:
        self._transport.pause_reading()

    def resume(self) -> None:
        if self.is_open:
            self._transport.resume_reading()

    def abort(self) -> None:
        if self.is_open:
            self.is_open = False
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._may_write.set()
        self._fail("the connection broke")

    def eof_received(self) -> bool:
        if self._ends_with_connection and self._stream:
            self._complete(keep=False)
        return False

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"unreadable answer: {error}")
            self.abort()
            return
        if self._headers_done and self._answer and not self._answer.done():
            if self._bodiless:  # the parser waits for a body that does not come
                self._complete(keep=False)
                return
            self._stream = Stream(self, self._chunks, wait_s=self._answer_s)
            self._answer.set_result(self._made(self._stream))

    # The parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headers_done:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = []
            return
        self._headers_done = True
        framed = any(name in ("content-length", "transfer-encoding") for name, _ in self._headers)
        self._ends_with_connection = not framed and status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        if self._stream:
            self._stream.feed(body)
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._headers_done:  # else it was an interim answer
            self._complete(keep=self._parser.should_keep_alive())

    def _complete(self, *, keep: bool) -> None:
        stream, answer = self._stream, self._answer
        self._stream = None
        if answer and not answer.done():
            answer.set_result(self._made(b"".join(self._chunks)))
        if stream:
            stream.end()
            self.resume()
        self._answer = None
        self._reset()
        if keep and self.is_open and not self._is_sending:
            self._client.keep(self)
        else:
            self.abort()

    def _made(self, body: bytes | AsyncIterator[bytes]) -> Answer:
        return Answer(self._parser.get_status_code(), self._headers, body)

    def _fail(self, reason: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(Lost(reason))
        if self._stream:
            self._stream.fail(Lost(reason))
            self._stream = None

    def _reset(self) -> None:
        self._headers: Headers = []
        self._headers_done = False
        self._ends_with_connection = False
        self._chunks: list[bytes] = []


class Stream(AsyncIterator[bytes]):
    """A body on its way: the connection is not read while too much of it waits.

    Raises Lost where it breaks off. Closed half-way, it closes the connection.
    """

    def __init__(self, line: _Line, chunks: list[bytes], *, wait_s: float) -> None:
        self._line = line
        self._wait_s = wait_s
        self._waiting = deque(chunks)
        self._waiting_bytes = sum(map(len, chunks))
        self._woken = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def feed(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes > HIGH_WATER:
            self._line.pause()
        self._woken.set()

    def end(self) -> None:
        self._ended = True
        self._woken.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._woken.set()

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            if self._error:
                raise self._error
            self._line.resume()
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), self._wait_s)
            except TimeoutError:
                raise Lost("the body stopped half-way") from None
        chunk = self._waiting.popleft()
        self._waiting_bytes -= len(chunk)
        return chunk

    async def aclose(self) -> None:
        if not self._ended:
            self._line.abort()


def _written(method: str, target: str, headers: Headers, length: int) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    framing = f"content-length: {length}\r\n" if length or method not in _BODILESS else ""
    return f"{method} {target} HTTP/1.1\r\n{lines}{framing}\r\n".encode("latin-1")
