"""A project as it stands: compiled again when its files change, run when it compiles; what is wrong with it meanwhile."""

from __future__ import annotations

import asyncio
import glob
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from wistro.compiler import Compiled, compile_project
from wistro.errors import UserError
from wistro.languages.building import build
from wistro.lock import diff
from wistro.lock.model import Lock
from wistro.types import write_types
from wistro.variables import Values, values_for


@dataclass(frozen=True)
class Built:
    """All that an engine needs to run what compiled, read from disk at one time."""

    lock: Lock
    values: Values
    modules: dict[str, str]  # node: step id -> built module


@dataclass(frozen=True)
class Brought:
    """What compiling again came to. `built` is None while there are problems."""

    built: Built | None
    problems: list[UserError]
    warnings: list[UserError]
    changes: list[str] = field(default_factory=list)  # of the lock, in words
    took_s: float = 0.0


class Project:
    """`lock` is the one that compiled last, also while the files have problems."""

    def __init__(
        self, root: Path, *, compile: Callable[[Path], Compiled] = compile_project
    ) -> None:
        self.root = root
        self.lock: Lock | None = None
        self.problems: list[UserError] = []
        self._compile = compile

    def files(self) -> set[str]:
        """Every file that the steps were described from."""
        return (
            {file for step in self.lock.steps.values() for file in step.files}
            if self.lock
            else set()
        )

    async def bring(self, changed: Iterable[str] = ()) -> Brought:
        """Compile what is on disk now; unchanged files come from the compiler's cache."""
        began = time.monotonic()
        forget_bytecode(self.root, changed)
        brought = await asyncio.to_thread(self._bring)
        self.problems = brought.problems
        if brought.built is None:
            return brought
        lock = brought.built.lock
        changes = diff.changes(self.lock, lock) if self.lock is not None else []
        self.lock = lock
        return Brought(
            brought.built, [], brought.warnings, changes, took_s=time.monotonic() - began
        )

    def _bring(self) -> Brought:
        compiled = self._compile(self.root)
        if compiled.lock is None:
            return Brought(None, compiled.problems, compiled.warnings)
        try:
            values = values_for(compiled.lock, self.root, os.environ)
            modules = build(self.root, compiled.lock)
            write_types(self.root, compiled.lock)
        except UserError as error:
            return Brought(None, [error], compiled.warnings)
        return Brought(Built(compiled.lock, values, modules), [], compiled.warnings)


def forget_bytecode(root: Path, changed: Iterable[str]) -> None:
    """Python takes a .pyc for current when the source's second and size are those it was made from: two edits within
    a second may have both (PEP 552 calls it the timestamp's granularity)."""
    for name in changed:
        path = root / name
        if path.suffix == ".py":
            for kept in (path.parent / "__pycache__").glob(
                f"{glob.escape(path.stem)}.cpython-*.pyc"
            ):
                kept.unlink(missing_ok=True)
