"""Frames over one stream socket, the engine's end: length first, typed, a turn's writes in one send. No calls here: see process.py."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import msgspec

from wistro.protocol.frames import MAX_FRAME_BYTES, FromEngine, FromHost

_length_at = struct.Struct(">I").unpack_from
_decode = msgspec.json.Decoder(FromHost).decode
_encode = msgspec.json.Encoder().encode


class FrameTooLarge(Exception):
    """A frame for the host is over 16 MiB; nothing was sent."""


class Connection(asyncio.Protocol):
    """`on_frame` for each frame in order; `on_end` once: with a reason if the peer broke the protocol, else None."""

    def __init__(
        self,
        *,
        on_frame: Callable[[FromHost], None],
        on_end: Callable[[str | None], None],
    ) -> None:
        self._on_frame = on_frame
        self._on_end = on_end
        self._transport: asyncio.WriteTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()  # the beginning of a frame whose rest has not come
        self._needed = 4
        self._out: list[bytes] = []
        self._ended = False

    def send(self, frame: FromEngine) -> None:
        """Leaves with everything else that this turn of the loop sends; nothing once the connection has ended."""
        body = _encode(frame)
        if len(body) > MAX_FRAME_BYTES:
            raise FrameTooLarge(f"{len(body)} bytes; a frame holds {MAX_FRAME_BYTES}")
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += (len(body).to_bytes(4, "big"), body)

    def flush_and_close(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._ended:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's has another base

    def data_received(self, data: bytes) -> None:
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return
            data = bytes(self._held)
        rest = self._take_frames(data)
        self._held = bytearray(data[rest:]) if rest < len(data) else bytearray()

    def _take_frames(self, data: bytes) -> int:
        """Hands on every whole frame; returns where the unfinished rest begins."""
        view = memoryview(data)
        at, end = 0, len(data)
        while end - at >= 4:
            (size,) = _length_at(data, at)
            if size > MAX_FRAME_BYTES:
                return self._break(f"a frame of {size} bytes; {MAX_FRAME_BYTES} are allowed", end)
            stop = at + 4 + size
            if stop > end:
                self._needed = 4 + size
                return at
            try:
                frame = _decode(view[at + 4 : stop])
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                return self._break(f"what is not a frame: {error}", end)
            self._on_frame(frame)
            if self._ended:
                return end
            at = stop
        self._needed = 4
        return at

    def _break(self, what: str, end: int) -> int:
        self._end(f"sent {what}")
        return end

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(None)

    def _end(self, reason: str | None) -> None:
        if self._ended:
            return
        self._ended = True
        if self._transport is not None:
            self._transport.abort()
        self._on_end(reason)
