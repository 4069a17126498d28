"""A call at an endpoint: matched, read, run once, committed, answered. Nobody runs it again but its caller."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from wistro.engine import answers, bodies
from wistro.engine.attempt import Attempt
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.loaded import Endpoint, StepPlan
from wistro.engine.messages import encode_message, misfits
from wistro.engine.parts import Parts
from wistro.engine.queues import Delivery
from wistro.engine.runs import CALLED, CALLING, LiveRun, RunHeader
from wistro.errors import UserError
from wistro.hosts.port import HostCall, HostLost, Outcome, Returned, Threw, TimedOut
from wistro.http.paths import Match, MethodNotAllowed
from wistro.protocol.frames import Context, Refusal, Request
from wistro.protocol.records import ErrorRecord
from wistro.store.port import (
    BadStateOperation,
    StoreBroken,
    StoredAnswer,
    StoreFull,
    Unit,
)
from wistro.triggers.port import EndpointAnswer, EndpointCall

RETRY_AFTER_S = 1
FULL_AGAIN_S = 1.0
REPLAYED = ("idempotent-replayed", "true")
TRACE_PARENT = "traceparent"


@dataclass(slots=True)
class _Calling:
    """A call whose step runs now."""

    call: EndpointCall
    endpoint: Endpoint
    loaded: Loaded
    run: LiveRun
    key: str | None  # of its stored answer
    started_at_us: int


class Endpoints:
    def __init__(
        self,
        parts: Parts,
        emitting: Emitting,
        *,
        loaded_for: Callable[[str | None], Loaded | None],
    ) -> None:
        self._parts = parts
        self._emitting = emitting
        self._loaded_for = loaded_for
        self._by_key: dict[str, asyncio.Future[EndpointAnswer | None]] = {}
        self._calling: dict[int, _Calling] = {}  # by run seq, oldest first
        self.in_flight = 0
        self.is_closed = False
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
        self.in_flight += 1
        self.idle.clear()
        try:
            return await self._once(call, found.value, found.params, loaded)
        except UserError as error:
            return answers.refused(error)
        except StoreFull:
            return _unavailable("the disk is full")
        except StoreBroken:
            return _unavailable("the engine is stopping")
        finally:
            self.in_flight -= 1
            if self.in_flight == 0:
                self.idle.set()

    def announce(self) -> None:
        """Tell of the calls that take long: until then a call's run is told of with its end."""
        before_us = self._parts.clock.now_us() - self._parts.limits.announce_after_us
        for calling in list(self._calling.values()):
            if calling.started_at_us > before_us:
                break
            if not calling.run.is_kept:
                self._announce(calling.run, calling.loaded)

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
        if call.sender_id is None:
            return await self._run(call, endpoint, params, loaded, key=None)
        key = _answer_key(call, endpoint)
        while (first := self._by_key.get(key)) is not None:
            if (answer := await asyncio.shield(first)) is not None:
                return EndpointAnswer(answer.status, answer.body, [*answer.headers, REPLAYED])
        kept = self._parts.store.answer(key, now_us=self._parts.clock.now_us())
        if kept is not None:
            return EndpointAnswer(kept.status, kept.body, [*kept.headers, REPLAYED])
        self._by_key[key] = asyncio.get_running_loop().create_future()
        others: EndpointAnswer | None = None
        try:
            answer = await self._run(call, endpoint, params, loaded, key=key)
            # Only what committed is an answer to others: after anything else the key is free again.
            if self._parts.store.answer(key, now_us=0) is not None:
                others = answer
        finally:
            self._by_key.pop(key).set_result(others)
        return answer

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
        body = bodies.parse(call, needs_json=schema is not None or endpoint.topic is not None)
        run = LiveRun(
            seq=self._parts.store.next_run_seq(),
            id=str(call.run_id),
            deployment_id=loaded.deployment.id,
            header=_header(call, endpoint, now_us),
        )
        calling = _Calling(call, endpoint, loaded, run, key, now_us)
        if endpoint.step is None:
            return await self._emit_body(calling, body)
        if schema is not None and (fields := misfits(schema, body.value)):
            raise bodies.UnfitBody("the body does not fit the endpoint's schema", fields=fields)
        if len(call.body) > self._parts.limits.frame_body_bytes:
            raise bodies.BodyTooLarge(f"{len(call.body)} bytes are more than a step can be given")
        return await self._call_step(calling, endpoint.step, bodies.request(call, body, params))

    async def _emit_body(self, calling: _Calling, body: bodies.Body) -> EndpointAnswer:
        """An `api` entry of wistro.yml: its body is the message."""
        topic = calling.endpoint.topic
        assert topic is not None
        for validator in topic.validators:
            if fields := misfits(validator, body.value):
                raise bodies.UnfitBody(f"the body does not fit `{topic.topic}`", fields=fields)
        message = encode_message(
            body.value, topic=topic.topic, max_bytes=self._parts.limits.message_bytes
        )
        if isinstance(message, Refusal):
            fields = {message.path or "": message.message}
            raise bodies.UnfitBody(message.message, fields=fields, hint=message.hint)
        answer = EndpointAnswer(
            202, msgspec.json.encode({"run_id": calling.run.shown}), [answers.JSON]
        )
        await self._commit(calling, Unit(), answer, emits=[(topic, message)])
        return answer

    # A step's answer

    async def _call_step(
        self, calling: _Calling, step: StepPlan, request: Request
    ) -> EndpointAnswer:
        run, call = calling.run, calling.call
        attempt = Attempt(self._parts, step, run, started_at_us=self._parts.clock.now_us())
        input = msgspec.json.encode(request)
        context = Context(
            run_id=run.shown,
            trace_id=run.header.trace_id,
            now_us=attempt.started_at_us,
            attempt=1,
            deadline_us=attempt.started_at_us + int(step.timeout_s * 1e6),
            idempotency_key=run.id,
            flows=step.flows,
            auth=call.claims,
        )
        self._calling[run.seq] = calling
        try:
            host_call = HostCall(step.id, "api", msgspec.Raw(input), context, step.timeout_s)
            outcome = await calling.loaded.hosts.call(host_call, attempt)
        except asyncio.CancelledError:
            # The caller left or the engine stops: nothing of it counts.
            self._tell(calling, attempt, input, "interrupted", "interrupted", None)
            raise
        finally:
            attempt.is_over = True
            del self._calling[run.seq]
        recorded = bodies.without_private(request, calling.endpoint.private_headers)
        if recorded is not None:
            input = msgspec.json.encode(recorded)
        return await self._settle(calling, attempt, outcome, input)

    async def _settle(
        self, calling: _Calling, attempt: Attempt, outcome: Outcome, input: bytes
    ) -> EndpointAnswer:
        run = calling.run
        if isinstance(outcome, Returned):
            try:
                return await self._done(calling, attempt, outcome.answer, input)
            except (answers.BadAnswer, BadStateOperation) as error:
                told = ErrorRecord(type(error).__name__, error.message, code=error.code)
                self._tell(calling, attempt, input, "failed", "failed", told)
                failed = answers.StepFailed(error.message, hint=error.hint)
                return answers.refused(failed, run=run.shown)
            except StoreFull:
                told = ErrorRecord("StoreFull", "the disk was full when it ended")
                self._tell(calling, attempt, input, "interrupted", "interrupted", told)
                raise
        if isinstance(outcome, Threw):
            failed = outcome.failed
            told = ErrorRecord(failed.type, failed.message, failed.stack)
            self._tell(calling, attempt, input, "failed", "failed", told)
            return answers.refused(answers.StepFailed("the endpoint's step failed"), run=run.shown)
        if isinstance(outcome, TimedOut):
            message = f"took longer than its timeout of {outcome.after_s:g} s"
            told = ErrorRecord("TimedOut", message)
            self._tell(calling, attempt, input, "failed", "failed", told)
            return answers.refused(answers.StepTimedOut(f"the step {message}"), run=run.shown)
        return self._lost(calling, attempt, outcome, input)

    async def _done(
        self, calling: _Calling, attempt: Attempt, returned: Any, input: bytes
    ) -> EndpointAnswer:
        attempt.check()
        answer = answers.from_step(returned)
        if attempt.step.responses:
            self._check_response(attempt, answer, returned)
        record = self._parts.recording.attempt(
            attempt,
            "done",
            at_us=self._parts.clock.now_us(),
            input=input,
            auth=calling.call.claims,
            answer=returned,
        )
        unit = Unit(writes=attempt.writes, records=[record])
        await self._commit(calling, unit, answer, emits=attempt.emits, parent=attempt.id)
        return answer

    def _lost(
        self, calling: _Calling, attempt: Attempt, lost: HostLost, input: bytes
    ) -> EndpointAnswer:
        told = ErrorRecord("HostLost", lost.exit, lost.stderr)
        self._tell(calling, attempt, input, "interrupted", "interrupted", told)
        error = answers.Unavailable("the step's process ended before it answered")
        return answers.refused(error, retry_after_s=RETRY_AFTER_S, run=calling.run.shown)

    def _check_response(self, attempt: Attempt, answer: EndpointAnswer, returned: Any) -> None:
        """An answer that does not fit is sent as it is: the caller gets more from it than from a 500."""
        schema = attempt.step.responses.get(str(answer.status))
        if schema is None or not isinstance(returned, dict):
            return
        if fields := misfits(schema, returned.get("body")):
            path, what = next(iter(fields.items()))
            message = f"the answer with status {answer.status} does not fit its schema at {path or 'its top'}: {what}"
            self._parts.recording.say("warn", message, attempt.run.deployment_id, attempt=attempt)

    # What is kept of it

    async def _commit(
        self,
        calling: _Calling,
        unit: Unit,
        answer: EndpointAnswer,
        *,
        emits: list[Any],
        parent: str | None = None,
    ) -> None:
        run, loaded = calling.run, calling.loaded
        now_us = self._parts.clock.now_us()
        emitted = self._emitting.deliveries(
            emits, run, loaded, due_at_us=now_us, parent_attempt_id=parent
        )
        was_kept = run.is_kept
        status = "running" if emitted else "done"
        if not was_kept or not emitted:
            unit.records.append(self._parts.recording.run(run, status, at_us=now_us))
        if emitted and was_kept:
            unit.run_changes.append((run.seq, len(emitted), CALLED))
        elif emitted:
            unit.new_runs.append(run.row(open=len(emitted)))
        elif was_kept:
            unit.ended_runs.append(run.seq)
        unit.new_deliveries = [one.row for one in emitted]
        if calling.key is not None:
            kept = StoredAnswer(answer.status, answer.headers, answer.body, run.id)
            unit.answer = (calling.key, kept, now_us + self._parts.limits.answers_kept_us)
        run.open = len(emitted)
        submitted = self._parts.store.submit(
            unit, then=partial(self._committed, calling, emitted, was_kept)
        )
        try:
            await asyncio.shield(submitted)
        except asyncio.CancelledError:
            # Its caller has left, but it may be on its way to the disk: its sender's id is not free before we know.
            await asyncio.wait([submitted])
            _ignore(submitted)
            raise

    def _committed(self, calling: _Calling, emitted: list[Delivery], was_kept: bool) -> None:
        """Also when the caller has left meanwhile: what is on disk goes on."""
        if emitted:
            calling.run.is_kept = True
            calling.loaded.live_runs += not was_kept
            self._emitting.committed(emitted, calling.loaded)
        elif was_kept:
            calling.loaded.one_run_ended()

    def _tell(
        self,
        calling: _Calling,
        attempt: Attempt,
        input: bytes,
        outcome: str,
        status: str,
        error: ErrorRecord | None,
    ) -> None:
        """Record a call of which nothing counts. Its caller is answered without waiting for the disk."""
        now_us = self._parts.clock.now_us()
        record = self._parts.recording.attempt(
            attempt,
            outcome,
            at_us=now_us,
            input=input,
            auth=calling.call.claims,
            error=error,
            counts=False,
        )
        unit = Unit(records=[record, self._parts.recording.run(calling.run, status, at_us=now_us)])
        if calling.run.is_kept:
            unit.ended_runs.append(calling.run.seq)
            calling.run.is_kept = False  # counted here, and not again should its announcing fail
            calling.loaded.one_run_ended()
        self._keep(unit)

    def _keep(self, unit: Unit) -> None:
        self._parts.store.submit(unit).add_done_callback(partial(self._kept, unit))

    def _kept(self, unit: Unit, future: asyncio.Future[None]) -> None:
        """A full disk is waited for where a run's row would stay behind. Other records of what never counted are lost
        to it: the store has told the engine why."""
        if future.cancelled() or not isinstance(future.exception(), StoreFull):
            return
        if unit.ended_runs and not self.is_closed:
            asyncio.get_running_loop().call_later(FULL_AGAIN_S, self._keep, unit)

    def _announce(self, run: LiveRun, loaded: Loaded) -> None:
        run.is_kept, run.mark = True, CALLING
        unit = Unit(
            new_runs=[run.row(open=0)],
            records=[self._parts.recording.run(run, "running", at_us=self._parts.clock.now_us())],
        )
        loaded.live_runs += 1
        self._parts.store.submit(unit).add_done_callback(partial(_announced, run, loaded))


def _header(call: EndpointCall, endpoint: Endpoint, now_us: int) -> RunHeader:
    return RunHeader(
        trigger="api",
        trigger_id=endpoint.trigger.step,
        started_at_us=now_us,
        generation=call.generation,
        trace_id=_trace_id(call),
        flows=endpoint.step.flows if endpoint.step else endpoint.trigger.flows,
        method=call.method,
        path=call.path,
    )


def _trace_id(call: EndpointCall) -> str:
    """The caller's W3C trace id when it is one, else the run's own."""
    for name, value in call.headers:
        if name == TRACE_PARENT:
            parts = value.split("-")
            if len(parts) >= 4 and len(parts[1]) == 32 and parts[1] != "0" * 32:
                with contextlib.suppress(ValueError):
                    bytes.fromhex(parts[1])
                    return parts[1].lower()
    return call.run_id.hex


def _answer_key(call: EndpointCall, endpoint: Endpoint) -> str:
    """One sender's id at one endpoint: another caller with the same id is not given this one's answer."""
    claims = call.claims or {}
    who = claims.get("sub") or claims.get("key") or ""
    text = "\0".join(
        (endpoint.trigger.step, call.method, call.path, str(who), call.sender_id or "")
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unavailable(why: str) -> EndpointAnswer:
    return answers.refused(answers.Unavailable(why), retry_after_s=RETRY_AFTER_S)


def _announced(run: LiveRun, loaded: Loaded, future: asyncio.Future[None]) -> None:
    if not future.cancelled() and future.exception() is not None and run.is_kept:
        run.is_kept = False
        loaded.one_run_ended()


def _ignore(future: asyncio.Future[None]) -> None:
    """A record that could not be kept: the store has told the engine why."""
    if not future.cancelled():
        future.exception()
