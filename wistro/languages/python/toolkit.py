"""Python for the compiler; see languages/port.py."""

from __future__ import annotations

import os
from pathlib import Path

from wistro.languages.port import Answers, Asked
from wistro.languages.python.describe import describe as _describe
from wistro.languages.stamps import stamp
from wistro.lock.model import Lock

MANIFESTS = ("pyproject.toml", "requirements.txt", "uv.lock")


def fingerprint(root: Path, program: Path) -> list[str]:
    packages = [
        *sorted((program.parent.parent / "lib").glob("python*/site-packages")),
        root / ".wistro" / "packages" / "python",
    ]
    return [*map(stamp, packages), *sorted(_modules(root))]


def describe(asked: Asked) -> tuple[Answers, None]:
    answers = _describe(
        asked.root, asked.files, python=asked.program, env=asked.env, parallel=asked.parallel
    )
    return answers, None


def build(root: Path, lock: Lock) -> dict[str, str]:
    return {}


def _modules(root: Path) -> list[str]:
    """Names of the project's modules that are no steps: a new one may shadow what a step imported."""
    found: list[str] = []
    for at, folders, files in os.walk(root):
        folders[:] = [one for one in folders if not one.startswith(".") and one != "node_modules"]
        found += [
            f"{at}/{one}" for one in files if one.endswith(".py") and not one.endswith("step.py")
        ]
    return found
