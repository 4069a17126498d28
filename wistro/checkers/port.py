"""The seam: a checker reads the files of a language and says what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from wistro.errors import UserError
from wistro.lock.model import Lock


class CheckerBroke(UserError):
    """A type checker did not run, or said what cannot be read."""

    code = "check.broke"
    hint = "Its own words stand above; `wistro check` runs it as it would be run by hand."


class Finding(msgspec.Struct, frozen=True):
    """One thing found; `message` may have several lines. Lines and columns count from 1."""

    file: str | None  # POSIX, relative to the project; None when it is about the whole
    line: int
    column: int
    message: str
    checker: str
    rule: str = ""
    is_error: bool = True


@dataclass(frozen=True)
class Place:
    """A project to check: its folder, the lock it compiles to, the programs of its languages."""

    root: Path
    lock: Lock
    python: Path
    node: Path | None


class Checker(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def files(self) -> tuple[str, ...]:
        """Suffixes and names whose change may change what it finds."""
        ...

    def tool(self, place: Place) -> str:
        """Which program and version would run; it is installed if need be. Raises UserError."""
        ...

    def find(self, place: Place) -> list[Finding]: ...
