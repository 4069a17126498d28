"""One sample after the other on a fresh engine: its call or tick made again, its steps run by the project as it is now."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import os
import random
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from wistro.blobs.address import SETTING
from wistro.engine.clock import SystemClock
from wistro.engine.engine import Engine
from wistro.engine.limits import Limits
from wistro.engine.ticks import UnknownSchedule
from wistro.errors import UserError
from wistro.hosts.port import Hosts, Launcher
from wistro.hosts.project import passed_on
from wistro.http.limits import ENDPOINTS
from wistro.lock.model import Lock, Retries
from wistro.protocol.ids import new_id
from wistro.protocol.ids import read as read_id
from wistro.protocol.records import AttemptRecord
from wistro.protocol.samples import Sample
from wistro.protocol.times import duration_s, microseconds
from wistro.replay.compare import Difference, first_difference
from wistro.replay.kept_blobs import body_of, is_lost_form, missing
from wistro.replay.places import Place, by_place, seed
from wistro.replay.script import Script
from wistro.replay.tasks import Answering, Unrepeatable
from wistro.replay.world import GivenIds, Kept, ReplayHosts, ReplayStore
from wistro.store.port import StoreBroken, Unit
from wistro.triggers.port import EndpointAnswer, EndpointCall
from wistro.wiring import BLOBS, LOCAL, blobs_at, deployment

MORE_S = 30.0  # besides the steps' own timeouts, for a sample as a whole
UNLIMITED = 1_000_000_000
# Deliveries wait for their turn in the engine: none may be kept back by how many there are.
LIMITS = Limits(
    attempts=UNLIMITED,
    attempts_per_deployment=UNLIMITED,
    attempts_per_step=UNLIMITED,
    held_per_step=UNLIMITED,
    held_bytes_per_step=UNLIMITED,
)


class CannotReplay(UserError):
    """The sample could not be run here at all, so nothing can be said of it."""

    code = "replay.cannot-run"


@dataclass(frozen=True)
class Replayed:
    """`unexpected`: steps that were given messages which the sample does not have; they were not run."""

    sample: Sample
    difference: Difference | None
    deliveries: int
    stack: str = ""  # of the error that differs
    unexpected: list[str] | None = None


class Replayer:
    """A project's steps, ready to run samples. `async with`: the hosts are ended with it."""

    def __init__(
        self,
        root: Path,
        lock: Lock,
        *,
        built: Mapping[str, str],
        values: Mapping[str, str],
        launcher: Launcher,
    ) -> None:
        for step in lock.steps.values():
            step.config.retries = Retries(max=0)  # a delivery is run once: as its last attempt was
        self._lock = lock
        # A .pyc counts as current when its source's second and size do: replay must run what stands in the file.
        self._bytecode = tempfile.TemporaryDirectory(prefix="wistro-replay-")
        self._blobs = blobs_at(os.environ.get(SETTING, ""), root / ".wistro" / BLOBS, os.environ)
        self._deployment = deployment(
            LOCAL,
            lock,
            root=root,
            launcher=launcher,
            variables=values,
            secrets=frozenset(one.name for one in lock.env if one.default is None),
            built=built,
            label="replay",
            environ=passed_on() | {"PYTHONPYCACHEPREFIX": self._bytecode.name},
            reads=[self._blobs.folder],
        )

    async def __aenter__(self) -> Replayer:
        self._hosts: Hosts = self._deployment.hosts(lambda line: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hosts.close(grace_s=2.0)
        self._bytecode.cleanup()

    async def replay(self, sample: Sample) -> Replayed:
        """Raises CannotReplay when it could not be run: no such language here, or it does not come to an end."""
        await self._check_blobs(sample)
        expected = by_place(sample.attempts)
        script = Script(expected)
        kept = Kept()
        hosts = ReplayHosts(self._hosts, script, trace_id=sample.trace_id)
        limit_s = MORE_S + sum(self._timeout_s(one.step) for one in expected.values())
        try:
            async with asyncio.timeout(limit_s):
                refused = await self._run(sample, expected, script, kept, hosts)
        except TimeoutError as error:
            raise CannotReplay(f"`{sample.name}` did not end within {limit_s:g} s") from error
        if hosts.could_not_start is not None:
            raise CannotReplay(f"`{sample.name}`: a step's process {hosts.could_not_start}")
        got = by_place(kept.attempts)
        difference = refused or first_difference(expected, got)
        return Replayed(
            sample, difference, len(expected), _stack(difference, got), script.unexpected or None
        )

    async def _check_blobs(self, sample: Sample) -> None:
        await self._blobs.start()
        if gone := await missing(sample, self._blobs):
            raise CannotReplay(
                f"`{sample.name}` names {len(gone)} blob{'s' if len(gone) > 1 else ''} that "
                f"{'are' if len(gone) > 1 else 'is'} not on this machine, such as `{gone[0]}`"
            )

    async def _run(
        self,
        sample: Sample,
        expected: Mapping[Place, AttemptRecord],
        script: Script,
        kept: Kept,
        hosts: ReplayHosts,
    ) -> Difference | None:
        """Make its call or tick, and wait for all that follows; a difference when the call itself is refused."""
        run_id = read_id("run", sample.run)
        clock = SystemClock()
        with tempfile.TemporaryDirectory(prefix="wistro-replay-") as folder:
            store = ReplayStore(Path(folder) / "store.db", script, stream=str(new_id()))
            engine = Engine(
                store=store,
                sink=kept,
                clock=clock,
                ids=GivenIds(clock, first=str(run_id)),
                chance=random.Random(0),  # nothing is retried
                limits=LIMITS,
                blobs=self._blobs,
                on_broken=_broken,
            )
            async with AsyncExitStack() as last:
                await engine.start()
                last.push_async_callback(engine.close, grace_s=0)
                await engine.load(replace(self._deployment, hosts=lambda _: hosts))
                engine.set_primary(LOCAL)
                if known := seed(sample.attempts):
                    await engine.store.submit(Unit(writes=known))
                refused = await self._begin(engine, sample, run_id, expected, script)
                answering = Answering(engine, script, store.opened)
                try:
                    await _until_quiet(engine, answering)
                except Unrepeatable as error:
                    raise CannotReplay(f"`{sample.name}`: {error}") from error
        return refused or answering.refused

    async def _begin(
        self,
        engine: Engine,
        sample: Sample,
        run_id: UUID,
        expected: Mapping[Place, AttemptRecord],
        script: Script,
    ) -> Difference | None:
        roots = [one for place, one in expected.items() if len(place) == 1]
        if not roots:
            return None
        if sample.trigger.kind == "cron":
            at_us = _scheduled_at_us(roots[0])
            try:
                await engine.tick(sample.trigger.id, scheduled_at_us=at_us)
            except UnknownSchedule as error:
                return _not_begun(sample, error.message)
            return None
        if sample.trigger.kind == "event":
            topic = sample.trigger.id.removeprefix("outside:")
            try:
                await engine.emit(topic, roots[0].input)
            except UserError as error:
                return _not_begun(sample, error.message)
            return None
        if is_lost_form(roots[0]):
            raise CannotReplay(f"`{sample.name}` began with a form too large to be recorded whole")
        call = _call_of(sample, roots[0], run_id)
        if (body := await body_of(roots[0], self._blobs)) is not None:
            call = _with_body(call, body)
        answer = await engine.call(call)
        if answer.status >= 400 and not script.has_begun:
            return _not_begun(sample, _why(answer))
        return None

    def _timeout_s(self, step: str) -> float:
        locked = self._lock.steps.get(step)
        return duration_s(locked.config.timeout) if locked else 0.0


async def _until_quiet(engine: Engine, answering: Answering) -> None:
    """Until the run has ended, its tasks answered as they come. Raises Unrepeatable."""
    quiet = asyncio.ensure_future(engine.quiet(LOCAL))
    answers = asyncio.ensure_future(answering.run())
    try:
        await asyncio.wait({quiet, answers}, return_when=asyncio.FIRST_COMPLETED)
        if answers.done():
            answers.result()
    finally:
        for one in (quiet, answers):
            one.cancel()
        await asyncio.gather(quiet, answers, return_exceptions=True)


def _call_of(sample: Sample, root: AttemptRecord, run_id: UUID) -> EndpointCall:
    method, path = sample.trigger.method or "POST", sample.trigger.path or "/"
    if root.topic is not None:  # an entry of wistro.yml: its body is the message
        body, query = msgspec.json.encode(root.input), ""
        headers: list[tuple[str, str]] = [_JSON]
    else:
        request: dict[str, Any] = root.input or {}
        body = _body(request)
        headers = list((request.get("headers") or {}).items())
        query = urlencode(request.get("query_params") or {}, doseq=True)
    return EndpointCall(
        run_id=run_id,
        method=method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        address="127.0.0.1",
        claims=root.auth,
    )


def _with_body(call: EndpointCall, body: bytes) -> EndpointCall:
    if len(body) <= ENDPOINTS.body_bytes:
        return msgspec.structs.replace(call, body=body)
    return msgspec.structs.replace(call, body=b"", file=io.BytesIO(body), size=len(body))


def _body(request: dict[str, Any]) -> bytes:
    """The bytes as they came; where a secret was taken out of them, the parsed body written again."""
    try:
        return base64.b64decode(request.get("raw_body_base64") or "", validate=True)
    except binascii.Error:
        body = request.get("body")
        kind = (request.get("headers") or {}).get("content-type", "")
        if isinstance(body, dict) and kind.startswith("application/x-www-form-urlencoded"):
            return urlencode(body, doseq=True).encode()
        return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def _scheduled_at_us(root: AttemptRecord) -> int:
    """A schedule of wistro.yml has it in its message; a step is not told, so when it became due will do."""
    if isinstance(root.input, dict) and isinstance(at := root.input.get("scheduled_at"), str):
        return microseconds(datetime.fromisoformat(at))
    return root.queued_at_us


def _not_begun(sample: Sample, why: str) -> Difference:
    return Difference(sample.trigger.id, None, "run", f"was not run: {why}", "$")


def _why(answer: EndpointAnswer) -> str:
    error = msgspec.json.decode(answer.body)["error"]
    fields = "".join(f"; {path or 'its top'}: {what}" for path, what in error["fields"].items())
    return f"{answer.status} {error['message']}{fields}"


def _stack(difference: Difference | None, got: Mapping[Place, AttemptRecord]) -> str:
    if difference is None or difference.part != "error":
        return ""
    failed = (one.error for one in got.values() if one.step == difference.step and one.error)
    return next((error.stack for error in failed), "")


def _broken(error: StoreBroken) -> None:
    raise error


_JSON = ("content-type", "application/json")
