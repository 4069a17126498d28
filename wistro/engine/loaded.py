"""A deployment, and what its lock says, made ready to be run: paths, schemas, who hears what, when to try again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from wistro.auth.policy import variables
from wistro.engine.gating import Gating
from wistro.engine.messages import Schemas
from wistro.errors import UserError
from wistro.hosts.port import Hosts
from wistro.http.paths import PathTable
from wistro.lock.model import ApiTrigger, CronTrigger, Lock, LockedStep, Reference, Task
from wistro.protocol.blobs import is_blob_schema
from wistro.protocol.frames import Log
from wistro.protocol.times import duration_s
from wistro.triggers.outside import EVENTS
from wistro.triggers.outside import endpoint as outside_endpoint
from wistro.variables import in_state

OnLine = Callable[[Log], None]


class UnknownDeployment(UserError):
    """No deployment of this id is loaded in this engine."""

    code = "engine.unknown-deployment"
    hint = "`wistro versions` lists what is deployed."
    status = 404


@dataclass(frozen=True)
class Deployment:
    """A version in an environment, for an engine to load. `hosts` makes its pool; `variables` are its values."""

    id: str
    lock: Lock
    root: Path
    hosts: Callable[[OnLine], Hosts]
    version: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()  # names among `variables`


@dataclass(frozen=True, slots=True)
class Retrying:
    max: int
    initial_s: float
    factor: float
    cap_s: float
    jitter: bool

    def delay_s(self, charged: int, *, chance: random.Random) -> float:
        """How long to wait after the `charged`-th failed attempt: full jitter, as in Brooker, "Exponential backoff
        and jitter" (AWS, 2015)."""
        longest = min(self.cap_s, self.initial_s * self.factor ** min(charged - 1, 64))
        return chance.uniform(0, longest) if self.jitter else longest


@dataclass(slots=True)
class StepPlan:
    id: str
    kind: str  # api | event | cron | noop
    flows: list[str]
    timeout_s: float
    retrying: Retrying
    emits: dict[str, TopicPlan]  # those it may emit
    input: jsonschema_rs.Validator | None
    responses: dict[str, jsonschema_rs.Validator]
    wants_blob: bool = False  # an endpoint's body, whatever it is, arrives as a blob
    takes_text: bool = False  # or may be a text
    delay_us: int = 0  # each message waits so long before its first attempt
    gating: Gating | None = None
    task: TaskPlan | None = None  # a No-Op step's: its messages wait for an answer


@dataclass(slots=True)
class AnswerPlan:
    """One way to end a task. `schema` is what its form is made from."""

    topic: TopicPlan
    schema: dict[str, Any] | None


@dataclass(slots=True)
class TaskPlan:
    """What a No-Op step waits for. `on_timeout` names an answer, or else `late` is the topic that it names."""

    assignee: str | None
    timeout_s: float | None
    on_timeout: str | None
    answers: dict[str, AnswerPlan]
    late: TopicPlan | None


@dataclass(slots=True)
class TopicPlan:
    """What one emitter's messages on a topic must fit, and who hears them."""

    topic: str
    validators: list[jsonschema_rs.Validator]
    subscribers: list[StepPlan]


@dataclass(slots=True)
class Endpoint:
    trigger: ApiTrigger
    step: StepPlan | None  # None: an entry of wistro.yml, which emits `topic`
    topic: TopicPlan | None
    private_headers: frozenset[str]  # their values are kept out of the records
    is_outside: bool = False  # events on `topic` from elsewhere


@dataclass(slots=True)
class Schedule:
    trigger: CronTrigger
    step: StepPlan | None
    topic: TopicPlan | None


PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


class Plans:
    """What a lock says. Made without running any of the project's code."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._schemas = Schemas(lock.schemas)
        self.steps = {
            id: _step_plan(id, step, self._schemas)
            for id, step in lock.steps.items()
            if step.config.type != "noop" or step.config.task is not None
        }
        for id, plan in self.steps.items():
            step = lock.steps[id]
            plan.emits = {
                topic: self._topic_plan(topic, step.emits.get(topic))
                for topic in dict.fromkeys([*step.config.emits, *step.config.conditional_emits])
            }
            if step.config.task is not None:
                plan.task = self._task_plan(step, step.config.task)
        self.endpoints: PathTable[Endpoint] = PathTable(
            (trigger.method, trigger.path, self._endpoint(trigger))
            for trigger in [*lock.triggers.api, *map(outside_endpoint, lock.triggers.outside)]
        )
        self.schedules = {trigger.id: self._schedule(trigger) for trigger in lock.triggers.cron}

    def topic(self, topic: str) -> TopicPlan:
        return self._topic_plan(topic, None)

    def _topic_plan(self, topic: str, emitted: Reference | None) -> TopicPlan:
        """Subscribers' inputs are checked at the emit too: where compiling could not decide, the emitter is told."""
        locked = self._lock.topics.get(topic)
        hearers = [self.steps[id] for id in (locked.to if locked else []) if id in self.steps]
        inputs = [self._lock.steps[hearer.id].input for hearer in hearers]
        references = [locked.schema if locked else None, emitted, *inputs]
        wanted = dict.fromkeys(one.ref for one in references if one is not None)
        return TopicPlan(topic, [self._schemas.get(one) for one in wanted], hearers)

    def _task_plan(self, step: LockedStep, task: Task) -> TaskPlan:
        answers: dict[str, AnswerPlan] = {}
        for name, answer in task.answers.items():
            form = step.forms.get(name)
            locked = self._lock.topics.get(answer.emits)
            asked = form or (locked.schema if locked else None)
            schema = self._lock.schemas[asked.ref.removeprefix("#/schemas/")] if asked else None
            answers[name] = AnswerPlan(self._topic_plan(answer.emits, form), schema)
        late = task.on_timeout if task.on_timeout not in task.answers else None
        return TaskPlan(
            assignee=task.assignee,
            timeout_s=duration_s(task.timeout) if task.timeout else None,
            on_timeout=task.on_timeout,
            answers=answers,
            late=self._topic_plan(late, None) if late else None,
        )

    def _endpoint(self, trigger: ApiTrigger) -> Endpoint:
        headers = {str(policy.get("header", "")).lower() for policy in trigger.auth}
        private = PRIVATE_HEADERS | frozenset(headers - {""})
        if trigger.emits is None:
            return Endpoint(trigger, self.steps[trigger.step], None, private)
        is_outside = trigger.path.startswith(EVENTS)
        return Endpoint(trigger, None, self.topic(trigger.emits), private, is_outside)

    def _schedule(self, trigger: CronTrigger) -> Schedule:
        if trigger.emits is None:
            return Schedule(trigger, self.steps[trigger.id], None)
        return Schedule(trigger, None, self.topic(trigger.emits))


def secret_values(deployment: Deployment) -> list[str]:
    """What must not be written into a record: declared secrets, and whatever an `auth` or `state` names."""
    named = {name for trigger in deployment.lock.triggers.api for name in variables(trigger.auth)}
    wanted = named | deployment.secrets | in_state(deployment.lock)
    return [value for name, value in deployment.variables.items() if name in wanted and value]


def _step_plan(id: str, step: LockedStep, schemas: Schemas) -> StepPlan:
    retries = step.config.retries
    written = schemas.written(step.input.ref) if step.input else {}
    return StepPlan(
        id=id,
        kind=step.config.type,
        flows=step.config.flows,
        timeout_s=duration_s(step.config.timeout),
        retrying=Retrying(
            retries.max,
            duration_s(retries.initial),
            retries.factor,
            duration_s(retries.cap),
            retries.jitter,
        ),
        emits={},
        input=schemas.get(step.input.ref) if step.input else None,
        responses={status: schemas.get(one.ref) for status, one in step.responses.items()},
        wants_blob=is_blob_schema(written),
        takes_text=written.get("type") == "string",
        delay_us=int(duration_s(step.config.delay or 0) * 1e6),
        gating=Gating.of(step.config),
    )
