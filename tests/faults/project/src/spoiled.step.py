"""Writes what is no frame where frames are written, each kind in turn."""

import asyncio
import os
import struct

config = {
    "type": "event",
    "name": "Spoiled",
    "flows": ["spoiling"],
    "subscribes": ["spoiled"],
    "emits": [],
    "input": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}},
}

SOCKET = 3


def framed(text):
    return struct.pack(">I", len(text)) + text


KINDS = [
    struct.pack(">I", 2**32 - 1),  # longer than any frame may be
    framed(b"no json"),
    framed(b'{"frame": "unheard of"}'),
    framed(b'{"frame": "done", "call": 999999999}'),
    framed(b"\xff\xfe\x00"),
    struct.pack(">I", 100) + b"half a fra",
]


async def handler(message, ctx):
    kind = int(message["key"].rsplit("-", 1)[1]) % len(KINDS)
    os.write(SOCKET, KINDS[kind])
    await asyncio.sleep(0.02)
    if kind == len(KINDS) - 1:
        os._exit(3)
