"""What a file or folder looked like, for telling whether something changed."""

from __future__ import annotations

from pathlib import Path


def stamp(path: Path) -> str:
    """Name, time and size; `-` where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return "-"
    return f"{path.name}:{stat.st_mtime_ns}:{stat.st_size}"
