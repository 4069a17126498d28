"""What each step may send and what it is given, read from a lock: the same for every language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from wistro.lock.model import Lock, LockedStep, Reference
from wistro.schemas import Schema
from wistro.types.names import Names, type_name
from wistro.types.shapes import ANY, Alias, Named, ObjectShape, Shape, Shapes, union

# Names that generated files, or those who import them, already give a meaning.
RESERVED = frozenset(
    (
        *(
            "Answer",
            "ApiConfig",
            "ApiHandler",
            "ApiMiddleware",
            "ApiRequest",
            "ApiResponse",
            "Auth",
            "BlobRef",
            "Blobs",
            "Context",
            "Contexts",
        ),
        *(
            "CronConfig",
            "CronHandler",
            "Duration",
            "Emit",
            "EmitOptions",
            "Emitted",
            "Env",
            "EventConfig",
        ),
        *(
            "EventHandler",
            "ServerSentEvent",
            "Streamed",
            "Streaming",
            "Fields",
            "Handlers",
            "Logger",
            "Messages",
            "NonRetriable",
            "NoopConfig",
            "NotYet",
        ),
        *(
            "Refused",
            "Request",
            "Requests",
            "Response",
            "Retries",
            "RetryAfter",
            "Schema",
            "State",
            "StateOp",
        ),
        *(
            "ApiRouteConfig",
            "ApiRouteHandler",
            "EndpointHandler",
            "FlowContext",
            "StepConfig",
            "StepContext",
            "StepHandler",
            "Topic",
            "Topics",
        ),
        *(
            "Array",
            "Date",
            "Object",
            "Omit",
            "Promise",
            "Readonly",
            "Record",
            "String",
            "Uint8Array",
        ),
    )
)
_PARAMETER = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")


@dataclass
class StepTypes:
    """`type` names the step's context; `message` is an event's, `body` an endpoint's."""

    id: str
    label: str
    language: str
    kind: str  # api | event | cron
    type: str
    description: str | None = None
    emits: dict[str, Shape] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)  # what it subscribes to
    message: Shape = ANY
    body: Shape = ANY
    parameters: list[str] = field(default_factory=list)  # of its path
    query: dict[str, str] = field(default_factory=dict)  # name -> description
    responses: dict[int, Shape] = field(default_factory=dict)
    message_type: str = ""
    request_type: str = ""
    response_type: str = ""


@dataclass
class Surface:
    """`named` are the types that others refer to; `topics` the messages by topic, `topic_types` their names."""

    steps: list[StepTypes]
    named: dict[str, ObjectShape | Alias]
    topics: dict[str, Shape]
    env: list[str]


def surface_of(lock: Lock) -> Surface:
    """Names are given out to steps first, then to topics, so that a new field never renames a step's type."""
    return _Reader(lock, Names(set(RESERVED))).read()


class _Reader:
    def __init__(self, lock: Lock, names: Names) -> None:
        self._lock = lock
        self._names = names
        self._shapes = Shapes(names)

    def read(self) -> Surface:
        lock = self._lock
        steps = [
            self._named(id, step)
            for id, step in sorted(lock.steps.items())
            if step.config.type != "noop"
        ]
        topics = {name: self._topic(name) for name in sorted(lock.topics)}
        for one in steps:
            with self._shapes.apart():
                self._fill(one, lock.steps[one.id], topics)
        return Surface(steps, self._shapes.named, topics, sorted(one.name for one in lock.env))

    def _named(self, id: str, step: LockedStep) -> StepTypes:
        config = step.config
        name = self._names.take(type_name(config.name, otherwise="Step"))
        found = StepTypes(id, config.name, step.language, config.type, name, config.description)
        if config.type == "event":
            found.message_type = self._names.take(name + "Message")
        if config.type == "api":
            found.request_type = self._names.take(name + "Request")
            found.response_type = self._names.take(name + "Response")
        return found

    def _topic(self, name: str) -> Shape:
        """A topic's message is a type by name, whatever it is."""
        wanted = type_name(name, otherwise="Topic")
        shape = self._read(self._lock.topics[name].schema, wanted)
        if shape == ANY or isinstance(shape, Named):
            return shape
        alias = self._names.take(wanted)
        self._shapes.named[alias] = Alias(alias, shape)
        return Named(alias)

    def _fill(self, one: StepTypes, step: LockedStep, topics: dict[str, Shape]) -> None:
        config = step.config
        for topic in config.emits:
            own = step.emits.get(topic)
            hint = one.type + type_name(topic, otherwise="Topic")
            one.emits[topic] = topics[topic] if own is None else self._read(own, hint)
        one.topics = list(config.subscribes)
        if one.kind == "event":
            heard = union([topics[topic] for topic in config.subscribes])
            one.message = (
                heard if step.input is None else self._read(step.input, one.type + "Input")
            )
        if one.kind == "api":
            one.parameters = _PARAMETER.findall(config.path or "")
            one.query = {each.name: each.description or "" for each in config.query_params}
            one.body = self._read(step.input, one.type + "Body")
            one.responses = {
                int(status): self._read(schema, f"{one.type}{status}")
                for status, schema in sorted(step.responses.items(), key=lambda pair: int(pair[0]))
            }

    def _read(self, reference: Reference | None, hint: str) -> Shape:
        if reference is None:
            return ANY
        schema: Schema = self._lock.schemas[reference.ref.removeprefix("#/schemas/")]
        return self._shapes.read(schema, hint)
