"""What people are shown of flows and runs: one shape for the Hub's API, the local server's and the screens.

Ids are as people see them (`run_…`), instants RFC 3339, lengths microseconds. `GET` below stands under
`/api/v1/environments/<environment>` in the Hub and `/api/v1` locally:

    /runs?status=&step=&flow=&version=&text=&before=<run>&limit=   RunPage
    /runs/<run>                                                    RunDetail
    /lines?run=&step=&level=&text=&after=<cursor>&before=&limit=   LinePage (cursor: "stream:seq,stream:seq"); `level` and above
    /graph?version=                                                Graph
"""

from __future__ import annotations

from typing import Any

import msgspec

LEVELS = ("debug", "info", "warn", "error")


def at_least(level: str) -> list[str]:
    """This level and those above it; one that is none of ours stands for itself."""
    return list(LEVELS[LEVELS.index(level) :]) if level in LEVELS else [level]


class Trigger(msgspec.Struct, omit_defaults=True):
    kind: str  # api | cron | event
    id: str
    label: str  # "POST /orders/:shop", "0 2 * * *", "stock.changed"


class RunSummary(msgspec.Struct):
    id: str
    status: str
    trigger: Trigger
    flows: list[str]
    started_at: str
    ended_at: str | None
    attempts: int
    errors: int
    trace_id: str
    version: int | None  # None locally
    deployment: str | None
    generation: int | None


class RunPage(msgspec.Struct):
    """Newest first. `next` goes into `before` for the following page; None at the end."""

    runs: list[RunSummary]
    next: str | None


class AttemptView(msgspec.Struct):
    id: str
    delivery_id: str
    step: str
    step_name: str
    language: str | None
    number: int
    outcome: str
    topic: str | None
    parent_id: str | None
    ordinal: int
    queued_at: str
    started_at: str
    ended_at: str
    queue_wait_us: int
    run_us: int
    input: Any
    emits: list[dict[str, Any]]  # {ordinal, topic, data}
    reads: list[dict[str, Any]]  # {op, group, key, value}
    writes: list[dict[str, Any]]  # {op, group, key, value}
    answer: Any
    error: dict[str, Any] | None  # {type, message, stack, code}


class RunDetail(msgspec.Struct):
    run: RunSummary
    attempts: list[AttemptView]  # by queued_at, then id


class LineView(msgspec.Struct):
    stream: str
    seq: int
    at: str
    level: str
    message: str
    fields: dict[str, Any]
    source: str
    run: str | None
    attempt: str | None
    step: str | None
    version: int | None


class Gap(msgspec.Struct):
    """Lines `first`..`last` of a stream were lost before they were kept; both ends included."""

    stream: str
    first: int
    last: int


class LinePage(msgspec.Struct):
    """Ordered by (at, stream, seq). `cursor` goes into `after` to read on, also when nothing was new."""

    lines: list[LineView]
    gaps: list[Gap]
    cursor: str
    more: bool


class GraphNode(msgspec.Struct):
    id: str
    kind: str  # api | cron | event | noop | outside: events on a topic, from elsewhere
    label: str
    description: str | None
    language: str | None
    file: str | None
    flows: list[str]
    # "POST /orders/:shop", "0 2 * * * Europe/Berlin", "waits for managers, 3d", "stock.changed"
    trigger: str | None


class GraphEdge(msgspec.Struct):
    source: str
    target: str
    topic: str
    virtual: bool
    conditional: bool
    caption: str | None = None  # what its emitter calls it in the picture, instead of the topic


class GraphFlow(msgspec.Struct):
    id: str
    name: str
    description: str | None
    steps: list[str]


class Graph(msgspec.Struct):
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    flows: list[GraphFlow]
