"""The `wistro-route` header: what the gateway decided about a call, signed with the assignment's key.

`v1.<base64url JSON>.<base64url HMAC-SHA256 over "v1." + the JSON part>`. The engine refuses a call without it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

HEADER = "wistro-route"
MAX_AGE_US = 60_000_000
NOT_DRAWN = 0  # the generation of a call by a version's tag; weights begin with 1


class Route(msgspec.Struct, omit_defaults=True):
    run_id: str
    environment_id: str
    deployment_id: str
    generation: int
    method: str
    target: str  # path with query, as received
    issued_at_us: int
    address: str  # the caller's
    sender_id: str | None = None  # Idempotency-Key or the hmac preset's id
    claims: dict[str, Any] | None = None  # verified; the step's ctx.auth


class UnsignedRoute(Exception):
    """The header is missing, forged, stale, or of another call."""


def sign(route: Route, *, key: bytes) -> str:
    payload = b"v1." + base64.urlsafe_b64encode(msgspec.json.encode(route)).rstrip(b"=")
    return (payload + b"." + _mac(payload, key)).decode()


def verify(header: str, *, key: bytes, now_us: int) -> Route:
    """The route that `sign` wrote with the same key, at most a minute ago; raises UnsignedRoute."""
    payload, _, mac = header.encode("ascii", "replace").rpartition(b".")
    if not payload.startswith(b"v1.") or not hmac.compare_digest(mac, _mac(payload, key)):
        raise UnsignedRoute("signature")
    body = payload[3:]
    route = msgspec.json.decode(
        base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)), type=Route
    )
    if abs(now_us - route.issued_at_us) > MAX_AGE_US:
        raise UnsignedRoute("age")
    return route


def _mac(payload: bytes, key: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(key, payload, hashlib.sha256)).rstrip(b"=")
