"""Events from outside: where they arrive, and who may send them. Their endpoint is one like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from wistro.lock.model import ApiTrigger, OutsideTrigger

EVENTS = "/_wistro/events/"


def endpoint(outside: OutsideTrigger) -> ApiTrigger:
    """`POST /_wistro/events/<topic>`; its `auth` is the environment's key, put there by whoever serves it."""
    return ApiTrigger(
        "POST",
        EVENTS + outside.topic,
        outside.id,
        emits=outside.topic,
        flows=outside.flows,
    )


def policies(keys: Iterable[str]) -> list[dict[str, Any]]:
    """Who holds one of these keys: as a bearer token, or in x-api-key. Resolved; no key means nobody."""
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    return [
        {"type": "api_key", "header": header, "sha256": digests}
        for header in ("authorization", "x-api-key")
    ]
