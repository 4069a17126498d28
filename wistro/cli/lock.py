"""`wistro lock`: compile the project, say everything that is wrong, write the lock; or check the committed one."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.compiler import Compiled
    from wistro.lock.model import Lock


class LockDiffers(UserError):
    """The committed lock is not what the project compiles to."""

    code = "lock.differs"
    hint = "Run `wistro lock` and commit wistro.yml.lock."


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when the lock differs.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
) -> int:
    """Example: wistro lock --check

    Compiles the project and writes wistro.yml.lock, which everything else starts from.
    """
    from wistro.compiler import check_lock
    from wistro.lock import file

    root = folder.resolve()
    checked = check_lock(root)
    compiled = checked.compiled
    is_written = not check and _write(root, compiled.lock)
    if json:
        say.data(
            {
                "digest": compiled.lock and compiled.lock.digest,
                "holds": checked.holds,
                "written": is_written,
                "changes": checked.changes,
                "problems": [say.as_data(one) for one in compiled.problems],
                "warnings": [say.as_data(one) for one in compiled.warnings],
            }
        )
        return 0 if compiled.lock is not None and (checked.holds or not check) else 1
    lock = compiled.lock
    if lock is None:
        say_problems(compiled)
        return 1
    for one in compiled.warnings:
        say.warning(one)
    if check and not checked.holds:
        if checked.damage is not None and not isinstance(checked.damage, file.NoLock):
            raise checked.damage
        message = "wistro.yml.lock is not what this project compiles to"
        changed = dict.fromkeys(checked.changes[:20], "")
        for change in checked.changes:
            say.detail(change)
        raise LockDiffers(message if changed else "there is no wistro.yml.lock", where=file.NAME)
    say_compiled(lock)
    if check:
        say.next_step("git push")
        return 0
    if is_written and checked.committed is not None:
        for change in checked.changes[:20]:
            say.detail(change)
        if len(checked.changes) > 20:
            say.detail(f"and {len(checked.changes) - 20} more")
    say.next_step("wistro dev" if not is_written else "wistro dev, and commit wistro.yml.lock")
    return 0


def compile_and_write(root: Path) -> Compiled:
    """`wistro lock` for commands that go on from there."""
    from wistro.compiler import compile_project

    compiled = compile_project(root)
    _write(root, compiled.lock)
    return compiled


def _write(root: Path, lock: Lock | None) -> bool:
    """The lock, what it builds and its types, each where it says something new; True when the lock did."""
    from wistro.languages.building import build
    from wistro.lock import file
    from wistro.types import write_types

    if lock is None:
        return False
    path = root / file.NAME
    data = file.write(lock)
    is_new = not path.is_file() or path.read_bytes() != data
    if is_new:
        path.write_bytes(data)
    build(root, lock)
    write_types(root, lock)
    return is_new


def say_problems(compiled: Compiled) -> None:
    for one in compiled.warnings:
        say.warning(one)
    for one in compiled.problems:
        say.error(one)
    number = len(compiled.problems)
    say.talk(f"{number} problem{'s' if number > 1 else ''}; wistro.yml.lock is as it was")


def say_compiled(lock: Lock) -> None:
    """`✓ Compiled  14 steps, 9 events, 3 flows            wistro.yml.lock a1f93c`"""
    counts = [_count(lock.steps, "step"), _count(lock.topics, "event"), _count(lock.flows, "flow")]
    digest = lock.digest.removeprefix("sha256:")[:6]
    say.done("Compiled", ", ".join(counts), f"wistro.yml.lock {digest}")


def _count(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
