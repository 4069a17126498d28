"""A queue in a table and nothing else: what is asked meanwhile is one transaction, on SQLite and on PostgreSQL.

The same batch form as wistro's stores: publish, claim and ack are futures that resolve once they are on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import psycopg

GROUP = 512


class Queue(Protocol):
    async def start(self) -> None: ...

    def publish(self, id: int, body: bytes) -> asyncio.Future[None]: ...

    def ack(self, id: int) -> asyncio.Future[None]: ...

    def claim(self, limit: int) -> asyncio.Future[list[tuple[int, bytes]]]: ...

    async def close(self) -> None: ...


class Grouped:
    """Gathers what is asked, and commits it together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Any, asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()

    def publish(self, id: int, body: bytes) -> asyncio.Future[None]:
        return self._ask("publish", (id, body))

    def ack(self, id: int) -> asyncio.Future[None]:
        return self._ask("ack", id)

    def claim(self, limit: int) -> asyncio.Future[list[tuple[int, bytes]]]:
        return self._ask("claim", limit)

    def _ask(self, kind: str, value: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((kind, value, future))
        self._wake.set()
        return future

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                values = {
                    kind: [value for of, value, _ in group if of == kind]
                    for kind in ("publish", "ack", "claim")
                }
                claimed = await self._commit(values["publish"], values["ack"], sum(values["claim"]))
                for kind, _, future in group:
                    if not future.done():
                        future.set_result(claimed if kind == "claim" else None)

    async def _commit(
        self, published: list[tuple[int, bytes]], acked: list[int], claims: int
    ) -> list[tuple[int, bytes]]:
        raise NotImplementedError


class BareSqlite(Grouped):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, body BLOB, claimed INTEGER NOT NULL)"
        )
        self._db.execute("CREATE INDEX waiting ON messages (id) WHERE claimed = 0")

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def _commit(
        self, published: list[tuple[int, bytes]], acked: list[int], claims: int
    ) -> list[tuple[int, bytes]]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO messages VALUES (?, ?, 0)", published)
        db.executemany("DELETE FROM messages WHERE id = ?", [(id,) for id in acked])
        claimed: list[tuple[int, bytes]] = []
        if claims:
            sql = (
                "UPDATE messages SET claimed = 1 WHERE id IN"
                " (SELECT id FROM messages WHERE claimed = 0 ORDER BY id LIMIT ?) RETURNING id, body"
            )
            claimed = db.execute(sql, (claims,)).fetchall()
        await asyncio.to_thread(db.execute, "COMMIT")
        return claimed

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._db.close()


class BarePostgres(Grouped):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def start(self) -> None:
        self._db = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        await self._db.execute("DROP TABLE IF EXISTS messages")
        await self._db.execute(
            "CREATE TABLE messages (id bigint PRIMARY KEY, body bytea, claimed boolean NOT NULL)"
        )
        await self._db.execute("CREATE INDEX waiting ON messages (id) WHERE NOT claimed")
        await self._db.execute("SET enable_seqscan = off")
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def _commit(
        self, published: list[tuple[int, bytes]], acked: list[int], claims: int
    ) -> list[tuple[int, bytes]]:
        execute, cursor = self._db.execute, None
        async with self._db.pipeline():
            await execute("BEGIN")
            if published:
                sql = "INSERT INTO messages SELECT *, false FROM unnest(%s::bigint[], %s::bytea[])"
                ids, bodies = zip(*published, strict=True)
                await execute(sql, [list(ids), list(bodies)])
            if acked:
                await execute("DELETE FROM messages WHERE id = ANY(%s)", [acked])
            if claims:
                sql = (
                    "UPDATE messages SET claimed = true WHERE id IN (SELECT id FROM messages WHERE NOT claimed"
                    " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id, body"
                )
                cursor = await execute(sql, [claims])
            await execute("COMMIT")
        return await cursor.fetchall() if cursor else []

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._db.close()
