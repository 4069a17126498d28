"""A call whose step runs now: whose it is, the run that it starts, the key of its stored answer."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

from wistro.engine.emitting import Loaded
from wistro.engine.loaded import Endpoint
from wistro.engine.runs import LiveRun, RunHeader
from wistro.protocol import trace
from wistro.store.port import Unnumbered
from wistro.triggers.port import EndpointCall


@dataclass(slots=True)
class Calling:
    """One call, from its match to its answer."""

    call: EndpointCall
    endpoint: Endpoint
    loaded: Loaded
    run: LiveRun
    key: str | None  # of its stored answer
    started_at_us: int
    task: asyncio.Task[Any] | None = None  # that waits for its step
    is_cancelled: bool = False
    retried: list[Unnumbered] = field(
        default_factory=list
    )  # its attempts that met a conflict, told with its end


def header(call: EndpointCall, endpoint: Endpoint, now_us: int) -> RunHeader:
    seen = traced(call)
    return RunHeader(
        trigger="api",
        trigger_id=endpoint.trigger.step,
        started_at_us=now_us,
        generation=call.generation,
        trace_id=seen.id,
        trace_flags=seen.flags,
        trace_parent=seen.parent,
        trace_state=seen.state,
        flows=endpoint.step.flows if endpoint.step else endpoint.trigger.flows,
        method=call.method,
        path=call.path,
        replays=call.replays,
    )


def traced(call: EndpointCall) -> trace.Trace:
    """The caller's W3C trace when it is one, else the run's own."""
    return trace.read(call.headers) or trace.Trace(call.run_id.hex, "", trace.OURS)


def answer_key(call: EndpointCall, endpoint: Endpoint) -> str:
    """One sender's id at one endpoint: another caller with the same id is not given this one's answer."""
    claims = call.claims or {}
    who = claims.get("sub") or claims.get("key") or ""
    text = "\0".join(
        (endpoint.trigger.step, call.method, call.path, str(who), call.sender_id or "")
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
