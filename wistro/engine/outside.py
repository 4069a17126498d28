"""An event from outside: checked like any emit, and the run that it starts."""

from __future__ import annotations

import difflib
from functools import partial
from typing import Any

from wistro.engine.answers import Unavailable
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import TopicPlan
from wistro.engine.messages import encode_message, misfits
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import LiveRun, RunHeader
from wistro.errors import UserError
from wistro.protocol.frames import Refusal
from wistro.store.port import Unit


class UnknownTopic(UserError):
    """The project has no topic of this name."""

    code = "event.unknown-topic"
    status = 404


class UnfitEvent(UserError):
    """The event's data does not fit its topic; `fields` maps JSON pointers to what is wrong."""

    code = "event.unfit"
    hint = "Correct the named fields; the topic's schema is in wistro.yml.lock."
    status = 422


class Outside:
    def __init__(self, parts: Parts, emitting: Emitting) -> None:
        self._parts = parts
        self._emitting = emitting

    async def emit(self, topic: str, value: Any, *, loaded: Loaded) -> str:
        """Start a run with this event; its id, once the run is on disk. Raises UnknownTopic, UnfitEvent, Unavailable."""
        if loaded.is_draining:
            raise Unavailable(f"the deployment `{loaded.deployment.id}` takes nothing new")
        plan = _topic(topic, loaded)
        message = self._checked(plan, value)
        now_us, id = self._parts.clock.now_us(), self._parts.ids.new()
        header = RunHeader(
            trigger="event",
            trigger_id=topic,
            started_at_us=now_us,
            trace_id=id.replace("-", ""),
            flows=list(dict.fromkeys(flow for step in plan.subscribers for flow in step.flows)),
        )
        run = LiveRun(
            seq=self._parts.store.next_run_seq(),
            id=id,
            deployment_id=loaded.deployment.id,
            header=header,
        )
        emitted = await self._parts.payloads.emitted(plan, message, value, run_id=id)
        if isinstance(emitted, Refusal):
            raise _unfit(emitted)
        deliveries = self._emitting.deliveries([emitted], run, loaded, now_us=now_us)
        run.open = len(deliveries)
        status = "running" if deliveries else "done"
        unit = Unit(
            new_runs=[run.row(open=run.open)] if deliveries else [],
            new_deliveries=[one.row for one in deliveries],
            records=[self._parts.recording.run(run, status, at_us=now_us)],
        )
        await self._parts.store.submit(unit, then=partial(self._begun, deliveries, loaded))
        return id

    def _checked(self, plan: TopicPlan, value: Any) -> bytes:
        for validator in plan.validators:
            if wrong := misfits(validator, value):
                path, what = next(iter(wrong.items()))
                raise UnfitEvent(
                    f"the data for `{plan.topic}` does not fit at {path or 'its top'}: {what}",
                    fields=wrong,
                )
        encoded = encode_message(
            value, topic=plan.topic, max_bytes=self._parts.limits.large_message_bytes
        )
        if isinstance(encoded, Refusal):
            raise _unfit(encoded)
        return encoded

    def _begun(self, deliveries: list[Delivery], loaded: Loaded) -> None:
        if deliveries:
            deliveries[0].run.is_kept = True
            loaded.live_runs += 1
            self._emitting.committed(deliveries, loaded)


def _unfit(refusal: Refusal) -> UnfitEvent:
    fields = {refusal.path: refusal.message} if refusal.path else {}
    return UnfitEvent(refusal.message, hint=refusal.hint, fields=fields)


def _topic(topic: str, loaded: Loaded) -> TopicPlan:
    known = loaded.deployment.lock.topics
    if topic not in known:
        close = difflib.get_close_matches(topic, known, n=1)
        named = ", ".join(f"`{one}`" for one in sorted(known)[:20]) or "none"
        hint = f"did you mean `{close[0]}`?" if close else f"Its topics: {named}."
        raise UnknownTopic(f"the project has no topic `{topic}`", hint=hint)
    return loaded.plans.topic(topic)
