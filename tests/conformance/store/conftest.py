"""Each adapter of the store seam: a new one is a class here, and passes every test of this folder.

The cases are in test_units.py, test_outbox.py and test_readings.py, the same for all; what an adapter promises beyond
them is in a file of its own (test_growth.py, test_several.py).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.fixtures import Stores
from wistro.store.port import Chunk, Store, StoreBroken
from wistro.store.postgres.store import PostgresStore
from wistro.store.sqlite import SqliteStore

DEPLOYMENT = "deployment"


class Opened:
    """A place and the boots of it; `open` starts a further one, as a restart after a crash would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chunks: list[Chunk] = []
        self.broken: list[StoreBroken] = []
        self.boots: list[Store] = []

    async def open(self) -> Store:
        store = self.make(stream=f"stream-{len(self.boots) + 1}")
        await store.start(on_chunk=self.chunks.append, on_broken=self.broken.append)
        await store.serve(DEPLOYMENT)
        self.boots.append(store)
        return store

    def make(self, *, stream: str) -> Store:
        return SqliteStore(self.path / "store.db", stream=stream)

    async def close(self) -> None:
        for store in self.boots:
            await store.close()


class OnPostgres(Opened):
    """The earlier boot's lease runs out when a further one opens: it does not answer any more."""

    def __init__(self, path: Path, url: str) -> None:
        super().__init__(path)
        self.schema = f"store_{uuid.uuid4().hex}"
        self.server = url
        self.url = f"{url}{'&' if '?' in url else '?'}schema={self.schema}"

    async def open(self) -> Store:
        if self.boots:
            self.sql("UPDATE engines SET is_gone = true")
        return await super().open()

    def make(self, *, stream: str) -> Store:
        return PostgresStore(self.url, stream=stream)

    def sql(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        """As somebody beside the engines."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"SET search_path TO {self.schema}".encode())
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    async def close(self) -> None:
        await super().close()
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE".encode())


@pytest.fixture(params=["sqlite", "postgres"])
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    if request.param == "sqlite":
        return Opened(tmp_path)
    stores: Stores = request.getfixturevalue("stores")
    return OnPostgres(tmp_path, stores.database_superuser_url)


@pytest.fixture
async def place(adapter: Opened) -> AsyncIterator[Opened]:
    yield adapter
    await adapter.close()


@pytest.fixture
async def on_postgres(stores: Stores, tmp_path: Path) -> AsyncIterator[OnPostgres]:
    opened = OnPostgres(tmp_path, stores.database_superuser_url)
    yield opened
    await opened.close()


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def store(place: Opened) -> Store:
    return await place.open()


async def now(reading: Any) -> Any:
    """A reading, whether it is there at once or is waited for."""
    return await reading if hasattr(type(reading), "__await__") else reading


Open = Callable[[], Awaitable[Store]]
