"""Which program runs a project's steps: `runtimes` in wistro.yml, else the project's own, else ours or the one on PATH."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from wistro.errors import UserError


class NotInstalled(UserError):
    """The language's program, or the version that `runtimes` names, is not on this machine."""

    code = "runtime.not-installed"
    hint = "Install it, put it on PATH, or change `runtimes` in wistro.yml."
    status = 503


def find_python(root: Path, version: str | None, path: str) -> Path:
    """`runtimes.python`, else the project's .venv, else the Python that runs wistro."""
    own = root / ".venv" / "bin" / "python"
    if version is None:
        return own if own.exists() else Path(sys.executable)
    if own.exists() and matches(version, _version_of_venv(own.parent.parent)):
        return own
    if matches(version, ".".join(map(str, sys.version_info[:3]))):
        return Path(sys.executable)
    minor = ".".join(version.split(".")[:2])
    if found := shutil.which(f"python{minor}", path=path):
        return Path(found)
    raise NotInstalled(f"Python {version} is asked for by `runtimes` and is not installed")


def find_node(root: Path, version: str | None, path: str) -> Path:
    """`node` on PATH; that it is the version asked for is known once it runs (see matches)."""
    if found := shutil.which("node", path=path):
        return Path(found)
    wanted = f"Node {version}" if version else "Node"
    raise NotInstalled(f"{wanted} is needed for this project's steps and is not on PATH")


def matches(wanted: str, actual: str) -> bool:
    """`3.12` fits 3.12.4 and not 3.1; a leading v does not count."""
    want = wanted.strip().lstrip("v").split(".")
    return actual.strip().lstrip("v").split(".")[: len(want)] == want


def _version_of_venv(venv: Path) -> str:
    try:
        text = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", text, re.MULTILINE)
    return found.group(1) if found else ""
