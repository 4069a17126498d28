"""What changed between two locks, in words: for `wistro diff`, `wistro lock --check`, a build's failure, a version's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from wistro.lock.model import ApiTrigger, Lock, LockedStep, Reference
from wistro.schemas import DoesNotFit, Fits, fits
from wistro.schemas.changes import changes as field_changes


class Change(msgspec.Struct, omit_defaults=True, frozen=True):
    """One difference. `kind`: step | topic | endpoint | schedule | flow | dependency | project.

    `text` is a sentence about `subject`; `path` the field of a message. `breaks` says, for a message, that one which
    was good before need not be now; None where that cannot be decided, or is not asked.
    """

    kind: str
    subject: str
    text: str
    path: str | None = None
    breaks: bool | None = None

    @property
    def sentence(self) -> str:
        return f"{self.subject} {self.text}".strip()


def changes(old: Lock | None, new: Lock) -> list[str]:
    """`compare` as sentences."""
    return [one.sentence for one in compare(old, new)]


def compare(old: Lock | None, new: Lock) -> list[Change]:
    """Steps first; empty when nothing changed. Without an old one: what there is."""
    if old is None:
        return [Change("project", "new lock", f"with {_count(len(new.steps), 'step')}")]
    found = [
        *_steps(old, new),
        *_topics(old, new),
        *_outside(old, new),
        *_endpoints(old, new),
        *_schedules(old, new),
        *_rest(old, new),
    ]
    if not found and old.digest != new.digest:
        found = [Change("project", "the lock", "is written differently")]
    return found


# Steps

_OF_TRIGGERS = {
    "method",
    "path",
    "auth",
    "public",
    "cron",
    "timezone",
    "catchUp",
}  # said of the trigger
_LISTS = {
    "subscribes": ("hears", "no longer hears"),
    "emits": ("emits", "no longer emits"),
    "flows": ("is in flow", "is no longer in flow"),
    "virtualSubscribes": ("is drawn after", "is no longer drawn after"),
    "virtualEmits": ("is drawn before", "is no longer drawn before"),
}


def _steps(old: Lock, new: Lock) -> Iterator[Change]:
    for id in sorted(old.steps.keys() | new.steps.keys()):
        before, after = old.steps.get(id), new.steps.get(id)
        subject = f"step `{id}`"
        if after is None:
            yield Change("step", subject, "is gone")
        elif before is None:
            yield Change("step", subject, "is new")
        elif before != after:
            for text in _config(before, after):
                yield Change("step", subject, text)
            yield from _messages(old, new, before, after, subject)


def _config(before: LockedStep, after: LockedStep) -> list[str]:
    said: list[str] = []
    if before.file != after.file:
        said.append(f"moved from {before.file} to {after.file}")
    was, now = msgspec.to_builtins(before.config), msgspec.to_builtins(after.config)
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) == now.get(key) or key in _OF_TRIGGERS:
            continue
        if key in _LISTS:
            said += _list_changes(key, was.get(key, []), now.get(key, []))
        else:
            said.append(f"{key}: {_shown(was.get(key))} -> {_shown(now.get(key))}")
    return said or _code(before, after, was, now)


def _list_changes(key: str, was: list[str], now: list[str]) -> list[str]:
    more, less = _LISTS[key]
    return [
        *(f"{more} `{one}`" for one in now if one not in was),
        *(f"{less} `{one}`" for one in was if one not in now),
    ]


def _code(
    before: LockedStep, after: LockedStep, was: dict[str, Any], now: dict[str, Any]
) -> list[str]:
    """A digest that differs, when nothing else that is said anyway explains it."""
    is_said = (before.input, before.emits, before.responses) != (
        after.input,
        after.emits,
        after.responses,
    ) or any(was.get(key) != now.get(key) for key in _OF_TRIGGERS)
    if before.digest == after.digest or is_said:
        return []
    gone, more = set(before.files) - set(after.files), set(after.files) - set(before.files)
    said = [f"no longer reads {file}" for file in sorted(gone)]
    said += [f"reads {file}" for file in sorted(more)]
    return said or ["has other code"]


def _messages(
    old: Lock, new: Lock, before: LockedStep, after: LockedStep, subject: str
) -> Iterator[Change]:
    takes = "message" if after.config.type == "event" else "body"
    yield from _schema(
        old, new, before.input, after.input, "step", f"{subject}, its {takes}:", is_taken=True
    )
    for topic in sorted(before.emits.keys() | after.emits.keys()):
        was, now = before.emits.get(topic), after.emits.get(topic)
        about = f"{subject}, what it emits on `{topic}`:"
        yield from _schema(old, new, was, now, "step", about, is_taken=False)
    for status in sorted(before.responses.keys() | after.responses.keys()):
        was, now = before.responses.get(status), after.responses.get(status)
        yield from _schema(
            old, new, was, now, "step", f"{subject}, its answer {status}:", is_taken=False
        )
    for answer in sorted(before.forms.keys() | after.forms.keys()):
        was, now = before.forms.get(answer), after.forms.get(answer)
        about = f"{subject}, its form `{answer}`:"
        yield from _schema(old, new, was, now, "step", about, is_taken=True)


def _schema(
    old: Lock,
    new: Lock,
    was: Reference | None,
    now: Reference | None,
    kind: str,
    subject: str,
    *,
    is_taken: bool,
) -> Iterator[Change]:
    """`is_taken`: by us, so what the old one allowed must fit the new one; else the reader's old one must hold."""
    before, after = _of(old, was), _of(new, now)
    if before == after:
        return
    if before is None or after is None:
        yield Change(kind, subject, "has a schema now" if before is None else "has no schema now")
        return
    verdict = fits(before, after) if is_taken else fits(after, before)
    breaks = (
        False if isinstance(verdict, Fits) else True if isinstance(verdict, DoesNotFit) else None
    )
    told = field_changes(before, after)
    for path, text in told:
        yield Change(kind, subject, f"{path} {text}", path, breaks)
    if not told:
        yield Change(kind, subject, "is written differently", None, breaks)


def _of(lock: Lock, reference: Reference | None) -> dict[str, Any] | None:
    if reference is None:
        return None
    return lock.schemas[reference.ref.removeprefix("#/schemas/")]


# Topics and triggers


def _topics(old: Lock, new: Lock) -> Iterator[Change]:
    for name in sorted(old.topics.keys() | new.topics.keys()):
        before, after = old.topics.get(name), new.topics.get(name)
        if after is None:
            yield Change("topic", f"topic `{name}`", "is gone")
        elif before is None:
            yield Change("topic", f"topic `{name}`", "is new")
        elif (before.schema, after.schema) not in _said_of_steps(old, new, name):
            subject = f"topic `{name}`:"
            yield from _schema(
                old, new, before.schema, after.schema, "topic", subject, is_taken=True
            )


def _said_of_steps(old: Lock, new: Lock, topic: str) -> list[tuple[Reference | None, ...]]:
    """The pairs of schemas that the topic's steps are told to have changed between: said once is enough."""
    both = [(old.steps[id], new.steps[id]) for id in sorted(old.steps.keys() & new.steps.keys())]
    hearing = [(was.input, now.input) for was, now in both if topic in now.config.subscribes]
    return hearing + [(was.emits.get(topic), now.emits.get(topic)) for was, now in both]


def _endpoints(old: Lock, new: Lock) -> Iterator[Change]:
    was = {f"{one.method} {one.path}": one for one in old.triggers.api}
    now = {f"{one.method} {one.path}": one for one in new.triggers.api}
    for name in sorted(was.keys() | now.keys()):
        if name not in now:
            yield Change("endpoint", f"endpoint {name}", "is gone")
        elif name not in was:
            yield Change("endpoint", f"endpoint {name}", f"is new, for {_callers(now[name].auth)}")
        elif was[name] != now[name]:
            for text in _endpoint(was[name], now[name]):
                yield Change("endpoint", f"endpoint {name}", text)


def _endpoint(was: ApiTrigger, now: ApiTrigger) -> Iterator[str]:
    if was.auth != now.auth:
        if (before := _callers(was.auth)) == (after := _callers(now.auth)):
            yield f"checks {after} otherwise"
        else:
            yield f"asks for {after} instead of {before}"
    if was.step != now.step:
        yield f"is answered by `{now.step}`, was by `{was.step}`"
    if was.emits != now.emits:
        yield f"emits {_shown(now.emits)} instead of {_shown(was.emits)}"
    if was.flows != now.flows:
        yield f"is in flows {_shown(now.flows)}, was in {_shown(was.flows)}"


def _outside(old: Lock, new: Lock) -> Iterator[Change]:
    was = {one.topic: one for one in old.triggers.outside}
    now = {one.topic: one for one in new.triggers.outside}
    for topic in sorted(was.keys() | now.keys()):
        subject = f"events on `{topic}`"
        if topic not in now:
            yield Change("topic", subject, "no longer arrive from outside")
        elif topic not in was:
            yield Change("topic", subject, "arrive from outside")
        elif was[topic] != now[topic]:
            flows = f"{_shown(now[topic].flows)}, were in {_shown(was[topic].flows)}"
            yield Change("topic", subject, f"from outside are in flows {flows}")


def _schedules(old: Lock, new: Lock) -> Iterator[Change]:
    was = {one.id: one for one in old.triggers.cron}
    now = {one.id: one for one in new.triggers.cron}
    for id in sorted(was.keys() | now.keys()):
        subject = f"schedule `{id}`"
        if id not in now:
            yield Change("schedule", subject, "is gone")
        elif id not in was:
            yield Change("schedule", subject, f"is new: {_when(now[id])}")
        elif was[id] != now[id]:
            if _when(was[id]) != _when(now[id]):
                yield Change("schedule", subject, f"is now {_when(now[id])}, was {_when(was[id])}")
            else:
                yield Change("schedule", subject, "changed")


def _when(one: Any) -> str:
    missed = "" if one.catch_up == "skip" else f", catching up on {one.catch_up}"
    return f"{one.schedule} {one.timezone}{missed}"


# The rest


def _rest(old: Lock, new: Lock) -> Iterator[Change]:
    for language in sorted(old.dependencies.keys() | new.dependencies.keys()):
        was, now = old.dependencies.get(language, {}), new.dependencies.get(language, {})
        for name in sorted(was.keys() | now.keys()):
            if text := _came(was.get(name), now.get(name)):
                yield Change("dependency", name, text)
    for id in sorted(old.flows.keys() | new.flows.keys()):
        if text := _came(old.flows.get(id), new.flows.get(id)):
            yield Change("flow", f"flow `{id}`", text)
    for name, before, after in (
        ("project", old.project, new.project),
        ("env", _variables(old), _variables(new)),
        ("egress", old.egress, new.egress),
        ("runtimes", old.runtimes, new.runtimes),
    ):
        if before != after:
            yield Change("project", f"{name}:", f"{_shown(before)} -> {_shown(after)}")


def _came(before: Any, after: Any) -> str:
    if before == after:
        return ""
    return "is gone" if after is None else "is new" if before is None else "changed"


def _variables(lock: Lock) -> list[str]:
    return [one.name if one.default is None else f"{one.name}={one.default}" for one in lock.env]


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
