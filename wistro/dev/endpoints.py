"""What the endpoints' port answers: by the door of the lock that is in use, which an edit replaces."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from wistro.auth.fetch import EVERYWHERE, Fetcher
from wistro.auth.verify import Verifier
from wistro.dev import health
from wistro.engine.clock import SystemClock
from wistro.engine.engine import Engine
from wistro.errors import UserError
from wistro.http.message import Request, Response, refusal
from wistro.lock.model import Lock
from wistro.protocol.ids import NewIds
from wistro.triggers.http import LocalDoor, OnRefused
from wistro.triggers.tasks import TASKS

OnCall = Callable[[Request, int, float], None]  # the request, its answer's status, seconds


class NothingServed(UserError):
    """The project has not compiled yet, so there is nothing to call."""

    code = "dev.nothing-served"
    hint = "`wistro dev` says what is wrong, in its terminal and on the local screens."
    status = 503


class Stopping(UserError):
    """The service is being stopped: what it had accepted is answered, nothing new is taken."""

    code = "call.stopping"
    hint = "Try again after the time in Retry-After: another process answers then."
    status = 503


class Endpoints:
    """`on_call` is told of each answer, `on_refused` of each caller that was not let in. `refuses_late`: a call that comes while the server drains is told to try again.
    `events_key` is asked for once there is a topic from outside."""

    def __init__(
        self,
        *,
        events_key: Callable[[], str],
        on_call: OnCall = lambda *_: None,
        on_refused: OnRefused | None = None,
        refuses_late: bool = False,
    ) -> None:
        self._on_call = on_call
        self._on_refused = on_refused
        self._events_key = events_key
        self._refuses_late = refuses_late
        self._engine: Engine | None = None
        self._lock: Lock | None = None
        self._door: LocalDoor | None = None
        # The project and this machine have one owner: a provider may be on a private network.
        self._verifier = Verifier(Fetcher(trusted=EVERYWHERE).get)

    def use(self, engine: Engine, lock: Lock, values: Mapping[str, str]) -> None:
        self._engine, self._lock = engine, lock
        self._door = LocalDoor(
            engine,
            lock.triggers.api,
            values=values,
            new_id=NewIds(),
            now_us=SystemClock().now_us,
            verifier=self._verifier,
            on_refused=self._on_refused,
            outside=lock.triggers.outside,
            events_keys=[self._events_key()] if lock.triggers.outside else [],
        )

    async def handle(self, request: Request) -> Response:
        if request.path in health.PATHS:
            stopping = request.is_late
            return await health.answer(request, self._engine, self._lock, is_stopping=stopping)
        if request.is_late and self._refuses_late:
            return refusal(Stopping("the service is being stopped"), headers=[("retry-after", "1")])
        if self._door is None:
            return refusal(NothingServed("nothing is served yet"), headers=[("retry-after", "1")])
        began = time.monotonic()
        answer = await self._door.handle(request)
        if not request.path.startswith(TASKS):  # its path holds a secret
            self._on_call(request, answer.status, time.monotonic() - began)
        return answer
