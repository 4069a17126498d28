"""Run a checker as a child with a limit, and make its paths the project's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from wistro.checkers.port import CheckerBroke

TIMEOUT_S = 300


def run(
    argv: list[str], *, root: Path, name: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Whatever its exit code: a checker that finds something ends with 1."""
    try:
        return subprocess.run(
            argv,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            env={**(os.environ if env is None else env), "NO_COLOR": "1"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckerBroke(f"{name} did not run: {error}") from error


def below(root: Path, path: str) -> str:
    """`path` relative to the project where it is in it."""
    whole = Path(os.path.normpath(root / path))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()
