"""Types and errors for steps in Python. Never required to write a step; standard library only."""

from __future__ import annotations

from wistro_sdk.errors import NonRetriable, NotYet, Refused, RetryAfter
from wistro_sdk.types import Context, CronHandler, Emit, Logger, Request, Response, State

__all__ = [
    "Context",
    "CronHandler",
    "Emit",
    "Logger",
    "NonRetriable",
    "NotYet",
    "Refused",
    "Request",
    "Response",
    "RetryAfter",
    "State",
]
