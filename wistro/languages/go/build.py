"""The built program of a project's Go steps: `.wistro/build/go-<key>/steps`, and a note of what it was built from."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.languages import kept
from wistro.languages.go import modules, packages, toolchain
from wistro.languages.go.packages import GoBroke, Mistake, Package
from wistro.languages.go.program import Compiling, StepFile
from wistro.languages.go.scan import scan
from wistro.lock.file import content_sha256
from wistro.lock.model import Lock

PROGRAM = "steps"
PREFIX = "go-"
_NOTE = "built.json"
_HERE = Path(__file__).parent


class GoBuildFailed(UserError):
    """The Go steps that the lock names could not be built."""

    code = "build.go-failed"
    hint = "Run `wistro lock` to see every problem with its line."


class Note(msgspec.Struct):
    """`parts`: what the program was made of, but for the toolchain, whose absence does not matter once it is built."""

    digests: dict[str, str]
    parts: dict[str, str]
    go: str


@dataclass
class Built:
    """A program that was built to be described."""

    folder: Path
    go: str
    mistakes: list[tuple[str, Mistake]] = field(default_factory=list)

    @property
    def program(self) -> Path:
        return self.folder / PROGRAM

    def adopt(self, root: Path, lock: Lock) -> None:
        note = note_of(root, lock, self.go)
        target = _folder_for(root, note)
        if _is_complete(target, note):
            self.discard()
        else:
            for path in self.folder.iterdir():
                if path != self.program:
                    path.unlink()
            (self.folder / _NOTE).write_bytes(msgspec.json.encode(note))
            shutil.rmtree(target, ignore_errors=True)
            self.folder.rename(target)
        kept.forget_old(target, PREFIX)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def build(root: Path, lock: Lock) -> dict[str, str]:
    """Step id -> the program, which is one for all. Raises GoBuildFailed, and what finding Go raises."""
    note = note_of(root, lock, "")
    if not note.digests:
        return {}
    folder = _folder_for(root, note)
    version = lock.runtimes.get("go")
    try:
        go = toolchain.find(root, version, os.environ.get("PATH", ""))
        note.go = toolchain.version_of(go)
    except UserError:  # not needed where it is built
        go = None
    if not _is_complete(folder, note):
        go = go or toolchain.find_or_install(root, version, os.environ.get("PATH", ""))
        files = sorted({step.file for step in lock.steps.values() if step.language == "go"})
        made = _build(root, files, go)
        made.adopt(root, lock)
    program = f"{folder.relative_to(root).as_posix()}/{PROGRAM}"
    return dict.fromkeys(sorted(note.digests), program)


def _build(root: Path, files: list[str], go: Path) -> Built:
    module = modules.module_of(root, go)
    steps = [step_file(root, file) for file in files]
    folders = sorted({one.folder for one in steps})
    made = compile(root, module, go, steps, packages.read(root, folders, go=go))
    if made.mistakes:
        made.discard()
        first = made.mistakes[0][1]
        raise GoBuildFailed(first.text, where=first.file and f"{first.file}:{first.line}")
    return made


def step_file(root: Path, file: str) -> StepFile:
    text = (root / file).read_text("utf-8", "replace")
    return StepFile(file[: -len(".step.go")], file, scan(text))


def compile(
    root: Path, module: str, go: Path, files: list[StepFile], found: dict[str, Package]
) -> Built:
    """One program of these files, in a new folder which the result's `adopt` or `discard` ends."""
    made = Built(root / ".wistro" / "build" / f"new-go-{os.getpid()}", toolchain.version_of(go))
    made.discard()
    made.folder.mkdir(parents=True)
    compiling = Compiling(root, module, go, files, found, made.folder)
    try:
        if not compiling.run(made.program):
            made.mistakes = compiling.found or [("", Mistake("`go build` failed"))]
    except GoBroke:
        made.discard()
        raise
    return made


def note_of(root: Path, lock: Lock, go: str) -> Note:
    digests = {id: step.digest for id, step in lock.steps.items() if step.language == "go"}
    parts = {
        "sdk": modules.sdk_digest(),
        "generator": _generator(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "settings": " ".join(os.environ.get(name, "") for name in ("GOFLAGS", "CGO_ENABLED")),
    }
    parts |= {name: _hash(root / name) for name in ("go.mod", "go.sum", "go.work")}
    return Note(digests, parts, go)


def find_built(root: Path, lock: Lock) -> dict[str, str]:
    """As `build`, of what lies in a bundle: a program of these very steps, whatever built it. Empty when there is none."""
    wanted = note_of(root, lock, "").digests
    for folder in sorted((root / ".wistro" / "build").glob(f"{PREFIX}*")):
        note = _note(folder)
        if note is not None and note.digests == wanted and (folder / PROGRAM).is_file():
            program = f"{folder.relative_to(root).as_posix()}/{PROGRAM}"
            return dict.fromkeys(sorted(wanted), program)
    return {}


def _folder_for(root: Path, note: Note) -> Path:
    told = [f"{name}={value}" for name, value in sorted((note.parts | note.digests).items())]
    key = hashlib.sha256("\0".join(told).encode()).hexdigest()[:20]
    return root / ".wistro" / "build" / f"{PREFIX}{key}"


def _is_complete(folder: Path, wanted: Note) -> bool:
    note = _note(folder)
    return note is not None and (note.go == wanted.go or not wanted.go)


def _note(folder: Path) -> Note | None:
    try:
        return msgspec.json.decode((folder / _NOTE).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return None


@functools.cache
def _generator() -> str:
    texts = [(_HERE / name).read_bytes() for name in ("program.py", "scan.py")]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _hash(path: Path) -> str:
    try:
        return content_sha256(path)
    except OSError:
        return "-"
