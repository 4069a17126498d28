"""Ask a project's Python what its steps are: one process that forks a fresh child a file, off the network."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wistro.errors import UserError

TIMEOUT_S = 10.0
_SCRIPT = Path(__file__).parent / "describe_steps.py"
# Imported once before the forks when a project's steps name them, 150 ms a file otherwise. `pydantic` by itself is lazy.
_PRELOADED = {
    "pydantic": (
        *("pydantic", "pydantic.main", "pydantic.fields", "pydantic.json_schema"),
        *("pydantic.type_adapter", "pydantic.plugin._loader", "pydantic.plugin._schema_validator"),
    )
}


class DescriberBroke(UserError):
    """The project's Python could not even start to describe its steps."""

    code = "lock.describer"
    hint = "Run that Python by hand: is it 3.9 or newer, and does it start?"


def describe(
    root: Path,
    files: list[str],
    *,
    python: Path,
    env: dict[str, str],
    parallel: int,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, dict[str, Any]]:
    """Each file's answer: {config, handler, files}, {problem}, {late} or {died}; see describe_step.py."""
    request = {
        "root": str(root),
        "files": files,
        "path": import_path(root),
        "preload": [
            module
            for package, modules in _PRELOADED.items()
            if _is_named(root, files, package)
            for module in modules
        ],
        "parallel": parallel,
        "timeout_s": timeout_s,
    }
    try:
        done = subprocess.run(
            [str(python), "-B", str(_SCRIPT)],
            input=json.dumps(request).encode(),
            capture_output=True,
            cwd=root,
            env=env,
            timeout=30 + (timeout_s + 1) * len(files),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DescriberBroke(f"{python} cannot describe the project's steps: {error}") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DescriberBroke(f"{python} cannot describe the project's steps: {last}")
    answers = [json.loads(line) for line in lines[1:]]
    return {answer.pop("file"): answer for answer in answers}


def import_path(root: Path) -> list[str]:
    """What steps may import from, in order: the project's code, then packages installed beside it."""
    packages = root / ".wistro" / "packages" / "python"
    found = [root / "src", root]
    return [str(one) for one in [*found, *([packages] if packages.is_dir() else [])]]


def _is_named(root: Path, files: Iterable[str], package: str) -> bool:
    word = package.encode()
    for file in files:
        try:
            if word in (root / file).read_bytes():
                return True
        except OSError:
            continue
    return False
