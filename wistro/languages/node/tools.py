"""esbuild for a project: from npm by the hashes in `tools/package-lock.json`, into `.wistro/tools`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from wistro.errors import UserError

_LOCKED = Path(__file__).parent / "tools"
INSTALL_TIMEOUT_S = 300


class NoTools(UserError):
    """esbuild could not be installed."""

    code = "toolchain.esbuild"
    hint = "`npm` must be on the PATH and reach its registry; then run `wistro install`."


@cache
def esbuild_version() -> str:
    return json.loads((_LOCKED / "package.json").read_text())["dependencies"]["esbuild"]


def esbuild(root: Path) -> Path:
    """esbuild's module for this project, installed when it is missing or of another version; raises NoTools."""
    folder = root / ".wistro" / "tools"
    module = folder / "node_modules" / "esbuild"
    if _version(module) != esbuild_version():
        _install(folder)
        if _version(module) != esbuild_version():
            raise NoTools("npm installed no esbuild")
    return module / "lib" / "main.js"


def is_installed(root: Path) -> bool:
    return _version(root / ".wistro/tools/node_modules/esbuild") == esbuild_version()


def _version(module: Path) -> str | None:
    try:
        return json.loads((module / "package.json").read_text()).get("version")
    except (OSError, ValueError):
        return None


def _install(folder: Path) -> None:
    """`npm ci` of the lock that wistro ships. No install script runs: esbuild's binary is a package of its own."""
    npm = shutil.which("npm")
    if npm is None:
        raise NoTools("TypeScript and JavaScript steps need npm, which is not on the PATH")
    beside = folder.with_name(f"tools.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_LOCKED / name, beside / name)
        try:
            done = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=beside,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=INSTALL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NoTools(f"npm did not finish within {INSTALL_TIMEOUT_S} s") from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise NoTools(
                f"npm could not install esbuild: {said[0] if said else 'no reason given'}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
