"""sys.stdout and sys.stderr of a step: what it prints while a call runs is that call's log line; the rest goes to the pipe."""

from __future__ import annotations

import contextvars
import io
import sys
from typing import Any

LEVELS = {"stdout": "info", "stderr": "warn"}
MAX_LINE = 64 * 1024
current: contextvars.ContextVar[Any] = contextvars.ContextVar(
    "wistro_call", default=None
)  # the Attempt that runs here


class Attributed(io.TextIOBase):
    """A text stream. Whole lines are told to the current call; without one the real stream takes them."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, source: str, real) -> None:
        self._source = source
        self._real = real

    def write(self, text) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        attempt = current.get()
        if attempt is None or attempt.is_over:
            self._real.write(text)
            return len(text)
        partial = attempt.partial.get(self._source, "") + text
        *lines, rest = partial.split("\n")
        for line in lines:
            attempt.log(LEVELS[self._source], line.rstrip("\r"), source=self._source)
        if len(rest) > MAX_LINE:
            attempt.log(LEVELS[self._source], rest, source=self._source)
            rest = ""
        attempt.partial[self._source] = rest
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._real.fileno()

    @property
    def buffer(self):
        return self._real.buffer


def attribute_output() -> None:
    for source in ("stdout", "stderr"):
        real = getattr(sys, source)
        real.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, source, Attributed(source, real))
