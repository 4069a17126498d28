"""Types and errors for steps in Python. Never required to write a step; standard library only."""

from __future__ import annotations

from wistro_sdk.blobs import BlobRef
from wistro_sdk.errors import NonRetriable, NotYet, Refused, RetryAfter
from wistro_sdk.state import Versioned
from wistro_sdk.streams import Streamed, ndjson, sse
from wistro_sdk.types import (
    Blobs,
    Context,
    CronHandler,
    Emit,
    EmitOptions,
    Logger,
    Request,
    Response,
    State,
    StepContext,
)

__all__ = [
    "BlobRef",
    "Blobs",
    "Context",
    "CronHandler",
    "Emit",
    "EmitOptions",
    "Logger",
    "NonRetriable",
    "NotYet",
    "Refused",
    "Request",
    "Response",
    "RetryAfter",
    "State",
    "StepContext",
    "Streamed",
    "Versioned",
    "ndjson",
    "sse",
]
