"""A run of this laptop as a sample: what its records have of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.lock.model import Lock
from wistro.protocol.ids import read as read_id
from wistro.protocol.ids import show
from wistro.protocol.records import AttemptRecord, RunRecord
from wistro.protocol.samples import SAMPLE, Sample, SampledTrigger
from wistro.records.index import RecordsIndex, connect

RECORDS = Path(".wistro")


class NoSuchRun(UserError):
    """This project's records have no run of this id."""

    code = "replay.unknown-run"
    hint = "`wistro dev` lists the runs on its screens; they are kept for 7 days or 1 GiB."


def sample_of_run(root: Path, run: str, lock: Lock) -> Sample:
    """Raises NoSuchRun, UnreadableId."""
    run_id = str(read_id("run", run))
    if not (root / RECORDS).is_dir():
        raise NoSuchRun(f"nothing is recorded in {root.name}")
    with contextlib.closing(RecordsIndex(root / RECORDS)) as index:
        index.catch_up()
    with contextlib.closing(connect(index.path, read_only=True)) as db:
        found = db.execute("SELECT record FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        rows = db.execute("SELECT record FROM attempts WHERE run_id = ?", (run_id,)).fetchall()
    if found is None:
        raise NoSuchRun(f"no run `{run}` is recorded")
    begun = msgspec.json.decode(found[0], type=RunRecord)
    attempts = [msgspec.json.decode(record, type=AttemptRecord) for (record,) in rows]
    return Sample(
        protocol=SAMPLE,
        sample=show("sample", run_id),
        dataset="local",
        name=show("run", run_id),
        run=show("run", run_id),
        environment="local",
        lock_digest=lock.digest,
        trigger=SampledTrigger(begun.trigger, begun.trigger_id, begun.method, begun.path),
        trace_id=begun.trace_id,
        attempts=sorted(attempts, key=lambda one: (one.queued_at_us, one.attempt_id)),
        variables=[one.name for one in lock.env],
    )
