"""TypeScript and JavaScript for the compiler; see languages/port.py."""

from __future__ import annotations

from pathlib import Path

from wistro.languages.node.build import Built
from wistro.languages.node.build import build as build
from wistro.languages.node.describe import describe as _describe
from wistro.languages.port import Answers, Asked
from wistro.languages.stamps import stamp

MANIFESTS = ("package-lock.json", "package.json")


def fingerprint(root: Path, program: Path) -> list[str]:
    names = ("node_modules", "node_modules/.package-lock.json", "tsconfig.json", "package.json")
    return [stamp(root / name) for name in names]


def describe(asked: Asked) -> tuple[Answers, Built]:
    return _describe(
        asked.root,
        asked.every,
        asked=asked.files,
        node=asked.program,
        env=asked.env,
        parallel=asked.parallel,
    )
