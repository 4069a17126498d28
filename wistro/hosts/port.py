"""Two seams. `Launcher`: how a host process is started (plain here; the fleet's puts it in a sandbox).
`Hosts`: what the engine asks of a language's pool. Adapters are chosen in `wistro/wiring.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from wistro.protocol.frames import (
    Answer,
    BlobGet,
    BlobPut,
    Chunk,
    Context,
    Emit,
    Failed,
    Get,
    List,
    Log,
    Refusal,
    Write,
)


@dataclass(frozen=True)
class Bind:
    """A host folder or file that the process may see at `at`; read-only unless `writable`."""

    source: Path
    at: Path
    writable: bool = False


@dataclass(frozen=True)
class Launch:
    """One process to start. `fds` maps its descriptor numbers (0-2 included) to ours; ours stay open here."""

    argv: list[str]
    cwd: Path
    env: dict[str, str]  # the whole environment; never a secret
    fds: dict[int, int]
    binds: list[Bind] = field(default_factory=list)
    label: str = "host"  # for logs and cgroup names
    egress: list[str] = field(default_factory=list)  # "host:port" besides HTTP(S)


@dataclass(frozen=True)
class Launched:
    """A started process; `pidfd` is readable once it has died (-1 where the platform has none)."""

    pid: int
    pidfd: int


class Launcher(Protocol):
    def launch(self, launch: Launch) -> Launched:
        """Start it or raise LaunchFailed; returns at once. Synchronous: called off the event loop's hot path."""
        ...

    def kill(self, launched: Launched) -> None:
        """kill -9 of it and everything it started; nothing when it is gone. Reaps it."""
        ...


class LaunchFailed(Exception):
    """The process could not be started; the message says what was missing."""


class HostCall(msgspec.Struct, frozen=True):
    """One attempt for a host. `deadline_s` counts from now; at it the call is cancelled, 2 s later its host retired."""

    step: str
    kind: str  # api | event | cron
    input: Any
    context: Context
    deadline_s: float
    alone: bool = False  # run in a host where nothing else is in flight (a suspect message)


class Asks(Protocol):
    """What a call may ask the engine while it runs. Called on the event loop, in the host's order."""

    def emit(self, frame: Emit) -> Refusal | Awaitable[Refusal | None] | None:
        """Why it was refused; to be awaited for one that leaves `now`."""
        ...

    def get(self, frame: Get) -> Any | Awaitable[Any]:
        """The value, or a Refusal."""
        ...

    def list(self, frame: List) -> Any | Awaitable[Any]:
        """Keys with their values, or a Refusal."""
        ...

    def write(self, frame: Write) -> None: ...

    def blob_put(self, frame: BlobPut) -> Awaitable[Any]:
        """None, the reference, or a Refusal."""
        ...

    def blob_get(self, frame: BlobGet) -> Awaitable[Any]:
        """{path, size}, or a Refusal."""
        ...

    def answer(self, frame: Answer) -> Awaitable[Refusal | None]: ...

    def chunk(self, frame: Chunk) -> Awaitable[Refusal | None]: ...

    def log(self, frame: Log) -> None: ...


class Returned(msgspec.Struct, frozen=True):
    answer: Any


@dataclass(frozen=True)
class Threw:
    failed: Failed


@dataclass(frozen=True)
class TimedOut:
    """Past its deadline and cancelled; what it still does counts for nothing."""

    after_s: float


@dataclass(frozen=True)
class HostLost:
    """The process died under the call. `alone`: nothing else was in flight, so this call did it."""

    alone: bool
    exit: str  # "signal 9", "exit 1", "could not start: …"
    stderr: str  # its last lines


Outcome = Returned | Threw | TimedOut | HostLost


class Hosts(Protocol):
    """All languages of one deployment. Outcomes are values; only our own bugs raise."""

    async def call(self, call: HostCall, asks: Asks) -> Outcome: ...

    async def close(self, *, grace_s: float) -> None:
        """Finish what is in flight within `grace_s`, then kill. Hosts idle for 10 minutes stop by themselves."""
        ...
