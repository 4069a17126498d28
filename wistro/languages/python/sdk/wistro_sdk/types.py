"""Protocols of what a handler is given, and the shape of what an endpoint returns."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Protocol, TypedDict


class EmitOptions(TypedDict, total=False):
    """What an emit may say besides its topic and message."""

    delay: str | float | timedelta  # "30s", or seconds: delivered so long after the commit
    at: datetime | str  # delivered then; with its zone
    key: str  # its lane at subscribers with `fifo`, in place of what their `fifo.key` finds
    id: str  # counts once in 7 days on its topic, in the whole environment
    now: bool  # leaves at once, whatever becomes of the attempt; on disk when this returns


class Emitted(EmitOptions):
    topic: str


class Emit(Emitted, total=False):
    """The message is checked at once; it leaves when the attempt commits."""

    data: Any


class Response(TypedDict, total=False):
    status: int
    body: Any
    headers: Mapping[str, str]


class Logger(Protocol):
    def debug(self, message: str, fields: Mapping[str, Any] | None = None) -> None: ...
    def info(self, message: str, fields: Mapping[str, Any] | None = None) -> None: ...
    def warn(self, message: str, fields: Mapping[str, Any] | None = None) -> None: ...
    def error(self, message: str, fields: Mapping[str, Any] | None = None) -> None: ...


class State(Protocol):
    """`await` these in an async handler; in a sync one they block and return the value."""

    def get(self, group: str, key: str) -> Any: ...
    def get_versioned(self, group: str, key: str) -> Any:
        """A `Versioned`: the value, and its version, which is "0" when there is none."""
        ...

    def set(self, group: str, key: str, value: Any, if_version: str = ...) -> Any:
        """With `if_version` it counts only if nobody has changed the value since; else the attempt is run again."""
        ...

    def delete(self, group: str, key: str) -> Any: ...
    def list(self, group: str) -> Any: ...
    def get_group(self, group: str) -> Any: ...
    def clear(self, group: str) -> Any: ...
    def update(self, group: str, key: str, op: Mapping[str, Any]) -> Any:
        """`{"set": v}`, `{"increment": n}`, `{"append": v}` or `{"merge": {…}}`; applied when the attempt commits."""
        ...


class StepContext(Protocol):
    """Of any step: all but `emit`, which differs by what a step's config names."""

    @property
    def run_id(self) -> str: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def traceparent(self) -> str:
        """W3C trace context: pass both on with the step's own calls."""
        ...

    @property
    def tracestate(self) -> str: ...
    @property
    def now(self) -> datetime: ...
    @property
    def attempt(self) -> int: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def auth(self) -> Mapping[str, Any] | None: ...
    @property
    def deadline(self) -> datetime: ...
    @property
    def cancelled(self) -> Event: ...
    @property
    def env(self) -> Mapping[str, str]: ...
    @property
    def flows(self) -> list[str]: ...
    @property
    def topic(self) -> str | None: ...
    @property
    def logger(self) -> Logger: ...
    @property
    def state(self) -> State: ...
    @property
    def blobs(self) -> Blobs: ...


class Blobs(Protocol):
    """Bytes beside the messages. `await` these in an async handler; in a sync one they block and return the value.

    A reference is what `put` returns and what stands in messages. A blob goes with the last run that names it.
    """

    def put(self, content: Any, *, type: str = "", name: str = "") -> Any:
        """Keep bytes, a file opened in binary mode, or the chunks of an iterator (async too); its BlobRef."""
        ...

    def get(self, blob: Any) -> Any:
        """All of it, as bytes."""
        ...

    def open(self, blob: Any) -> Any:
        """A file opened in binary mode."""
        ...

    def path(self, blob: Any) -> Any:
        """Where it lies on this machine, read-only, while the step runs."""
        ...


class Context(StepContext, Protocol):
    """Of a step whose types are not generated: it may emit anything, and is checked when running."""

    def emit(self, event: Emit) -> Awaitable[None]: ...


class Request(Protocol):
    """Also a mapping: `req["body"]`. The values are those of the wire."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def path_params(self) -> Mapping[str, str]: ...
    @property
    def query_params(self) -> Mapping[str, list[str]]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> Any: ...
    @property
    def raw_body(self) -> bytes: ...

    def __getitem__(self, name: str) -> Any: ...
    def get(self, name: str, default: Any = None) -> Any: ...


class CronHandler(Protocol):
    def __call__(self, ctx: Context, /) -> Awaitable[None] | None: ...
