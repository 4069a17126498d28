"""A run once more, as a new run: from its start, or from one of its steps on."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import UnknownDeployment
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import LiveRun, RunHeader
from wistro.errors import UserError
from wistro.protocol.frames import Request
from wistro.protocol.records import AttemptRecord
from wistro.store.port import Unit
from wistro.triggers.port import EndpointCall


class NothingToReplay(UserError):
    """What is kept of the run holds nothing that could be done again."""

    code = "engine.nothing-to-replay"
    hint = "Payloads are kept for 7 days. A call of an endpoint can be sent again by its caller."
    status = 409


@dataclass(frozen=True, slots=True)
class Root:
    """One message for one step, with which the new run begins."""

    step: str
    kind: str  # event | cron
    topic: str | None
    message: bytes  # JSON


def roots(attempts: list[AttemptRecord], *, from_step: str | None = None) -> list[Root]:
    """What a run began with; or, with `from_step`, what that step was given where it did not succeed, else everywhere.

    `attempts` are the run's, in any order. Raises NothingToReplay.
    """
    last: dict[str, AttemptRecord] = {}
    for one in sorted(attempts, key=lambda one: one.number):
        last[one.delivery_id] = one
    if from_step is None:
        found = [one for one in last.values() if one.parent_attempt_id is None]
    else:
        found = [one for one in last.values() if one.step == from_step]
        found = [one for one in found if one.outcome != "done"] or found
    found = [one for one in found if not _is_call(one)]
    if not found:
        where = f" at `{from_step}`" if from_step else ""
        raise NothingToReplay(f"the run has nothing to replay{where}")
    found.sort(key=lambda one: (one.queued_at_us, one.ordinal, one.delivery_id))
    return [_root(one) for one in found]


@dataclass(frozen=True, slots=True)
class Replayed:
    """`status` is the answer's, of a run that began with a call."""

    run_id: str
    status: int | None = None


def call_of(
    attempts: list[AttemptRecord], *, run_id: str, replays: str, deployment_id: str
) -> EndpointCall | None:
    """The call with which a run began, as it can be made again; None when it began otherwise.

    Private headers are not kept, so who called is as it was verified then. Raises NothingToReplay.
    """
    first = next((one for one in attempts if _is_call(one)), None)
    if first is None:
        return None
    try:
        request = msgspec.convert(first.input, Request)
        body = base64.b64decode(request.raw_body_base64, validate=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise NothingToReplay("the call's request is not kept") from error
    return EndpointCall(
        run_id=UUID(run_id),
        method=request.method,
        path=request.path,
        query=urlencode(request.query_params, doseq=True),
        headers=list(request.headers.items()),
        body=body,
        address="",
        deployment_id=deployment_id,
        claims=first.auth,
        replays=replays,
    )


class Replaying:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting

    async def start(self, begins: list[Root], *, replays: str, loaded: Loaded) -> str:
        """The new run's id, once it is on disk. Raises UnknownDeployment for a step that the deployment has not."""
        now_us, id = self._parts.clock.now_us(), self._parts.ids.new()
        queues = [loaded.lane.queues.get(one.step) for one in begins]
        if None in queues:
            gone = next(one.step for one in begins if one.step not in loaded.lane.queues)
            raise UnknownDeployment(f"the deployment has no step `{gone}`")
        header = RunHeader(
            trigger=begins[0].kind,
            trigger_id=begins[0].topic or begins[0].step,
            started_at_us=now_us,
            trace_id=id.replace("-", ""),
            flows=list(
                dict.fromkeys(flow for queue in queues if queue for flow in queue.plan.flows)
            ),
            replays=replays,
        )
        run = LiveRun(
            seq=self._parts.store.next_run_seq(),
            id=id,
            deployment_id=loaded.deployment.id,
            header=header,
        )
        deliveries = [self._delivery(one, run, loaded, now_us) for one in begins]
        run.open = len(deliveries)
        unit = Unit(
            new_runs=[run.row(open=run.open)],
            new_deliveries=[one.row for one in deliveries],
            records=[self._parts.recording.run(run, "running", at_us=now_us)],
        )
        await self._parts.store.submit(unit, then=partial(self._begun, deliveries, loaded))
        return id

    def _delivery(self, root: Root, run: LiveRun, loaded: Loaded, now_us: int) -> Delivery:
        queue = loaded.lane.queues[root.step]
        gating = queue.plan.gating
        gate = gating.gate(root.message, key=None) if gating is not None else None
        row = self._emitting.row(
            queue, run, root.message, due_at_us=now_us, gate=gate, kind=root.kind
        )
        row.topic = root.topic
        return Delivery(row, run, queue)

    def _begun(self, deliveries: list[Delivery], loaded: Loaded) -> None:
        deliveries[0].run.is_kept = True
        loaded.live_runs += 1
        self._emitting.committed(deliveries, loaded)


def _is_call(one: AttemptRecord) -> bool:
    """An endpoint's attempt: its delivery is itself."""
    return one.delivery_id == one.attempt_id


def _root(one: AttemptRecord) -> Root:
    message: Any = one.input
    return Root(
        one.step, "cron" if one.topic is None else "event", one.topic, msgspec.json.encode(message)
    )
