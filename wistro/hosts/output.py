"""A host's stdout and stderr pipes as log lines, and the limit on how many lines a host may log."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable

from wistro.protocol.frames import Log

MAX_LINE_BYTES = 64 * 1024
KEPT_LINES = 40
CRASHES = (
    "panic: ",
    "fatal error: ",
    "unexpected fault address",
)  # Go: what matters is how its report begins
MOST_READS = (
    64  # at once: a pipe holds 64 KiB, and who fills it all the time is read with everything else
)
LEVELS = {
    "stdout": "info",
    "stderr": "warn",
}  # stderr carries warnings and progress far more often than errors


class Output(asyncio.Protocol):
    """Splits a pipe into lines; a longer line is cut. `tail` is its end, for whoever asks why the host died."""

    def __init__(
        self, source: str, *, on_line: Callable[[Log], None], on_end: Callable[[], None]
    ) -> None:
        self._source = source
        self._on_line = on_line
        self._on_end = on_end
        self._transport: asyncio.BaseTransport | None = None
        self.fd = -1  # the pipe's, while it is open
        self._partial = bytearray()
        self._cutting = False
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)
        self._crash: list[str] = []  # from its first line on

    @property
    def tail(self) -> str:
        if self._crash:
            return "\n".join(self._crash)
        partial = [self._partial.decode(errors="replace")] if self._partial else []
        return "\n".join([*self._kept, *partial])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Hear no more: a process that outlived the host may hold the other end for ever."""
        if self._transport is not None:
            self._transport.close()

    def read_now(self) -> None:
        """Take what is in the pipe already; its end is the transport's to tell."""
        for _ in range(MOST_READS):
            if self._transport is None:
                return
            try:
                data = os.read(self.fd, MAX_LINE_BYTES)
            except BlockingIOError:
                return
            if not data:
                return
            self.data_received(data)

    def say_rest(self) -> None:
        """An unfinished line is told as it is."""
        if self._partial:
            self._say()

    def data_received(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._take(line)
            self._say()
        self._take(rest)

    def _take(self, piece: bytes) -> None:
        room = MAX_LINE_BYTES - len(self._partial)
        self._partial += piece[:room]
        self._cutting = self._cutting or len(piece) > room

    def _say(self) -> None:
        text = self._partial.decode(errors="replace").rstrip("\r")
        if self._cutting:
            text += " … (cut)"
        self._partial.clear()
        self._cutting = False
        self._kept.append(text[:2_000])
        if text.startswith(CRASHES) or 0 < len(self._crash) < KEPT_LINES:
            self._crash = [*self._crash, text[:2_000]][:KEPT_LINES]
        self._on_line(
            Log(
                at_us=time.time_ns() // 1_000,
                level=LEVELS[self._source],
                message=text,
                source=self._source,
            )
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.say_rest()
        self._on_end()


class LineLimit:
    """At most `per_s` lines in a second; the rest are dropped and counted, and the count is said once a second."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second = 0.0
        self._taken = 0
        self._dropped = 0

    def admits(self, now: float) -> bool:
        if now - self._second >= 1.0:
            self._second, self._taken = now, 0
        self._taken += 1
        if self._taken > self._per_s:
            self._dropped += 1
            return False
        return True

    def take_dropped(self) -> int:
        dropped, self._dropped = self._dropped, 0
        return dropped
