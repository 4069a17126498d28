"""What a step raises to say how to go on, and what the engine's answers raise in a step."""

from __future__ import annotations


class NonRetriable(Exception):
    """Trying again would not help: the message goes to the dead letters at once."""


class RetryAfter(Exception):
    """Try again in so many seconds. `RetryAfter(30)`, `RetryAfter(30, "the bank is closed")`."""

    def __init__(self, seconds: float, message: str = "") -> None:
        super().__init__(message or f"asked to be tried again in {seconds:g} s")
        self.seconds = float(seconds)


class NotYet(Exception):
    """A documented option that this release does not build; refused, never ignored."""


class Refused(Exception):
    """An emit, or a read or write of the state, was not taken. `path` is a JSON pointer into an emit's message."""

    def __init__(
        self, message: str, *, code: str, path: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message if path is None else f"{message} (at {path or 'the top'})")
        self.code = code
        self.path = path
        self.hint = hint
