"""A sample: a recorded run kept as a test case, whole enough to replay without the Hub.

`GET /api/v1/datasets/<dataset>/export` answers an Export; `wistro datasets pull` writes each Sample as one
JSON file, and `wistro replay` reads those. Values of variables are never in it, names only.
"""

from __future__ import annotations

import msgspec

from wistro.protocol.records import AttemptRecord

SAMPLE = 1


class SampledTrigger(msgspec.Struct, omit_defaults=True):
    kind: str  # api | cron | event
    id: str  # the step or entry
    method: str | None = None
    path: str | None = None


class Sample(msgspec.Struct, omit_defaults=True):
    """`attempts` are by (queued_at, attempt id); the root's is the one without a parent."""

    protocol: int
    sample: str  # smp_…
    dataset: str  # its name
    name: str
    run: str  # run_…
    environment: str  # its name
    lock_digest: str
    trigger: SampledTrigger
    trace_id: str
    attempts: list[AttemptRecord]
    version: int | None = None
    tags: list[str] = []
    variables: list[str] = []


class Export(msgspec.Struct):
    protocol: int
    dataset: str
    samples: list[Sample]
