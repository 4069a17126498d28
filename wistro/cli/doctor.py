"""`wistro doctor`: what is wrong with this machine or this project, and what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from wistro import __version__
from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say

if TYPE_CHECKING:
    from wistro.doctor.finding import Finding

MARKS = {"good": ("✓", "32"), "note": ("!", "33"), "bad": ("✗", "31")}
INDENT = 14


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the Hub.")] = False,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro doctor

    Looks at languages and their packages, the lock, variables, ports, the disk, the store, the engine and the Hub. Exit
    1 when something of it is broken; what is only worth knowing is marked `!`.
    """
    found: list[Finding] = []
    for one in _look(heres.root_of(folder.resolve()), offline=offline):
        found.append(one)
        if not json:
            _show(one)
    broken = sum(one.verdict == "bad" for one in found)
    notes = sum(one.verdict == "note" for one in found)
    if json:
        say.data({"broken": broken, "notes": notes, "findings": msgspec.to_builtins(found)})
    elif broken:
        say.talk(f"{broken} broken, {notes} worth knowing, {len(found)} looked at")
    else:
        say.done("Healthy", f"{len(found)} looked at, {notes} worth knowing")
    return 1 if broken else 0


def _look(root: Path, *, offline: bool) -> Iterator[Finding]:
    from wistro.doctor import hub, machine, project, running
    from wistro.doctor.finding import good

    yield good("wistro", f"{__version__}  Python {platform.python_version()}  {sys.executable}")
    yield from project.every(root, os.environ)
    engine, view = running.engine(root)
    yield engine
    yield from running.kept(root)
    if (state := asyncio.run(running.state(root))) is not None:
        yield state
    ports = {} if view else {3000: "--port", 3001: "--ui-port"}
    folder = root / ".wistro"
    yield from machine.every(folder if folder.is_dir() else root, ports)
    if not offline:
        yield from hub.every(root, os.environ)


def _show(one: Finding) -> None:
    mark, colour = MARKS[one.verdict]
    room = max(20, say.width() - INDENT) if sys.stdout.isatty() else 10_000
    first, *more = _wrapped(say.plain(one.says), room)
    say.out(f"{say.painted(mark, colour)} {one.name:<{INDENT - 2}}{first}")
    for line in more:
        say.out(" " * INDENT + line)
    if one.do:
        for number, line in enumerate(_wrapped(say.plain(one.do), room - 3)):
            say.out(" " * INDENT + say.painted(("   " if number else "-> ") + line, "2"))


def _wrapped(text: str, columns: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, columns, break_on_hyphens=False) or [""]
