"""Which files of a project changed, in small groups as they change.

The root is watched by itself and its source folders with all below them: a recursive watch of the root would pay for
every folder of node_modules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

SUFFIXES = {".py", ".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx", ".go"}
NAMES = {
    *("wistro.yml", "wistro.json", ".env", "tsconfig.json"),
    *("requirements.txt", "pyproject.toml", "package.json", "package-lock.json"),
    *("go.mod", "go.sum"),
}
SETTLED_MS = 20  # nothing changed for so long: an editor's write is several events
GROUPED_MS = 100  # changes that go on are told after this
_ours = DefaultFilter()


class Watching:
    """`others` gives files besides code that the project is made of, such as JSON that a step imports."""

    def __init__(self, root: Path, *, others: Callable[[], set[str]] = set) -> None:
        self._root = root
        self._others = others
        self._changed: set[str] = set()
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._below: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watching:
        loop = asyncio.get_running_loop()
        self._watch_below()
        self._tasks.append(loop.create_task(self._watch_root()))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._tasks, *([self._below] if self._below else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tell(self, name: str) -> None:
        """As if this had changed."""
        self._changed.add(name)
        self._more.set()

    async def changes(self) -> AsyncIterator[set[str]]:
        """Paths below the root; what changes while a group is being worked on is in the next."""
        while True:
            await self._more.wait()
            self._more.clear()
            changed, self._changed = self._changed, set()
            if changed:
                yield changed

    async def _watch_root(self) -> None:
        async for group in awatch(
            self._root,
            watch_filter=self._is_top,
            recursive=False,
            step=SETTLED_MS,
            debounce=GROUPED_MS,
        ):
            if any(Path(path).suffix == "" and change != Change.modified for change, path in group):
                self._watch_below()  # a folder came or went
            self._tell(group)

    def _watch_below(self) -> None:
        if self._below is not None:
            self._below.cancel()
            self._tasks.append(self._below)
        self._below = asyncio.get_running_loop().create_task(self._watch_folders())

    async def _watch_folders(self) -> None:
        folders = [one for one in sorted(self._root.iterdir()) if self._is_source(one)]
        if not folders:
            return
        async for group in awatch(
            *folders, watch_filter=self._matters, step=SETTLED_MS, debounce=GROUPED_MS
        ):
            self._tell(group)

    def _tell(self, group: set[tuple[Change, str]]) -> None:
        self._changed |= {Path(path).relative_to(self._root).as_posix() for _, path in group}
        self._more.set()

    def _is_source(self, path: Path) -> bool:
        return (
            path.is_dir() and not path.name.startswith(".") and _ours(Change.added, f"/{path.name}")
        )

    def _is_top(self, change: Change, path: str) -> bool:
        if self._matters(change, path):
            return True
        if change == Change.modified or Path(path).name.startswith("."):
            return False
        return (change == Change.deleted and not Path(path).suffix) or self._is_source(Path(path))

    def _matters(self, change: Change, path: str) -> bool:
        name = Path(path).name
        if name in NAMES:
            return True
        below = Path(path).relative_to(self._root).as_posix()
        if not _ours(change, f"/{below}") or name.startswith("."):
            return False
        if Path(path).suffix in SUFFIXES:
            return True
        if change != Change.modified and Path(path).is_dir():
            return True  # a folder moved here brings files that are told of no other way
        return below in self._others()
