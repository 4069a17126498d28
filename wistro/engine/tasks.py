"""A No-Op step that waits: its task opens with a message, and ends by an answer, by its timeout, or with its run.

The task's delivery stays in the store, due when the time is over. Whoever ends the task finishes that delivery in the
transaction that emits the answer, so one of several answers wins, and a crash leaves either the task or what followed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from wistro.blobs.port import BlobsBroken
from wistro.engine.answers import Unavailable
from wistro.engine.dead_letters import dead_letter
from wistro.engine.emitted import Emitted
from wistro.engine.emitting import Emitting, Loaded
from wistro.engine.ends import Ends
from wistro.engine.loaded import AnswerPlan, TaskPlan, TopicPlan
from wistro.engine.messages import encode_message, misfits
from wistro.engine.parts import Parts
from wistro.engine.payloads import BlobGone
from wistro.engine.queues import Delivery, StepQueue
from wistro.engine.runs import DEAD, LiveRun
from wistro.engine.task_errors import UnfitForm, UnknownAnswer, UnknownTask, ended
from wistro.engine.task_views import task_view
from wistro.errors import UserError
from wistro.protocol.frames import Refusal
from wistro.protocol.ids import show
from wistro.protocol.operating import TaskView
from wistro.protocol.records import EmitRecord, ErrorRecord
from wistro.schemas.filling import filled
from wistro.store.port import Command, DeliveryRow, Fenced, StoreBroken, StoreFull, Unit, Unnumbered
from wistro.store.tasks import (
    ANSWERED,
    CANCELLED,
    OPEN,
    TIMED_OUT,
    TaskEnd,
    TaskFilter,
    TaskLink,
    TaskRow,
)

FOREVER_US = 100 * 365 * 24 * 3600 * 1_000_000
TOKEN_BYTES = 32
ASKED = "answer"  # a command to the engine that works on the run
TRIES = 5
EVERY = 2**31  # of a run's
MAX_BY = 200


class Tasks:
    def __init__(
        self, parts: Parts, emitting: Emitting, ends: Ends, *, loaded_of: Callable[[str], Loaded]
    ) -> None:
        """`loaded_of` raises UnknownDeployment."""
        self._parts = parts
        self._emitting = emitting
        self._ends = ends
        self._loaded_of = loaded_of
        self._answering: set[asyncio.Task[TaskRow]] = set()

    # Asked by people and commands

    async def list(self, wanted: TaskFilter) -> list[TaskRow]:
        return await self._parts.store.tasks(wanted)

    async def get(self, task_id: str) -> TaskRow:
        """Raises UnknownTask."""
        if (kept := await self._parts.store.task(task_id)) is None:
            raise UnknownTask(f"no task `{show('task', task_id)}`")
        return kept

    def view(self, kept: TaskRow) -> TaskView:
        """As people are shown it; how it may be answered only while its deployment is loaded."""
        try:
            loaded, task = self._asked(kept)
        except UserError:
            return task_view(kept)
        return task_view(kept, task=task, config=loaded.deployment.lock.steps[kept.step].config)

    async def link(self, task_id: str) -> str:
        """A new token for the task: whoever has it may answer. It is told once, its hash is kept."""
        await self.get(task_id)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        kept = TaskLink(_digest(token), task_id, self._parts.clock.now_us())
        await self._parts.store.submit(Unit(task_links=[kept]))
        return token

    async def behind(self, token: str) -> TaskRow:
        """The task that a link leads to. Raises UnknownTask."""
        digest = _digest(token)
        found = await self._parts.store.task_link(digest)
        if found is None or not hmac.compare_digest(found.token_sha256, digest):
            raise UnknownTask("no task is behind this link")
        return await self.get(found.task_id)

    async def answer(
        self, task_id: str, answer: str, form: Any, *, by: str | None, how: str
    ) -> TaskRow:
        """End the task with one of its answers; what it emits is on disk then. Of several, one wins.

        Raises UnknownTask, TaskEnded, UnknownAnswer, UnfitForm, Unavailable.
        """
        # Whoever asks may leave; what is on its way to the disk is then seen to the end all the same.
        work = asyncio.get_running_loop().create_task(
            self._answered(task_id, answer, form, by=by, how=how)
        )
        self._answering.add(work)
        work.add_done_callback(self._answering.discard)
        return await asyncio.shield(work)

    async def _answered(
        self, task_id: str, answer: str, form: Any, *, by: str | None, how: str
    ) -> TaskRow:
        for _ in range(TRIES):
            try:
                return await self._answer(task_id, answer, form, by=by, how=how)
            except StoreFull as error:
                raise Unavailable("the disk is full, or away") from error
            except StoreBroken as error:
                raise Unavailable("the engine is stopping") from error
            except Fenced:
                pass
            # Whatever came first is on its way to the disk: behind it, all is as it will stay, or open again.
            await self._parts.store.submit(Unit())
        raise Fenced(f"the task {task_id} keeps changing")

    async def asked(self, command: Command, body: Any) -> None:
        """By another engine, of a run that is this one's."""
        by, how = body["by"], body["how"]
        await self._answer(body["task"], body["answer"], body["form"], by=by, how=how, of=command)

    async def _told(
        self, kept: TaskRow, answer: str, form: Any, *, by: str | None, how: str
    ) -> TaskRow:
        """Have the engine answer it that works on its run."""
        body = {"task": kept.task_id, "answer": answer, "form": form, "by": by, "how": how}
        await self._parts.store.tell(kept.run_id, ASKED, msgspec.json.encode(body))
        told = await self.get(kept.task_id)
        if told.state == OPEN:
            raise Fenced("its run went to another engine")
        if (told.state, told.answer, told.how) != (ANSWERED, answer, how):
            raise ended(told)
        return told

    async def _answer(
        self,
        task_id: str,
        answer: str,
        form: Any,
        *,
        by: str | None,
        how: str,
        of: Command | None = None,
    ) -> TaskRow:
        kept = await self.get(task_id)
        if kept.state != OPEN:
            raise ended(kept)
        loaded, task = self._asked(kept)
        plan = _answer_plan(task, answer)
        emitted = await self._emitted(plan.topic, form, run_id=kept.run_id)
        found = await self._parts.store.delivery(kept.delivery_seq)
        if found is None or found[0].delivery_id != task_id:
            raise Fenced("its delivery is gone: it is being ended")
        row, live = found
        if not live.is_here:
            if of is not None:
                raise Fenced("its run went to another engine")
            return await self._told(kept, answer, form, by=by, how=how)
        run = self._emitting.runs.get(live.seq) or LiveRun.of(live)
        end = TaskEnd(
            task_id=task_id,
            state=ANSWERED,
            ended_at_us=self._parts.clock.now_us(),
            answer=answer,
            form=emitted.stored,
            answered_by=by[:MAX_BY] if by else None,
            how=how,
        )
        self._emitting.keep(run)  # whoever claims of it meanwhile must count with this one
        try:
            await self._end(kept, row, run, loaded, end, emitted, of=of)
        finally:
            self._emitting.let_go(run)
        return await self.get(task_id)

    def _asked(self, kept: TaskRow) -> tuple[Loaded, TaskPlan]:
        loaded = self._loaded_of(kept.deployment_id)
        step = loaded.plans.steps.get(kept.step)
        if step is None or step.task is None:
            raise UnknownTask(
                f"the deployment has no step `{kept.step}` that waits",
                hint="The step is gone from the project. Cancel the run, or bring the step back.",
            )
        return loaded, step.task

    async def _emitted(self, topic: TopicPlan, value: Any, *, run_id: str) -> Emitted:
        """What an answer emits, checked. Raises UnfitForm."""
        for validator in topic.validators:
            if fields := misfits(validator, value):
                raise UnfitForm("the form does not fit", fields=fields)
        limit = self._parts.limits.large_message_bytes
        message = encode_message(value, topic=topic.topic, max_bytes=limit)
        if not isinstance(message, Refusal):
            made = await self._parts.payloads.emitted(topic, message, value, run_id=run_id)
            if not isinstance(made, Refusal):
                return made
            message = made
        raise UnfitForm(message.message, fields={message.path or "": message.message})

    async def settled(self) -> None:
        """Returns when the answers that were being taken are on disk, or refused."""
        if self._answering:
            await asyncio.wait(set(self._answering))

    # A message comes, or its time is over

    async def arrive(self, delivery: Delivery, loaded: Loaded) -> None:
        """Open its task; when it has one, end that if its time is over. Raises Fenced when it ended meanwhile."""
        kept = await self._parts.store.task(delivery.row.delivery_id)
        if kept is None or kept.state != OPEN:
            await self._open(delivery, loaded)
        elif kept.expires_at_us is not None and kept.expires_at_us <= self._parts.clock.now_us():
            await self._time_out(kept, delivery, loaded)
        else:
            await self._wait_on(delivery, loaded, until_us=kept.expires_at_us)

    async def _open(self, delivery: Delivery, loaded: Loaded) -> None:
        row, run, plan = delivery.row, delivery.run, delivery.queue.plan
        assert plan.task is not None
        now_us, timeout_s = self._parts.clock.now_us(), plan.task.timeout_s
        expires_at_us = None if timeout_s is None else now_us + int(timeout_s * 1e6)
        kept = TaskRow(
            task_id=row.delivery_id,
            run_id=run.id,
            deployment_id=row.deployment_id,
            step=row.step,
            delivery_seq=row.seq,
            attempt_id=self._parts.ids.new(),
            number=row.number,
            topic=row.topic,
            message=row.message,
            parent_attempt_id=row.parent_attempt_id,
            ordinal=row.ordinal,
            assignee=plan.task.assignee,
            queued_at_us=row.due_at_us,
            opened_at_us=now_us,
            expires_at_us=expires_at_us,
        )
        record = self._parts.recording.task(kept, "waiting", at_us=now_us)
        unit = Unit(
            retried=[(row.number, _waiting(row, expires_at_us))], tasks=[kept], records=[record]
        )
        await self._ends.commit(unit, run, loaded, change=0, waits=1, now_us=now_us)
        self._wake(delivery.queue, expires_at_us, loaded)

    async def _wait_on(self, delivery: Delivery, loaded: Loaded, *, until_us: int | None) -> None:
        """It was taken before its time, by a clock that has been set back since."""
        row, now_us = delivery.row, self._parts.clock.now_us()
        unit = Unit(retried=[(row.number, _waiting(row, until_us))])
        await self._ends.commit(unit, delivery.run, loaded, change=0, now_us=now_us)
        self._wake(delivery.queue, until_us, loaded)

    def _wake(self, queue: StepQueue, at_us: int | None, loaded: Loaded) -> None:
        current = loaded.lane.queues.get(queue.plan.id)
        if at_us is not None and current is not None:
            self._emitting.claiming.wake_at(current, at_us, loaded)

    async def _time_out(self, kept: TaskRow, delivery: Delivery, loaded: Loaded) -> None:
        task = delivery.queue.plan.task
        assert task is not None
        if task.on_timeout is None:  # an edit took it away: the task waits on
            await self._wait_on(delivery, loaded, until_us=None)
            return
        answer = task.answers.get(task.on_timeout)
        topic = answer.topic if answer else task.late
        assert topic is not None
        try:
            value = _untouched(answer) if answer else await self._message(kept)
            emitted = await self._emitted(topic, value, run_id=kept.run_id)
        except UnfitForm as unfit:
            await self._dead(kept, delivery, loaded, topic, unfit)
            return
        end = TaskEnd(
            task_id=kept.task_id,
            state=TIMED_OUT,
            ended_at_us=self._parts.clock.now_us(),
            answer=task.on_timeout if answer else None,
            form=emitted.stored,
            how="timeout",
        )
        await self._end(kept, delivery.row, delivery.run, loaded, end, emitted, patient=True)

    async def _message(self, kept: TaskRow) -> Any:
        """What it waited with, whole."""
        try:
            return msgspec.json.decode(await self._parts.payloads.whole(kept.message))
        except (BlobGone, BlobsBroken) as error:
            raise UnfitForm(str(error)) from error

    # Its end

    async def _end(
        self,
        kept: TaskRow,
        row: DeliveryRow,
        run: LiveRun,
        loaded: Loaded,
        end: TaskEnd,
        emitted: Emitted,
        *,
        patient: bool = False,
        of: Command | None = None,
    ) -> None:
        now_us = end.ended_at_us
        deliveries = self._emitting.deliveries(
            [emitted], run, loaded, now_us=now_us, parent_attempt_id=kept.attempt_id
        )
        record = self._parts.recording.task(
            kept,
            "done",
            at_us=now_us,
            emits=[EmitRecord(0, emitted.plan.topic, msgspec.Raw(emitted.stored))],
            answer={"answer": end.answer, "by": end.answered_by, "how": end.how},
        )
        unit = Unit(
            new_deliveries=[one.row for one in deliveries],
            finished=[(row.seq, row.number)],
            task_ends=[end],
            records=[record],
            done_commands=[of.id] if of else [],
        )
        await self._ends.commit(
            unit,
            run,
            loaded,
            change=len(deliveries) - 1,
            waits=-1,
            now_us=now_us,
            then=partial(self._emitting.committed, deliveries, loaded) if deliveries else None,
            patient=patient,
        )

    async def _dead(
        self, kept: TaskRow, delivery: Delivery, loaded: Loaded, topic: TopicPlan, unfit: UnfitForm
    ) -> None:
        """What its timeout would emit fits nobody: kept as a dead letter, whose redrive opens the task anew."""
        row, run, now_us = delivery.row, delivery.run, self._parts.clock.now_us()
        path, what = next(iter((unfit.fields or {"": unfit.message}).items()))
        message = (
            f"what its timeout emits on `{topic.topic}` does not fit at {path or 'its top'}: {what}"
        )
        error = ErrorRecord(type(unfit).__name__, message, code=unfit.code)
        run.mark = DEAD
        unit = Unit(
            finished=[(row.seq, row.number)],
            task_ends=[TaskEnd(kept.task_id, TIMED_OUT, now_us, how="timeout")],
            dead=dead_letter(row, run, error, now_us=now_us),
            records=[self._parts.recording.task(kept, "dead", at_us=now_us, error=error)],
        )
        await self._ends.commit(unit, run, loaded, change=-1, waits=-1, now_us=now_us)

    async def cancelled(
        self, run_id: str, *, now_us: int
    ) -> tuple[list[TaskEnd], list[Unnumbered]]:
        """What the end of a run means for its open tasks: for the unit that ends it."""
        waiting = await self._parts.store.tasks(TaskFilter(run_id=run_id, limit=EVERY))
        ends = [TaskEnd(one.task_id, CANCELLED, now_us) for one in waiting]
        recording = self._parts.recording
        return ends, [recording.task(one, "cancelled", at_us=now_us) for one in waiting]


def _waiting(row: DeliveryRow, until_us: int | None) -> DeliveryRow:
    return replace(row, due_at_us=until_us or row.due_at_us + FOREVER_US, claimed=False)


def _answer_plan(task: TaskPlan, name: str) -> AnswerPlan:
    if (plan := task.answers.get(name)) is None:
        named = ", ".join(f"`{one}`" for one in task.answers)
        raise UnknownAnswer(f"the task has no answer `{name[:60]}`", hint=f"Its answers: {named}.")
    return plan


def _untouched(answer: AnswerPlan) -> Any:
    """The form as nobody filled it."""
    return filled(answer.schema) if answer.schema is not None else {}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
