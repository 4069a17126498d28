"""The project in a folder, as commands ask it: the engine that runs it, else what its files say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from wistro.cli import say
from wistro.control.client import Running
from wistro.hub_client import link

T = TypeVar("T")
MARKS = ("wistro.yml", "wistro.json", "wistro.yml.lock", ".wistro/store.db")

USUAL_FOLDER = Path()

FolderOption = Annotated[Path, typer.Option("--folder", help="The project's folder.")]
HereOption = Annotated[
    bool, typer.Option("--here", help="What ran in this folder, though it is linked to the Hub.")
]


class Here:
    """`running` is None where no engine runs; then reading works and changing is refused."""

    def __init__(self, root: Path, running: Running | None) -> None:
        self.root = root
        self.running = running

    def get(self, path: str, type: type[T], **query: Any) -> T:
        return self.ask("GET", path, type, **query)

    def ask(self, method: str, path: str, type: type[T], body: Any = None, **query: Any) -> T:
        """`path` stands below `/api/v1/`. Raises UserError, NoEngine among them."""
        if self.running is not None:
            return self.running.ask(method, path, type, body, **query)
        given = {name: str(value) for name, value in query.items() if value is not None}
        sent = b"" if body is None else msgspec.json.encode(body)
        return msgspec.convert(
            asyncio.run(_from_files(self.root, method, path, given, sent)),
            type,
            from_attributes=True,
        )

    def tell_source(self) -> None:
        """One line, where the answer is not from a running engine."""
        if self.running is None:
            say.detail("no engine runs here: this is what its files say")


def find(folder: Path) -> Here:
    root = root_of(folder.resolve())
    return Here(root, Running.find(root))


def instead_of_hub(
    folder: Path, *, environment: str | None, project: str | None, hub: str | None, here: bool
) -> Here | None:
    """The folder's own project, when it is what is asked about: an engine runs it, or it is linked to no other."""
    if environment is not None or project is not None or hub is not None:
        return None
    found = find(folder)
    if here or found.running is not None:
        return found
    is_project = any((found.root / mark).exists() for mark in MARKS)
    return found if is_project and link.read(found.root) is None else None


def root_of(folder: Path) -> Path:
    """The nearest folder from here up that is a project; this one where none is."""
    for place in (folder, *folder.parents):
        if any((place / mark).exists() for mark in MARKS):
            return place
    return folder


async def _from_files(
    root: Path, method: str, path: str, query: dict[str, str], body: bytes
) -> Any:
    from wistro.control.answers import Answers
    from wistro.control.asked import Project
    from wistro.wiring import kept_files

    async with kept_files(root) as kept:
        return await Answers(Project(kept.reads, kept.store, kept.lock)).answer(
            method, path, query, body
        )
