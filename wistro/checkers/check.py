"""All checkers of a project's languages, at once; those whose files did not change are not run again."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from wistro import __version__
from wistro.checkers import annotated
from wistro.checkers.annotated import Unchecked
from wistro.checkers.port import Checker, Finding, Place
from wistro.checkers.pyright import Pyright
from wistro.checkers.tsc import Tsc
from wistro.checkers.vet import Vet
from wistro.compiler.find import SKIPPED
from wistro.errors import UserError
from wistro.languages.runtimes import find_node, find_python
from wistro.lock.model import Lock
from wistro.types.wire import advice, has_config, is_wired

COMPILER = "wistro lock"
CHECKERS: tuple[Checker, ...] = (Pyright(), Tsc(), Vet())


@dataclass
class Checked:
    """`ran` and `kept` are names of checkers: those that ran now, those whose last word still holds."""

    findings: list[Finding] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    broken: list[UserError] = field(default_factory=list)
    unwired: list[str] = field(
        default_factory=list
    )  # what to add to a config so that the types are found

    def take_in(self, compiling: list[Finding]) -> None:
        """What compiling found stands first; a checker that says something of the same line is not heard."""
        told = {(one.file, one.line) for one in compiling}
        others = [one for one in self.findings if (one.file, one.line) not in told]
        self.findings = [*compiling, *others]

    @property
    def holds(self) -> bool:
        return not self.broken and not any(one.is_error for one in self.findings)


class _Kept(msgspec.Struct):
    fingerprint: str
    findings: list[Finding]


def of_compiling(problems: list[UserError]) -> list[Finding]:
    """The compiler's problems as a checker's findings."""
    found: list[Finding] = []
    for one in problems:
        file, _, line = (one.where or "").rpartition(":")
        if not line.isdigit():
            file, line = one.where or "", "1"
        said = one.message if not one.hint else f"{one.message}\n{one.hint}"
        found.append(Finding(file or None, int(line), 1, said, COMPILER, one.code))
    return found


def check_project(root: Path, lock: Lock) -> Checked:
    """Run what is needed; the lock's types are written already."""
    root = root.resolve()
    languages = {step.language for step in lock.steps.values()}
    place = _place(root, lock)
    kept_in = root / ".wistro" / "cache" / "checked.json"
    before = _read(kept_in)
    files = _files(root)
    checkers = [one for one in CHECKERS if one.language in languages]
    answers: dict[Checker, _Kept | UserError] = {}
    waiting: dict[Checker, str] = {}
    for one in checkers:
        try:  # one after the other: it may install
            waiting[one] = _fingerprint(one, place, files)
        except UserError as error:
            answers[one] = error
    with ThreadPoolExecutor(max(1, len(waiting))) as threads:
        asked = {
            one: threads.submit(_ask, one, place, fingerprint, before.get(one.name))
            for one, fingerprint in waiting.items()
        }
        answers |= {one: answer.result() for one, answer in asked.items()}
    checked = _gathered(answers, before)
    checked.unwired = [
        advice(one)
        for one in sorted(languages & {"python", "node"})
        if has_config(root, one) and not is_wired(root, one)
    ]
    checked.unchecked, wrong = annotated.look(root, lock)
    checked.findings += wrong
    checked.findings.sort(key=lambda one: (one.file or "", one.line, one.column, one.checker))
    _write(kept_in, {one.name: kept for one, kept in answers.items() if isinstance(kept, _Kept)})
    return checked


def _fingerprint(checker: Checker, place: Place, files: dict[str, str]) -> str:
    told = [__version__, checker.tool(place), *_packages(place.root, checker.language)]
    told += [f"{name}={stamp}" for name, stamp in files.items() if name.endswith(checker.files)]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def _ask(
    checker: Checker, place: Place, fingerprint: str, before: _Kept | None
) -> _Kept | UserError:
    if before is not None and before.fingerprint == fingerprint:
        return before
    try:
        return _Kept(fingerprint, checker.find(place))
    except UserError as error:
        return error


def _gathered(answers: dict[Checker, _Kept | UserError], before: dict[str, _Kept]) -> Checked:
    checked = Checked()
    for one, answer in answers.items():
        if isinstance(answer, UserError):
            checked.broken.append(answer)
            continue
        (checked.kept if answer is before.get(one.name) else checked.ran).append(one.name)
        checked.findings += answer.findings
    return checked


def _place(root: Path, lock: Lock) -> Place:
    path = os.environ.get("PATH", "")
    python = find_python(root, lock.runtimes.get("python"), path)
    try:
        node = find_node(root, lock.runtimes.get("node"), path)
    except UserError:
        node = None  # a project of Python alone may have its own pyright
    return Place(root, lock, python, node)


def _files(root: Path) -> dict[str, str]:
    """Every file of the project with a stamp of its content, the generated types among them."""
    found: dict[str, str] = {}
    for top in (root, root / ".wistro" / "types", root / ".wistro" / "sdk"):
        for at, folders, names in os.walk(top):
            folders[:] = sorted(
                one for one in folders if one not in SKIPPED and not one.startswith(".")
            )
            for name in sorted(names):
                path = Path(at, name)
                found[path.relative_to(root).as_posix()] = _stamp(path)
    return found


def _packages(root: Path, language: str) -> list[str]:
    if language == "node":
        return [_stamp(root / "node_modules" / ".package-lock.json")]
    if language == "go":
        return []
    return [_stamp(one) for one in sorted((root / ".venv" / "lib").glob("python*/site-packages"))]


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "-"
    return f"{stat.st_mtime_ns}:{stat.st_size}"


def _read(path: Path) -> dict[str, _Kept]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Kept])
    except (OSError, msgspec.DecodeError):
        return {}


def _write(path: Path, kept: dict[str, _Kept]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(kept))
