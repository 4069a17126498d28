"""What came out otherwise than in the sample: the first difference, in the sample's order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wistro.protocol.records import AttemptRecord, WriteRecord
from wistro.replay.places import Place

ABSENT: Any = object()
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Difference:
    """`part` is run | emit | state | answer | error. `topic`: the emitted one, else what the step was given."""

    step: str
    topic: str | None
    part: str
    about: str  # in words: "emits `order.priced` otherwise"
    path: str  # JSON path below what differs: "$.total"; "$" is the whole
    expected: Any = ABSENT
    got: Any = ABSENT


def first_difference(
    expected: Mapping[Place, AttemptRecord], got: Mapping[Place, AttemptRecord]
) -> Difference | None:
    for place, one in expected.items():
        other = got.get(place)
        if other is None:
            return Difference(one.step, one.topic, "run", "was not run", "$", expected=one.input)
        if (found := _of_attempt(one, other)) is not None:
            return found
    return None


def _of_attempt(one: AttemptRecord, other: AttemptRecord) -> Difference | None:
    """A failed attempt has its error alone: nothing else of it counted."""
    types = [attempt.error.type if attempt.error else ABSENT for attempt in (one, other)]
    if types[0] != types[1]:
        assert one.error or other.error
        about = (
            f"threw {other.error.type}: {other.error.message}" if other.error else "did not throw"
        )
        return Difference(one.step, one.topic, "error", about, "$", types[0], types[1])
    return _of_emits(one, other) or _of_writes(one, other) or _of_answer(one, other)


def _of_emits(one: AttemptRecord, other: AttemptRecord) -> Difference | None:
    wanted = [(emit.topic, emit.data) for emit in one.emits]
    found = [(emit.topic, emit.data) for emit in other.emits]
    for at in range(max(len(wanted), len(found))):
        topic, data = wanted[at] if at < len(wanted) else (None, ABSENT)
        other_topic, other_data = found[at] if at < len(found) else (None, ABSENT)
        if topic == other_topic:
            assert topic is not None
            if (where := differs(data, other_data)) is not None:
                return Difference(one.step, topic, "emit", f"emits `{topic}` otherwise", *where)
        elif topic is not None and (other_topic is None or len(found) < len(wanted)):
            about = f"does not emit `{topic}`"
            return Difference(one.step, topic, "emit", about, "$", expected=data)
        elif other_topic is not None and (topic is None or len(found) > len(wanted)):
            about = f"emits `{other_topic}` besides"
            return Difference(one.step, other_topic, "emit", about, "$", got=other_data)
        else:
            about = f"emits `{other_topic}` instead of `{topic}`"
            return Difference(one.step, topic, "emit", about, "$", data, other_data)
    return None


def _of_writes(one: AttemptRecord, other: AttemptRecord) -> Difference | None:
    for at in range(max(len(one.writes), len(other.writes))):
        write = one.writes[at] if at < len(one.writes) else None
        found = other.writes[at] if at < len(other.writes) else None
        is_same = write and found and _target(write) == _target(found)
        if write and found and is_same:
            if (where := differs(write.value, found.value)) is not None:
                about = f"writes {_named(write)} otherwise"
                return Difference(one.step, one.topic, "state", about, *where)
        elif write and (found is None or len(other.writes) < len(one.writes)):
            about = f"does not write {_named(write)}"
            return Difference(one.step, one.topic, "state", about, "$", expected=write.value)
        elif found and (write is None or len(other.writes) > len(one.writes)):
            about = f"writes {_named(found)} besides"
            return Difference(one.step, one.topic, "state", about, "$", got=found.value)
        elif write and found:
            about = f"writes {_named(found)} instead of {_named(write)}"
            return Difference(one.step, one.topic, "state", about, "$", write.value, found.value)
    return None


def _of_answer(one: AttemptRecord, other: AttemptRecord) -> Difference | None:
    if (where := differs(one.answer, other.answer)) is not None:
        return Difference(one.step, one.topic, "answer", "answers otherwise", *where)
    return None


def _target(write: WriteRecord) -> tuple[str, str, str]:
    return (write.op, write.group, write.key)


def _named(write: WriteRecord) -> str:
    place = f"`{write.group}`" if write.op == "clear" else f"`{write.group}`/`{write.key}`"
    return f"state {place} ({write.op})"


def differs(one: Any, other: Any, path: str = "$") -> tuple[str, Any, Any] | None:
    """(path, expected, got) of the first place in which two JSON values differ: object keys in the first's order."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            below = f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}[{key!r}]"
            found = differs(one.get(key, ABSENT), other.get(key, ABSENT), below)
            if found is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        for at in range(max(len(one), len(other))):
            left = one[at] if at < len(one) else ABSENT
            right = other[at] if at < len(other) else ABSENT
            if (found := differs(left, right, f"{path}[{at}]")) is not None:
                return found
        return None
    if isinstance(one, bool) != isinstance(other, bool) or one != other:
        return (path, one, other)
    return None
