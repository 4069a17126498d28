"""Secrets that a project's own machine makes up: one a file below `.wistro`, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

EVENTS_KEY = "WISTRO_EVENTS_KEY"
EVENTS_KEY_FILE = "events-key"


def kept_secret(path: Path) -> str:
    """What stands in the file; made up and written when it is not there, or others may read it."""
    try:
        if (kept := path.read_text().strip()) and path.stat().st_mode & 0o077 == 0:
            return kept
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(24)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, secret.encode())
    finally:
        os.close(fd)
    beside.replace(path)
    return secret


def events_key(folder: Path, environ: Mapping[str, str]) -> str:
    """Who may send events to the topics `from: outside`: WISTRO_EVENTS_KEY, else a key kept in the folder."""
    return environ.get(EVENTS_KEY) or kept_secret(folder / EVENTS_KEY_FILE)
