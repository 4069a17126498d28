"""A lock's topics as an AsyncAPI 3.0 document: a channel a topic, an operation for each step that emits or hears it."""

from __future__ import annotations

import re
from typing import Any

from wistro.lock.components import components, id_of, local
from wistro.lock.model import Lock, LockedTopic, Reference

VERSION = "3.0.0"


def document(lock: Lock, *, title: str, version: str) -> dict[str, Any]:
    """Plain values, ready for JSON or YAML; the same lock gives the same document."""
    names = _names(sorted(lock.topics))
    references = [_schema(lock, name, topic) for name, topic in lock.topics.items()]
    used = [id_of(one) for one in references if one is not None]
    channels = {names[name]: _channel(lock, name, topic) for name, topic in lock.topics.items()}
    return {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "channels": dict(sorted(channels.items())),
        "operations": _operations(lock, names),
        "components": {"schemas": components(lock.schemas, used)},
    }


def _channel(lock: Lock, name: str, topic: LockedTopic) -> dict[str, Any]:
    message: dict[str, Any] = {"name": name}
    if (reference := _schema(lock, name, topic)) is not None:
        message["payload"] = local(reference)
    return {"address": name, "messages": {"message": message}}


def _schema(lock: Lock, name: str, topic: LockedTopic) -> Reference | None:
    """The topic's own, else what its emitters say, else what the first that hears it takes."""
    if topic.schema is not None:
        return topic.schema
    for id in topic.from_:
        if (step := lock.steps.get(id)) and name in step.emits:
            return step.emits[name]
    for id in topic.to:
        if (step := lock.steps.get(id)) and step.input is not None:
            return step.input
    return None


def _operations(lock: Lock, names: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for topic in sorted(lock.topics):
        for action, ids in (("send", lock.topics[topic].from_), ("receive", lock.topics[topic].to)):
            for id in ids:
                found[_key(f"{id} {action}s {topic}", found)] = _operation(
                    lock, id, action, names[topic]
                )
    return dict(sorted(found.items()))


def _operation(lock: Lock, id: str, action: str, channel: str) -> dict[str, Any]:
    step = lock.steps.get(id)
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": step.config.name if step else id,
        "messages": [{"$ref": f"#/channels/{channel}/messages/message"}],
    }
    if step and step.config.description:
        operation["description"] = step.config.description
    if flows := (step.config.flows if step else []):
        operation["tags"] = [{"name": flow} for flow in flows]
    return operation


def _names(topics: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    taken: dict[str, Any] = {}
    for topic in topics:
        found[topic] = _key(topic, taken)
        taken[found[topic]] = topic
    return found


def _key(text: str, taken: dict[str, Any]) -> str:
    """Letters, digits and `._-` only, as the keys of channels and operations are; unlike every one that is taken."""
    key = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "topic"
    number, name = 2, key
    while name in taken:
        name, number = f"{key}-{number}", number + 1
    return name
