"""What changed between two locks, in words: for `wistro lock --check`, a build's failure, and a version's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from wistro.lock.model import Lock, LockedStep


def changes(old: Lock | None, new: Lock) -> list[str]:
    """One sentence a change, steps first; empty when nothing changed. Without an old one: what there is."""
    if old is None:
        return [f"new lock with {_count(len(new.steps), 'step')}"]
    found = [*_steps(old, new), *_topics(old, new), *_triggers(old, new), *_rest(old, new)]
    if not found and old.digest != new.digest:
        found = ["the lock is written differently"]
    return found


def _steps(old: Lock, new: Lock) -> Iterator[str]:
    for id in sorted(old.steps.keys() | new.steps.keys()):
        before, after = old.steps.get(id), new.steps.get(id)
        if after is None:
            yield f"step `{id}` is gone"
        elif before is None:
            yield f"step `{id}` is new"
        elif before != after and (said := _step(before, after)):
            yield f"step `{id}` {said}"


_OF_TRIGGERS = {"method", "path", "auth", "public", "cron", "timezone"}  # said by `_triggers`


def _step(before: LockedStep, after: LockedStep) -> str:
    said: list[str] = []
    if before.file != after.file:
        said.append(f"moved from {before.file} to {after.file}")
    was, now = msgspec.to_builtins(before.config), msgspec.to_builtins(after.config)
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key) and key not in _OF_TRIGGERS:
            said.append(f"{key}: {_shown(was.get(key))} -> {_shown(now.get(key))}")
    if before.input != after.input:
        said.append(
            "takes another message" if after.config.type == "event" else "takes another body"
        )
    if before.emits != after.emits:
        said.append("emits other messages")
    if before.forms != after.forms:
        said.append("asks other forms")
    if before.responses != after.responses:
        said.append("answers otherwise")
    is_retriggered = any(was.get(key) != now.get(key) for key in _OF_TRIGGERS)
    if before.digest != after.digest and not said and not is_retriggered:
        gone, more = set(before.files) - set(after.files), set(after.files) - set(before.files)
        said += [f"no longer reads {file}" for file in sorted(gone)]
        said += [f"reads {file}" for file in sorted(more)]
        said = said or ["has other code"]
    return "; ".join(said)


def _topics(old: Lock, new: Lock) -> Iterator[str]:
    for name in sorted(old.topics.keys() | new.topics.keys()):
        before, after = old.topics.get(name), new.topics.get(name)
        if after is None:
            yield f"topic `{name}` is gone"
        elif before is None:
            yield f"topic `{name}` is new"
        elif before.schema != after.schema:
            yield f"topic `{name}` carries another message"


def _triggers(old: Lock, new: Lock) -> Iterator[str]:
    was = {f"{one.method} {one.path}": one for one in old.triggers.api}
    now = {f"{one.method} {one.path}": one for one in new.triggers.api}
    for name in sorted(was.keys() | now.keys()):
        if name not in now:
            yield f"endpoint {name} is gone"
        elif name not in was:
            yield f"endpoint {name} is new"
        elif was[name].auth != now[name].auth:
            yield f"endpoint {name} asks for {_callers(now[name].auth)} instead of {_callers(was[name].auth)}"
        elif was[name] != now[name]:
            yield f"endpoint {name} changed"
    came = {one.topic: one for one in old.triggers.outside}
    come = {one.topic: one for one in new.triggers.outside}
    for topic in sorted(came.keys() | come.keys()):
        if topic not in come:
            yield f"events on `{topic}` no longer arrive from outside"
        elif topic not in came:
            yield f"events on `{topic}` arrive from outside"
        elif came[topic] != come[topic]:
            yield f"events on `{topic}` from outside are of {_shown(come[topic].flows)} instead of {_shown(came[topic].flows)}"
    before = {one.id: one for one in old.triggers.cron}
    after = {one.id: one for one in new.triggers.cron}
    for id in sorted(before.keys() | after.keys()):
        if id not in after:
            yield f"schedule `{id}` is gone"
        elif id not in before:
            yield f"schedule `{id}` is new: {after[id].schedule} {after[id].timezone}"
        elif before[id] != after[id]:
            yield f"schedule `{id}` is now {after[id].schedule} {after[id].timezone}"


def _rest(old: Lock, new: Lock) -> Iterator[str]:
    for language in sorted(old.dependencies.keys() | new.dependencies.keys()):
        was, now = old.dependencies.get(language, {}), new.dependencies.get(language, {})
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                yield f"{name} " + (
                    "is gone" if name not in now else "is new" if name not in was else "changed"
                )
    for id in sorted(old.flows.keys() | new.flows.keys()):
        if old.flows.get(id) != new.flows.get(id):
            yield f"flow `{id}` " + (
                "is gone" if id not in new.flows else "is new" if id not in old.flows else "changed"
            )
    if old.project != new.project:
        yield f"project: {_shown(old.project)} -> {_shown(new.project)}"
    if old.env != new.env:
        yield f"env: {_names(old)} -> {_names(new)}"
    if old.egress != new.egress:
        yield f"egress: {_shown(old.egress)} -> {_shown(new.egress)}"
    if old.runtimes != new.runtimes:
        yield f"runtimes: {_shown(old.runtimes)} -> {_shown(new.runtimes)}"


def _names(lock: Lock) -> str:
    return _shown(
        [one.name if one.default is None else f"{one.name}={one.default}" for one in lock.env]
    )


def _callers(auth: list[dict[str, Any]]) -> str:
    kinds = [" ".join(filter(None, (one["type"], one.get("preset")))) for one in auth]
    return " or ".join(kinds) if kinds else "nobody's name (public)"


def _shown(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
