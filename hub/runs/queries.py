"""Runs and lines as people are shown them: rows of the store in the shapes of wistro/protocol/reading.py."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from hub.common.api.errors import Invalid, NotFound
from hub.deployments.models import Deployment, Version
from hub.ingress.models import Traffic, Weight
from hub.projects.models import Environment
from hub.runs import pictures
from hub.runs.pictures import BLANK, NOTHING, Deployed
from hub.runs.store import records
from hub.runs.store.port import AttemptRow, Cursor, LineFilter, LineRow, Lines, RunFilter, RunRow
from wistro.protocol import reading
from wistro.protocol.ids import show
from wistro.protocol.records import AttemptRecord, ErrorRecord, ReadRecord, WriteRecord
from wistro.protocol.route import NOT_DRAWN
from wistro.protocol.times import rfc3339

ATTEMPTS_MOST = 2_000  # of one run on a page; its summary counts them all
BYTES_MOST = 16 * 1024 * 1024  # of what went in and out of them; the rest is shown without


class BadCursor(Invalid):
    """A cursor that no page of lines has given."""

    code = "records.cursor"
    hint = "Pass on the `cursor` of an earlier page."


def runs(
    environment: Environment, filter: RunFilter, *, before: UUID | None, limit: int
) -> reading.RunPage:
    found = records.runs(environment.pk, filter, before=before, limit=limit + 1)
    shown = found[:limit]
    deployed = pictures.deployed([one.deployment_id for one in shown])
    summaries = [summary(one, deployed.get(one.deployment_id, NOTHING)) for one in shown]
    return reading.RunPage(summaries, summaries[-1].id if len(found) > limit else None)


def deployments_of(environment: Environment, number: int) -> list[UUID]:
    found = Deployment.objects.filter(environment=environment, version__number=number)
    return list(found.values_list("pk", flat=True))


def run(environment: Environment, run_id: UUID) -> reading.RunDetail:
    found = records.run(run_id, environment_ids=[environment.pk])
    if found is None:
        raise NotFound("There is nothing here")
    return detail(found)


def detail(run: RunRow) -> reading.RunDetail:
    tried = records.attempts(run, limit=ATTEMPTS_MOST, bytes_most=BYTES_MOST)
    deployed = pictures.deployed({run.deployment_id, *(one.deployment_id for one in tried)})
    return reading.RunDetail(
        summary(run, deployed.get(run.deployment_id, NOTHING)),
        [attempt(one, deployed.get(one.deployment_id, NOTHING)) for one in tried],
    )


def summary(run: RunRow, of: Deployed) -> reading.RunSummary:
    return reading.RunSummary(
        id=show("run", run.id),
        status=run.status,
        trigger=reading.Trigger(run.trigger, run.trigger_id, label(run, of)),
        flows=run.flows,
        started_at=rfc3339(run.started_at_us),
        ended_at=None if run.ended_at_us is None else rfc3339(run.ended_at_us),
        attempts=run.attempts,
        errors=run.errors,
        trace_id=run.trace_id,
        version=of.number,
        deployment=show("deployment", run.deployment_id),
        generation=None if run.generation == NOT_DRAWN else run.generation,
    )


def label(run: RunRow, of: Deployed) -> str:
    known = of.picture.triggers.get(run.trigger_id)
    return known or (f"{run.method} {run.path}" if run.method else run.trigger_id)


def attempt(one: AttemptRow, of: Deployed) -> reading.AttemptView:
    """Without payload (its day is over, or the run is too large to show) it says when and how it went, and nothing of what."""
    picture = of.picture
    record = msgspec.json.decode(one.record, type=AttemptRecord) if one.record else None
    return reading.AttemptView(
        id=show("attempt", one.id),
        delivery_id=show("delivery", one.delivery_id),
        step=one.step,
        step_name=picture.names.get(one.step, one.step),
        language=picture.languages.get(one.step),
        number=one.number,
        outcome=one.outcome,
        topic=one.topic,
        parent_id=one.parent_id and show("attempt", one.parent_id),
        ordinal=one.ordinal,
        queued_at=rfc3339(one.queued_at_us),
        started_at=rfc3339(one.started_at_us),
        ended_at=rfc3339(one.ended_at_us),
        queue_wait_us=max(0, one.started_at_us - one.queued_at_us),
        run_us=max(0, one.ended_at_us - one.started_at_us),
        input=record.input if record else None,
        emits=[msgspec.to_builtins(emit) for emit in record.emits] if record else [],
        reads=[_all_fields(touch) for touch in record.reads] if record else [],
        writes=[_all_fields(touch) for touch in record.writes] if record else [],
        answer=record.answer if record else None,
        error=_all_fields(record.error) if record and record.error else None,
    )


def _all_fields(struct: ReadRecord | WriteRecord | ErrorRecord) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def lines_after(
    environment: Environment, filter: LineFilter, *, after: Cursor, limit: int
) -> reading.LinePage:
    return _page(records.lines_after(environment.pk, filter, after=after, limit=limit))


def lines_before(
    environment: Environment, filter: LineFilter, *, before: Cursor, limit: int
) -> reading.LinePage:
    """The newest, or those before a line; of several the first named is meant."""
    line = next(iter(before.items()), None)
    return _page(records.lines_before(environment.pk, filter, before=line, limit=limit))


def _page(found: Lines) -> reading.LinePage:
    ids = {one.deployment_id for one in found.lines if one.deployment_id}
    deployed = pictures.deployed(ids) if ids else {}
    cursor = ",".join(f"{stream}:{seq}" for stream, seq in sorted(found.cursor.items()))
    return reading.LinePage([_line(one, deployed) for one in found.lines], found.gaps, cursor, found.more)  # fmt: skip


def _line(one: LineRow, deployed: dict[UUID, Deployed]) -> reading.LineView:
    return reading.LineView(
        stream=str(one.stream),
        seq=one.seq,
        at=rfc3339(one.at_us),
        level=one.level,
        message=one.message,
        fields=msgspec.json.decode(one.fields) if one.fields else {},
        source=one.source,
        run=one.run_id and show("run", one.run_id),
        attempt=one.attempt_id and show("attempt", one.attempt_id),
        step=one.step,
        version=deployed.get(one.deployment_id, NOTHING).number if one.deployment_id else None,
    )


def cursor_of(text: str) -> dict[UUID, int]:
    """`stream:seq,stream:seq`; raises BadCursor."""
    cursor: dict[UUID, int] = {}
    for part in filter(None, text.split(",")):
        stream, _, seq = part.rpartition(":")
        try:
            if not (seq.isascii() and seq.isdecimal() and len(seq) < 18):
                raise ValueError(seq)
            cursor[UUID(stream)] = int(seq)
        except ValueError:
            raise BadCursor(f"`{part[:80]}` is no part of a cursor") from None
    return cursor


def graph(environment: Environment, number: int | None) -> reading.Graph:
    """Of a version by number, or of the one that serves: greatest weight, then newest."""
    if number is not None:
        found = Version.objects.filter(project_id=environment.project_id, number=number)  # type: ignore[attr-defined]
        version_id = found.values_list("pk", flat=True).first()
        if version_id is None:
            raise NotFound(f"There is no version {number}")
        return pictures.of_version(version_id).graph
    serving = _serving(environment)
    return (pictures.of_version(serving) if serving else BLANK).graph


def _serving(environment: Environment) -> UUID | None:
    traffic = Traffic.objects.filter(environment=environment).first()
    generation = traffic.generation if traffic else 0
    weighed = Weight.objects.filter(change__environment=environment, change__generation=generation)
    by_weight = weighed.order_by("-basis_points", "-deployment_id")
    found = by_weight.values_list("deployment__version_id", flat=True).first()
    newest = Deployment.objects.filter(environment=environment).order_by("-pk")
    return found or newest.values_list("version_id", flat=True).first()
