"""`npm ci` of a lock that wistro ships, into a folder of a project: by integrity hash, and no install script runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TIMEOUT_S = 300


class NotInstalled(Exception):
    """What npm said; the caller knows what it is missing."""


def install_locked(locked: Path, folder: Path, *, npm: list[str] | None = None) -> None:
    """Bring `folder` to what `locked`'s package-lock.json names: all of it, or as it was; raises NotInstalled.

    `npm` is the command, when it is not the one on the PATH.
    """
    found = shutil.which("npm")
    command = npm or ([found] if found else None)
    if command is None:
        raise NotInstalled("npm is not on the PATH")
    beside = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(locked / name, beside / name)
        _ci(command, beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _ci(npm: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"npm did not finish within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotInstalled(f"npm: {said[0] if said else 'no reason given'}")
