"""`wistro datasets`: recorded runs kept as test cases, and to have them here for `wistro replay`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.tables import ago, table
from wistro.errors import UserError
from wistro.hub_client import api, datasets

FOLDER = Path(".wistro") / "datasets"
app = typer.Typer(
    help="Example: wistro datasets pull orders",
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)


class NoSuchDataset(UserError):
    """The project has no dataset of that name."""

    code = "datasets.unknown"


@app.callback()
def usual(context: typer.Context) -> int | None:
    """Example: wistro datasets pull orders"""
    return list_() if context.invoked_subcommand is None else None


@app.command("list")
def list_(
    project: hubs.ProjectOption = None, hub: hubs.HubOption = None, json: hubs.JsonOption = False
) -> int:
    """Example: wistro datasets list"""
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    found = api.datasets(asked, of)
    again = f" --project {of.label}" if project else ""
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        table(
            ("DATASET", "SAMPLES", "MADE", "FOR"),
            [
                (one.name, str(one.samples), ago(one.created_at), one.description or "")
                for one in found
            ],
            right=(1,),
        )
        say.next_step(f"wistro datasets pull {_quoted(found[0].name)}{again}")
    else:
        say.talk(f"{of.label} has no dataset yet")
        say.next_step(f"wistro open --page datasets{again}")
    return 0


@app.command("pull")
def pull(
    dataset: Annotated[str, typer.Argument(help="Its name.")],
    into: Annotated[
        Path | None, typer.Option(help="A folder of its own; else .wistro/datasets/<dataset>.")
    ] = None,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro datasets pull orders

    Writes each sample as one JSON file and removes the files of samples that are gone.
    """
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    known = {one.name: one for one in api.datasets(asked, of)}
    if dataset not in known:
        close = difflib.get_close_matches(dataset, known, n=1)
        names = ", ".join(sorted(known)) or "none"
        hint = f"did you mean `{close[0]}`?" if close else f"It has: {names}."
        raise NoSuchDataset(f"{of.label} has no dataset `{dataset}`", hint=hint)
    folder = into or FOLDER / datasets.folder_name(dataset)
    pulled = datasets.write(api.export(asked, known[dataset]), folder)
    if json:
        told = {"changed": pulled.changed, "removed": pulled.removed, "samples": pulled.samples}
        say.data({"dataset": dataset, "folder": str(folder), **told})
    samples = f"{pulled.samples} sample{'' if pulled.samples == 1 else 's'} of {say.plain(dataset)}"
    say.done("Pulled", f"{samples}, {pulled.changed} new or changed, {pulled.removed} removed")
    say.next_step(f"wistro replay {_quoted(str(folder))}")
    return 0


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(say.plain(text))
