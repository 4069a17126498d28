"""What writes come to where each that does not fit is left out, and its neighbours are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wistro.store.port import BadStateOperation, StateWrite
from wistro.store.state import MISSING, operate


@dataclass
class Settled:
    """`cleared` groups first, then `values` by (group, key), MISSING for one that goes. `refused` says why, each."""

    cleared: set[str] = field(default_factory=set)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def settle(writes: Sequence[StateWrite], *, read: Callable[[str, str], Any]) -> Settled:
    """`read` gives what is there, or MISSING."""
    found = Settled()
    for write in writes:
        place = (write.group, write.key)
        if write.op == "clear":
            found.cleared.add(write.group)
            found.values = {at: one for at, one in found.values.items() if at[0] != write.group}
        elif write.op == "set":
            found.values[place] = write.value
        elif write.op == "delete":
            found.values[place] = MISSING
        else:
            try:
                found.values[place] = operate(write, _current(place, found, read))
            except BadStateOperation as error:
                found.refused.append(error.message)
    return found


def _current(place: tuple[str, str], found: Settled, read: Callable[[str, str], Any]) -> Any:
    if place in found.values:
        return found.values[place]
    return MISSING if place[0] in found.cleared else read(*place)
