"""Go for the compiler; see languages/port.py."""

from __future__ import annotations

import os
from pathlib import Path

from wistro.languages.go import modules
from wistro.languages.go.build import Built
from wistro.languages.go.build import build as build
from wistro.languages.go.describe import describe as _describe
from wistro.languages.port import Answers, Asked
from wistro.languages.stamps import stamp

MANIFESTS = ("go.mod", "go.sum")
_SKIPPED = {"node_modules", "vendor", "testdata"}


def fingerprint(root: Path, program: Path) -> list[str]:
    """A Go file that comes or goes changes its package, named by no other file."""
    names = ("go.mod", "go.sum", "go.work")
    return [modules.sdk_digest(), *(stamp(root / name) for name in names), *sorted(_sources(root))]


def describe(asked: Asked) -> tuple[Answers, Built | None]:
    return _describe(asked)


def _sources(root: Path) -> list[str]:
    found: list[str] = []
    for at, folders, files in os.walk(root):
        folders[:] = [one for one in folders if one not in _SKIPPED and one[0] not in "._"]
        found += [f"{at}/{one}" for one in files if one.endswith(".go")]
    return found
