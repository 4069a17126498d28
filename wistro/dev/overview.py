"""What a project serves, as the lines that `wistro dev` and `wistro start` print."""

from __future__ import annotations

import json
import shlex
from typing import Any

from wistro.lock.model import ApiTrigger, Lock
from wistro.schemas.examples import NoExample, example
from wistro.schemas.view import Document


def overview(lock: Lock) -> list[str]:
    """Every endpoint, schedule and step, a line each, in columns."""
    rows = [(one.method, one.path, one.step) for one in lock.triggers.api]
    rows += [("cron", f"{one.schedule} {one.timezone}", one.id) for one in lock.triggers.cron]
    rows += [("outside", one.topic, one.id) for one in lock.triggers.outside]
    for id, step in lock.steps.items():
        if step.config.task is not None:
            rows.append(("task", ", ".join(step.config.subscribes), id))
        elif step.config.type == "event":
            rows.append(("event", ", ".join(step.config.subscribes), id))
        elif step.config.type == "noop":
            rows.append(("noop", step.config.name, id))
    kinds = max((len(kind) for kind, _, _ in rows), default=0)
    whats = min(48, max((len(what) for _, what, _ in rows), default=0))
    return [f"  {kind:<{kinds}}  {what:<{whats}}  {id}".rstrip() for kind, what, id in rows]


def counts(lock: Lock) -> str:
    """`14 steps, 9 events, 3 flows`"""
    return ", ".join(
        f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
        for things, word in ((lock.steps, "step"), (lock.topics, "event"), (lock.flows, "flow"))
    )


def example_call(lock: Lock, address: str) -> str | None:
    """A curl of an endpoint that anybody may call, with the least body that fits; None when there is none."""
    for one in lock.triggers.api:
        if one.auth:
            continue
        path = "/".join(part.removeprefix(":") for part in one.path.split("/"))
        words = ["curl"] if one.method == "GET" else ["curl", "-X", one.method]
        words.append(f"{address}{path}")
        if (body := _body(lock, one)) is not None:
            words += ["-H", "content-type: application/json", "-d", json.dumps(body)]
        return shlex.join(words)
    return None


def _body(lock: Lock, trigger: ApiTrigger) -> Any:
    step = lock.steps.get(trigger.step)
    topic = lock.topics.get(trigger.emits or "")
    reference = (step.input if step else None) or (topic.schema if topic else None)
    if reference is None:
        return None
    schema = lock.schemas[reference.ref.removeprefix("#/schemas/")]
    try:
        return example(Document(schema), schema)
    except (NoExample, KeyError):  # a schema that refers to another of the lock
        return None
