"""What a project serves, as the lines that `wistro dev` and `wistro start` print."""

from __future__ import annotations

from wistro.lock.model import Lock


def overview(lock: Lock) -> list[str]:
    """Every endpoint, schedule and step, a line each, in columns."""
    rows = [(one.method, one.path, one.step) for one in lock.triggers.api]
    rows += [("cron", f"{one.schedule} {one.timezone}", one.id) for one in lock.triggers.cron]
    for id, step in lock.steps.items():
        if step.config.type == "event":
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
