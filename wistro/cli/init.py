"""`wistro init`: a small project that runs, from a template; nothing that is there is ever overwritten."""

from __future__ import annotations

import re
import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError

TEMPLATES = Path(__file__).parent / "templates"
NAMES_THE_PROJECT = ("wistro.yml", "package.json", "package-lock.json", "go.mod")


class Template(StrEnum):
    python = "python"
    typescript = "typescript"
    go = "go"


class FilesInTheWay(UserError):
    """The folder has files that the template would overwrite."""

    code = "init.files-in-the-way"
    hint = "Choose another folder, or move them away."


def run(
    folder: Annotated[Path, typer.Argument(help="Where; made when missing.")] = Path(),
    template: Annotated[
        Template, typer.Option("--template", "-t", help="The steps' language.")
    ] = Template.python,
) -> int:
    """Example: wistro init shop --template typescript

    Writes an endpoint, an event step, a cron step, wistro.yml and tests.
    """
    written = write(folder, template.value)
    for name in written:
        say.detail(str(folder / name))
    say.done(
        "Started", f"a {template.value.title().replace('script', 'Script')} project", str(folder)
    )
    enter = "" if folder == Path() else f"cd {folder} && "
    say.next_step(f"{enter}wistro install && wistro dev")
    return 0


def write(folder: Path, template: str) -> list[str]:
    """Copy the template into the folder; the files' names, or FilesInTheWay and nothing written."""
    source = TEMPLATES / template
    names = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    targets = {_target(name): path for name, path in names.items()}
    taken = [name for name in targets if (folder / name).exists()]
    if taken or (folder.exists() and not folder.is_dir()):
        shown = ", ".join(taken[:5]) or str(folder)
        raise FilesInTheWay(f"{shown} {'is' if len(taken) < 2 else 'are'} already there")
    for name, path in targets.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in NAMES_THE_PROJECT:
        if (path := folder / name).exists():
            text = path.read_text(encoding="utf-8")
            for written in ("name: hello", '"name": "hello"', "module hello\n"):
                text = text.replace(written, written.replace("hello", project_name(folder)))
            path.write_text(text, encoding="utf-8")
    return sorted(targets)


def project_name(folder: Path) -> str:
    """The folder's name as a project's: at most 19 of a-z, 0-9 and single hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:19].strip("-")
    return name or "hello"


def _target(name: str) -> str:
    # Packaging tools skip or obey a .gitignore that lies in a package.
    return name.replace("dot.", ".", 1) if name.startswith("dot.") else name
