"""`wistro export openapi|asyncapi`: the lock as the documents that other tools read."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wistro.cli import say

if TYPE_CHECKING:
    from wistro.lock.model import Lock

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The project's folder.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="A file instead of stdout.")]
Title = Annotated[str | None, typer.Option(help="The API's title; the project's name by default.")]
Number = Annotated[str, typer.Option("--api-version", help="The API's own version.")]


class Form(StrEnum):
    json = "json"
    yaml = "yaml"


As = Annotated[Form, typer.Option("--format", help="json or yaml.")]


@app.command()
def openapi(
    folder: Folder = Path(),
    out: Out = None,
    title: Title = None,
    number: Number = "1.0.0",
    server: Annotated[str | None, typer.Option(help="Where it is served, as a URL.")] = None,
    form: As = Form.json,
) -> None:
    """Example: wistro export openapi --server https://api.example.com -o openapi.json

    The endpoints of wistro.yml.lock as OpenAPI 3.1.
    """
    from wistro.lock.openapi import document

    lock = _lock(folder)
    made = document(lock, title=title or _title(lock, folder), version=number, server=server)
    _write(made, out, form, what=f"{len(lock.triggers.api)} endpoints as OpenAPI 3.1")


@app.command()
def asyncapi(
    folder: Folder = Path(),
    out: Out = None,
    title: Title = None,
    number: Number = "1.0.0",
    form: As = Form.json,
) -> None:
    """Example: wistro export asyncapi --format yaml -o asyncapi.yml

    The topics of wistro.yml.lock, and who emits and hears them, as AsyncAPI 3.0.
    """
    from wistro.lock.asyncapi import document

    lock = _lock(folder)
    made = document(lock, title=title or _title(lock, folder), version=number)
    _write(made, out, form, what=f"{len(lock.topics)} topics as AsyncAPI 3.0")


def _lock(folder: Path) -> Lock:
    from wistro.lock import file

    return file.read(folder.resolve() / file.NAME)


def _title(lock: Lock, folder: Path) -> str:
    return lock.project or folder.resolve().name or "project"


def _write(document: dict[str, Any], out: Path | None, form: Form, *, what: str) -> None:
    if form is Form.yaml:
        import yaml

        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    else:
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        say.out(text.rstrip("\n"))
    else:
        out.write_text(text, encoding="utf-8")
        say.done("Wrote", what, str(out))
