"""`wistro runs`: what ran, one run attempt by attempt, and its end before its time."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.groups import group
from wistro.cli.run_shown import MARKS, show_run
from wistro.cli.tables import ago, table
from wistro.hub_client import api
from wistro.protocol.operating import Changed, DelayedPage, Emitted
from wistro.protocol.reading import RunDetail, RunPage, RunSummary

app = group("wistro runs prod --status dead")


class Status(StrEnum):
    running = "running"
    waiting = "waiting"
    done = "done"
    failed = "failed"
    dead = "dead"
    cancelled = "cancelled"
    interrupted = "interrupted"


WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENVIRONMENT RUN",
        help="An environment of the Hub, this folder's project when left out; run_… for one run.",
    ),
]


@app.command("list")
def list_(
    words: WordsArgument = None,
    status: Annotated[Status | None, typer.Option(help="Only runs that are so.")] = None,
    step: Annotated[str | None, typer.Option(help="Only runs that came by this step's id.")] = None,
    flow: Annotated[str | None, typer.Option(help="Only runs of this flow.")] = None,
    version: Annotated[
        int | None, typer.Option(help="Only runs in this version, of those the Hub has.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only runs with these words in them.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
    here: heres.HereOption = False,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs prod --status dead

    Of the engine that runs in this folder; of the Hub when an environment is named or the folder is linked.
    """
    environment, ids = _read(words)
    if ids:
        return show(words, here=here, folder=folder, project=project, hub=hub, json=json)
    place = Place.find(environment, here=here, folder=folder, project=project, hub=hub)
    filters = {"status": status, "step": step, "flow": flow, "version": version, "text": text}
    found = place.runs(limit=limit, **filters).runs
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        _table(found, with_version=place.here is None)
        say.next_step(f"wistro runs {place.word}{found[0].id}{place.again}")
    else:
        suffix = " is like that" if any(filters.values()) else " yet"
        say.talk(f"no run in {place.name}{suffix}")
    return 0


@app.command("show")
def show(
    words: WordsArgument,
    here: heres.HereOption = False,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs show run_06d3…

    Its attempts in the order in which they caused each other, with what they emitted and why they failed.
    """
    environment, ids = _read(words)
    if not ids:
        raise typer.BadParameter("which run? `wistro runs` lists them")
    place = Place.find(environment, here=here, folder=folder, project=project, hub=hub)
    detail = place.run(ids[0])
    if json:
        say.data(msgspec.to_builtins(detail))
    else:
        show_run(detail)
    say.next_step(f"wistro logs {place.word}--run {ids[0]}{place.again}")
    return 0


@app.command("cancel")
def cancel(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…", help="Runs that have not ended; del_… for one message that waits."
        ),
    ],
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs cancel run_06d3…

    What of it waits is dropped; a step that runs is told to stop, and what it does counts for nothing.
    """
    engine = heres.find(folder)
    for one in runs:
        if one.startswith("del_"):
            engine.ask("DELETE", f"delayed/{one}", Changed)
        else:
            engine.ask("POST", f"runs/{one}/cancel", Changed)
        say.done("Cancelled", one)
    if json:
        say.data({"cancelled": runs})
    return 0


@app.command("replay")
def replay(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="One that was recorded in this folder.")
    ],
    from_step: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Only from this step's messages on."),
    ] = None,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs replay run_06d3… --from src/payments/charge

    Does it once more as a new run, for real: state is written, messages leave. `wistro replay --run` compares instead.
    """
    made = heres.find(folder).ask("POST", f"runs/{run}/replay", Emitted, **{"from": from_step})
    if json:
        say.data(msgspec.to_builtins(made))
    else:
        say.done("Replayed", run, made.run)
    say.next_step(f"wistro runs show {made.run}")
    return 0


@app.command("delayed")
def delayed(
    limit: Annotated[int, typer.Option(help="How many, soonest first.", min=1, max=999)] = 50,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro runs delayed

    Messages that are due later. `wistro runs cancel del_…` takes one back.
    """
    page = heres.find(folder).get("delayed", DelayedPage, limit=limit)
    if json:
        say.data(msgspec.to_builtins(page.delayed))
    elif page.delayed:
        rows = [
            (one.id, one.step, one.topic or "", one.due_at[:19], one.run) for one in page.delayed
        ]
        table(("DELIVERY", "STEP", "TOPIC", "DUE", "RUN"), rows, spare=(4, 2))
    else:
        say.talk("nothing is due later")
    if page.more:
        say.note(f"these are the first {limit}; --limit shows more")
    return 0


class Place:
    """Where runs are asked for: the Hub's environment, or this folder's project (`here`)."""

    def __init__(
        self, here: heres.Here | None, asked: Any = None, of: Any = None, again: str = ""
    ) -> None:
        self.here = here
        self._asked = asked
        self._of = of
        self.again = again  # what a next command needs to ask the same place
        self.name = of.name if of else "this folder"
        self.word = f"{of.name} " if of else ""

    @classmethod
    def find(
        cls,
        environment: str | None,
        *,
        here: bool,
        folder: Any,
        project: str | None,
        hub: str | None,
    ) -> Place:
        found = heres.instead_of_hub(
            folder, environment=environment, project=project, hub=hub, here=here
        )
        if found is not None:
            found.tell_source()
            return cls(found)
        asked = hubs.signed_in(hub, folder)
        of = hubs.project(asked, project, folder)
        place = api.environment(of, environment or hubs.USUAL_ENVIRONMENT)
        return cls(None, asked, place, f" --project {of.label}" if project else "")

    def runs(self, **filters: Any) -> RunPage:
        if self.here is not None:
            return self.here.get("runs", RunPage, **filters)
        return api.runs(self._asked, self._of, **filters)

    def run(self, id: str) -> RunDetail:
        if self.here is not None:
            return self.here.get(f"runs/{id}", RunDetail)
        return api.run(self._asked, self._of, id)


def _read(words: list[str] | None) -> tuple[str | None, list[str]]:
    ids = [one for one in words or [] if one.startswith("run_")]
    names = [one for one in words or [] if not one.startswith("run_")]
    if len(ids) > 1 or len(names) > 1:
        raise typer.BadParameter("one environment and one run at most")
    return (names[0] if names else None), ids


def _table(found: list[RunSummary], *, with_version: bool) -> None:
    head = ["", "RUN", "TRIGGER", "STATUS", "ATTEMPTS", "STARTED"]
    rows = [_row(one) for one in found]
    if with_version:
        head.insert(5, "VERSION")
        for row, one in zip(rows, found, strict=True):
            row.insert(5, str(one.version or ""))
    started = len(head) - 1
    table(head, rows, right=(4, 5) if with_version else (4,), spare=(4, started, 2))


def _row(one: RunSummary) -> list[str]:
    errors = f" ({one.errors} failed)" if one.errors else ""
    return [
        MARKS.get(one.status, "·"),
        one.id,
        one.trigger.label,
        one.status,
        f"{one.attempts}{errors}",
        ago(one.started_at),
    ]
