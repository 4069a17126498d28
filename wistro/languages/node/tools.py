"""esbuild for a project: from npm by the hashes in `tools/package-lock.json`, into `.wistro/tools`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from wistro.errors import UserError
from wistro.languages.node import npm

_LOCKED = Path(__file__).parent / "tools"


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
    """esbuild's binary is a package of its own, so that it needs no install script."""
    try:
        npm.install_locked(_LOCKED, folder)
    except npm.NotInstalled as error:
        raise NoTools(
            f"esbuild, which TypeScript and JavaScript steps need, is not here: {error}"
        ) from error
