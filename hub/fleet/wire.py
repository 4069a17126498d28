"""The machine API's way of reading and answering: msgspec structs of wistro.protocol, nothing of DRF's."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from hub.common.api.errors import Conflict, TooLarge, Unreadable
from wistro.protocol import PROTOCOL

T = TypeVar("T")
BODY_MOST = 16 * 1024 * 1024


class UnknownProtocol(Conflict):
    """A machine that speaks a protocol which this Hub does not."""

    code = "fleet.protocol"
    hint = "The Hub speaks its own protocol and the one before; bring the machine to the Hub's release."


def read(request: Request, type: type[T]) -> T:
    """The body as this struct; raises TooLarge or Unreadable with msgspec's own path to what is wrong."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_MOST:
        raise TooLarge("The body is over 16 MiB")
    try:
        return msgspec.json.decode(request._request.body, type=type)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable(f"The body is not a {type.__name__}: {error}") from error


def answer(message: Any, *, etag: str | None = None) -> HttpResponse:
    response = HttpResponse(msgspec.json.encode(message), content_type="application/json")
    if etag:
        response["ETag"] = etag
    return response


def nothing() -> HttpResponse:
    return HttpResponse(status=204)


def unchanged(serial: int) -> HttpResponse:
    response = HttpResponse(status=304)
    response["ETag"] = etag_of(serial)
    return response


def check_protocol(spoken: int) -> None:
    if spoken not in (PROTOCOL, PROTOCOL - 1):
        raise UnknownProtocol(f"The machine speaks protocol {spoken}, the Hub {PROTOCOL}")


def serial_of(request: Request) -> int | None:
    """The serial in If-None-Match, which is what the machine has applied; None when it has none yet."""
    text = request.headers.get("If-None-Match", "").strip().strip('"')
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def etag_of(serial: int) -> str:
    return f'"{serial}"'
