"""Time and ids, as arguments: the system's here, a simulation's in its tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now_us(self) -> int: ...


class SystemClock:
    def now_us(self) -> int:
        return time.time_ns() // 1_000


class Ids:
    """UUIDv7 text, thousands a second: `protocol.ids.uuid7` without the UUID object, its randomness read in advance."""

    def __init__(self, clock: Clock, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._randomness = randomness
        self._pool = b""
        self._at = 0

    def new(self) -> str:
        if self._at >= len(self._pool):
            self._pool, self._at = self._randomness(4_000), 0
        random = int.from_bytes(self._pool[self._at : self._at + 10], "big")
        self._at += 10
        value = (self._clock.now_us() // 1_000 & 0xFFFF_FFFF_FFFF) << 80 | random
        text = f"{value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
