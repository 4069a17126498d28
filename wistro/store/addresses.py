"""A store by its address. What it needs is imported only then: psycopg comes with an extra."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from wistro.errors import UserError
from wistro.store.port import Store

if TYPE_CHECKING:
    from wistro.store.postgres.reads import PostgresReads


class UnknownStore(UserError):
    """The store's address names no kind of store."""

    code = "store.address"
    hint = "`postgres://user@host/database?schema=name`; without an address it is a file in `.wistro/`."


class NoPostgres(UserError):
    """A store on PostgreSQL wants the `postgres` extra."""

    code = "store.no-postgres"
    hint = "pip install 'wistro[postgres]'"


def store_at(url: str, *, stream: str) -> Store:
    """Raises UnknownStore, NoPostgres, BadSchema."""
    _check(url)
    from wistro.store.postgres.store import PostgresStore

    return PostgresStore(url, stream=stream)


async def reads_at(url: str) -> PostgresReads:
    """For whoever looks without an engine: `close_reads` it. Raises also StoreUnreadable, StoreNewer."""
    _check(url)
    from wistro.store.postgres.connecting import address_of
    from wistro.store.postgres.reads import PostgresReads

    reads = PostgresReads(address_of(url))
    await reads.open_reads()
    return reads


def _check(url: str) -> None:
    scheme = url.partition(":")[0]
    if scheme not in ("postgres", "postgresql"):
        raise UnknownStore("a store's address begins with `postgres://`")
    if importlib.util.find_spec("psycopg") is None:
        raise NoPostgres("this store wants psycopg, which is not installed")
