"""Samples as they are shown, and as the CLI pulls them."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import msgspec

from hub.common.api.errors import TooLarge
from hub.datasets.models import Dataset, Sample
from hub.runs import pictures, queries
from hub.runs.pictures import NOTHING
from hub.runs.store.port import AttemptRow
from wistro.protocol import PROTOCOL
from wistro.protocol.ids import show
from wistro.protocol.reading import AttemptView, Trigger
from wistro.protocol.records import AttemptRecord
from wistro.protocol.samples import Export, SampledTrigger
from wistro.protocol.samples import Sample as Exported

EXPORT_MOST = 64 * 1024 * 1024  # the answer is made in memory, beside others'


class ExportTooLarge(TooLarge):
    """A dataset that is too large to be answered at once."""

    code = "dataset.too-large"
    hint = "Split it: an export holds 64 MiB of attempts."


def attempts_of(sample: Sample) -> list[AttemptRecord]:
    return msgspec.json.decode(sample.attempts, type=list[AttemptRecord])


def trigger(sample: Sample) -> dict[str, str]:
    return msgspec.to_builtins(Trigger(sample.trigger, sample.trigger_id, sample.trigger_label))


def views(sample: Sample) -> list[AttemptView]:
    """Named by the version's lock while there is one; the sample itself holds all else."""
    tried = attempts_of(sample)
    deployed = pictures.deployed([UUID(one.deployment_id) for one in tried])
    return [
        queries.attempt(_row(one), deployed.get(UUID(one.deployment_id), NOTHING)) for one in tried
    ]


def _row(one: AttemptRecord) -> AttemptRow:
    parent = one.parent_attempt_id
    return AttemptRow(
        UUID(one.attempt_id), UUID(one.delivery_id),
        UUID(parent) if parent else None, UUID(one.deployment_id), one.step,
        one.number, one.outcome, one.topic, one.ordinal, one.queued_at_us, one.started_at_us,
        one.ended_at_us, (record := msgspec.json.encode(one)).decode(), len(record),
    )  # fmt: skip


def export(dataset: Dataset) -> Export:
    samples: list[Exported] = []
    size = 0
    for one in Sample.objects.filter(dataset=dataset).order_by("pk").iterator(chunk_size=20):
        size += len(one.attempts.encode())
        if size > EXPORT_MOST:
            raise ExportTooLarge(f"`{dataset.name}` is too large to export at once")
        samples.append(exported(one, dataset))
    return Export(PROTOCOL, dataset.name, samples)


def exported(one: Sample, dataset: Dataset) -> Exported:
    return Exported(
        protocol=PROTOCOL,
        sample=show("sample", one.pk),
        dataset=dataset.name,
        name=one.name,
        run=show("run", one.run_id),
        environment=one.environment,
        lock_digest=one.lock_digest,
        trigger=SampledTrigger(one.trigger, one.trigger_id, one.method, one.path),
        trace_id=one.trace_id,
        attempts=cast(
            Any, msgspec.Raw(one.attempts.encode())
        ),  # as it stands: to read it would cost ten times its size
        version=one.version,
        tags=one.tags,
        variables=one.variables,
    )
