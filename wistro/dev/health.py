"""`/_wistro/health` and `/_wistro/ready` on the endpoints' port: for a supervisor and for a load balancer.

Healthy is a process that answers. Ready is one that should be sent calls: a lock is loaded, the store takes writes and
it is not being stopped.
"""

from __future__ import annotations

import msgspec

from wistro.engine.engine import Engine
from wistro.http.message import JSON, Request, Response
from wistro.lock.model import Lock

HEALTH = "/_wistro/health"
READY = "/_wistro/ready"
PATHS = (HEALTH, READY)


async def answer(
    request: Request, engine: Engine | None, lock: Lock | None, *, is_stopping: bool
) -> Response:
    if request.method not in ("GET", "HEAD"):
        return Response(405, b"", [("allow", "GET, HEAD")])
    if request.path == HEALTH:
        return _told(200, {"status": "ok"})
    why = "it is being stopped" if is_stopping else await _why_not(engine)
    told: dict[str, object] = {"ready": why is None}
    if why is not None:
        told["reason"] = why
    elif lock is not None:
        told["lock"] = lock.digest
    return _told(503 if why else 200, told)


async def _why_not(engine: Engine | None) -> str | None:
    return "no lock is loaded yet" if engine is None else await engine.why_not_ready()


def _told(status: int, what: dict[str, object]) -> Response:
    headers = [JSON, ("cache-control", "no-store")]
    return Response(
        status,
        msgspec.json.encode(what),
        headers if status == 200 else [*headers, ("retry-after", "1")],
    )
