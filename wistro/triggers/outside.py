"""Events from outside: where they arrive. Their endpoint is one like any other."""

from __future__ import annotations

from wistro.lock.model import EVENTS, ApiTrigger, OutsideTrigger

__all__ = ["EVENTS", "endpoint"]


def endpoint(outside: OutsideTrigger) -> ApiTrigger:
    """`POST /_wistro/events/<topic>`; its `auth` is the environment's key, put there by whoever serves it."""
    return ApiTrigger("POST", outside.path, outside.id, emits=outside.topic, flows=outside.flows)
