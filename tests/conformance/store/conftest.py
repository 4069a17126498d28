"""Each adapter of the store seam: a new one adds a line to `ADAPTERS` and passes every test here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from wistro.store.port import Chunk, Store, StoreBroken
from wistro.store.sqlite import SqliteStore

ADAPTERS = ["sqlite"]


class Opened:
    """A place on disk and the boots of it; `open` starts a further one, as a restart would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chunks: list[Chunk] = []
        self.broken: list[StoreBroken] = []
        self.boots: list[Store] = []

    async def open(self) -> Store:
        store = SqliteStore(self.path / "store.db", stream=f"stream-{len(self.boots) + 1}")
        await store.start(on_chunk=self.chunks.append, on_broken=self.broken.append)
        self.boots.append(store)
        return store


@pytest.fixture(params=ADAPTERS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(tmp_path)
    yield opened
    for store in opened.boots:
        await store.close()


@pytest.fixture
async def store(place: Opened) -> Store:
    return await place.open()


Open = Callable[[], Awaitable[Store]]
