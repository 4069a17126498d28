"""`make up VERBOSE=1`: every log as it grows, each line behind its process's name."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

COLOURS = (36, 33, 35, 32, 34, 31)
PAUSE_S = 0.3


async def tail(logs: Path) -> None:
    """Print what is written from now on, until cancelled."""
    offsets = {path: path.stat().st_size for path in _logs(logs)}
    while True:
        await asyncio.sleep(PAUSE_S)
        for path in _logs(logs):
            offsets[path] = _print_from(path, offsets.get(path, 0))


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def _print_from(path: Path, offset: int) -> int:
    size = path.stat().st_size
    if size <= offset:
        return size  # set aside and begun anew, or nothing new
    with path.open("rb") as file:
        file.seek(offset)
        text = file.read()
    whole, _, _ = text.rpartition(b"\n")
    for line in whole.decode("utf-8", "replace").splitlines():
        print(f"{_prefix(path.stem)} {line}", flush=True)
    return offset + len(whole) + 1 if whole else offset


def _prefix(name: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return f"{name:>9} |"
    return f"\033[{COLOURS[sum(name.encode()) % len(COLOURS)]}m{name:>9} |\033[0m"
