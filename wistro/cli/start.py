"""`wistro start`: serve the project as its lock says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import say


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The endpoints' port.")] = 3000,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the local screens too.")] = False,
    ui_port: Annotated[int, typer.Option(min=0, max=65_535, help="The screens' port.")] = 3001,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="WISTRO_STORE",
            help="A store that several engines share: postgres://host/database?schema=name.",
        ),
    ] = None,
) -> int:
    """Example: wistro start --port 8080

    Serves what wistro.yml.lock says, when the step files are those it was written from. SIGTERM ends it in order.
    """
    import uvloop

    from wistro.dev.start import start

    uvloop.run(
        start(
            folder.resolve(),
            host=host,
            port=port,
            store=store,
            ui_port=ui_port if ui else None,
            is_json=not sys.stderr.isatty(),
            says=say,
        )
    )
    return 0
