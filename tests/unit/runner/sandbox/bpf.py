"""A classic BPF machine, enough of it to ask a seccomp program for its verdict."""

from __future__ import annotations

import struct

ALLOW = 0x7FFF0000
KILL = 0x80000000


def refused(error: int) -> int:
    return 0x00050000 | error


def verdict(program: bytes, *, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    given = [*arguments, *[0] * (6 - len(arguments))]
    memory = struct.pack("<iIQ6Q", number, arch, 0, *given)
    lines = list(struct.iter_unpack("<HBBI", program))
    at, accumulator = 0, 0
    while True:
        code, then, otherwise, value = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", memory, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value
        else:
            holds = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            at += then if holds else otherwise
