"""What `wistro install` does for Go: the SDK wired into go.mod, and the modules that the project imports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from wistro.errors import UserError
from wistro.languages.go import modules, packages, toolchain
from wistro.languages.go.packages import GoBroke

TIMEOUT_S = 900
# What `go list` says of a module that is not there, in its several versions.
NOT_INSTALLED = (
    *("no required module provides package", "cannot find module providing package"),
    *("missing go.sum entry", "module lookup disabled", "updates to go.mod needed"),
)


class ModulesMissing(UserError):
    """The modules that a project's Go code imports could not be fetched."""

    code = "install.go"
    hint = "Its own words stand above; `go mod tidy` is what failed."


def install(root: Path, files: list[str], *, go: Path, name: str) -> list[str]:
    """What was done, in words. The network is asked only for what is not there."""
    done = modules.wire(root, go, name=_module_name(name))
    if files and _is_incomplete(root, files, go):
        _run(root, go, "mod", "tidy")
        done.append("Go modules")
    elif (root / "go.sum").is_file():
        _run(root, go, "mod", "download")
        done.append("Go modules")
    return done


def is_not_installed(text: str) -> bool:
    return any(words in text for words in NOT_INSTALLED)


def _is_incomplete(root: Path, files: list[str], go: Path) -> bool:
    folders = sorted({file.rpartition("/")[0] for file in files})
    try:
        found = packages.read(root, folders, go=go)
    except GoBroke as error:
        return is_not_installed(error.message)
    return any(is_not_installed(mistake.text) for one in found.values() for mistake in one.mistakes)


def _run(root: Path, go: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [str(go), *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env=toolchain.environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise ModulesMissing(f"`go {' '.join(arguments)}`: not done in {TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = said[-1].strip() if said else "no reason given"
        raise ModulesMissing(f"`go {' '.join(arguments)}` failed: {last}", where="go.mod")


def _module_name(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "steps"
