"""Bad input at the gateway's door: an unknown host and too large a body, answered by the process itself."""

from __future__ import annotations

import json

from tests.doubles.caller import Caller
from tests.integration.runner.gateway.test_process import HOST, Place, place
from wistro.http.limits import ENDPOINTS

__all__ = ["place"]


def refused(body: bytes) -> dict[str, str]:
    assert b"Traceback" not in body and b'File "' not in body
    error = json.loads(body)["error"]
    assert error["message"] and error["hint"]
    return error


async def test_an_unknown_host_is_said_by_its_name(place: Place) -> None:
    await place.start_gateway()
    await place.api.acknowledges(1)
    caller = await Caller.open(place.port)

    status, headers, body = await caller.ask("/orders", host="dev--nobody--here.localhost")

    caller.close()
    assert (status, headers["content-type"]) == (404, "application/json")
    error = refused(body)
    assert error["code"] == "gateway.unknown-host"
    assert "dev--nobody--here.localhost" in error["message"]
    assert place.engine.routes == []


async def test_a_body_too_large_is_refused_unread(place: Place) -> None:
    await place.start_gateway()
    await place.api.acknowledges(1)
    caller = await Caller.open(place.port)
    size = ENDPOINTS.large_body_bytes + 1

    await caller.send(f"POST /orders HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())  # fmt: skip
    status, _, body = await caller.answer()

    caller.close()
    assert status == 413
    assert refused(body)["code"] == "http.body-too-large"
    assert place.engine.routes == []
