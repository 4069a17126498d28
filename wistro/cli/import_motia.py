"""`wistro import motia`: make a Motia 0.17 project one of ours, and say what was changed and what is left."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wistro.cli import say

if TYPE_CHECKING:
    from wistro.compiler.motia import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _several() -> None:
    """Bring a project from another framework."""


@app.command()
def motia(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
) -> None:
    """Example: wistro import motia --dry-run

    Step files stay as they are but for where they import types from.
    """
    from wistro.compiler.motia import apply, plan

    root = folder.resolve()
    found = plan(root)
    if not dry_run:
        apply(root, found)
    if json:
        say.data(
            {
                "written": not dry_run,
                "changes": [asdict(one) for one in found.changes],
                "left": [asdict(one) for one in found.left],
            }
        )
        return
    _tell(found, dry_run)
    say.next_step("wistro import motia" if dry_run else "wistro install && wistro lock")


def _tell(found: Plan, dry_run: bool) -> None:
    for file, changes in groupby(found.changes, key=lambda one: one.file):
        say.out(say.plain(file))
        for one in changes:
            say.out(f"  {say.plain(one.what)}")
    files = f"{len(found.texts)} file{'' if len(found.texts) == 1 else 's'}"
    say.done("Would change" if dry_run else "Changed", files)
    if found.left:
        say.talk("")
        say.note(f"{len(found.left)} cannot be carried over:")
        for one in found.left:
            say.talk(f"  {say.plain(one.where)}  {say.plain(one.what)}")
            say.detail(f"  {one.hint}")
    say.talk("")
    say.talk(
        "What differs when it runs: bodies and messages are checked against their schemas (422, or the emit"
        " throws),\nemits and state leave together when a handler returns, and retries wait longer each time."
    )
