"""Which languages' hosts a change of files concerns: the others go on with what they have in memory and in flight."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from wistro.languages import LANGUAGES

# The lock says what changed of these, and what a host is told of them is compared.
SETTINGS = {"wistro.yml", "wistro.json", ".env"}
NODE_ONLY = {"tsconfig.json"}


def affected(changed: Iterable[str]) -> set[str] | None:
    """The languages, or None when it may be any: a folder, or a file that is no code."""
    found: set[str] = set()
    for name in changed:
        path = PurePosixPath(name)
        if path.name in SETTINGS:
            continue
        languages = _of(path)
        if not languages:
            return None
        found |= languages
    return found


def manifests(changed: Iterable[str]) -> set[str]:
    """Those that say which packages are to be installed."""
    known = {name for row in LANGUAGES.values() for name in row.toolkit.MANIFESTS}
    return {name for name in changed if name in known}


def _of(path: PurePosixPath) -> set[str]:
    if path.name in NODE_ONLY:
        return {"node"}
    ending = path.suffix.removeprefix(".")
    return {
        name
        for name, row in LANGUAGES.items()
        if ending in row.endings or path.name in row.toolkit.MANIFESTS
    }
