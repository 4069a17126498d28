"""What a language does besides running steps: a module `toolkit` in its folder, loaded when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from wistro.lock.model import Lock

Answers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """`every`: id -> file of all the language's step files; `files`: those to describe now."""

    root: Path
    every: dict[str, str]
    files: list[str]
    program: Path
    env: dict[str, str]
    parallel: int


class Made(Protocol):
    """What was built to describe steps and is what hosts load. `adopt` or `discard` ends it."""

    def adopt(self, root: Path, lock: Lock) -> None:
        """Keep it as what this lock runs."""
        ...

    def discard(self) -> None: ...


class Toolkit(Protocol):
    """A module. `MANIFESTS`: the files at a project's root that name its packages, for the lock's `dependencies`."""

    @property
    def MANIFESTS(self) -> tuple[str, ...]: ...

    def fingerprint(self, root: Path, program: Path) -> list[str]:
        """What besides a step's own files may change its description: packages, other modules, settings of the language."""
        ...

    def describe(self, asked: Asked) -> tuple[Answers, Made | None]:
        """By file: {config, handler, files}, {problem}, {late} or {died}; where a file may hold several steps
        {steps: {name: {config, handler, line}}, files}."""
        ...

    def build(self, root: Path, lock: Lock) -> dict[str, str]:
        """Step id -> what its host loads, relative to `root`; builds only what is missing. Empty where files run as they are."""
        ...
