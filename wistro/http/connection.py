"""One caller's connection: bytes to requests in order, answers to bytes in the same order.

Requests that arrive while one is answered wait in `_queue`; what must be refused waits there as the
response it will get. The server's sweep calls `expire` when `deadline` has passed: no timer a request.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from math import inf
from typing import TYPE_CHECKING, cast

import httptools

from wistro.errors import UserError
from wistro.http import errors
from wistro.http.body import IncomingBody, Reading
from wistro.http.message import Headers, Request, Response, refusal
from wistro.http.paths import origin_form, split_target
from wistro.http.sender import Sender, claimed_length
from wistro.http.streaming import Sink

if TYPE_CHECKING:
    from wistro.http.server import Server

log = logging.getLogger("wistro.http")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_lower: dict[bytes, str] = {}  # header names seen, lower-case; bounded in `_name`


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.limits
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request | Response] = deque()
        self._working: asyncio.Task[None] | None = None
        self._reading = Reading.HEAD
        self._last = False  # no request follows those in the queue
        self._holds_off = False  # we read no more until the queue is worked off
        self._refused = False
        self._is_old = False  # the request being read is HTTP/1.0
        self._owes_continue = False
        self._address = ""
        self.deadline = inf
        self._begin()

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sender = Sender(self._transport, self._loop, write_s=self._limits.write_s)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if isinstance(peer, tuple) else ""
        self.deadline = self._loop.time() + self._limits.head_s
        if not self._server.admit(self):
            self._refuse(errors.Overloaded("too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lose()
        self._server.forget(self)
        self._drop_body()
        if self._working and (self._is_streaming or self._server.cancel_when_lost):
            self._working.cancel()

    def data_received(self, data: bytes) -> None:
        if self._reading is Reading.DEAF:
            return
        began = self._requests_begun
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last = True  # we speak nothing else; the request itself is answered
        except httptools.HttpParserError as error:
            self._refuse(errors.MalformedRequest(f"unreadable HTTP: {error}"))
        if self._last:
            self._reading = Reading.DEAF
        elif self._reading is Reading.HEAD and began == self._requests_begun:
            self._head_bytes += len(data)  # the parser holds a field until it is whole
            self._check_head()
        elif len(self._queue) >= self._limits.pipelined:
            self._holds_off = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._last = True
        # A caller may close its sending side and wait; of a stream it has rather left.
        return self._working is not None and not self._is_streaming

    def pause_writing(self) -> None:
        self._sender.pause()

    def resume_writing(self) -> None:
        self._sender.resume()

    # What the parser tells us. After the last request it may go on in the same bytes: unheard.

    def on_message_begin(self) -> None:
        if self._last:
            return
        self._begin()
        self._requests_begun += 1
        self._reading = Reading.HEAD
        self.deadline = self._loop.time() + self._limits.head_s

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._last:
            return
        self._head_bytes += len(name) + len(value) + 4
        self._fields += 1
        if self._reading is not Reading.HEAD:
            self._check_head()  # a trailer: counted and dropped
            return
        one = _lower.get(name) or _name(name)
        self._headers.append((one, value.decode("latin-1")))
        if one in _NOTED:
            self._noted.setdefault(one, []).append(value)

    def on_headers_complete(self) -> None:
        if self._last:
            return
        self._reading = Reading.BODY
        self._body_began = self._loop.time()
        self.deadline = self._body_began + self._limits.body_s
        if self._check_head():
            pass
        elif problem := self._misread():
            self._refuse(problem)
        elif "expect" in self._noted:
            self._owes_continue = True
            if not self._working:
                self._continue()

    def on_body(self, body: bytes) -> None:
        if self._last:
            return
        incoming, server = self._body, self._server
        held, spooled = incoming.in_memory, incoming.in_file
        problem: UserError | None = None
        try:
            incoming.add(body)
        except OSError as error:
            log.warning("a body could not be put into a file: %s", error)
            problem = errors.Overloaded("there is no room for the body")
        server.held_bytes += incoming.in_memory - held
        server.spooled_bytes += incoming.in_file - spooled
        if problem is not None:
            self._refuse(problem)
        elif incoming.size > server.most_body_bytes:
            self._refuse(errors.BodyTooLarge(self._too_large()))
        elif server.is_full_of(incoming):
            self._refuse(errors.Overloaded("too many bodies at once"))

    def on_message_complete(self) -> None:
        if self._last:
            return
        self._reading = Reading.NOTHING
        self.deadline = inf
        self._owes_continue = False
        if self._is_old or not self._parser.should_keep_alive():
            self._last = True
        size = self._body.size
        body, file = self._body.taken()
        self._body = IncomingBody(0, None)  # the request holds it from here on
        try:
            target = origin_form(self._url.decode("ascii"), self._host())
            path, query = split_target(target)
        except (UserError, UnicodeDecodeError):
            self._server.let_go(body, file, size)
            self._enqueue(refusal(errors.MalformedRequest("the target is not a path")))
            return
        request = Request(
            self._parser.get_method().decode("ascii"),
            target,
            path=path,
            query=query,
            headers=self._headers,
            body=body,
            file=file,
            size=size,
            address=self._address,
            is_old=self._is_old,
            is_late=self._server.draining,
        )
        self._enqueue(request)

    # Reading.

    _requests_begun = 0
    _is_streaming = False  # the answer is on its way in pieces

    def _begin(self) -> None:
        self._url = b""
        self._headers: Headers = []
        self._noted: dict[str, list[bytes]] = {}
        self._body = IncomingBody(self._limits.body_bytes, self._server.spool)
        self._head_bytes = self._fields = 0

    def _check_head(self) -> bool:
        """Refuse a header beyond the limits; True when it was."""
        within = (
            self._head_bytes <= self._limits.header_bytes
            and self._fields <= self._limits.header_fields
        )
        if not within:
            self._refuse(errors.HeaderTooLarge("the request's header is too large"))
        return not within

    def _misread(self) -> UserError | None:
        """What llhttp lets pass and a second reader could read otherwise (RFC 9112 §3.2, §6.1)."""
        noted, version = self._noted, self._parser.get_http_version()
        self._is_old = version == "1.0"
        if version not in ("1.1", "1.0"):
            return errors.MalformedRequest(f"HTTP/{version} is not spoken here")
        hosts = len(noted.get("host", ()))
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            return errors.MalformedRequest("a request has exactly one Host")
        if coding := noted.get("transfer-encoding"):
            if [one.lower() for one in coding] != [b"chunked"] or self._is_old:
                return errors.MalformedRequest("the only Transfer-Encoding is chunked")
        elif int(noted.get("content-length", _NO_LENGTH)[0]) > self._server.most_body_bytes:
            return errors.BodyTooLarge(self._too_large())
        if "expect" in noted and [one.lower() for one in noted["expect"]] != [b"100-continue"]:
            return errors.UnknownExpectation("the only Expect is 100-continue")
        return None

    def _host(self) -> str:
        return self._noted.get("host", [b""])[0].decode("latin-1")

    def _drop_body(self) -> None:
        self._server.held_bytes -= self._body.in_memory
        self._server.spooled_bytes -= self._body.in_file
        self._body.drop()

    def _too_large(self) -> str:
        return f"the body is larger than {self._server.most_body_bytes} bytes"

    def _continue(self) -> None:
        self._owes_continue = False
        if not self._body.size:
            self._transport.write(_CONTINUE)

    def _refuse(self, error: UserError) -> None:
        """Answer this after what was asked before, then close: the rest of the bytes mean nothing now."""
        if self._last:
            return
        self._refused = self._last = True
        self._drop_body()
        self._reading = Reading.DEAF
        self.deadline = inf
        retry = [("retry-after", str(self._limits.retry_after_s))] if error.status == 503 else []
        self._enqueue(refusal(error, headers=retry))

    def expire(self, now: float) -> None:
        """The server's sweep: a deadline has passed."""
        if now > self._sender.deadline:
            self._transport.abort()
        elif now <= self.deadline:
            pass
        elif self._holds_off:
            self.deadline = now + self._limits.head_s
        elif self._reading is Reading.BODY and now <= (allowed := self._body_allowed()):
            self.deadline = allowed
        elif self._reading is Reading.BODY or (
            self._reading is Reading.HEAD and self._requests_begun
        ):
            self._refuse(errors.TooSlow("the request did not arrive in time"))
        elif not self._working:
            self._transport.abort() if self._reading is Reading.DEAF else self._transport.close()

    def is_late(self, now: float) -> bool:
        return now > self.deadline or now > self._sender.deadline

    def _body_allowed(self) -> float:
        earned = self._body.size / self._limits.body_bytes_per_s
        return self._body_began + self._limits.body_s + earned

    # Answering.

    def _enqueue(self, item: Request | Response) -> None:
        if isinstance(item, Request) and not self._server.begin():
            self._server.let_go(item.body, item.file, item.size)
            item = self._server.overloaded()
        self._queue.append(item)
        if not self._working:
            self._working = self._loop.create_task(self._work())

    async def _work(self) -> None:
        """Answer what is queued, one after the other, and leave when there is no more."""
        queue = self._queue
        try:
            while queue and not self._sender.is_lost:
                item = queue.popleft()
                if isinstance(item, Response):
                    await self._send(item)
                    continue
                try:
                    await self._answer(item)
                finally:
                    self._is_streaming = False
                    self._server.end(item)
        finally:
            self._working = None
            self._rest()

    async def _answer(self, request: Request) -> None:
        sink = request.sink = Sink(self._sender, request, on_begin=self._begins)
        response = await self._server.answer(request)
        if not sink.is_begun:
            await self._send(response, request)
        elif response.streamed and isinstance(response.body, bytes):
            sink.end(response.body)
        else:
            log.info("a streamed answer broke off: %s %s", request.method, request.path)
            self._sender.cut()

    def _begins(self, *, is_old: bool) -> bool:
        """A streamed answer begins; whether it is the connection's last."""
        self._is_streaming = True
        self._last = self._last or is_old
        return not self._queue and self._closes_now()

    def _rest(self) -> None:
        """Nothing is left to answer: close, or wait for the next request."""
        for item in self._queue:
            if isinstance(item, Request):
                self._server.end(item)
        self._queue.clear()
        if self._sender.is_lost:
            return
        if self._closes_now():
            self._hang_up()
            return
        if self._reading is Reading.NOTHING:
            wait_s = self._server.drain_linger_s if self._server.draining else self._limits.idle_s
            self.deadline = self._loop.time() + wait_s
        if self._holds_off:
            self._holds_off = False
            self._transport.resume_reading()
        if self._owes_continue:
            self._continue()

    def _closes_now(self) -> bool:
        busy_reading = self._reading is Reading.HEAD or self._reading is Reading.BODY
        return self._last or (self._server.draining and not busy_reading)

    def _hang_up(self) -> None:
        """Close; after a refusal only our side, reading on a little so that the caller gets to read it."""
        if self._refused and self._transport.can_write_eof():
            self._transport.write_eof()
            self.deadline = self._loop.time() + self._limits.linger_s
            if self._holds_off:
                self._transport.resume_reading()
        else:
            self._transport.close()

    async def _send(self, response: Response, asked: Request | None = None) -> None:
        self._is_streaming = not isinstance(response.body, bytes)
        if self._is_endless(response, asked):
            self._last = True
        last = not self._queue and self._closes_now()
        await self._sender.send(response, asked=asked, last=last)

    def _is_endless(self, response: Response, asked: Request | None) -> bool:
        """Neither its length is known nor does the caller know chunks: the connection's end is its end."""
        if isinstance(response.body, bytes) or asked is None or not asked.is_old:
            return False
        return claimed_length(response) is None

    def drain(self) -> None:
        """The server is going: answer what is here or arrives now, then close."""
        quiet = self._reading is Reading.NOTHING or not self._requests_begun
        if quiet and not self._working:
            self.deadline = min(self.deadline, self._loop.time() + self._server.drain_linger_s)

    def abort(self) -> None:
        self._transport.abort()


_NOTED = frozenset(("host", "content-length", "transfer-encoding", "expect"))
_NO_LENGTH = [b"0"]


def _name(name: bytes) -> str:
    lowered = name.decode("latin-1").lower()
    if len(_lower) < 1024 and len(name) < 64:
        _lower[name] = lowered
    return lowered
