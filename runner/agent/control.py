"""What an agent and its engines say to each other, over a unix socket that their owner alone may open.

Frames: four bytes of length, then JSON. The agent sends the whole of what should be loaded each time, so that the
next agent need not know what the last one said. Secrets travel here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from pathlib import Path
from typing import Any

import msgspec

MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class Load(msgspec.Struct, omit_defaults=True, frozen=True):
    """A deployment whose version lies at `root`. `draining`: finish live runs, take no new root."""

    deployment_id: str
    version: int
    revision: int
    root: str
    variables: dict[str, str]
    secrets: list[str]  # names among `variables`
    draining: bool = False


class Orders(msgspec.Struct, tag="orders", omit_defaults=True):
    """All that the engine shall run; what is not named is dropped. A fence below the engine's is a zombie's word."""

    number: int
    fence: int
    key: str  # base64; verifies wistro-route
    deployments: list[Load]
    primary: str | None = None


class End(msgspec.Struct, tag="end"):
    """Drain and exit: the environment is no longer this machine's."""


class Status(msgspec.Struct, omit_defaults=True):
    """`state` is starting | healthy | draining | failed."""

    deployment_id: str
    state: str
    live_runs: int = 0
    error: str | None = None


class Report(msgspec.Struct, tag="report"):
    """Sent when it changes, and every 2 s. `number`: the last orders that were carried out, 0 for none of this agent's."""

    number: int
    fence: int
    deployments: list[Status]


ToEngine = Orders | End


async def send(writer: asyncio.StreamWriter, message: Any) -> None:
    content = msgspec.json.encode(message)
    writer.write(_LENGTH.pack(len(content)) + content)
    await writer.drain()


async def receive(reader: asyncio.StreamReader, type: Any) -> Any:
    """The next message; None when the other side is gone or talks nonsense."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_FRAME_BYTES:
            return None
        return msgspec.json.decode(await reader.readexactly(length), type=type)
    except (asyncio.IncompleteReadError, OSError, msgspec.MsgspecError):
        return None


def listening(path: Path) -> socket.socket:
    """A socket at `path` with mode 0600, in place of one that a dead process left."""
    fresh = path.with_name(path.name + "~")
    fresh.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(fresh))
        fresh.chmod(0o600)
        listener.listen(8)
        listener.setblocking(False)
        fresh.replace(path)
    except OSError:
        listener.close()
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return listener
