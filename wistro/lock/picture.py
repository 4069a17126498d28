"""The picture of a lock: what both screens draw. Entries of wistro.yml are nodes like steps."""

from __future__ import annotations

from wistro.lock.model import Lock as LockFile
from wistro.lock.model import LockedStep, Task
from wistro.protocol.reading import Graph, GraphEdge, GraphFlow, GraphNode


def graph(lock: LockFile) -> Graph:
    """Nodes by id; edges by topic, the drawn-only ones of No-Op steps marked virtual; flows."""
    return Graph(nodes=_nodes(lock), edges=_edges(lock), flows=_flows(lock))


def _nodes(lock: LockFile) -> list[GraphNode]:
    found = [_step(id, step) for id, step in lock.steps.items()]
    for entry in lock.triggers.api:
        if entry.step not in lock.steps:
            label = f"{entry.method} {entry.path}"
            found.append(_entry(entry.step, "api", label, label, entry.flows))
    for entry in lock.triggers.cron:
        if entry.id not in lock.steps:
            label = entry.id.removeprefix("cron:")
            trigger = f"{entry.schedule} {entry.timezone}"
            found.append(_entry(entry.id, "cron", label, trigger, entry.flows))
    for entry in lock.triggers.outside:
        found.append(_entry(entry.id, "outside", entry.topic, entry.topic, entry.flows))
    return sorted(found, key=lambda one: one.id)


def _step(id: str, step: LockedStep) -> GraphNode:
    config = step.config
    trigger = None
    if config.type == "api":
        trigger = f"{config.method} {config.path}"
    elif config.type == "cron":
        trigger = f"{config.cron} {config.timezone}"
    elif config.task is not None:
        trigger = _waits(config.task)
    return GraphNode(
        id=id,
        kind=config.type,
        label=config.name,
        description=config.description,
        language=step.language,
        file=step.file,
        flows=config.flows,
        trigger=trigger,
    )


def _waits(task: Task) -> str:
    """`waits for managers, 3d`"""
    whom = f"waits for {task.assignee}" if task.assignee else "waits for an answer"
    return f"{whom}, {task.timeout}" if task.timeout else whom


def _entry(id: str, kind: str, label: str, trigger: str, flows: list[str]) -> GraphNode:
    return GraphNode(
        id=id,
        kind=kind,
        label=label,
        description=None,
        language=None,
        file=None,
        flows=flows,
        trigger=trigger,
    )


def _edges(lock: LockFile) -> list[GraphEdge]:
    found: list[GraphEdge] = []
    for name, topic in lock.topics.items():
        for source in topic.from_:
            step = lock.steps.get(source)
            conditional = step is not None and name in step.config.conditional_emits
            caption = step.config.captions.get(name) if step else None
            found += [
                GraphEdge(source, target, name, False, conditional, caption) for target in topic.to
            ]
    return sorted([*found, *_virtual(lock)], key=lambda one: (one.source, one.target, one.topic))


def _virtual(lock: LockFile) -> list[GraphEdge]:
    """An edge is virtual when either of its ends is only drawn."""
    emits: dict[str, set[str]] = {}
    hears: dict[str, set[str]] = {}
    real: set[tuple[str, str]] = set()
    drawn: set[tuple[str, str]] = set()
    for id, step in lock.steps.items():
        config = step.config
        for topic in config.virtual_emits:
            emits.setdefault(topic, set()).add(id)
            drawn.add((id, topic))
        for topic in config.virtual_subscribes:
            hears.setdefault(topic, set()).add(id)
            drawn.add((id, topic))
    for name, topic in lock.topics.items():
        emits.setdefault(name, set()).update(topic.from_)
        hears.setdefault(name, set()).update(topic.to)
        real |= {(id, name) for id in (*topic.from_, *topic.to)}
    return [
        GraphEdge(source, target, name, True, False, _caption(lock, source, target, name))
        for name in sorted(emits.keys() & hears.keys())
        for source in sorted(emits[name])
        for target in sorted(hears[name])
        if source != target and ((source, name) in drawn - real or (target, name) in drawn - real)
    ]


def _caption(lock: LockFile, source: str, target: str, topic: str) -> str | None:
    """The emitter's; what hears it has one of its own only in Motia's `virtualSubscribes`."""
    for id in (source, target):
        if (step := lock.steps.get(id)) and topic in step.config.captions:
            return step.config.captions[topic]
    return None


def _flows(lock: LockFile) -> list[GraphFlow]:
    return [
        GraphFlow(id=id, name=flow.name, description=flow.description, steps=flow.steps)
        for id, flow in sorted(lock.flows.items())
    ]
