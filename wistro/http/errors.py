"""What a caller is told when the server itself refuses, before any endpoint is asked."""

from __future__ import annotations

from wistro.errors import UserError


class MalformedRequest(UserError):
    """Not HTTP/1.1, or HTTP that could be read in two ways."""

    code = "http.malformed"
    hint = "Send HTTP/1.1 with one Host and either Content-Length or Transfer-Encoding: chunked."


class HeaderTooLarge(UserError):
    """Request line and header are larger than the server reads."""

    code = "http.header-too-large"
    hint = "Send less: request line and header may hold 32 KiB in at most 128 fields."
    status = 431


class BodyTooLarge(UserError):
    """The body is larger than this server takes; it was not read."""

    code = "http.body-too-large"
    hint = "Send less, or put the file elsewhere and send its address."
    status = 413


class TooSlow(UserError):
    """The request did not arrive in time."""

    code = "http.too-slow"
    hint = "Send the request again, without pauses."
    status = 408


class Overloaded(UserError):
    """The server is at its limit of connections, calls or memory."""

    code = "http.overloaded"
    hint = "Try again after the time in Retry-After."
    status = 503


class UnknownExpectation(UserError):
    """An Expect header other than 100-continue."""

    code = "http.expectation"
    hint = "Leave out Expect, or send Expect: 100-continue."
    status = 417


class InternalError(UserError):
    """The server failed; the caller is told no more than that."""

    code = "http.internal"
    hint = "The details are in the server's log."
    status = 500
