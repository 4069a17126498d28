"""What a trigger asks of the engine: answer this call; fire this tick."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

import msgspec

from wistro.protocol.operating import TaskView


class EndpointCall(msgspec.Struct, frozen=True):
    """One HTTP request, its caller already verified. `path` is decoded, without query; header names lower-case."""

    run_id: UUID
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    address: str
    file: Any = None  # a larger body, opened at its beginning; whoever serves the call closes it
    size: int = 0  # of a body in `file`
    sink: Any = None  # wistro.http.streaming.Sink: for an answer that is sent while its step works
    deployment_id: str | None = None  # None: the engine's only one (wistro dev, wistro start)
    generation: int = 0
    sender_id: str | None = (
        None  # Idempotency-Key or the sender's own id; the key of the stored answer
    )
    claims: dict[str, Any] | None = None
    replays: str = ""  # the run that this call does once more


class EndpointAnswer(msgspec.Struct, frozen=True):
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = []
    streamed: bool = False  # the rest went through the call's sink; `body` is the last chunk


class TaskDesk(Protocol):
    """What a task's link asks of an engine. Both raise a UserError where nothing is behind the token."""

    async def task_behind(self, token: str) -> TaskView: ...

    async def answer_behind(
        self, token: str, answer: str, form: Any, *, by: str | None
    ) -> TaskView:
        """End the task; what its answer emits is on disk then. Raises also for a task that has ended (409) and for
        what does not fit (422, with fields)."""
        ...


class Engine(Protocol):
    async def call(self, call: EndpointCall) -> EndpointAnswer:
        """Run the endpoint; its attempt has committed when this returns.

        404 no such path, 405 with Allow, 413, 415, 422 body unfit, 503 with Retry-After when no host
        can serve it or it is full, 500 with the run's id when the step threw, 504 past its timeout.
        """
        ...

    async def tick(self, schedule_id: str, *, scheduled_at_us: int) -> bool:
        """Fire one tick of a schedule in the primary deployment; False when it had been fired before."""
        ...


class ServedEngine(Engine, TaskDesk, Protocol):
    """What the doors onto an engine ask of it."""
