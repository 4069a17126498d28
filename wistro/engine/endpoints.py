"""A call at an endpoint: matched, read, run once, committed, answered. Nobody runs it again but its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from wistro.engine import answers, bodies
from wistro.engine.arriving import Arriving, event_key
from wistro.engine.call_ends import CallEnds
from wistro.engine.calling import Calling, answer_key, header
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import Endpoint
from wistro.engine.messages import encode_message, misfits
from wistro.engine.once import Once
from wistro.engine.parts import Parts
from wistro.engine.runs import LiveRun
from wistro.engine.step_calls import RETRY_AFTER_S, StepCalls
from wistro.errors import UserError
from wistro.http.paths import Match, MethodNotAllowed
from wistro.protocol.frames import Refusal
from wistro.store.port import StoreAway, StoreBroken, StoreFull, Unit
from wistro.triggers.port import EndpointAnswer, EndpointCall


class Endpoints:
    def __init__(
        self,
        parts: Parts,
        emitting: Emitting,
        *,
        loaded_for: Callable[[str | None], Loaded | None],
    ) -> None:
        self._parts = parts
        self._loaded_for = loaded_for
        self._keyed = Once(parts)
        self._ends = CallEnds(parts, emitting)
        self._arriving = Arriving(parts, emitting)
        self._steps = StepCalls(parts, self._ends)
        self.announce = self._steps.announce
        self.cancel = self._steps.cancel
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def answer(self, call: EndpointCall) -> EndpointAnswer:
        loaded = self._loaded_for(call.deployment_id)
        if loaded is None:
            return _unavailable("this deployment is not loaded here")
        found = loaded.plans.endpoints.match(call.method, call.path)
        if isinstance(found, MethodNotAllowed):
            error = answers.WrongMethod(f"{call.method} is not allowed at {call.path}")
            return answers.refused(error, allow=found.allow)
        if not isinstance(found, Match):
            return answers.refused(answers.NoSuchPath(f"no endpoint at {call.path}"))
        if (why := self._why_not(loaded)) is not None:
            return _unavailable(why)
        self._begin(loaded)
        try:
            return await self._once(call, found.value, found.params, loaded)
        except UserError as error:
            return answers.refused(error)
        except StoreAway:
            return _unavailable("the store does not answer")
        except StoreFull:
            return _unavailable("the disk is full")
        except StoreBroken:
            return _unavailable("the engine is stopping")
        finally:
            self._end(loaded)

    def _begin(self, loaded: Loaded) -> None:
        self.in_flight += 1
        self.idle.clear()
        loaded.call_began()

    def _end(self, loaded: Loaded) -> None:
        self.in_flight -= 1
        if self.in_flight == 0:
            self.idle.set()
        loaded.call_ended()

    @property
    def is_closed(self) -> bool:
        return self._ends.is_closed

    def close(self) -> None:
        """Take no more; what is in flight goes on."""
        self._ends.is_closed = True

    def _why_not(self, loaded: Loaded) -> str | None:
        if self.is_closed or loaded.is_draining:
            return "this deployment is being stopped"
        if self.in_flight >= self._parts.limits.calls:
            return "too many calls are in flight"
        if loaded.backlog >= self._parts.limits.backlog:
            return "too many deliveries wait to be done"
        return None

    # One caller's id, one answer

    async def _once(
        self, call: EndpointCall, endpoint: Endpoint, params: dict[str, str], loaded: Loaded
    ) -> EndpointAnswer:
        """The same sender's same id again gets the answer of its first call, never a second run."""
        if endpoint.is_outside:
            return await self._outside_once(call, endpoint, loaded)
        if call.sender_id is None:
            return await self._run(call, endpoint, params, loaded, key=None)
        key = answer_key(call, endpoint)
        run = partial(self._run, call, endpoint, params, loaded, key=key)
        return await self._keyed.answer(key, run)

    async def _outside_once(
        self, call: EndpointCall, endpoint: Endpoint, loaded: Loaded
    ) -> EndpointAnswer:
        key = event_key(call, endpoint.trigger.emits or "")
        take = partial(self._arriving.answer, call, endpoint, loaded, key=key)
        return await (take() if key is None else self._keyed.answer(key, take))

    async def _run(
        self,
        call: EndpointCall,
        endpoint: Endpoint,
        params: dict[str, str],
        loaded: Loaded,
        *,
        key: str | None,
    ) -> EndpointAnswer:
        now_us = self._parts.clock.now_us()
        schema = endpoint.step.input if endpoint.step else None
        body = await self._body(call, endpoint)
        run = LiveRun(
            seq=self._parts.store.next_run_seq(),
            id=str(call.run_id),
            deployment_id=loaded.deployment.id,
            header=header(call, endpoint, now_us),
        )
        calling = Calling(call, endpoint, loaded, run, key, now_us)
        if endpoint.step is None:
            return await self._emit_body(calling, body)
        if schema is not None and (fields := misfits(schema, body.value)):
            raise bodies.UnfitBody("the body does not fit the endpoint's schema", fields=fields)
        return await self._steps.answer(calling, endpoint.step, bodies.request(call, body, params))

    async def _body(self, call: EndpointCall, endpoint: Endpoint) -> bodies.Body:
        step = endpoint.step
        needs_json = endpoint.topic is not None or (step is not None and step.input is not None)
        wants_blob = step is not None and step.wants_blob
        if self._parts.intake.concerns(call, wants_blob=wants_blob):
            return await self._parts.intake.read(
                call, run_id=str(call.run_id), needs_json=needs_json, wants_blob=wants_blob
            )
        takes_text = step is not None and step.takes_text
        return bodies.parse(call, needs_json=needs_json, takes_text=takes_text)

    async def _emit_body(self, calling: Calling, body: bodies.Body) -> EndpointAnswer:
        """An `api` entry of wistro.yml: its body is the message."""
        topic = calling.endpoint.topic
        assert topic is not None
        for validator in topic.validators:
            if fields := misfits(validator, body.value):
                raise bodies.UnfitBody(f"the body does not fit `{topic.topic}`", fields=fields)
        message = encode_message(
            body.value, topic=topic.topic, max_bytes=self._parts.limits.large_message_bytes
        )
        payloads, run_id = self._parts.payloads, calling.run.id
        emitted = (
            message
            if isinstance(message, Refusal)
            else await payloads.emitted(topic, message, body.value, run_id=run_id)
        )
        if isinstance(emitted, Refusal):
            fields = {emitted.path or "": emitted.message}
            raise bodies.UnfitBody(emitted.message, fields=fields, hint=emitted.hint)
        answer = EndpointAnswer(
            202, msgspec.json.encode({"run_id": calling.run.shown}), [answers.JSON]
        )
        await self._ends.commit(calling, Unit(), answer, emits=[emitted])
        return answer


def _unavailable(why: str) -> EndpointAnswer:
    return answers.refused(answers.Unavailable(why), retry_after_s=RETRY_AFTER_S)
