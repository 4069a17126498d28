"""The checkers of a project that brings none: tsc and pyright from npm, by the hashes in `tools/package-lock.json`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from wistro.errors import UserError
from wistro.languages.node import npm as installing

_LOCKED = Path(__file__).parent / "tools"
FOLDER = ".wistro/checkers"


class NoCheckers(UserError):
    """tsc or pyright is neither the project's own nor could it be installed."""

    code = "toolchain.checkers"
    hint = "npm, or pip where there is no Node, must reach its registry; or add the checker to the project."


@cache
def versions() -> dict[str, str]:
    return json.loads((_LOCKED / "package.json").read_text())["dependencies"]


def module(root: Path, name: str, *, npm: list[str] | None = None) -> Path:
    """The npm package `name` (typescript, pyright): the project's own, else ours; raises NoCheckers."""
    own = root / "node_modules" / name
    if version(own) is not None:
        return own
    ours = root / FOLDER / "node_modules" / name
    if version(ours) != versions()[name]:
        try:
            installing.install_locked(_LOCKED, root / FOLDER, npm=npm)
        except installing.NotInstalled as error:
            raise NoCheckers(f"{name}, which `wistro check` needs, is not here: {error}") from error
    return ours


def version(package: Path) -> str | None:
    try:
        return json.loads((package / "package.json").read_text("utf-8")).get("version")
    except (OSError, ValueError):
        return None
