"""What a project's Go steps are: compiled into one program, which says it; a package that cannot is left out of the next."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wistro.languages import isolate
from wistro.languages.go import build, modules, packages
from wistro.languages.go.installing import is_not_installed
from wistro.languages.go.packages import Mistake, Package
from wistro.languages.go.program import GENERATED, StepFile
from wistro.languages.port import Answers, Asked

TIMEOUT_S = 10.0
_LAST_WORDS_S = 5.0
_EXCLUDED = "build constraints exclude all"
_NO_STEPS = (
    'A step is a package-level value: var Ship = sdk.Event(sdk.EventConfig{Name: "Ship", …}, …).'
)


def describe(asked: Asked) -> tuple[Answers, build.Built | None]:
    """Every file's answer, not only of those asked for: one program holds them all."""
    return _Describing(asked).run()


class _Describing:
    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._root = asked.root
        self._answers: Answers = {}
        self._steps = {file: build.step_file(asked.root, file) for file in asked.every.values()}
        self._packages: dict[str, Package] = {}
        self._module = ""

    def run(self) -> tuple[Answers, build.Built | None]:
        self._module = modules.module_of(self._root, self._asked.program)
        for one in self._steps.values():
            self._refuse_what_no_package_is(one)
        if not self._left():
            return self._answers, None
        folders = sorted({one.folder for one in self._left()})
        self._packages = packages.read(self._root, folders, go=self._asked.program)
        self._blame_packages()
        made = None
        while left := self._left():
            if made is not None:
                made.discard()
            made = self._compile(left)
            if made.mistakes:
                self._blame_mistakes(left, made.mistakes)
            elif self._told_by(made):
                break
        if made is not None and (made.mistakes or not self._is_whole()):
            made.discard()
            made = None
        return self._answers, made

    def _left(self) -> list[StepFile]:
        return [one for file, one in self._steps.items() if file not in self._answers]

    def _is_whole(self) -> bool:
        return all("steps" in answer for answer in self._answers.values())

    # what is no step

    def _refuse_what_no_package_is(self, one: StepFile) -> None:
        if one.scanned.package == "main":
            self._answers[one.file] = _problem(
                "lock.go-main",
                f"`{one.file}` is in package main, which no program can import",
                one.file,
                one.scanned.package_line,
            )
        elif not one.scanned.variables:
            line = one.scanned.package_line
            self._answers[one.file] = _problem(
                "lock.no-config", f"`{one.file}` has no step", one.file, line, hint=_NO_STEPS
            )

    # packages

    def _path_of(self, one: StepFile) -> str:
        for path, package in self._packages.items():
            if package.folder == one.folder and (package.name or package.mistakes):
                return path
        return ""

    def _parts(self, one: StepFile) -> list[Package]:
        return packages.closure(self._packages, self._path_of(one))

    def _blame_packages(self) -> None:
        for one in self._left():
            parts = self._parts(one)
            wrong = [mistake for part in parts for mistake in part.mistakes]
            is_left_out = not any(one.file in part.files for part in parts)
            if is_left_out and all(_EXCLUDED in mistake.text for mistake in wrong):
                text = f"`{one.file}` is left out of its package by its name or a `//go:build` line"
                self._answers[one.file] = _problem("lock.import", text, one.file, 1)
            elif wrong:
                self._blame(one, wrong)

    def _blame_mistakes(self, left: list[StepFile], found: list[tuple[str, Mistake]]) -> None:
        """To each step the mistakes of what it is made of; one that no package is named for is everybody's."""
        for one in left:
            paths = {part.path for part in self._parts(one)}
            files = {file for part in self._parts(one) for file in part.files}
            wrong = [mistake for path, mistake in found if path in paths or mistake.file in files]
            if wrong:
                self._blame(one, wrong)
        if len(self._left()) == len(left):
            for one in left:
                self._blame(one, [mistake for _, mistake in found])

    def _blame(self, one: StepFile, wrong: list[Mistake]) -> None:
        self._answers[one.file] = {
            "problems": [
                {
                    "code": "lock.syntax",
                    "message": mistake.text,
                    "line": mistake.line if mistake.file else 1,
                    "at": mistake.file or one.file,
                    "hint": _hint(mistake.text),
                }
                for mistake in dict.fromkeys(wrong)
            ]
        }

    def _compile(self, left: list[StepFile]) -> build.Built:
        return build.compile(self._root, self._module, self._asked.program, left, self._packages)

    # the program

    def _told_by(self, made: build.Built) -> bool:
        """Whether every step is described; else a package that ends the program has got its problem."""
        said = _run(made.program, self._root, self._asked.env)
        if said.steps is not None:
            self._take(said.steps)
            return True
        if self._blame_ended(said, self._left()):
            return False
        if not self._blame_those_that_end_alone():
            for one in self._left():
                self._answers[one.file] = said.problem(one.file, one.file, 1)
        return False

    def _blame_ended(self, said: _Said, files: list[StepFile]) -> bool:
        """By the stack that the program left; False when it names no file of the project's."""
        place = self._own_place(said.stderr)
        if place is None:
            return False
        guilty = [one for one in files if self._is_made_of(one, place[0])]
        for one in guilty:
            self._answers[one.file] = said.problem(one.file, *place)
        return bool(guilty)

    def _blame_those_that_end_alone(self) -> bool:
        """`os.Exit` leaves no stack: each package is tried by itself."""
        by_folder: dict[str, list[StepFile]] = {}
        for one in self._left():
            by_folder.setdefault(one.folder, []).append(one)
        before = len(self._answers)
        for files in by_folder.values() if len(by_folder) > 1 else ():
            made = self._compile(files)
            said = None if made.mistakes else _run(made.program, self._root, self._asked.env)
            made.discard()
            if said is not None and said.steps is None and not self._blame_ended(said, files):
                for one in files:
                    self._answers[one.file] = said.problem(one.file, one.file, 1)
        return len(self._answers) > before

    def _is_made_of(self, one: StepFile, file: str) -> bool:
        return any(file in part.files for part in self._parts(one))

    def _own_place(self, stderr: str) -> tuple[str, int] | None:
        """The innermost line of the project's in a goroutine's stack."""
        pattern = rf"^\t{re.escape(self._module)}/(.+\.go):(\d+)"
        for match in re.finditer(pattern, stderr, re.MULTILINE):
            if not match[1].endswith(f"/{GENERATED}"):
                return match[1], int(match[2])
        return None

    def _take(self, steps: list[dict[str, Any]]) -> None:
        for one in self._left():
            mine = [step for step in steps if step["file"] == one.file]
            wrong = [step for step in mine if "error" in step]
            lines = one.scanned.variables
            if wrong:
                self._answers[one.file] = {
                    "problems": [
                        {
                            "code": "lock.config",
                            "message": f"`{step['export']}`: {step['error']}",
                            "line": lines[step["export"]],
                            "at": one.file,
                            "hint": "",
                        }
                        for step in wrong
                    ]
                }
            elif not mine:
                self._answers[one.file] = _problem(
                    "lock.no-config", f"`{one.file}` has no step", one.file, 1, hint=_NO_STEPS
                )
            else:
                self._answers[one.file] = {
                    "steps": {
                        step["export"]: {
                            "config": step["config"],
                            "handler": "callable",
                            "line": lines[step["export"]],
                        }
                        for step in mine
                    },
                    "files": sorted(
                        {one.file} | {file for part in self._parts(one) for file in part.files}
                    ),
                }


@dataclass(frozen=True)
class _Said:
    """`steps` is None when the program did not get that far."""

    steps: list[dict[str, Any]] | None
    exit: int | None  # None when it took too long
    stderr: str

    def problem(self, step: str, file: str, line: int) -> dict[str, Any]:
        if self.exit is None:
            text = f"`{step}` takes more than {TIMEOUT_S:g} s to be initialised"
            return _problem("lock.describe-timeout", text, file, line)
        first = next(
            (row for row in self.stderr.splitlines() if row.startswith(("panic: ", "fatal error"))),
            "",
        )
        if first:
            text = f"`{step}` cannot be initialised: {first.removesuffix(' [recovered]')}"
        else:
            text = f"`{step}` ends its program while it is initialised (exit {self.exit})"
        hint = "A package's variables and init functions run before anything else: move what can fail into the handler."
        return _problem("lock.import", text, file, line, hint=hint)


def _run(program: Path, root: Path, env: dict[str, str]) -> _Said:
    """Off the network where a namespace can be had (elsewhere a Go program cannot be cut off)."""
    reading, writing = os.pipe()
    alone = [sys.executable, "-I", "-S", str(Path(isolate.__file__)), "--namespace"]
    command = [str(program), "describe", str(writing)]
    if (
        sys.platform.startswith("linux")
        and subprocess.run(alone, capture_output=True).returncode == 0
    ):
        command = [*alone, *command]
    with tempfile.TemporaryFile() as stderr, os.fdopen(reading, "rb") as answer:
        child = subprocess.Popen(
            command,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        exit = _wait(child)
        stderr.seek(0)
        said = stderr.read(1 << 20).decode("utf-8", "replace")
        steps = json.loads(answer.read()) if exit == 0 else None
    return _Said(steps, exit, said)


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    """Its exit; None for one that took too long, which has been asked where it is (SIGQUIT) and killed."""
    try:
        return child.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LAST_WORDS_S)
        return None
    finally:
        _kill(child.pid)
        child.wait()


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _problem(code: str, text: str, file: str, line: int, *, hint: str = "") -> dict[str, Any]:
    return {
        "problem": {"code": code, "message": text, "line": line, "at": file, "hint": hint},
    }


def _hint(text: str) -> str:
    if is_not_installed(text):
        return "Run `wistro install`: it adds the modules that are imported to go.mod and go.sum."
    return ""
