"""Is the committed lock what the project compiles to?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wistro.compiler.project import Compiled, compile_project
from wistro.errors import UserError
from wistro.lock import diff, file
from wistro.lock.model import Lock


@dataclass(frozen=True)
class LockCheck:
    """`changes` in words, empty when the committed lock holds; `committed` is None when there is none or it is damaged."""

    compiled: Compiled
    committed: Lock | None
    changes: list[str]
    damage: UserError | None = None

    @property
    def holds(self) -> bool:
        return self.compiled.lock is not None and not self.changes and self.damage is None


def check_lock(root: Path) -> LockCheck:
    """Compile and compare; writes nothing but the cache."""
    compiled = compile_project(root)
    committed: Lock | None = None
    damage: UserError | None = None
    try:
        committed = file.read(root / file.NAME)
    except UserError as error:
        damage = error
    if compiled.lock is None:
        return LockCheck(compiled, committed, [], damage)
    changes = diff.changes(committed, compiled.lock)
    return LockCheck(compiled, committed, changes, damage)
