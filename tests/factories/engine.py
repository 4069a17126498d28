"""The least valid engine, lock and call; and hosts whose steps are Python functions in this process."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from wistro.blobs.files import FileBlobs
from wistro.engine.clock import Clock, Ids, SystemClock
from wistro.engine.engine import Engine
from wistro.engine.limits import Limits
from wistro.engine.loaded import Deployment, OnLine
from wistro.hosts.port import Asks, HostCall, Outcome, Returned, Threw, TimedOut
from wistro.lock.model import (
    ApiTrigger,
    CronTrigger,
    Lock,
    LockedStep,
    LockedTopic,
    Reference,
    Retries,
    StepConfig,
    Triggers,
)
from wistro.protocol.frames import (
    BlobGet,
    BlobPut,
    Emit,
    Failed,
    Get,
    List,
    Log,
    Refusal,
    Request,
    Write,
)
from wistro.protocol.ids import new_id
from wistro.records.port import NoSink, Sink
from wistro.store.port import Chunk, StoreBroken
from wistro.store.sqlite import SqliteStore
from wistro.triggers.port import EndpointCall

JSON_HEADER = ("content-type", "application/json")


class NonRetriable(Exception):
    """What an SDK's NonRetriable becomes: Failed(retry="never")."""


class RetryAfter(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Refused(Exception):
    """An ask was refused; a real SDK raises it at the caller's line too."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass
class StepContext:
    """What a test's step gets: `ctx` of the real SDKs, as far as the frames go."""

    call: HostCall
    asks: Asks

    def emit(self, topic: str, data: Any, **options: Any) -> None:
        # Through JSON, as over a real socket: the engine never shares an object with a step.
        data = msgspec.json.decode(msgspec.json.encode(data))
        if isinstance(refusal := self.asks.emit(Emit(0, 0, topic, data, **options)), Refusal):
            raise Refused(refusal)

    async def emit_and_wait(self, topic: str, data: Any, **options: Any) -> None:
        """As `emit`, for what the engine answers later."""
        data = msgspec.json.decode(msgspec.json.encode(data))
        answer = self.asks.emit(Emit(0, 0, topic, data, **options))
        refusal = await answer if isinstance(answer, Awaitable) else answer
        if isinstance(refusal, Refusal):
            raise Refused(refusal)

    async def put_blob(self, *chunks: bytes) -> dict[str, Any]:
        for chunk in chunks:
            encoded = base64.b64encode(chunk).decode()
            self._answer(await self.asks.blob_put(BlobPut(0, 0, 1, encoded)))
        return self._answer(await self.asks.blob_put(BlobPut(0, 0, 1, "", last=True)))

    async def get_blob(self, id: str) -> bytes:
        answer = self._answer(await self.asks.blob_get(BlobGet(0, 0, id)))
        return await asyncio.to_thread(Path(answer["path"]).read_bytes)

    async def emit_now(self, topic: str, data: Any, **options: Any) -> None:
        data = msgspec.json.decode(msgspec.json.encode(data))
        answer = self.asks.emit(Emit(0, 0, topic, data, now=True, **options))
        if answer is not None and not isinstance(answer, Refusal):
            answer = await answer
        if answer is not None:
            raise Refused(answer)

    def get(self, group: str, key: str) -> Any:
        return self._answer(self.asks.get(Get(0, 0, group, key)))

    def get_versioned(self, group: str, key: str) -> tuple[Any, str]:
        found = self._answer(self.asks.get(Get(0, 0, group, key, versioned=True)))
        return found["value"], found["version"]

    def list(self, group: str) -> Any:
        return self._answer(self.asks.list(List(0, 0, group)))

    @staticmethod
    def _answer(value: Any) -> Any:
        if isinstance(value, Refusal):
            raise Refused(value)
        return value

    def set(self, group: str, key: str, value: Any, if_version: str | None = None) -> None:
        self.asks.write(Write(0, "set", group, key, value, if_version))

    def write(self, op: str, group: str, key: str = "", value: Any = None) -> None:
        self.asks.write(Write(0, op, group, key, value))

    def log(self, message: str) -> None:
        self.asks.log(Log(at_us=1, level="info", message=message))


Step = Callable[[Any, StepContext], Awaitable[Any]]


@dataclass
class InMemoryHosts:
    """`Hosts` over functions. `outcomes` replaces what calls of a step would return, one after the other."""

    steps: dict[str, Step]
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    calls: list[HostCall] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    is_closed: bool = False
    on_line: OnLine | None = None

    async def call(self, call: HostCall, asks: Asks) -> Outcome:
        self.calls.append(call)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if waiting := self.outcomes.get(call.step):
                return waiting.pop(0)
            return await self._run(call, asks)
        finally:
            self.in_flight -= 1

    async def _run(self, call: HostCall, asks: Asks) -> Outcome:
        text = msgspec.json.encode(call.input)
        input = (
            msgspec.json.decode(text, type=Request)
            if call.kind == "api"
            else msgspec.json.decode(text)
        )
        try:
            async with asyncio.timeout(call.deadline_s):
                return Returned(await self.steps[call.step](input, StepContext(call, asks)))
        except TimeoutError:
            return TimedOut(call.deadline_s)
        except RetryAfter as error:
            return Threw(Failed(0, "RetryAfter", "later", retry_after_s=error.seconds))
        except Exception as error:
            retry = "never" if isinstance(error, NonRetriable) else "yes"
            return Threw(
                Failed(0, type(error).__name__, str(error), stack="step.py:1", retry=retry)
            )

    async def close(self, *, grace_s: float) -> None:
        self.is_closed = True


def a_step(
    type: str = "event",
    *,
    name: str = "A step",
    input: str | None = None,
    emitted: dict[str, str] | None = None,
    retries: Retries | None = None,
    **config: Any,
) -> LockedStep:
    """`input` and `emitted`'s values are names among the lock's schemas."""
    return LockedStep(
        file="src/step.step.py",
        files=["src/step.step.py"],
        digest="sha256:0",
        language="python",
        config=StepConfig(
            type=type, name=name, retries=retries or Retries(initial="1ms"), **config
        ),
        input=Reference(f"#/schemas/{input}") if input else None,
        emits={topic: Reference(f"#/schemas/{one}") for topic, one in (emitted or {}).items()},
    )


def a_lock(
    steps: dict[str, LockedStep],
    *,
    api: list[ApiTrigger] | None = None,
    cron: list[CronTrigger] | None = None,
    topic_schemas: dict[str, str] | None = None,
    schemas: dict[str, dict[str, Any]] | None = None,
) -> Lock:
    """Triggers and topics follow from the steps; `api` and `cron` are wistro.yml's own entries."""
    endpoints = [
        ApiTrigger(one.config.method or "POST", one.config.path or "/", id)
        for id, one in steps.items()
        if one.config.type == "api"
    ]
    schedules = [
        CronTrigger(id, one.config.cron or "* * * * *", one.config.timezone)
        for id, one in steps.items()
        if one.config.type == "cron"
    ]
    topics: dict[str, LockedTopic] = {}
    for id, one in steps.items():
        for topic in one.config.emits:
            topics.setdefault(topic, LockedTopic()).from_.append(id)
        for topic in one.config.subscribes:
            topics.setdefault(topic, LockedTopic()).to.append(id)
    for topic, schema in (topic_schemas or {}).items():
        topics.setdefault(topic, LockedTopic()).schema = Reference(f"#/schemas/{schema}")
    return Lock(
        lock=1,
        digest="sha256:0",
        steps=steps,
        topics=topics,
        triggers=Triggers(api=endpoints + (api or []), cron=schedules + (cron or [])),
        schemas=schemas or {},
    )


def a_call(
    path: str = "/a",
    body: Any = None,
    *,
    method: str = "POST",
    run_id: UUID | None = None,
    headers: list[tuple[str, str]] | None = None,
    **more: Any,
) -> EndpointCall:
    encoded = (
        body if isinstance(body, bytes) else msgspec.json.encode(body) if body is not None else b""
    )
    return EndpointCall(
        run_id=run_id or new_id(),
        method=method,
        path=path,
        query="",
        headers=headers if headers is not None else [JSON_HEADER],
        body=encoded,
        address="127.0.0.1",
        **more,
    )


@dataclass
class Running:
    """An engine under test with its one deployment."""

    engine: Engine
    hosts: InMemoryHosts
    store: SqliteStore
    sink: MemorySink
    broken: list[StoreBroken]
    broke: asyncio.Event

    async def quiet(self, deployment: str = "dep", *, timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            await self.engine.quiet(deployment)


class MemorySink(NoSink):
    """Keeps all records, decoded, for a test to look at."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def take(self, chunk: Chunk) -> None:
        self.records += [msgspec.json.decode(line) for line in chunk.lines.splitlines()]
        self._more.set()
        super().take(chunk)

    async def seen(
        self, kind: str, *, count: int = 1, timeout_s: float = 10
    ) -> list[dict[str, Any]]:
        """Waits until so many records of a kind have come."""
        async with asyncio.timeout(timeout_s):
            while len(self.of_kind(kind)) < count:
                self._more.clear()
                await self._more.wait()
        return self.of_kind(kind)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.records if one["kind"] == kind]


async def an_engine(
    folder: Path,
    lock: Lock,
    steps: dict[str, Step],
    *,
    limits: Limits | None = None,
    clock: Clock | None = None,
    deployment_id: str = "dep",
    stream: str | None = None,
    sink: Sink | None = None,
    outcomes: dict[str, list[Outcome]] | None = None,
) -> Running:
    clock = clock or SystemClock()
    broken: list[StoreBroken] = []
    broke = asyncio.Event()

    def on_broken(error: StoreBroken) -> None:
        broken.append(error)
        broke.set()

    memory = MemorySink()
    store = SqliteStore(folder / "store.db", stream=stream or str(new_id()))
    engine = Engine(
        store=store,
        sink=sink or memory,
        clock=clock,
        ids=Ids(clock),
        chance=random.Random(1),
        limits=limits,
        blobs=FileBlobs(folder / "blobs"),
        on_broken=on_broken,
    )
    await engine.start()
    hosts = InMemoryHosts(steps, outcomes or {})
    await engine.load(a_deployment(lock, hosts, id=deployment_id))
    return Running(engine, hosts, store, memory, broken, broke)


def a_deployment(lock: Lock, hosts: InMemoryHosts, *, id: str = "dep", **more: Any) -> Deployment:
    def made(on_line: OnLine) -> InMemoryHosts:
        hosts.on_line = on_line
        return hosts

    return Deployment(id=id, lock=lock, root=Path(), hosts=made, **more)
