"""The table of languages: one row each. How a host is started stands here; how steps are described, beside each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wistro.languages.runtimes import NotInstalled, find_node, find_python

__all__ = ["LANGUAGES", "Language", "NotInstalled"]

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Language:
    """`find(root, version, path)` gives the program that runs steps, or raises NotInstalled."""

    name: str
    suffixes: tuple[str, ...]  # of step files
    find: Callable[[Path, str | None, str], Path]
    host: tuple[str, ...]  # arguments that start the host; the engine's socket is its descriptor 3
    home: Path  # what a sandbox must let the host read


LANGUAGES: dict[str, Language] = {
    row.name: row
    for row in (
        Language(
            name="python",
            suffixes=(".step.py", "_step.py"),
            find=find_python,
            host=("-X", "utf8", str(_HERE / "python" / "host")),
            home=_HERE / "python",
        ),
        Language(
            name="node",
            suffixes=(".step.ts", ".step.tsx", ".step.mts", ".step.js", ".step.mjs", ".step.cjs"),
            find=find_node,
            host=("--enable-source-maps", str(_HERE / "node" / "host" / "host.mjs")),
            home=_HERE / "node",
        ),
    )
}
