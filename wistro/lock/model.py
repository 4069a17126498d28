"""The shape of `wistro.yml.lock`. Durations stay as people write them (`30s`); keys are camelCase as in configs."""

from __future__ import annotations

from typing import Any

import msgspec

LOCK = 1


class Retries(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """`max` further attempts after the first, waiting initial * factor^n (full jitter) up to cap."""

    max: int = 3
    initial: str = "1s"
    factor: float = 2.0
    cap: str = "5m"
    jitter: bool = True


class Concurrency(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """At most `limit` at once: in all, or of those with the same value at `key`, a dotted path into the message."""

    limit: int
    key: str | None = None


class Fifo(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One after the other, in order, for each value at `key`. Without one only emits that name a key keep an order."""

    key: str | None = None
    on_dead: str = "continue"  # continue | block


class RateLimit(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """At most `limit` attempts begin in any `per`: in all, or for each value at `key`."""

    limit: int
    per: str
    key: str | None = None


class TaskAnswer(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    emits: str  # the topic that the answer's form is emitted on


class Task(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What a No-Op step waits for: one of `answers`, by a person or a system, within `timeout`."""

    answers: dict[str, TaskAnswer]
    assignee: str | None = None  # a free label or an e-mail address
    timeout: str | None = None  # None: it waits until it is answered or its run is cancelled
    on_timeout: str | None = None  # an answer, or a topic that gets the message it waited with


class QueryParam(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One that an endpoint reads, told to those who call it."""

    name: str
    description: str = ""


class StepConfig(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A step's config after compiling: defaults of wistro.yml applied, schemas moved out to `schemas`."""

    type: str  # api | event | cron | noop
    name: str
    description: str | None = None
    flows: list[str] = []
    method: str | None = None
    path: str | None = None
    query_params: list[QueryParam] = []
    middleware: list[str] = []  # names of functions in the step's file
    public: bool = False
    auth: list[dict[str, Any]] = []  # any-of; `$NAME`s unresolved
    subscribes: list[str] = []
    emits: list[str] = []
    captions: dict[
        str, str
    ] = {}  # of topics that it emits or would: Motia's `label`, for the picture
    conditional_emits: list[str] = []  # those of `emits` that may stay away; for the picture
    cron: str | None = None
    timezone: str = "UTC"
    catch_up: str = "skip"  # skip | one | all: what becomes of ticks that were missed
    retries: Retries = msgspec.field(default_factory=Retries)
    timeout: str = "30s"
    concurrency: Concurrency | None = None
    fifo: Fifo | None = None
    rate_limit: RateLimit | None = None
    delay: str | None = None  # each message waits so long before its first attempt
    virtual_subscribes: list[str] = []
    virtual_emits: list[str] = []
    task: Task | None = None  # No-Op: it waits


class Reference(msgspec.Struct, rename={"ref": "$ref"}):
    ref: str  # "#/schemas/3e0a…"


class LockedStep(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One step. `input` is an event's message or an endpoint's body; `responses` by status; `emits` by topic."""

    file: str
    files: list[str]
    digest: str
    language: str  # python | node | go
    config: StepConfig
    input: Reference | None = None
    responses: dict[str, Reference] = {}
    emits: dict[str, Reference] = {}
    forms: dict[str, Reference] = {}  # a task's, by answer: the message that it emits
    export: str | None = None  # Go: the value's name


class LockedTopic(
    msgspec.Struct, rename={"from_": "from"}, omit_defaults=True, forbid_unknown_fields=True
):
    schema: Reference | None = None  # every message on it must fit this, wherever it comes from
    from_: list[str] = []  # ids of steps and entries that emit it, `outside:<topic>` among them
    to: list[str] = []  # ids of steps that subscribe


class ApiTrigger(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One method and path. `step` is a step's id, or the entry's own id (`api:POST /webhooks/stock`) which emits `emits`."""

    method: str
    path: str
    step: str
    auth: list[dict[str, Any]] = []  # any-of; empty means public
    emits: str | None = None
    flows: list[str] = []


class CronTrigger(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """`id` is a step's id or `cron:<key>` of wistro.yml, which emits `emits` with {"scheduled_at": …}."""

    id: str
    schedule: str
    timezone: str = "UTC"
    emits: str | None = None
    flows: list[str] = []
    catch_up: str = "skip"  # skip | one | all


EVENTS = "/_wistro/events/"


class OutsideTrigger(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A topic that events arrive on from outside, at `/_wistro/events/<topic>`."""

    topic: str
    flows: list[str] = []

    @property
    def id(self) -> str:
        return f"outside:{self.topic}"

    @property
    def path(self) -> str:
        return f"{EVENTS}{self.topic}"


class Triggers(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    api: list[ApiTrigger] = []
    cron: list[CronTrigger] = []
    outside: list[OutsideTrigger] = []


class LockedFlow(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    name: str
    steps: list[str] = []
    description: str | None = None


class Variable(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    name: str
    default: str | None = None


class LockedState(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Where state is kept, when not in the store. `url` is a `$NAME` or an address without a password."""

    adapter: str  # files | redis
    url: str | None = None
    prefix: str | None = None  # of the keys in Redis


class Lock(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A compiled project; every map is sorted by key when written."""

    lock: int
    digest: str  # sha256 of the bytes after its line
    project: str | None = None
    dependencies: dict[str, dict[str, str]] = {}  # language -> manifest -> sha256
    runtimes: dict[str, str] = {}
    env: list[Variable] = []
    egress: list[str] = []
    state: LockedState | None = None
    steps: dict[str, LockedStep] = {}
    topics: dict[str, LockedTopic] = {}
    triggers: Triggers = msgspec.field(default_factory=Triggers)
    flows: dict[str, LockedFlow] = {}
    schemas: dict[str, dict[str, Any]] = {}
