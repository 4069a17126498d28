"""Adding a run to a dataset: its records are copied while they are there."""

from __future__ import annotations

import msgspec

from hub.accounts.models import User
from hub.common.api.errors import Conflict, Invalid, TooLarge
from hub.datasets.models import Dataset, Sample
from hub.projects.models import Environment
from hub.runs import pictures, queries
from hub.runs.models import OPEN
from hub.runs.pictures import NOTHING
from hub.runs.store import records
from hub.runs.store.port import AttemptRow, RunRow
from wistro.protocol.ids import UnreadableId, read
from wistro.protocol.records import AttemptRecord

ATTEMPTS_MOST = 2_000
BYTES_MOST = 16 * 1024 * 1024


class UnknownRun(Invalid):
    """No run of this project has this id, or it is not kept any more."""

    code = "sample.unknown-run"
    hint = "Runs are kept for 30 days; give a run of the dataset's own project."


class NotFinished(Conflict):
    """A run that still goes on cannot be kept as a test case."""

    code = "sample.not-finished"
    hint = "Wait until it is done, or cancel it."


class AlreadyThere(Conflict):
    """The dataset holds this run already."""

    code = "sample.already-there"
    hint = "Open the sample to rename or tag it."


class PayloadsGone(Conflict):
    """What went in and out of the run's attempts is not kept any more."""

    code = "sample.payloads-gone"
    hint = "Payloads are kept for 7 days; add a newer run."


class SampleTooLarge(TooLarge):
    """A run with more in it than a sample may hold."""

    code = "sample.too-large"
    hint = f"A sample holds {ATTEMPTS_MOST} attempts and 16 MiB."


def add(dataset: Dataset, run: str, *, name: str, tags: list[str], by: User) -> Sample:
    """The run as a sample. Raises UnknownRun, NotFinished, AlreadyThere, PayloadsGone or SampleTooLarge."""
    environments = {one.pk: one for one in Environment.objects.filter(project=dataset.project_id)}  # type: ignore[attr-defined]
    found = _found(run, environments)
    if found.status in OPEN:
        raise NotFinished(f"The run is {found.status}")
    if Sample.objects.filter(dataset=dataset, run_id=found.id).exists():
        raise AlreadyThere(f"`{dataset.name}` holds this run already")
    tried = _attempts(found)
    of = pictures.deployed([found.deployment_id]).get(found.deployment_id, NOTHING)
    return Sample.objects.create(
        dataset=dataset, name=name, tags=tags, run_id=found.id,
        environment=environments[found.environment_id].name, version=of.number,
        lock_digest=of.digest, variables=of.picture.variables, trigger=found.trigger,
        trigger_id=found.trigger_id, trigger_label=queries.label(found, of), method=found.method,
        path=found.path, trace_id=found.trace_id, attempts=_json(tried),
        input=_input(tried), created_by=by,
    )  # fmt: skip


def _found(run: str, environments: dict) -> RunRow:
    try:
        found = records.run(read("run", run), environment_ids=environments)
    except UnreadableId:
        found = None
    if found is None:
        raise UnknownRun(f"This project has no run `{run[:80]}`", fields={"run": "unknown"})
    return found


def _attempts(run: RunRow) -> list[AttemptRow]:
    tried = records.attempts(run, limit=ATTEMPTS_MOST + 1, bytes_most=BYTES_MOST)
    if not tried or any(one.size_bytes is None for one in tried):
        raise PayloadsGone("The run's payloads are not kept any more")
    if len(tried) > ATTEMPTS_MOST or any(one.record is None for one in tried):
        raise SampleTooLarge("The run is larger than a sample may be")
    return tried


def _json(tried: list[AttemptRow]) -> str:
    return msgspec.json.encode([msgspec.Raw((one.record or "").encode()) for one in tried]).decode()


def _input(tried: list[AttemptRow]) -> str:
    """What came in: the input of the first attempt that no other caused."""
    roots = (one for one in tried if one.parent_id is None and one.record)
    first = next(roots, None)
    record = msgspec.json.decode(first.record, type=AttemptRecord) if first and first.record else None  # fmt: skip
    return msgspec.json.encode(record.input if record else None).decode()


def change(sample: Sample, *, name: str | None, tags: list[str] | None) -> None:
    if name is not None:
        sample.name = name
    if tags is not None:
        sample.tags = tags
    sample.save(update_fields=["name", "tags"])


def rename(dataset: Dataset, **changed: str) -> None:
    for field, value in changed.items():
        setattr(dataset, field, value)
    dataset.save(update_fields=list(changed))


def is_taken(name: str, *, project_id: object, but: object = None) -> bool:
    return Dataset.objects.filter(project_id=project_id, name=name).exclude(pk=but).exists()
