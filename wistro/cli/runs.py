"""`wistro runs`: what ran in an environment, or one run attempt by attempt."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.tables import ago, span, table
from wistro.hub_client import api
from wistro.protocol.reading import RunDetail, RunSummary

MARKS = {"done": "✓", "failed": "✗", "dead": "✗", "interrupted": "✗", "cancelled": "-"}


class Status(StrEnum):
    running = "running"
    waiting = "waiting"
    done = "done"
    failed = "failed"
    dead = "dead"
    cancelled = "cancelled"
    interrupted = "interrupted"


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="ENVIRONMENT RUN", help="dev when left out; run_… for one run."),
    ] = None,
    status: Annotated[Status | None, typer.Option(help="Only runs that are so.")] = None,
    step: Annotated[str | None, typer.Option(help="Only runs that came by this step's id.")] = None,
    flow: Annotated[str | None, typer.Option(help="Only runs of this flow.")] = None,
    version: Annotated[int | None, typer.Option(help="Only runs in this version.")] = None,
    text: Annotated[str | None, typer.Option(help="Only runs with these words in them.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs prod --status dead"""
    ids = [one for one in words or [] if one.startswith("run_")]
    names = [one for one in words or [] if not one.startswith("run_")]
    if len(ids) > 1 or len(names) > 1:
        raise typer.BadParameter("one environment and one run at most")
    name = names[0] if names else hubs.USUAL_ENVIRONMENT
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    environment = api.environment(of, name)
    again = f" --project {of.label}" if project else ""
    if ids:
        detail = api.run(asked, environment, ids[0])
        if json:
            say.data(msgspec.to_builtins(detail))
        else:
            _detail(detail)
        say.next_step(f"wistro logs {name} --run {ids[0]}{again}")
        return 0
    filters = {"status": status, "step": step, "flow": flow, "version": version, "text": text}
    found = api.runs(asked, environment, limit=limit, **filters).runs
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        table(
            ("", "RUN", "TRIGGER", "STATUS", "ATTEMPTS", "VERSION", "STARTED"),
            [_row(one) for one in found],
            right=(4, 5),
        )
        say.next_step(f"wistro runs {name} {found[0].id}{again}")
    else:
        say.talk(f"no run in {name}" + (" is like that" if any(filters.values()) else " yet"))
        say.next_step(f"wistro open {name}{again}")
    return 0


def _row(one: RunSummary) -> tuple[str, ...]:
    errors = f" ({one.errors} failed)" if one.errors else ""
    return (
        MARKS.get(one.status, "·"),
        one.id,
        one.trigger.label,
        one.status,
        f"{one.attempts}{errors}",
        str(one.version or ""),
        ago(one.started_at),
    )


def _detail(detail: RunDetail) -> None:
    run = detail.run
    say.out(say.plain(f"{run.id}  {run.trigger.label}  {run.status}  {run.started_at}"))
    for one in detail.attempts:
        number = f" (attempt {one.number})" if one.number > 1 else ""
        topic = f" <- {one.topic}" if one.topic else ""
        mark = "✓" if one.outcome == "done" else "✗"
        say.out(say.plain(f"  {mark} {one.step}{topic}{number}  {one.outcome}  {span(one.run_us)}"))
        if one.error:
            say.out(say.plain(f"      {one.error.get('type', '')}: {one.error.get('message', '')}"))
        for emit in one.emits:
            say.out(say.plain(f"      -> {emit.get('topic', '')}"))
