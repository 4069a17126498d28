"""What `make` says: one line a step with its duration, errors in one line and a hint.

Standard library only and old-Python safe: the first run prints with it before anything is installed.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import Iterator  # noqa: UP035 (parsed by Pythons that are too old, to say so)

WIDTH = 18


class Failed(Exception):
    """A step cannot go on, and its reader can do something about it: one line, one hint, exit 1."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Step:
    """A step under way; `note` is what stands beside its name once it is done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.note = ""


class Terminal:
    """Prints steps as they end; while one runs, a terminal that can rewrite its line shows it."""

    def __init__(self, stream=None, quiet: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.rewrites = self.stream.isatty() and not quiet
        self.colours = self.rewrites and not os.environ.get("NO_COLOR")

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that something is under way, then how it went and how long it took."""
        step = Step(name)
        started = time.monotonic()
        if self.rewrites:
            self._write("  " + self._paint("2", "… " + name))
        try:
            yield step
        except BaseException:
            self.line(self._paint("31", "✗"), name, "")
            raise
        took = f"{time.monotonic() - started:.1f} s"
        self.line(self._paint("32", "✓"), name, step.note, took)

    def line(self, mark: str, name: str, note: str = "", took: str = "") -> None:
        if self.quiet:
            return
        self._clear()
        text = f"  {mark} {name.ljust(WIDTH)} {note}"
        if took:
            text = f"{text.ljust(WIDTH + 48)} {self._paint('2', took.rjust(8))}"
        self._write(text.rstrip() + "\n")

    def warn(self, name: str, note: str) -> None:
        self.line(self._paint("33", "!"), name, note)

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self._write(text + "\n")

    def fail(self, failed: Failed) -> None:
        """The one line for what the reader can put right."""
        sys.stderr.write(f"{self._paint('31', 'error:')} {failed.message}\n")
        if failed.hint:
            sys.stderr.write(f"{self._paint('36', ' hint:')} {failed.hint}\n")
        sys.stderr.flush()

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except UnicodeEncodeError:  # a C locale: the marks give way, the words stay
            plain = text.replace("✓", "+").replace("✗", "x").replace("…", ".")
            self.stream.write(plain.encode("ascii", "replace").decode())
        self.stream.flush()

    def _clear(self) -> None:
        if self.rewrites:
            self._write("\r\033[K")

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colours else text
