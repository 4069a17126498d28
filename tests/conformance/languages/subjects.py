"""Who must pass: each language, in each form in which a handler may be written in it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from wistro.hosts.pool import Project
from wistro.languages import LANGUAGES
from wistro.protocol.frames import StepCode

PROJECTS = Path(__file__).parent / "projects"


@dataclass(frozen=True)
class Subject:
    """`acts`: the file of the step that does what cases.py lists."""

    name: str
    language: str
    project: str
    acts: str
    others: dict[str, str] = field(default_factory=dict)

    def steps(self) -> dict[str, StepCode]:
        return {"acts": StepCode(self.acts)} | {
            step: StepCode(file) for step, file in self.others.items()
        }


_PYTHON = {
    "broken": "src/broken.step.py",
    "without": "src/without.step.py",
    "tick": "src/tick.step.py",
    "absent": "src/absent.step.py",
}
_NODE = {
    "broken": "src/broken.step.mjs",
    "without": "src/without.step.mjs",
    "tick": "src/tick.step.mjs",
    "absent": "src/absent.step.mjs",
}
SUBJECTS = [
    Subject("python", "python", "python", "src/acts.step.py", _PYTHON),
    Subject("python-sync", "python", "python", "src/sync_acts.step.py", _PYTHON),
    Subject("javascript", "node", "javascript", "src/acts.step.mjs", _NODE),
    Subject("commonjs", "node", "javascript", "src/common_acts.step.cjs", _NODE),
]


def checked_out(subject: Subject, at: Path) -> Project:
    """A copy of the subject's project, with the SDK where an install puts it."""
    root = at / subject.project
    shutil.copytree(PROJECTS / subject.project, root)
    if subject.language == "node":
        (root / "node_modules" / "@wistro").mkdir(parents=True)
        sdk = LANGUAGES["node"].home / "sdk"
        (root / "node_modules" / "@wistro" / "sdk").symlink_to(sdk)
    return Project(root, {subject.language: subject.steps()}, env={"SECRET": "s3cret"})
