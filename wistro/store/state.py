"""What an attempt's state writes come to, in their order: worked out before anything of its unit is applied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from wistro.store.port import BadStateOperation, StateConflict, StateWrite

MISSING: Any = object()
MAX_SAFE_INTEGER = 2**53 - 1
ABSENT = "0"
VERSION_BYTES = 12


def version_of(value: Any) -> str:
    """Equal values have one version, so nothing is kept beside them. A null's is that of what is not there, as in `get`."""
    if value is MISSING or value is None:
        return ABSENT
    encoded = msgspec.json.encode(value, order="deterministic")
    return hashlib.blake2b(encoded, digest_size=VERSION_BYTES).hexdigest()


def operate(write: StateWrite, current: Any) -> Any:
    """The value after one increment, append or merge on `current` (MISSING when the key is absent)."""
    where = f"state `{write.group}`/`{write.key}`"
    if write.op == "increment":
        start = 0 if current is MISSING or current is None else current
        return _sum(start, 1 if write.value is None else write.value, where)
    if write.op == "append":
        items = [] if current is MISSING or current is None else current
        if not isinstance(items, list):
            raise BadStateOperation(f"append wants a list at {where}")
        return [*items, write.value]
    if write.op == "merge":
        fields = {} if current is MISSING or current is None else current
        if not isinstance(fields, dict) or not isinstance(write.value, dict):
            raise BadStateOperation(f"merge wants two objects at {where}")
        return {**fields, **write.value}
    raise BadStateOperation(f"`{write.op}` is no state operation ({where})")


def settle(
    writes: list[StateWrite], *, read: Callable[[str, str], Any]
) -> list[tuple[str, str | None, Any]]:
    """(group, key, value or MISSING to delete), in order; (group, None, MISSING) clears the group.

    `read` gives what is committed, or MISSING. Raises BadStateOperation, StateConflict.
    """
    cleared: set[str] = set()
    own: dict[tuple[str, str], Any] = {}
    for write in writes:
        if write.op == "clear":
            cleared.add(write.group)
            own = {place: value for place, value in own.items() if place[0] != write.group}
        elif write.op == "set":
            if write.if_version is not None:
                current = _current(write, own, cleared, read)
                if version_of(current) != write.if_version:
                    raise StateConflict(write.group, write.key)
            own[write.group, write.key] = write.value
        elif write.op == "delete":
            own[write.group, write.key] = MISSING
        else:
            own[write.group, write.key] = operate(write, _current(write, own, cleared, read))
    cleared_groups: list[tuple[str, str | None, Any]] = [
        (group, None, MISSING) for group in sorted(cleared)
    ]
    return cleared_groups + [(group, key, value) for (group, key), value in own.items()]


def _current(
    write: StateWrite,
    own: dict[tuple[str, str], Any],
    cleared: set[str],
    read: Callable[[str, str], Any],
) -> Any:
    if (write.group, write.key) in own:
        return own[write.group, write.key]
    return MISSING if write.group in cleared else read(write.group, write.key)


def _sum(start: Any, by: Any, where: str) -> int | float:
    for one in (start, by):
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise BadStateOperation(f"increment wants numbers at {where}")
    total = start + by
    if isinstance(total, int) and abs(total) > MAX_SAFE_INTEGER:
        raise BadStateOperation(f"increment passes 2^53-1 at {where}")
    return total
