"""Ids: UUIDv7 (RFC 9562 §5.7), plain UUID text on machine wires, `run_` + Crockford base32 for people."""

from __future__ import annotations

import os
import time
from uuid import UUID

from wistro.errors import UserError

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)} | {"o": 0, "i": 1, "l": 1}
LENGTH = 26  # 128 bits at 5 bits a letter
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # ten bits at once
_SHIFTS = range(120, -1, -10)

PREFIXES = {
    "run": "run",
    "attempt": "att",
    "delivery": "del",
    "version": "ver",
    "deployment": "dep",
    "environment": "env",
    "project": "prj",
    "organization": "org",
    "build": "bld",
    "dataset": "dst",
    "sample": "smp",
    "machine": "mch",
    "source": "src",
    "user": "usr",
    "token": "tok",
    "task": "tsk",
}


class UnreadableId(UserError):
    """An id that is neither a UUID nor a prefix with 26 letters of Crockford base32."""

    code = "id.unreadable"


def uuid7(*, now_ms: int, random: bytes) -> UUID:
    """A UUIDv7 from a time in milliseconds since 1970 and 10 random bytes, both given by the caller."""
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def new_id() -> UUID:
    """A UUIDv7 of this moment: the door for outermost callers; inner code is given its ids."""
    return uuid7(now_ms=time.time_ns() // 1_000_000, random=os.urandom(10))


class NewIds:
    """`new_id` for one thread's hot path: it reads randomness for many ids at once."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool, self._at = b"", 0

    def __call__(self) -> UUID:
        if self._at >= len(self._pool):
            self._pool, self._at = os.urandom(4_000), 0
        self._at += 10
        random = self._pool[self._at - 10 : self._at]
        return uuid7(now_ms=time.time_ns() // 1_000_000, random=random)


def show(kind: str, id: UUID | str) -> str:
    """`show("run", id)` -> `run_06d...`, as people, URLs and APIs see it."""
    value = (id if isinstance(id, UUID) else UUID(id)).int
    letters = "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])
    return f"{PREFIXES[kind]}_{letters}"


def read(kind: str, text: str) -> UUID:
    """The id that `show` wrote, or a plain UUID; raises UnreadableId for anything else."""
    prefix, _, letters = text.strip().lower().rpartition("_")
    try:
        if not prefix:
            return UUID(letters)
        if prefix == PREFIXES[kind] and len(letters) == LENGTH:
            value = 0
            for letter in letters:
                value = value << 5 | _VALUE[letter]
            return UUID(int=value)
    except (KeyError, ValueError):
        pass
    raise UnreadableId(
        f"`{text}` is not the id of a {kind}", hint=f"It looks like {PREFIXES[kind]}_06d3…"
    )
