"""What hosts load, of every language of a lock: see `build` of languages/port.py."""

from __future__ import annotations

from pathlib import Path

from wistro.languages import LANGUAGES
from wistro.lock.model import Lock


def build(root: Path, lock: Lock) -> dict[str, str]:
    """Step id -> what its host loads, relative to `root`; builds only what is missing. Raises UserErrors."""
    found: dict[str, str] = {}
    for name in sorted({step.language for step in lock.steps.values()}):
        found |= LANGUAGES[name].toolkit.build(root, lock)
    return found
