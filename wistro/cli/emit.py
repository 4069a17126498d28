"""`wistro emit`: an event from outside, checked as any other, to the engine that runs here."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.run_shown import show_run
from wistro.cli.values import read_json
from wistro.errors import UserError
from wistro.protocol.operating import Emitted
from wistro.protocol.reading import RunDetail

LOOK_EVERY_S = 0.1
LIVE = ("running", "waiting")


class StillRuns(UserError):
    """A run that was waited for has not ended in time; it goes on."""

    code = "emit.still-runs"


def run(
    topic: Annotated[str, typer.Argument(help="A topic of the project.")],
    data: Annotated[str, typer.Argument(help="JSON; `-` reads stdin, `@file` a file.")] = "null",
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Until the run has ended; exit 1 if it failed.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0.1)] = 60.0,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro emit order.created '{"sku": "tea", "quantity": 2}'

    Starts a run as an event from outside does. What does not fit the topic's schema is refused, with the field's path.
    """
    engine = heres.find(folder)
    value = read_json(data, what="DATA")
    emitted = engine.ask("POST", "events", Emitted, {"topic": topic, "data": value})
    if not wait:
        if json:
            say.data(msgspec.to_builtins(emitted))
        else:
            say.done("Emitted", say.plain(topic), emitted.run)
        say.next_step(f"wistro runs show {emitted.run}")
        return 0
    detail = _ended(engine, emitted.run, timeout)
    if json:
        say.data(msgspec.to_builtins(detail))
    else:
        show_run(detail)
    return 0 if detail.run.status == "done" else 1


def _ended(engine: heres.Here, run: str, timeout_s: float) -> RunDetail:
    """The run once it has ended; its records are kept a moment after it began."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            detail = engine.get(f"runs/{run}", RunDetail)
            if detail.run.status not in LIVE:
                return detail
        except UserError as error:
            if error.code != "records.unknown-run":
                raise
        if time.monotonic() > end:
            raise StillRuns(
                f"{run} has not ended within {timeout_s:g} s",
                hint=f"It goes on: `wistro runs show {run}`.",
            )
        time.sleep(LOOK_EVERY_S)
