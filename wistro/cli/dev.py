"""`wistro dev`: run the project here while it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError


class NoFolder(UserError):
    """The project's folder is not there."""

    code = "dev.no-folder"
    hint = "`wistro init <folder>` makes a project."


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    host: Annotated[str, typer.Option(help="The endpoints' address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The endpoints' port.")] = 3000,
    ui_port: Annotated[int, typer.Option(min=0, max=65_535, help="The screens' port.")] = 3001,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="WISTRO_STORE",
            help="A store that several engines share: postgres://host/database?schema=name.",
        ),
    ] = None,
) -> int:
    """Example: wistro dev --port 8080

    Compiles and serves the project, shows it in the browser, and does so again whenever a file changes.
    """
    import uvloop

    from wistro.dev.develop import develop

    if not folder.is_dir():
        raise NoFolder(f"there is no folder {folder}")
    uvloop.run(
        develop(folder.resolve(), host=host, port=port, ui_port=ui_port, store=store, says=say)
    )
    return 0
