"""One try at one message or call: what its step asks while it runs, held until it commits or counts for nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wistro.engine.emitted import Emitted
from wistro.engine.messages import encode_message, misfits
from wistro.engine.payloads import BlobAsks
from wistro.engine.streaming import Streaming
from wistro.errors import UserError
from wistro.protocol.frames import (
    Answer,
    BlobGet,
    BlobPut,
    Chunk,
    Emit,
    Get,
    List,
    Log,
    Refusal,
    Write,
)
from wistro.protocol.records import ReadRecord
from wistro.store.port import BadStateOperation, NoVersions, StateWrite
from wistro.store.state import MISSING, operate, version_of

if TYPE_CHECKING:
    from wistro.engine.loaded import StepPlan
    from wistro.engine.parts import Parts
    from wistro.engine.runs import LiveRun

CONFLICT_TRIES = 5  # beside the first, of an attempt whose state has changed under it
SMALLER = "Work on fewer at once: emit a message for each part, and let a step take one."


NO_ENDPOINT = Refusal("answer.no-endpoint", "only an endpoint's step has an answer")


class TooManyWrites(BadStateOperation):
    """An attempt wrote more to the state than is committed at once; nothing of it was kept."""

    code = "state.too-many-writes"
    hint = SMALLER


Leaves = Callable[["Attempt", Emitted, int], Awaitable[Refusal | None]]
OPERATIONS = frozenset({"set", "delete", "clear", "increment", "append", "merge"})


class Attempt:
    """Implements `Asks`. Reads see the latest commit with this attempt's own writes applied to it."""

    __slots__ = (
        "_blobs",
        "_cleared",
        "_left",
        "_own",
        "_parts",
        "_read",
        "_read_values",
        "_wrote_too_much",
        "delivery_id",
        "emits",
        "id",
        "is_over",
        "leaves",
        "logged",
        "number",
        "reads",
        "run",
        "started_at_us",
        "step",
        "streaming",
        "writes",
    )  # fmt: skip

    def __init__(self, parts: Parts, step: StepPlan, run: LiveRun, *, started_at_us: int) -> None:
        self._parts = parts
        self.id = parts.ids.new()
        self.delivery_id = self.id  # of a call, whose row is none: the same for all its attempts
        self.number = 1
        self.step = step
        self.run = run
        self.started_at_us = started_at_us
        self.emits: list[Emitted] = []
        self.reads: list[ReadRecord] = []
        self.writes: list[StateWrite] = []
        self.leaves: Leaves | None = None  # where an emit goes that leaves now
        self._left = 0
        self.is_over = False  # its outcome is known: what its step still asks counts for nothing
        self._own: dict[tuple[str, str], list[StateWrite]] | None = None
        self._blobs: BlobAsks | None = None
        self.streaming: Streaming | None = None  # of an endpoint's answer
        self._cleared: set[str] = set()
        self._read_values = 0
        self._wrote_too_much = False
        self._read: set[tuple[str, str, str]] = set()

    def emit(self, frame: Emit) -> Refusal | Awaitable[Refusal | None] | None:
        plan = self.step.emits.get(frame.topic)
        if plan is None:
            declared = ", ".join(sorted(self.step.emits)) or "none"
            return Refusal(
                "emit.undeclared",
                f"`{self.step.id}` does not declare that it emits `{frame.topic}` (declared: {declared})",
                None,
                "Add the topic to `emits` in the step's config.",
            )
        for validator in plan.validators:
            if not validator.is_valid(frame.data):
                path, what = next(iter(misfits(validator, frame.data).items()))
                message = (
                    f"the message for `{frame.topic}` does not fit at {path or 'its top'}: {what}"
                )
                return Refusal("emit.unfit", message, path)
        if refusal := self._too_many(frame):
            return refusal
        encoded = encode_message(
            frame.data, topic=frame.topic, max_bytes=self._parts.limits.large_message_bytes
        )
        if isinstance(encoded, Refusal):
            return encoded
        if self.is_over:
            return None
        emitted = Emitted.of(frame, plan, encoded)
        self.emits.append(emitted)
        if frame.now:
            self._left += 1
            return self._leave(emitted, frame.data, len(self.emits) - 1)
        if self._parts.payloads.concerns(encoded):
            return self._kept(emitted, frame.data)
        return None

    def _too_many(self, frame: Emit) -> Refusal | None:
        limits = self._parts.limits
        count, limit = len(self.emits) - self._left, limits.emits
        if frame.now:
            count, limit = self._left, limits.emits_at_once
        if count < limit:
            return None
        how = " at once" if frame.now else ""
        return Refusal(
            "emit.too-many", f"an attempt emits at most {limit:,} messages{how}", None, SMALLER
        )

    async def _leave(self, emitted: Emitted, value: Any, ordinal: int) -> Refusal | None:
        """Now, and whatever becomes of the attempt. It keeps its place among the emits either way."""
        assert self.leaves is not None
        refusal: Refusal | None = None
        if self._parts.payloads.concerns(emitted.message):
            kept = await self._parts.payloads.kept(emitted.message, value, run_id=self.run.id)
            if isinstance(kept, Refusal):
                refusal = kept
            else:
                emitted.large = kept
        refusal = refusal or await self.leaves(self, emitted, ordinal)
        emitted.is_known, emitted.has_left = True, refusal is None
        return refusal

    async def _kept(self, emitted: Emitted, value: Any) -> Refusal | None:
        """Its place among the emits is taken already, so that a blob's way to the disk changes no order."""
        kept = await self._parts.payloads.kept(emitted.message, value, run_id=self.run.id)
        if isinstance(kept, Refusal):
            self.emits.remove(emitted)
            return kept
        emitted.large = kept
        return None

    def blob_put(self, frame: BlobPut) -> Awaitable[Any]:
        return self._asked_blobs().put(frame)

    def blob_get(self, frame: BlobGet) -> Awaitable[Any]:
        return self._asked_blobs().get(frame)

    async def answer(self, frame: Answer) -> Refusal | None:
        return NO_ENDPOINT if self.streaming is None else await self.streaming.begin(frame)

    async def chunk(self, frame: Chunk) -> Refusal | None:
        return NO_ENDPOINT if self.streaming is None else await self.streaming.write(frame)

    def _asked_blobs(self) -> BlobAsks:
        if self._blobs is None:
            self._blobs = self._parts.payloads.of(self.run.id)
        return self._blobs

    @property
    def has_left(self) -> bool:
        """Something of it is out, whatever becomes of it: an emit, or the beginning of a streamed answer."""
        return bool(self._left) or (self.streaming is not None and self.streaming.begun is not None)

    def end(self) -> None:
        """Its outcome is known: what its step still asks counts for nothing, what it did not finish is dropped."""
        self.is_over = True
        if self._blobs is not None:
            self._blobs.abort()

    def get(self, frame: Get) -> Any | Awaitable[Any]:
        place = (frame.group, frame.key)
        own = self._own.get(place, ()) if self._own else ()
        if frame.versioned and not self._parts.store.has_versions:
            error = NoVersions()
            return Refusal(error.code, error.message, None, error.hint)
        if frame.group in self._cleared:
            return _told(_with(own, MISSING), frame)
        value = self._parts.store.get(*place)
        if hasattr(type(value), "__await__"):
            return self._get_later(frame, value, tuple(own))
        return self._got(frame, value, own)

    async def _get_later(self, frame: Get, value: Awaitable[Any], own: Sequence[StateWrite]) -> Any:
        try:
            found = await value
        except UserError as error:  # state that is kept elsewhere, where it cannot be read now
            return Refusal(error.code, error.message, None, error.hint)
        return self._got(frame, found, own)

    def _got(self, frame: Get, value: Any, own: Sequence[StateWrite]) -> Any:
        if refusal := self._keep_read("get", frame.group, frame.key, value, size=1):
            return refusal
        return _told(_with(own, value), frame)

    def _keep_read(self, op: str, group: str, key: str, value: Any, *, size: int) -> Refusal | None:
        """For the record, each place once; a replay gives the step what it read."""
        if (op, group, key) in self._read:
            return None
        limit = self._parts.limits.reads
        if self._read_values + size > limit:
            message = f"an attempt reads at most {limit:,} values of the state"
            return Refusal("state.too-many-reads", message, None, SMALLER)
        self._read_values += size
        self._read.add((op, group, key))
        self.reads.append(ReadRecord(op, group, key, value))
        return None

    def list(self, frame: List) -> Any | Awaitable[Any]:
        group = frame.group
        own = {key: tuple(ops) for (where, key), ops in (self._own or {}).items() if where == group}
        if group in self._cleared:
            return _listed({}, own)
        committed: Any = self._parts.store.list(group)
        if hasattr(type(committed), "__await__"):
            return self._list_later(group, committed, own)
        return self._got_list(group, committed, own)

    async def _list_later(
        self, group: str, committed: Awaitable[Any], own: Mapping[str, Sequence[StateWrite]]
    ) -> Any:
        try:
            found = await committed
        except UserError as error:
            return Refusal(error.code, error.message, None, error.hint)
        return self._got_list(group, found, own)

    def _got_list(self, group: str, committed: Any, own: Mapping[str, Sequence[StateWrite]]) -> Any:
        if refusal := self._keep_read("list", group, "", committed, size=max(1, len(committed))):
            return refusal
        return _listed({key: value for key, value in committed}, own)

    def write(self, frame: Write) -> None:
        if self.is_over or frame.op not in OPERATIONS:
            return
        if len(self.writes) >= self._parts.limits.writes:
            self._wrote_too_much = True  # a write is not answered: `check` refuses the attempt
            return
        write = StateWrite(frame.op, frame.group, frame.key, frame.value, frame.if_version)
        self.writes.append(write)
        if self._own is None:
            self._own = {}
        if frame.op == "clear":
            self._cleared.add(frame.group)
            self._own = {at: ops for at, ops in self._own.items() if at[0] != frame.group}
        elif frame.op in ("set", "delete"):
            self._own[frame.group, frame.key] = [write]
        else:
            self._own.setdefault((frame.group, frame.key), []).append(write)

    def check(self) -> None:
        """Before it commits. Raises TooManyWrites."""
        if self._wrote_too_much:
            limit = self._parts.limits.writes
            raise TooManyWrites(f"an attempt writes at most {limit:,} times to the state")

    def log(self, frame: Log) -> None:
        self._parts.recording.line(frame, self.run.deployment_id, attempt=self)


def _listed(values: dict[str, Any], own: Mapping[str, Sequence[StateWrite]]) -> list[list[Any]]:
    for key, writes in own.items():
        values[key] = _with(writes, values.get(key, MISSING))
    return [[key, values[key]] for key in sorted(values) if values[key] is not MISSING]


def _told(value: Any, frame: Get) -> Any:
    told = None if value is MISSING else value
    return {"value": told, "version": version_of(value)} if frame.versioned else told


def _with(writes: Sequence[StateWrite], value: Any) -> Any:
    """The value once an attempt's own writes are applied to it."""
    for write in writes:
        if write.op == "set":
            value = write.value
        elif write.op == "delete":
            value = MISSING
        else:
            try:
                value = operate(write, value)
            except BadStateOperation:
                return value  # the commit will refuse it, with the reason
    return value
