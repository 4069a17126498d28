"""A request as handlers see it, a response as they give it, and its bytes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from typing import IO, TYPE_CHECKING

import msgspec

from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.http.streaming import Sink

Headers = list[tuple[str, str]]
JSON = ("content-type", "application/json")

_STATUS_LINE = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in set(HTTPStatus) else ''}\r\n"
    for status in range(200, 600)
}
_FRAMING = frozenset(("connection", "content-length", "date", "keep-alive", "transfer-encoding"))


class Request:
    """One request, its body whole. `target` is as received; `path` decoded; header names lower-case."""

    __slots__ = (
        "address",
        "body",
        "file",
        "headers",
        "is_late",
        "is_old",
        "method",
        "path",
        "query",
        "sink",
        "size",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        target: str,
        *,
        path: str,
        query: str = "",
        headers: Headers,
        body: bytes = b"",
        file: IO[bytes] | None = None,
        size: int | None = None,
        address: str = "",
        is_old: bool = False,
        is_late: bool = False,
    ) -> None:
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.file = file  # a body too large for memory, from its beginning; the server closes it after the answer
        self.size = len(body) if size is None else size  # of the body
        self.address = address
        self.is_old = is_old  # HTTP/1.0: knows no chunks
        self.sink: Sink | None = (
            None  # for an answer that is sent while its handler works: see streaming.py
        )
        self.is_late = is_late  # it was whole only after the server had begun to drain

    def header(self, name: str) -> str | None:
        """The first value of a lower-case name."""
        for one, value in self.headers:
            if one == name:
                return value
        return None

    def header_values(self, name: str) -> list[str]:
        return [value for one, value in self.headers if one == name]


class Response:
    """A status, headers and a body: bytes, or chunks that are sent as they come.

    Length, date and connection headers are the server's; those among `headers` are dropped, but
    that a Content-Length beside chunks (or an answer to HEAD) says how long the body is to be.
    `streamed`: the rest came by the request's sink, and `body` is its last chunk.
    """

    __slots__ = ("body", "headers", "status", "streamed")

    def __init__(
        self,
        status: int,
        body: bytes | AsyncIterator[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        *,
        streamed: bool = False,
    ) -> None:
        self.status = status
        self.streamed = streamed
        self.body = body
        self.headers = headers


class UnsendableHeader(Exception):
    """A handler's header or status that would not be one on the wire (line breaks, beyond latin-1)."""


def refusal(error: UserError, *, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A UserError in the one shape of errors, with its status."""
    return Response(error.status, msgspec.json.encode(error.as_body()), [JSON, *headers])


def head(response: Response, *, length: int | None, close: bool, chunked: bool = False) -> bytes:
    """Status line and headers. `length` None and not chunked: the connection's end is the body's."""
    lines = [_status_line(response.status)]
    count = 1
    for name, value in response.headers:
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}\r\n")
            count += 1
    text = "".join(lines)
    if text.count("\n") != count or text.count("\r") != count or "\0" in text:
        raise UnsendableHeader("a header holds a line break")
    if response.status in (204, 304) or not (chunked or length is not None):
        framing = ""
    elif chunked:
        framing = "transfer-encoding: chunked\r\n"
    else:
        framing = f"content-length: {length}\r\n"
    end = "connection: close\r\n\r\n" if close else "\r\n"
    try:
        return f"{text}{framing}{_date()}{end}".encode("latin-1")
    except UnicodeEncodeError as error:
        raise UnsendableHeader("a header holds letters beyond latin-1") from error


def _status_line(status: int) -> str:
    try:
        return _STATUS_LINE[status]
    except KeyError:
        raise UnsendableHeader(f"status {status} is not one of 200 to 599") from None


_date_of: tuple[int, str] = (0, "")


def _date() -> str:
    global _date_of
    now = int(time.time())
    if _date_of[0] != now:
        _date_of = (now, time.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(now)))
    return _date_of[1]
