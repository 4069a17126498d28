"""`wistro link`: remember which project of the Hub this folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.hub_client import api
from wistro.hub_client import link as links


def run(
    project: Annotated[
        str | None, typer.Argument(metavar="ORG/PROJECT", help="Asked for when left out.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
    hub: hubs.HubOption = None,
) -> int:
    """Example: wistro link acme/shop

    Writes .wistro/project.json, which is yours alone and not committed; `--project` always comes before it.
    """
    root = folder.resolve()
    asked = hubs.signed_in(hub, root)
    if project is not None:
        hubs.remember(root, asked, api.project(asked, *links.parse(project)))
    elif hubs.can_ask():
        hubs.choose(asked, root)
    else:
        raise hubs.NoProject(
            "which project? There is no terminal to ask on", hint="wistro link acme/shop"
        )
    say.next_step("wistro deploy")
    return 0
