"""The lock of what was fetched and installed, made in a sandbox without network or token.

A committed lock that differs fails the build with the difference; an absent one is written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import wistro
from runner.builder import problems, sandboxed, tools
from runner.builder.go import Compiling
from runner.builder.install import Installed
from runner.builder.sandboxed import Command
from runner.sandbox import OFF, Limits, SandboxLauncher, interpreters
from wistro.hosts.port import Bind, Launch
from wistro.lock import file
from wistro.lock.model import Lock
from wistro.protocol.machine import Problem

TIMEOUT_S = 180.0
PROJECT, _LIBRARY, _SCRIPT = Path("/project"), Path("/.wistro-lib"), Path("/.wistro-compile.py")
_LIMITS = Limits(memory_bytes=2 << 30, processes=512, tmp_bytes=512 << 20)


class CompileProblems(Exception):
    """What the project has to change, as the compiler said it."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__(found[0].message)
        self.problems = found


class _Answer(msgspec.Struct):
    problems: list[Problem]
    warnings: list[Problem]
    committed: bool
    changes: list[str]
    damage: Problem | None = None
    lock: str | None = None
    diff: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Compiled:
    lock: Lock
    text: str


async def compile_project(
    project: Path,
    layers: list[Installed],
    *,
    launcher: SandboxLauncher,
    esbuild: Path | None,
    go: Compiling | None,
    on_line: Callable[[str], None],
) -> Compiled:
    """The lock, which stands in `project` when this returns. Raises CompileProblems or BuildFailed."""
    found = {each.layer.at: each.folder for each in layers}
    if esbuild is not None:
        found[tools.AT] = esbuild
    for at in found:
        (project / at).mkdir(parents=True, exist_ok=True)
    binds = [
        Bind(project, PROJECT, writable=True),
        Bind(Path(wistro.__file__).parent, _LIBRARY / "wistro"),
        Bind(Path(__file__).with_name("compile_inside.py"), _SCRIPT),
        *(Bind(folder, PROJECT / at) for at, folder in found.items()),
        *(Bind(folder, folder) for folder in interpreters.folders(Path(sys.executable))),
    ]
    env = {"PYTHONPATH": str(_LIBRARY), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    if go is not None:
        binds += go.binds
        env |= go.env
    launch = Launch(
        [sys.executable, "-P", "-s", str(_SCRIPT)], PROJECT, env, {}, binds, label="compile"
    )
    ended = await sandboxed.run(launcher, Command(launch, OFF, _LIMITS, TIMEOUT_S, on_line))
    try:
        answer = msgspec.json.decode(ended.result, type=_Answer)
    except msgspec.MsgspecError as error:
        raise problems.CompileBroke(f"compiling ended with exit {ended.exit}") from error
    return _judge(answer, project, on_line)


def _judge(answer: _Answer, project: Path, on_line: Callable[[str], None]) -> Compiled:
    for warning in answer.warnings:
        on_line(f"warning: {warning.message} ({warning.where or warning.code})")
    if answer.problems or answer.lock is None:
        broken = Problem("build.compile", "the project could not be compiled")
        raise CompileProblems(answer.problems or [broken])
    if answer.damage is not None:
        raise CompileProblems([answer.damage])
    if answer.committed and answer.changes:
        for line in answer.diff:
            on_line(line)
        more = f" and {len(answer.changes) - 1} more" if len(answer.changes) > 1 else ""
        raise problems.LockDiffers(
            f"{file.NAME} is not what the project compiles to: {answer.changes[0]}{more}",
            where=file.NAME,
        )
    lock = file.parse(answer.lock.encode())
    if lock.state is not None:
        raise problems.StateOfOnesOwn(
            f"`state: {{adapter: {lock.state.adapter}}}` is not for the fleet"
        )
    path = project / file.NAME
    if not answer.committed:
        path.unlink(missing_ok=True)
        path.write_text(answer.lock)
        on_line(f"{file.NAME} was not committed; this version has the one just written")
    return Compiled(lock, answer.lock)
