"""`wistro check`: compile, then let each language's type checker hold the steps to the types that came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wistro.cli import say

if TYPE_CHECKING:
    from wistro.checkers import Checked
    from wistro.checkers.annotated import Unchecked
    from wistro.checkers.port import Finding


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
) -> int:
    """Example: wistro check

    Writes wistro.yml.lock and the types of steps, then runs pyright and tsc; what did not change is not checked again.
    """
    from wistro.checkers import check_project
    from wistro.cli import lock as locking

    root = folder.resolve()
    compiled = locking.compile_and_write(root)
    if compiled.lock is None:
        if json:
            say.data(_as_data([say.as_data(one) for one in compiled.problems], [], [], [], []))
        else:
            locking.say_problems(compiled)
        return 1
    checked = check_project(root, compiled.lock)
    if json:
        problems = [say.as_data(one) for one in checked.broken]
        say.data(
            _as_data(
                problems,
                [_finding(one) for one in checked.findings],
                [_unchecked(one) for one in checked.unchecked],
                [*checked.ran, *checked.kept],
                checked.unwired,
            )
        )
        return 0 if checked.holds else 1
    for warning in compiled.warnings:
        say.warning(warning)
    for found in checked.findings:
        _tell(found)
    for broken in checked.broken:
        say.error(broken)
    for one in checked.unchecked:
        say.note(f"unchecked: `{one.step}`: {one.why}")
        say.talk(f"  --> {one.file}:{one.line}\n hint: {one.todo}")
    for advice in checked.unwired:
        say.note(f"the generated types are not found by your editor: {advice}")
    _end(checked)
    return 0 if checked.holds else 1


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


def _as_data(
    problems: list[Any],
    findings: list[Any],
    unchecked: list[Any],
    checkers: list[str],
    unwired: list[str],
) -> dict[str, Any]:
    return {
        "holds": not problems and not any(one["severity"] == "error" for one in findings),
        "problems": problems,
        "findings": findings,
        "unchecked": unchecked,
        "checkers": sorted(checkers),
        "unwired": unwired,
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
