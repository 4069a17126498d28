"""Who must pass: each language, in each form in which a handler may be written in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from wistro.compiler import compile_project
from wistro.hosts.pool import Project
from wistro.languages import LANGUAGES
from wistro.languages.building import build
from wistro.languages.node.build import bundle
from wistro.languages.runtimes import find_node
from wistro.protocol.frames import StepCode

PROJECTS = Path(__file__).parent / "projects"


@dataclass(frozen=True)
class Subject:
    """`acts`: the file of the step that does what cases.py lists. `is_built`: what hosts load comes from a build.
    `ids`: ids of steps other than their names here, by name and by name and kind.
    `names`: what it calls an error that the cases name otherwise."""

    name: str
    language: str
    project: str
    acts: str
    others: dict[str, str] = field(default_factory=dict)
    is_built: bool = False
    ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, str]:
        return {"acts": self.acts, **self.others}

    def id_of(self, step: str, kind: str) -> str:
        return self.ids.get(f"{step} {kind}") or self.ids.get(step, step)


_PYTHON = {
    "broken": "src/broken.step.py",
    "without": "src/without.step.py",
    "tick": "src/tick.step.py",
    "around": "src/around.step.py",
    "absent": "src/absent.step.py",
}
_NODE = {
    "broken": "src/broken.step.mjs",
    "without": "src/without.step.mjs",
    "tick": "src/tick.step.mjs",
    "around": "src/around.step.mjs",
    "absent": "src/absent.step.mjs",
}
_TYPESCRIPT = _NODE | {"broken": "src/broken.step.ts"}
_GO = {
    "acts api": "src/acts#Acts",
    "acts event": "src/acts#EventActs",
    "tick": "src/acts#Tick",
}
SUBJECTS = [
    Subject("python", "python", "python", "src/acts.step.py", _PYTHON),
    Subject("python-sync", "python", "python", "src/sync_acts.step.py", _PYTHON),
    Subject("javascript", "node", "javascript", "src/acts.step.mjs", _NODE),
    Subject("commonjs", "node", "javascript", "src/common_acts.step.cjs", _NODE),
    Subject("typescript", "node", "typescript", "src/acts.step.ts", _TYPESCRIPT, is_built=True),
    Subject(
        "go", "go", "go", "src/acts.step.go", is_built=True, ids=_GO, names={"TypeError": "BadEmit"}
    ),
]


def checked_out(subject: Subject, at: Path) -> Project:
    """A copy of the subject's project as it is when installed and built."""
    root = at / subject.project
    if subject.language == "node":  # TypeScript's acts import the JavaScript ones
        shutil.copytree(PROJECTS / "javascript", root)
        (root / "node_modules" / "@wistro").mkdir(parents=True)
        (root / "node_modules" / "@wistro" / "sdk").symlink_to(LANGUAGES["node"].home / "sdk")
    shutil.copytree(PROJECTS / subject.project, root, dirs_exist_ok=True)
    if subject.language == "go":
        return _compiled(subject, root)
    built = _built(root, subject.files) if subject.is_built else {}
    steps = {step: StepCode(file, built.get(step)) for step, file in subject.files.items()}
    return Project(root, {subject.language: steps}, env={"SECRET": "s3cret"})


def _built(root: Path, files: dict[str, str]) -> dict[str, str]:
    present = {step: file for step, file in files.items() if (root / file).exists()}
    made = bundle(root, present, node=find_node(root, None, os.environ["PATH"]))
    assert made.errors == []
    folder = made.folder.relative_to(root).as_posix()
    return {step: f"{folder}/{step}.mjs" for step in present}


def _compiled(subject: Subject, root: Path) -> Project:
    """Go's steps in one program, as `wistro lock` leaves it."""
    compiled = compile_project(root)
    assert compiled.lock is not None, compiled.problems
    built = build(root, compiled.lock)
    steps = {id: StepCode(step.file, built[id]) for id, step in compiled.lock.steps.items()}
    return Project(root, {subject.language: steps}, env={"SECRET": "s3cret"})
