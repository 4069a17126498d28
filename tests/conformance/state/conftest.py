"""Each place where state may be kept. A new one is a row here, and passes every test of this folder."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from infra.fixtures import Stores
from wistro.state.elsewhere import StateElsewhere
from wistro.state.files import FilesState
from wistro.state.port import StateAdapter
from wistro.state.redis import RedisState
from wistro.store.port import Store
from wistro.store.postgres.store import PostgresStore
from wistro.store.sqlite import SqliteStore


class Place:
    """The store with state in a place of its own; `open` starts a further boot of it."""

    def __init__(self, kind: str, path: Path, stores: Stores | None) -> None:
        self.kind = kind
        self.path = path
        self._stores = stores
        self.prefix = f"test-{uuid.uuid4().hex}"
        self.boots: list[StateElsewhere] = []
        self._opened = 0

    @property
    def is_elsewhere(self) -> bool:
        return self.kind in ("files", "redis")

    async def open(self, adapter: StateAdapter | None = None) -> StateElsewhere:
        """`adapter` in the place of the usual one."""
        store = StateElsewhere(self._store())
        await store.start(on_chunk=lambda chunk: None, on_broken=lambda error: None)
        await store.use(object(), lambda: adapter or self.adapter())
        self.boots.append(store)
        return store

    async def open_engines(self) -> list[StateElsewhere]:
        """As many as may work on one store at once."""
        return [await self.open() for _ in range(2 if self.kind == "store on postgres" else 1)]

    def adapter(self) -> StateAdapter | None:
        if self.kind == "files":
            return FilesState(self.path / "state")
        if self.kind == "redis":
            assert self._stores is not None
            return RedisState(self._stores.redis_url, prefix=self.prefix)
        return None

    def redis(self) -> redis.Redis:
        """As somebody beside the engine."""
        assert self._stores is not None
        return redis.Redis.from_url(self._stores.redis_url, decode_responses=True)

    async def close(self) -> None:
        for store in self.boots:
            await store.close()

    def _store(self) -> Store:
        self._opened += 1
        stream = f"stream-{self._opened}"
        if self.kind == "store on postgres":
            assert self._stores is not None
            schema = self.prefix.replace("-", "_")
            url = self._stores.database_owner_url
            return PostgresStore(f"{url}{'&' if '?' in url else '?'}schema={schema}", stream=stream)
        return SqliteStore(self.path / "store.db", stream=stream)


KINDS = ["store on sqlite", "store on postgres", "files", "redis"]
SERVERS = ("store on postgres", "redis")


def made(request: pytest.FixtureRequest, path: Path) -> Place:
    """Servers are asked for before a loop runs: they are started in one of their own."""
    needs = request.param in SERVERS
    return Place(request.param, path, request.getfixturevalue("stores") if needs else None)


@pytest.fixture(params=KINDS)
def every(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request, tmp_path)


@pytest.fixture
async def place(every: Place) -> AsyncIterator[Place]:
    yield every
    await every.close()


@pytest.fixture(params=["store on sqlite", "store on postgres"])
def within(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request, tmp_path)


@pytest.fixture
async def store_place(within: Place) -> AsyncIterator[Place]:
    yield within
    await within.close()


@pytest.fixture(params=["files", "redis"])
def outside(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request, tmp_path)


@pytest.fixture
async def elsewhere(outside: Place) -> AsyncIterator[Place]:
    yield outside
    await outside.close()
