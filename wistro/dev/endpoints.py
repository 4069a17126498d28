"""What the endpoints' port answers: by the door of the lock that is in use, which an edit replaces."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from wistro.engine.clock import SystemClock
from wistro.errors import UserError
from wistro.http.message import Request, Response, refusal
from wistro.lock.model import Lock
from wistro.protocol.ids import NewIds
from wistro.triggers.http import LocalDoor
from wistro.triggers.port import Engine

OnCall = Callable[[Request, int, float], None]  # the request, its answer's status, seconds


class NothingServed(UserError):
    """The project has not compiled yet, so there is nothing to call."""

    code = "dev.nothing-served"
    hint = "`wistro dev` says what is wrong, in its terminal and on the local screens."
    status = 503


class Endpoints:
    """`on_call` is told of each answer. `events_key` is asked for once there is a topic from outside."""

    def __init__(self, *, events_key: Callable[[], str], on_call: OnCall = lambda *_: None) -> None:
        self._on_call = on_call
        self._events_key = events_key
        self._door: LocalDoor | None = None

    def use(self, engine: Engine, lock: Lock, values: Mapping[str, str]) -> None:
        self._door = LocalDoor(
            engine,
            lock.triggers.api,
            values=values,
            new_id=NewIds(),
            now_us=SystemClock().now_us,
            outside=lock.triggers.outside,
            events_keys=[self._events_key()] if lock.triggers.outside else [],
        )

    async def handle(self, request: Request) -> Response:
        if self._door is None:
            return refusal(NothingServed("nothing is served yet"), headers=[("retry-after", "1")])
        began = time.monotonic()
        answer = await self._door.handle(request)
        self._on_call(request, answer.status, time.monotonic() - began)
        return answer
