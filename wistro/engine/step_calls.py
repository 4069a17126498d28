"""A call's step: run once in a host, and its outcome made the caller's answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec

from wistro.engine import answers, bodies
from wistro.engine.attempt import CONFLICT_TRIES, Attempt
from wistro.engine.call_ends import CallEnds
from wistro.engine.calling import Calling
from wistro.engine.loaded import StepPlan
from wistro.engine.messages import misfits
from wistro.engine.parts import Parts
from wistro.engine.streaming import Streaming, is_streamed, last_chunk
from wistro.errors import UserError
from wistro.hosts.port import HostCall, HostLost, Outcome, Returned, Threw, TimedOut
from wistro.protocol.frames import Context, Request
from wistro.protocol.records import ErrorRecord
from wistro.store.port import AnswerTaken, BadStateOperation, Fenced, StateConflict, StoreFull, Unit
from wistro.triggers.port import EndpointAnswer

RETRY_AFTER_S = 1


class StepCalls:
    def __init__(self, parts: Parts, ends: CallEnds) -> None:
        self._parts = parts
        self._ends = ends
        self._calling: dict[int, Calling] = {}  # by run seq, oldest first

    def announce(self) -> None:
        """Tell of the calls that take long: until then a call's run is told of with its end."""
        before_us = self._parts.clock.now_us() - self._parts.limits.announce_after_us
        for calling in list(self._calling.values()):
            if calling.started_at_us > before_us:
                break
            if not calling.run.is_kept:
                self._ends.announce(calling.run, calling.loaded)

    def cancel(self, run_id: str) -> asyncio.Task[Any] | None:
        """End this run's call, if its step runs now: its caller is told, and nothing of it counts."""
        for calling in self._calling.values():
            if calling.run.id == run_id and calling.task is not None:
                if not calling.is_cancelled:
                    calling.is_cancelled = True
                    calling.task.cancel()
                return calling.task
        return None

    async def answer(self, calling: Calling, step: StepPlan, request: Request) -> EndpointAnswer:
        """One attempt; another after one that met a conflict in the state, within the time of the first."""
        attempt = self._attempt(calling, step)
        deadline_us = attempt.started_at_us + int(step.timeout_s * 1e6)
        while True:
            try:
                return await self._once(calling, attempt, request, deadline_us=deadline_us)
            except StateConflict as conflict:
                again = self._attempt(calling, step, after=attempt)
                has_time = again.started_at_us < deadline_us
                if attempt.has_left or attempt.number > CONFLICT_TRIES or not has_time:
                    return self._conflicted(calling, attempt, request, conflict)
                self._tell_again(calling, attempt, request, conflict)
                attempt = again

    def _attempt(
        self, calling: Calling, step: StepPlan, *, after: Attempt | None = None
    ) -> Attempt:
        now_us = self._parts.clock.now_us()
        attempt = Attempt(self._parts, step, calling.run, started_at_us=now_us)
        attempt.leaves = partial(self._ends.leaving.of_call, calling=calling)
        attempt.streaming = Streaming(calling.call.sink, keeps=calling.key is not None)
        if after is not None:
            attempt.delivery_id, attempt.number = after.delivery_id, after.number + 1
        return attempt

    async def _once(
        self, calling: Calling, attempt: Attempt, request: Request, *, deadline_us: int
    ) -> EndpointAnswer:
        """Raises StateConflict: nothing of it counts, and nothing is told of it yet."""
        run, step = calling.run, attempt.step
        input = msgspec.json.encode(request)
        context = Context(
            run_id=run.shown,
            trace_id=run.header.trace_id,
            traceparent=run.header.traceparent(attempt.id),
            tracestate=run.header.trace_state,
            now_us=attempt.started_at_us,
            attempt=attempt.number,
            deadline_us=deadline_us,
            idempotency_key=run.id,
            flows=step.flows,
            auth=calling.call.claims,
        )
        self._calling[run.seq] = calling
        calling.task = asyncio.current_task()
        timeout_s = (deadline_us - attempt.started_at_us) / 1e6
        try:
            host_call = HostCall(step.id, "api", msgspec.Raw(input), context, timeout_s)
            outcome = await calling.loaded.hosts.call(host_call, attempt)
        except asyncio.CancelledError:
            if calling.is_cancelled and calling.task is not None and not calling.task.uncancel():
                self._ends.tell(calling, attempt, input, "cancelled", "cancelled", None)
                error = answers.RunCancelled("the run was cancelled")
                return answers.refused(error, run=run.shown)
            # The caller left or the engine stops: nothing of it counts.
            self._ends.tell(calling, attempt, input, "interrupted", "interrupted", None)
            raise
        finally:
            attempt.end()
            del self._calling[run.seq]
        return await self._settle(calling, attempt, outcome, _recorded(calling, request))

    def _tell_again(
        self, calling: Calling, attempt: Attempt, request: Request, conflict: StateConflict
    ) -> None:
        record = self._parts.recording.attempt(
            attempt,
            "retrying",
            at_us=self._parts.clock.now_us(),
            input=_recorded(calling, request),
            auth=calling.call.claims,
            error=_told(conflict),
            counts=False,
        )
        calling.retried.append(record)

    def _conflicted(
        self, calling: Calling, attempt: Attempt, request: Request, conflict: StateConflict
    ) -> EndpointAnswer:
        input = _recorded(calling, request)
        self._ends.tell(calling, attempt, input, "failed", "failed", _told(conflict))
        return answers.refused(conflict, retry_after_s=RETRY_AFTER_S, run=calling.run.shown)

    async def _settle(
        self, calling: Calling, attempt: Attempt, outcome: Outcome, input: bytes
    ) -> EndpointAnswer:
        run = calling.run
        if isinstance(outcome, Returned):
            try:
                return await self._done(calling, attempt, outcome.answer, input)
            except StateConflict:
                raise
            except (answers.BadAnswer, BadStateOperation) as error:
                self._ends.tell(calling, attempt, input, "failed", "failed", _told(error))
                failed = answers.StepFailed(error.message, hint=error.hint)
                return answers.refused(failed, run=run.shown)
            except (AnswerTaken, Fenced) as taken:
                told = ErrorRecord(type(taken).__name__, str(taken))
                self._ends.tell(calling, attempt, input, "interrupted", "interrupted", told)
                if isinstance(taken, AnswerTaken):
                    raise
                raise answers.Unavailable("its run was ended meanwhile") from taken
            except StoreFull:
                told = ErrorRecord("StoreFull", "the disk was full when it ended")
                self._ends.tell(calling, attempt, input, "interrupted", "interrupted", told)
                raise
        if isinstance(outcome, Threw):
            failed = outcome.failed
            told = ErrorRecord(failed.type, failed.message, failed.stack)
            self._ends.tell(calling, attempt, input, "failed", "failed", told)
            return answers.refused(answers.StepFailed("the endpoint's step failed"), run=run.shown)
        if isinstance(outcome, TimedOut):
            message = f"took longer than its timeout of {outcome.after_s:g} s"
            told = ErrorRecord("TimedOut", message)
            self._ends.tell(calling, attempt, input, "failed", "failed", told)
            return answers.refused(answers.StepTimedOut(f"the step {message}"), run=run.shown)
        return self._lost(calling, attempt, outcome, input)

    async def _done(
        self, calling: Calling, attempt: Attempt, returned: Any, input: bytes
    ) -> EndpointAnswer:
        attempt.check()
        if is_streamed(returned):
            answer, returned = self._streamed(attempt, returned)
        else:
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
        kept = answer
        if answer.streamed and attempt.streaming is not None:
            whole = attempt.streaming.whole(answer.body)
            kept = EndpointAnswer(answer.status, whole, answer.headers)
        await self._ends.commit(calling, unit, kept, emits=attempt.emits, parent=attempt.id)
        return answer

    @staticmethod
    def _streamed(attempt: Attempt, returned: dict[str, Any]) -> tuple[EndpointAnswer, Any]:
        """Its last chunk, and what of it is recorded."""
        streaming = attempt.streaming
        if streaming is None or streaming.begun is None:
            raise answers.BadAnswer("a streamed answer that never began")
        status, headers = streaming.begun
        answer = EndpointAnswer(status, last_chunk(returned), headers, streamed=True)
        return answer, streaming.told(returned)

    def _lost(
        self, calling: Calling, attempt: Attempt, lost: HostLost, input: bytes
    ) -> EndpointAnswer:
        told = ErrorRecord("HostLost", lost.exit, lost.stderr)
        self._ends.tell(calling, attempt, input, "interrupted", "interrupted", told)
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


def _recorded(calling: Calling, request: Request) -> bytes:
    """The input as it is kept, without what only the step may see."""
    without = bodies.without_private(request, calling.endpoint.private_headers)
    return msgspec.json.encode(request if without is None else without)


def _told(error: UserError) -> ErrorRecord:
    return ErrorRecord(type(error).__name__, error.message, code=error.code)
