"""`wistro check`: compile, then let each language's type checker hold the steps to the types that came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wistro.cli import say
from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.checkers import Checked
    from wistro.checkers.annotated import Unchecked
    from wistro.checkers.port import Finding
    from wistro.lock.model import Lock

COMPILER = "wistro lock"  # wistro.checkers.check


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
) -> int:
    """Example: wistro check

    Writes wistro.yml.lock and the types of steps, then runs pyright, tsc and go vet; what did not change is not checked again.
    """
    from wistro.checkers import Checked, check_project, of_compiling
    from wistro.cli import lock as locking

    root = folder.resolve()
    compiled = locking.compile_and_write(root)
    lock = compiled.lock or _last(root)
    checked = check_project(root, lock) if lock is not None else Checked()
    checked.take_in(of_compiling(compiled.problems))
    if json:
        say.data(_as_data(checked))
        return 0 if checked.holds else 1
    for warning in compiled.warnings:
        say.warning(warning)
    for problem in compiled.problems:
        say.error(problem)
    for found in checked.findings:
        if found.checker != COMPILER:
            _tell(found)
    for broken in checked.broken:
        say.error(broken)
    for one in checked.unchecked:
        say.note(f"unchecked: `{one.step}`: {one.why}")
        say.talk(f"  --> {one.file}:{one.line}\n hint: {one.todo}")
    for advice in checked.unwired:
        say.note(f"the generated types are not found by your editor: {advice}")
    if compiled.lock is None and lock is not None:
        say.note("it does not compile, so the types are those of wistro.yml.lock as it was")
    _end(checked)
    return 0 if checked.holds else 1


def _last(root: Path) -> Lock | None:
    """What compiled last, for the checkers' part of what is wrong; its types are put in place."""
    from wistro.lock import file
    from wistro.types import write_types

    try:
        lock = file.read(root / file.NAME)
    except UserError:
        return None
    write_types(root, lock)
    return lock


def _end(checked: Checked) -> None:
    errors = sum(one.is_error for one in checked.findings)
    loose = f", {len(checked.unchecked)} unchecked" if checked.unchecked else ""
    by = (
        ", ".join([*checked.ran, *(f"{one} (unchanged)" for one in checked.kept)])
        or "nothing to run"
    )
    if checked.holds:
        say.done("Checked", f"no mistakes{loose}", by)
        say.next_step("wistro dev")
    else:
        problems = errors + len(checked.broken)
        say.failed("Checked", f"{problems} problem{'' if problems == 1 else 's'}{loose}, by {by}")


def _tell(found: Finding) -> None:
    first, *more = found.message.split("\n")
    say.talk(f"{say.word('error' if found.is_error else 'warning')}: {say.plain(first)}")
    for line in more:
        say.talk(f"      {say.plain(line)}")
    rule = f" {found.rule}" if found.rule else ""
    place = f"{found.file}:{found.line}:{found.column}" if found.file else "the project"
    say.talk(f"  --> {place:<44} {found.checker}{rule}")


def _as_data(checked: Checked) -> dict[str, Any]:
    return {
        "holds": checked.holds,
        "findings": [_finding(one) for one in checked.findings],
        "unchecked": [_unchecked(one) for one in checked.unchecked],
        "checkers": sorted([*checked.ran, *checked.kept]),
        "broken": [say.as_data(one) for one in checked.broken],
        "unwired": checked.unwired,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "message": one.message,
        "severity": "error" if one.is_error else "warning",
        "checker": one.checker,
        "rule": one.rule,
    }


def _unchecked(one: Unchecked) -> dict[str, Any]:
    return {"step": one.step, "file": one.file, "line": one.line, "why": one.why, "hint": one.todo}
