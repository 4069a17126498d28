"""The embedded store: one SQLite file in WAL mode with synchronous=FULL, written by group commit.

A group's statements run on the event loop, where they cost microseconds and no two threads fight over the
interpreter; its COMMIT, which waits for the disk, runs in a thread of its own. What is submitted meanwhile is the
next group. Measured on 2 cores beside a busy loop: 2.4-42 ms a group of 50 when a thread ran the statements too,
1 ms this way.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wistro.store import sqlite_gates, sqlite_tasks, tables
from wistro.store.port import (
    Admission,
    Admitted,
    Chunk,
    DeliveryRow,
    Others,
    RunRow,
    StoreBroken,
    StoreFull,
    Unit,
    Unnumbered,
)
from wistro.store.sqlite_file import add_columns, check_schema, connect, is_full, readable
from wistro.store.sqlite_writes import Asking, Claim, SqliteWrites, Submitted, Waiting

GROUP_UNITS = 512  # a larger group would hold the event loop for more than some milliseconds
CHECKPOINT_BYTES = 8 * 1024 * 1024
CHECKPOINT_COMMITS = 2_000
LOG_KEPT_BYTES = 64 * 1024 * 1024  # what a burst leaves of the log's file


class SqliteStore(SqliteWrites):
    """`Store` on one file. `stream` names this boot; ids and times come with the units."""

    has_versions = True

    def __init__(self, path: Path, *, stream: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.stream = stream
        with readable(path):
            self._db = connect(path)
            check_schema(self._db, path)
            self._db.executescript(tables.TABLES + sqlite_tasks.TABLES + sqlite_gates.TABLES)
            add_columns(self._db)
            super().__init__(connect(path, read_only=True))
            self._boot = self._begin_boot()
            self._run_seq = self._highest("runs", "run_seq")
            self._delivery_seq = self._highest("deliveries", "seq")
        self._seq = 0
        self._waiting: list[Waiting] = []
        self._lines: list[Unnumbered] = []
        self._scheduled = False
        self._committing: list[Waiting] | None = None
        self._broken: StoreBroken | None = None
        self._refused: list[tuple[asyncio.Future[Any], Exception]] = []
        self._commits: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None

    async def start(
        self, *, on_chunk: Callable[[Chunk], None], on_broken: Callable[[StoreBroken], None]
    ) -> None:
        """Begin to commit; wants a running event loop. `on_broken` is told once, and must end the process."""
        self._loop = asyncio.get_running_loop()
        self._on_chunk = on_chunk
        self._on_broken = on_broken
        self._thread = threading.Thread(target=self._commit_loop, name="store-commit", daemon=True)
        self._thread.start()

    def share(self, others: Others) -> None:
        """There are none: a file is one engine's."""

    async def serve(self, deployment_id: str) -> None:
        """All that an earlier boot left is this one's already."""

    async def leave(self, deployment_id: str) -> None:
        """Nobody else could take it."""

    async def hold_answer(self, key: str) -> bool:
        return True

    def free_answer(self, key: str) -> None:
        """Nobody else waits for it."""

    async def tell(self, run_id: str, kind: str, body: bytes) -> bool:
        raise AssertionError("every run of this store is this engine's")

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        return self._enqueue(Submitted(unit, then))

    def claim(
        self, deployment_id: str, step: str, *, due_at_us: int, limit: int
    ) -> asyncio.Future[list[tuple[DeliveryRow, RunRow]]]:
        return self._enqueue(Claim(deployment_id, step, due_at_us, limit, []))

    def admit(self, admission: Admission) -> asyncio.Future[Admitted]:
        return self._enqueue(Asking(admission))

    def line(self, line: Unnumbered) -> None:
        self._lines.append(line)
        if self._committing is None and not self._scheduled:
            self._schedule()

    def next_run_seq(self) -> int:
        self._run_seq += 1
        return self._run_seq

    def next_delivery_seq(self) -> int:
        self._delivery_seq += 1
        return self._delivery_seq

    async def close(self) -> None:
        """Commit what waits and close; a broken store closes without committing."""
        if self._broken is None:
            await self._idle.wait()
            self._flush_lines()
        if self._thread is not None:
            self._commits.put(False)
            await asyncio.to_thread(self._thread.join)
        self._reader.close()
        self._db.close()

    # Groups

    def _enqueue(self, work: Submitted | Claim | Asking) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._broken is not None:
            future.set_exception(self._broken)
            return future
        self._waiting.append((work, future))
        self._idle.clear()
        if self._committing is None and not self._scheduled:
            self._schedule()
        return future

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._begin_group)

    def _begin_group(self) -> None:
        self._scheduled = False
        if self._broken is not None or self._committing is not None:
            return
        group, self._waiting = self._waiting[:GROUP_UNITS], self._waiting[GROUP_UNITS:]
        if not group:
            self._flush_lines()
            self._idle.set()
            return
        self._seq_before = self._seq
        try:
            self._committing = self._apply(group)
        except sqlite3.Error as error:
            self._committing = group
            self._committed(error)
        else:
            self._commits.put(True)

    def _commit_loop(self) -> None:
        written, commits, is_beside = 0, 0, False
        while self._commits.get():
            error: sqlite3.Error | None = None
            try:
                self._db.execute("COMMIT")
            except sqlite3.Error as failed:
                error = failed
            written += self._group_bytes
            commits += 1
            if is_beside:
                self._checkpoint()  # what one group wrote meanwhile, and nothing is open
                written, commits, is_beside = 0, 0, False
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._committed, error)
            if written > CHECKPOINT_BYTES or commits > CHECKPOINT_COMMITS:
                self._checkpoint()
                is_beside = True

    def _checkpoint(self) -> None:
        """Move the log into the file. Done beside an open group it moves the most; done again between two groups, the
        rest. Only then does the next group begin the log anew: else it grows for ever under load, and with it the
        time that a restart takes to read it.
        """
        with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(self.path)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _committed(self, error: sqlite3.Error | None) -> None:
        group, self._committing = self._committing or [], None
        if error is not None:
            self._failed(group, error)
            return
        if self._records:
            chunk, self._records = self._records, []
            self._on_chunk(
                Chunk(self.stream, self._seq_before + 1, self._seq, b"".join(chunk), durable=True)
            )
        self._flush_lines()
        for future, reason in self._refused:
            if not future.done():
                future.set_exception(reason)
        self._refused = []
        for work, future in group:
            if isinstance(work, Submitted) and work.then is not None:
                self._loop.call_soon(work.then)
            if not future.done():
                future.set_result(None if isinstance(work, Submitted) else work.taken)
        if self._waiting:
            self._begin_group()
        else:
            self._idle.set()

    def _failed(self, group: list[Waiting], error: sqlite3.Error) -> None:
        self._seq = self._seq_before
        self._records = []
        refused = [future for future, _ in self._refused]
        failed = [*(future for _, future in [*group, *self._waiting]), *refused]
        self._refused = []
        self._waiting = []
        reason: Exception
        with contextlib.suppress(sqlite3.Error):
            self._roll_back()
        if is_full(error):
            reason = StoreFull(str(error))
        else:
            reason = self._broken = StoreBroken(f"{self.path.name}: {error}")
        for future in failed:
            if not future.done():
                future.set_exception(reason)
        self._idle.set()
        if self._broken is not None:
            self._on_broken(self._broken)

    def _flush_lines(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        first = self._seq + 1
        numbered = b"".join(self._numbered(lines))
        self._on_chunk(Chunk(self.stream, first, self._seq, numbered, durable=False))

    # Boots

    def _begin_boot(self) -> int:
        """Take the store over: the earlier boot's units are refused from here on, its claims are free again."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        row = db.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone()
        boot = (row[0] if row else 0) + 1
        db.execute("INSERT OR REPLACE INTO meta VALUES ('boot', ?)", (boot,))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (tables.SCHEMA,))
        # What an earlier boot held may have been running: its next attempt has a higher number, uncharged.
        db.execute("UPDATE deliveries SET number = number + 1, claimed = 0 WHERE claimed > 0")
        self._let_all_wait()
        db.execute(
            "UPDATE streams SET last_seq = max(last_seq, coalesce("
            "(SELECT max(last_seq) FROM outbox WHERE outbox.stream = streams.stream), 0))"
        )
        db.execute("INSERT INTO streams (stream, boot) VALUES (?, ?)", (self.stream, boot))
        db.execute("COMMIT")
        return boot

    def _highest(self, table: str, column: str) -> int:
        return self._db.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0]

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
