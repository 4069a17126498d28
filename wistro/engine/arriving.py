"""Events from outside: one, or a batch that is taken whole or not at all; each starts a run of its own."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec

from wistro.engine import answers, bodies
from wistro.engine.calling import traced
from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import Endpoint, TopicPlan
from wistro.engine.messages import encode_message, misfits
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import LiveRun, RunHeader
from wistro.protocol.frames import Refusal
from wistro.store.port import StoredAnswer, Unit
from wistro.triggers.port import EndpointAnswer, EndpointCall

NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
MAX_ID = 255


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What a body came to: messages, and whether they came as a batch."""

    values: list[Any]
    is_batch: bool


class Arriving:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting

    async def answer(
        self, call: EndpointCall, endpoint: Endpoint, loaded: Loaded, *, key: str | None
    ) -> EndpointAnswer:
        """202 once they are on disk. Raises UnfitBody with the place of what does not fit; then none is taken."""
        topic = endpoint.topic
        assert topic is not None
        arrived = self._arrived(call)
        messages = self._checked(arrived, topic)
        runs = self._runs(call, endpoint, loaded, count=len(messages))
        emitted = [
            await self._emitted(topic, message, value, run)
            for message, value, run in zip(messages, arrived.values, runs, strict=True)
        ]
        answer = _accepted(runs, is_batch=arrived.is_batch)
        await self._commit(runs, emitted, loaded, key=key, answer=answer)
        return answer

    def _arrived(self, call: EndpointCall) -> _Arrived:
        if call.file is not None:
            raise bodies.BodyTooLarge("events come in bodies of at most 10 MiB")
        kind = next((value for name, value in call.headers if name == "content-type"), "")
        if kind.partition(";")[0].strip().lower() in NDJSON:
            return self._bounded(_lines(call.body))
        body = bodies.parse(call, needs_json=True)
        if isinstance(body.value, list):
            return self._bounded(body.value)
        return _Arrived([body.value], is_batch=False)

    def _bounded(self, values: list[Any]) -> _Arrived:
        most = self._parts.limits.emits
        if not 0 < len(values) <= most:
            raise bodies.UnfitBody(
                f"a batch has 1 to {most:,} events, not {len(values):,}",
                hint="A list is a batch: send what is one event as an object, or split the batch.",
            )
        return _Arrived(values, is_batch=True)

    def _checked(self, arrived: _Arrived, topic: TopicPlan) -> list[bytes]:
        messages: list[bytes] = []
        wrong: dict[str, str] = {}
        for index, value in enumerate(arrived.values):
            place = f"/{index}" if arrived.is_batch else ""
            for validator in topic.validators:
                for path, what in misfits(validator, value).items():
                    wrong.setdefault(place + path, what)
            message = encode_message(
                value, topic=topic.topic, max_bytes=self._parts.limits.large_message_bytes
            )
            if isinstance(message, Refusal):
                wrong.setdefault(place + (message.path or ""), message.message)
            else:
                messages.append(message)
        if wrong:
            raise bodies.UnfitBody(f"the body does not fit `{topic.topic}`", fields=wrong)
        return messages

    async def _emitted(self, topic: TopicPlan, message: bytes, value: Any, run: LiveRun) -> Emitted:
        made = await self._parts.payloads.emitted(topic, message, value, run_id=run.id)
        if isinstance(made, Refusal):
            raise bodies.UnfitBody(made.message, hint=made.hint)
        return made

    def _runs(
        self, call: EndpointCall, endpoint: Endpoint, loaded: Loaded, *, count: int
    ) -> list[LiveRun]:
        seen = traced(call)
        header = RunHeader(
            trigger="event",
            trigger_id=endpoint.trigger.step,
            started_at_us=self._parts.clock.now_us(),
            generation=call.generation,
            trace_id=seen.id,
            trace_flags=seen.flags,
            trace_parent=seen.parent,
            trace_state=seen.state,
            flows=endpoint.trigger.flows,
        )
        return [
            LiveRun(
                seq=self._parts.store.next_run_seq(),
                id=self._parts.ids.new() if index else str(call.run_id),
                deployment_id=loaded.deployment.id,
                header=header,
            )
            for index in range(count)
        ]

    async def _commit(
        self,
        runs: list[LiveRun],
        events: list[Emitted],
        loaded: Loaded,
        *,
        key: str | None,
        answer: EndpointAnswer,
    ) -> None:
        now_us = self._parts.clock.now_us()
        deliveries: list[Delivery] = []
        unit = Unit()
        for run, event in zip(runs, events, strict=True):
            made = self._emitting.deliveries([event], run, loaded, now_us=now_us)
            run.open = len(made)
            if made:
                unit.new_runs.append(run.row(open=len(made)))
            status = "running" if made else "done"
            unit.records.append(self._parts.recording.run(run, status, at_us=now_us))
            deliveries += made
        unit.new_deliveries = [one.row for one in deliveries]
        if key is not None:
            kept = StoredAnswer(answer.status, answer.headers, answer.body, runs[0].id)
            unit.answer = (key, kept, now_us + self._parts.limits.answers_kept_us)
        submitted = self._parts.store.submit(
            unit, then=partial(self._committed, runs, deliveries, loaded)
        )
        try:
            await asyncio.shield(submitted)
        except asyncio.CancelledError:
            # Its sender has left, but it may be on its way to the disk: its id is not free before we know.
            await asyncio.wait([submitted])
            if not submitted.cancelled():
                submitted.exception()
            raise

    def _committed(self, runs: list[LiveRun], deliveries: list[Delivery], loaded: Loaded) -> None:
        for run in runs:
            if run.open:
                run.is_kept = True
                loaded.live_runs += 1
        if deliveries:
            self._emitting.committed(deliveries, loaded)


def event_key(call: EndpointCall, topic: str) -> str | None:
    """The sender's id of the call, by Idempotency-Key or `?id=`: the same under a key that has been changed."""
    given = [value for name, value in call.headers if name == "idempotency-key"]
    if not given and call.query:
        given = parse_qs(call.query, keep_blank_values=True).get("id", [])
    if not given:
        return None
    id = given[0]
    if len(given) > 1 or not 0 < len(id) <= MAX_ID or not id.isprintable():
        raise bodies.UnfitBody(
            "the event's id cannot be used", hint=f"One id of 1 to {MAX_ID} printable characters."
        )
    text = "\0".join(("outside", topic, id))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _lines(body: bytes) -> list[Any]:
    """NDJSON: an event a line; empty lines are none."""
    found: list[Any] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise bodies.UnreadableBody(f"line {number} is no JSON: {error}") from error
    return found


def _accepted(runs: list[LiveRun], *, is_batch: bool) -> EndpointAnswer:
    said = {"run_ids": [run.shown for run in runs]} if is_batch else {"run_id": runs[0].shown}
    return EndpointAnswer(202, msgspec.json.encode(said), [answers.JSON])
