"""The builder's disk: blobs by sha256, layers by key, a work folder for each build that goes with it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from runner.hub import Hub, HubGone, backoff_s
from runner.paths import private_folder
from wistro.protocol.bundle import Bundle

_AT_ONCE = 8
_ASKED_AT_ONCE = 1000
_TRIES = 6


class Missing(msgspec.Struct):
    missing: list[str]


class Store:
    def __init__(self, data: Path) -> None:
        self.blobs = private_folder(data / "blobs")
        self.layers = private_folder(data / "layers")
        self.tools = private_folder(data / "tools")
        self.go_caches = private_folder(data / "go-caches")
        self._work = private_folder(data / "work")

    def forget_unfinished(self) -> None:
        """Remove what a killed builder left half-done; call it before the first build."""
        for folder in (*self._work.iterdir(), *self.layers.glob(".making-*")):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def work(self, name: str) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._work))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def blob(self, sha256: str) -> Path:
        return self.blobs / sha256

    async def download(self, sha256s: Iterable[str], hub: Hub) -> None:
        """Bring blobs here that are not yet."""
        absent = [each for each in dict.fromkeys(sha256s) if not self.blob(each).exists()]
        await _each(absent, lambda sha256: hub.download(sha256, self.blob(sha256)))


async def upload(content_by_sha256: dict[str, Path | bytes], hub: Hub) -> tuple[int, int]:
    """Send what the Hub does not have; how many blobs and bytes that were."""
    names = list(content_by_sha256)
    missing: list[str] = []
    for start in range(0, len(names), _ASKED_AT_ONCE):
        asked = names[start : start + _ASKED_AT_ONCE]
        answer = await hub.send("/blobs/missing", {"sha256": asked}, answer=Missing, tries=5)
        missing += [
            each for each in (answer.missing if answer else []) if each in content_by_sha256
        ]
    sizes = {name: _size(content_by_sha256[name]) for name in missing}
    await _each(missing, lambda sha256: hub.upload(sha256, content_by_sha256[sha256]))
    return len(missing), sum(sizes.values())


async def _each(names: list[str], send: Callable[[str], Awaitable[None]]) -> None:
    """A few at once, each tried again while the Hub is away; the first failure ends all of them."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        waits = backoff_s(jitter=random.Random())
        async with limit:
            for left in range(_TRIES - 1, -1, -1):
                try:
                    return await send(name)
                except HubGone:
                    if not left:
                        raise
                await asyncio.sleep(next(waits))

    try:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(name))
    except ExceptionGroup as found:
        raise found.exceptions[0] from None


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def read_bundle(path: Path) -> Bundle:
    return msgspec.json.decode(path.read_bytes(), type=Bundle)
