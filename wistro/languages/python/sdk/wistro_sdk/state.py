"""What a versioned read of the state gives."""

from __future__ import annotations

from typing import Any, NamedTuple


class Versioned(NamedTuple):
    """`version` tells the value: equal values have the same one. "0" is that of None or nothing."""

    value: Any
    version: str
