"""What the engine asks of a store: apply units of work, each whole or not at all, and read what is committed.

Called on the event loop. Reads see what is committed. A `submit` resolves once its unit is on disk; until then nothing may be acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from wistro.errors import UserError
from wistro.store.tasks import TaskEnd, TaskFilter, TaskLink, TaskRow

# A record or line encoded with seq 0 and split there: the store writes the number between the two.
Unnumbered = tuple[bytes, bytes]


IDS_KEPT_US = 7 * 24 * 3600 * 1_000_000  # what is emitted under an id is emitted once in this time


class StoreFull(Exception):
    """The disk is full: nothing of the unit was kept, and it may be tried again later."""


class StoreAway(StoreFull):
    """The store's server does not answer: nothing of the unit was kept, and it may be tried again later."""


class StoreBroken(Exception):
    """An I/O or fsync error, or another engine took the store over: acknowledge nothing more, exit, replay."""


class Fenced(Exception):
    """The unit is of an attempt that is no longer its delivery's current one; nothing of it was kept."""


class TickTaken(Exception):
    """This schedule has fired for this instant before; nothing of the unit was kept."""


class AnswerTaken(Exception):
    """Another engine has answered a call under this key meanwhile; nothing of the unit was kept."""


class IdTaken(Exception):
    """Something was emitted under one of these ids before; nothing of the unit was kept."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class BadStateOperation(UserError):
    """A state operation that does not fit the value it meets, such as increment on a text."""

    code = "state.operation"
    hint = "increment wants a number, append a list, merge an object; or `set` the key first."


class StateConflict(BadStateOperation):
    """A `set` with `if_version` met another value than the attempt had read; nothing of its unit was kept."""

    code = "state.conflict"
    hint = "Somebody else wrote it meanwhile: read it again, then write. `update` needs no version."
    status = 409

    def __init__(self, group: str, key: str) -> None:
        super().__init__(f"state `{group}`/`{key}` has changed since the version that was read")


class NoVersions(BadStateOperation):
    """A version of the state was asked for where state is kept outside of the store: nothing can be checked there."""

    code = "state.no-versions"
    hint = "Keep state in the store (`state: {adapter: store}`), or use `update`, which needs no version."

    def __init__(self) -> None:
        super().__init__("state that is kept outside of the store has no versions")


@dataclass(slots=True)
class RunRow:
    """A live run. `open` counts its deliveries that are neither done nor dead; it leaves at 0."""

    seq: int
    run_id: str
    deployment_id: str
    header: bytes  # JSON: what its records repeat
    open: int
    mark: str = ""  # the engine's note: "calling" while its endpoint's attempt runs, "dead" once a delivery is
    is_here: bool = True  # this engine works on it; else another on the same store does
    waits: int = 0  # those of `open` that are tasks; read only: it follows from the tasks' rows


@dataclass(frozen=True, slots=True)
class Gate:
    """By what a delivery of a limited step waits its turn: keys of the step, in the whole environment; None: not by that.

    "" is the step as a whole.
    """

    lane: str | None = None  # one after the other, in the order of commits
    slot: str | None = None  # so many at once
    meter: str | None = None  # so many in a time
    is_later: bool = False  # it joins its lane when it is due, not when it is committed


@dataclass(slots=True)
class DeliveryRow:
    """One message for one step. `number` is that of its current or next attempt and fences its commits."""

    seq: int
    delivery_id: str
    run_seq: int
    deployment_id: str
    step: str
    kind: str  # event | cron
    topic: str | None
    message: bytes  # JSON
    due_at_us: int
    number: int = 1
    charged: int = 0  # attempts that count against `retries.max`
    lone_deaths: int = 0
    suspect: bool = False  # run it alone
    parent_attempt_id: str | None = None
    ordinal: int = 0
    claimed: bool = True  # the engine holds it in memory; else it waits in the table for `claim`
    gate: Gate | None = None  # it waits for `admit` instead, and is not claimed when it is new


@dataclass(frozen=True, slots=True)
class StateWrite:
    op: str  # set | delete | clear | increment | append | merge
    group: str
    key: str = ""
    value: Any = None
    if_version: str | None = (
        None  # of a set: what it must meet, as `store.state.version_of` tells it
    )


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    run_id: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up: never dropped, redriven under its own id."""

    delivery_id: str
    run_id: str
    deployment_id: str
    step: str
    kind: str
    topic: str | None
    message: bytes
    error: bytes  # JSON of an ErrorRecord
    stderr: str
    attempts: int
    dead_at_us: int
    header: bytes  # the run's
    parent_attempt_id: str | None = None
    ordinal: int = 0
    gate: Gate | None = None  # a redrive waits there anew, at its lane's tail
    blocks: bool = False  # its lane waits until it is redriven or deleted


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` in any `per_us`."""

    limit: int
    per_us: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a limited step's queue asks for: at most `limit` due deliveries, as far as their gates let them through."""

    deployment_id: str
    step: str
    now_us: int
    limit: int
    slots: int | None  # at once, for each slot
    rate: Rate | None  # for each meter
    gate_of: Callable[[DeliveryRow], Gate]  # of one that was emitted before its step was limited
    whole: (
        Gate  # the same where a store cannot look into the message: what limits the step as a whole
    )


@dataclass(slots=True)
class Admitted:
    """`again_at_us`: when time alone may let more through; None when only an end, or something new, can."""

    taken: list[tuple[DeliveryRow, RunRow]]
    again_at_us: int | None


class Unit(msgspec.Struct):
    """One unit of work: applied whole, in one transaction with its neighbours, or not at all."""

    new_runs: list[RunRow] = []
    new_deliveries: list[DeliveryRow] = []
    finished: list[tuple[int, int]] = []  # (delivery seq, number)
    gated: list[int] = []  # of `finished`, those that have a gate: they leave it
    ungated: list[
        tuple[str, str]
    ] = []  # (deployment id, step): no longer limited, its deliveries just wait
    retried: list[tuple[int, DeliveryRow]] = []  # (fenced number, its new values)
    run_changes: list[
        tuple[int, int, str]
    ] = []  # (run seq, change of open, mark or ""); Fenced when it is gone
    ended_runs: list[int] = []
    ends: tuple[int, int] | None = (
        None  # (run seq, its `open`): the run ends, or Fenced where that has changed
    )
    writes: list[StateWrite] = []
    answer: tuple[str, StoredAnswer, int] | None = None  # (key, answer, expires_at_us)
    tick: tuple[str, int] | None = None  # (schedule id, scheduled_at_us)
    ids: list[tuple[str, int]] = []  # (key, expires_at_us): none may be known, else IdTaken
    cursor: tuple[str, int] | None = None  # (schedule id, every tick up to here is settled)
    dead: DeadLetter | None = None
    redriven: str | None = None  # a dead letter's delivery id: taken out, or Fenced when it is gone
    tasks: list[TaskRow] = []  # opened; their deliveries are among `retried`
    task_ends: list[TaskEnd] = []  # their deliveries are among `finished`
    task_links: list[TaskLink] = []
    forget: tuple[str, int] | None = None  # (stream, records up to this seq are kept elsewhere)
    records: list[Unnumbered] = []
    done_commands: list[int] = []  # `Command.id`s


@dataclass(frozen=True, slots=True)
class Chunk:
    """Numbered records or lines, one JSON object a line, on their way to the sink, in order of seq."""

    stream: str
    first: int
    last: int
    lines: bytes
    durable: bool  # also in the outbox, until `Unit.forget`


@dataclass(frozen=True, slots=True)
class Moved:
    """Runs came from an engine that ended, or went to one that had nothing to do (then the counts are negative)."""

    deployment_id: str
    runs: int
    deliveries: int
    calling: list[RunRow] = field(default_factory=list)  # came under the call that they were


@dataclass(frozen=True, slots=True)
class Command:
    """What another engine was asked of a run that is this one's. Done once a unit says so (`done_commands`)."""

    id: int
    run_id: str
    kind: str
    body: bytes  # JSON


@dataclass(frozen=True, slots=True)
class Others:
    """How an engine hears of the others on its store. Called on the event loop."""

    moved: Callable[[Moved], None]
    left: Callable[
        [list[Chunk], list[tuple[str, int]]], None
    ]  # an ended one's `leftovers` and `streams`
    command: Callable[[Command], None]
    idle_steps: Callable[[str], list[str]]  # a deployment's steps, while it has nothing to do here


class Reads(Protocol):
    """What may be read of a store by whoever looks at it, an engine or none."""

    async def groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        """State's groups in order, each with how many keys it has."""
        ...

    async def entries(
        self, group: str, *, after: str | None = None, limit: int = 100
    ) -> list[tuple[str, Any]]:
        """A group's keys in order, with their values."""
        ...

    async def entry(self, group: str, key: str) -> Any:
        """The value, or state.MISSING: unlike `get` it tells a null from nothing."""
        ...

    async def dead_letters(
        self, *, limit: int = 100, before: str | None = None
    ) -> list[DeadLetter]:
        """Newest first."""
        ...

    async def dead_letter(self, delivery_id: str) -> DeadLetter | None: ...

    async def tasks(self, wanted: TaskFilter) -> list[TaskRow]:
        """Newest first."""
        ...

    async def task(self, task_id: str) -> TaskRow | None: ...


class Store(Reads, Protocol):
    stream: str  # this boot's
    has_versions: bool  # `StateWrite.if_version` is checked in the transaction of its unit

    async def start(
        self, *, on_chunk: Callable[[Chunk], None], on_broken: Callable[[StoreBroken], None]
    ) -> None: ...

    def share(self, others: Others) -> None:
        """Before `start`: tell of other engines. A store for one engine has nothing to tell."""
        ...

    async def serve(self, deployment_id: str) -> None:
        """This engine runs the deployment from now on, also what ended engines left of it."""
        ...

    async def leave(self, deployment_id: str) -> None:
        """It does no more: what is left of it is any other's that serves it."""
        ...

    async def hold_answer(self, key: str) -> bool:
        """No other engine runs a call under this key until `free_answer`, or the end of this one."""
        ...

    def free_answer(self, key: str) -> None: ...

    async def tell(self, run_id: str, kind: str, body: bytes) -> bool:
        """Have whoever works on the run do this; True once it is done, False when the run has ended before."""
        ...

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        """Resolves when on disk. Raises (in the future) StoreFull, StoreBroken, Fenced, TickTaken, IdTaken, BadStateOperation, StateConflict.

        `then` is called once the unit is on disk, also when nobody waits for the future any more.
        A failed commit fails every unit that was submitted before the failure was told.
        """
        ...

    def line(self, line: Unnumbered) -> None:
        """Number a log line in the stream and hand it to the sink; not durable."""
        ...

    def next_run_seq(self) -> int: ...

    def next_delivery_seq(self) -> int: ...

    def get(self, group: str, key: str) -> Any | Awaitable[Any]:
        """The latest committed value, or None. At once where the store is at hand: steps ask this more than all else."""
        ...

    def list(self, group: str) -> list[list[Any]] | Awaitable[list[list[Any]]]:
        """[key, value] in order of key."""
        ...

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None: ...

    def claim(
        self, deployment_id: str, step: str, *, due_at_us: int, limit: int
    ) -> asyncio.Future[list[tuple[DeliveryRow, RunRow]]]:
        """Take the oldest due deliveries of a step that nobody holds; they are this engine's when it resolves."""
        ...

    def admit(self, admission: Admission) -> asyncio.Future[Admitted]:
        """As `claim`, for a step that is limited. What is taken holds its slot until its attempt ends or is retried."""
        ...

    async def gated_steps(self, deployment_id: str) -> list[str]:
        """Steps with deliveries that wait at a gate: asked once, when a deployment is loaded."""
        ...

    async def known_ids(self, keys: list[str], *, now_us: int) -> list[str]:
        """Those of `keys` that were emitted before and have not expired."""
        ...

    async def next_due(self, deployment_id: str, step: str) -> int | None:
        """When the first unclaimed delivery of a step is due."""
        ...

    async def waiting_steps(self, deployment_id: str) -> list[str]:
        """Steps with unclaimed deliveries: asked once, when a deployment is loaded."""
        ...

    async def runs(self, *, marked: str | None = None) -> list[RunRow]:
        """Live runs, oldest first; those with this `mark` only when it is given."""
        ...

    async def totals(self, deployment_id: str) -> tuple[int, int]:
        """Live runs and open deliveries: asked once, when a deployment is loaded."""
        ...

    async def run_deliveries(self, run_seq: int) -> list[DeliveryRow]: ...

    async def run(self, run_id: str) -> RunRow | None: ...

    async def delivery(self, seq: int) -> tuple[DeliveryRow, RunRow] | None:
        """An open delivery with its live run."""
        ...

    async def open_delivery(self, delivery_id: str) -> tuple[DeliveryRow, RunRow] | None:
        """By its id, wherever it waits: a look through all that are open."""
        ...

    async def delayed(
        self, *, now_us: int, limit: int, after: tuple[int, int] | None = None
    ) -> list[tuple[DeliveryRow, RunRow]]:
        """Deliveries that nobody holds and that are due later, in order of (due_at_us, seq), from `after` on."""
        ...

    async def task_link(self, token_sha256: str) -> TaskLink | None: ...

    async def cursor(self, schedule_id: str) -> int | None: ...

    async def leftovers(self) -> list[Chunk]:
        """Outbox chunks that an earlier boot left, oldest first."""
        ...

    async def streams(self) -> list[tuple[str, int]]:
        """Earlier boots' streams that are not closed, with the last seq known here."""
        ...

    async def close(self) -> None:
        """Commit what waits, then close the file."""
        ...
