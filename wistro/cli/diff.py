"""`wistro diff`: what changed between two locks or commits, in words."""

from __future__ import annotations

import subprocess
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.lock.diff import Change
    from wistro.lock.model import Lock

WORKING = "the working tree"
GIT_S = 20.0
TITLES = {
    "step": "Steps",
    "topic": "Topics",
    "endpoint": "Endpoints",
    "schedule": "Schedules",
    "flow": "Flows",
    "dependency": "Dependencies",
    "project": "Project",
}


class NothingToCompare(UserError):
    """One side of a diff is no lock file, project folder or commit."""

    code = "diff.unknown"
    hint = (
        "Name a commit, a branch, a folder or a lock file: wistro diff main, wistro diff v1.2 HEAD."
    )


def run(
    old: Annotated[
        str, typer.Argument(help="A commit, branch, folder or lock file; HEAD when left out.")
    ] = "HEAD",
    new: Annotated[
        str | None, typer.Argument(help="The same; the project as it is here when left out.")
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", help="The project's folder.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
    fail: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 when a message may break.")
    ] = False,
) -> int:
    """Example: wistro diff main

    Says which steps, messages, endpoints and schedules changed. `breaks` marks a message of which an older one may
    not fit any more.
    """
    import msgspec

    from wistro.lock import diff

    root = folder.resolve()
    before = _lock(root, old)
    after = _here(root) if new is None else _lock(root, new)
    found = diff.compare(before, after)
    breaking = [one for one in found if one.breaks]
    if json:
        say.data({"old": old, "new": new, "changes": [msgspec.to_builtins(one) for one in found]})
    elif not found:
        say.talk(f"nothing changed between {old} and {new or WORKING}")
    else:
        _tell(found)
        number = f"{len(found)} change{'' if len(found) == 1 else 's'}"
        broken = f", {len(breaking)} may break what is on its way" if breaking else ""
        say.talk(f"{number} between {old} and {new or WORKING}{broken}")
    return 1 if fail and breaking else 0


def _tell(found: list[Change]) -> None:
    for kind, changes in groupby(found, key=lambda one: one.kind):
        say.out(f"{TITLES[kind]}:")
        for one in changes:
            mark = "  [breaks]" if one.breaks else ""
            say.out(f"  {say.plain(one.sentence)}{mark}")


def _here(root: Path) -> Lock:
    from wistro.compiler import compile_project

    compiled = compile_project(root)
    for problem in compiled.problems:
        say.error(problem)
    if compiled.lock is None:
        raise NothingToCompare("the project as it is here does not compile", hint="Mend it first.")
    return compiled.lock


def _lock(root: Path, named: str) -> Lock:
    from wistro.lock import file

    path = Path(named) if Path(named).is_absolute() else root / named
    if path.is_dir():
        return file.read(path / file.NAME)
    if path.is_file():
        return file.read(path)
    shown = _show(root, named, file.NAME)
    return file.parse(shown, name=f"{file.NAME} of {named}")


def _show(root: Path, commit: str, name: str) -> bytes:
    """The file's bytes in a commit; the project may lie in a folder of its repository."""
    if commit.startswith("-"):
        raise NothingToCompare(f"`{say.plain(commit)}` is no commit")
    try:
        shown = subprocess.run(
            ["git", "show", f"{commit}:./{name}"],
            cwd=root,
            capture_output=True,
            timeout=GIT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise NothingToCompare("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise NothingToCompare(f"git did not answer within {GIT_S:g} s") from error
    if shown.returncode:
        said = shown.stderr.decode(errors="replace").strip().splitlines()
        why = say.plain(said[-1].removeprefix("fatal: ")) if said else "git gave no reason"
        raise NothingToCompare(f"no lock at `{say.plain(commit)}`: {why}")
    return shown.stdout
