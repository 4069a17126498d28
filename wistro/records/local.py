"""A laptop's records: finished and live runs, attempts and lines in a SQLite file of their own, for the local screens.

Written by one thread in batches; read by `wistro/records/local_reads.py` on any. Kept 7 days or 1 GiB.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.records.redact import Redactor
from wistro.records.writing import ChunkWriter
from wistro.store.port import Chunk

KEPT_US = 7 * 24 * 3600 * 1_000_000
KEPT_BYTES = 1024**3
TRIM_EVERY_S = 600.0
TRIMMED_SHARE = 0.1  # of the runs and lines, oldest first, while the file is too large

TABLES = """
CREATE TABLE IF NOT EXISTS streams (
  number INTEGER PRIMARY KEY, stream TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS gaps (
  stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (stream, first)
) WITHOUT ROWID;

-- Run ids are in order of time, so this is also the index of the list of runs.
CREATE TABLE IF NOT EXISTS runs (
  run_id TEXT PRIMARY KEY, status TEXT NOT NULL, deployment_id TEXT NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
  run_id TEXT NOT NULL, attempt_id TEXT NOT NULL, step TEXT NOT NULL, outcome TEXT NOT NULL, record BLOB NOT NULL,
  PRIMARY KEY (run_id, attempt_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lines (
  stream INTEGER NOT NULL, seq INTEGER NOT NULL, at_us INTEGER NOT NULL, level TEXT NOT NULL, step TEXT, run_id TEXT,
  record BLOB NOT NULL, PRIMARY KEY (stream, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lines_of_a_run ON lines (run_id, stream, seq) WHERE run_id IS NOT NULL;
"""


class RecordsUnreadable(UserError):
    """The local records' file cannot be opened, or is none."""

    code = "records.unreadable"
    hint = (
        "Move it away: it holds what the local screens show, and nothing that is still to be done."
    )


class LocalRecords:
    """Implements `Sink`. `on_kept(chunks)` is called in the writing thread once they can be read, as they are kept:
    without secrets."""

    def __init__(
        self,
        path: Path,
        *,
        redactor: Redactor | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        kept_us: int = KEPT_US,
        kept_bytes: int = KEPT_BYTES,
        on_kept: Callable[[list[Chunk]], None] = lambda chunks: None,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.on_kept = on_kept
        self._redactor = redactor or Redactor()
        self._now_us = now_us
        self._kept_us = kept_us
        self._kept_bytes = kept_bytes
        try:
            self._db = connect(path)
            self._db.executescript(TABLES)
        except sqlite3.Error as error:
            raise RecordsUnreadable(f"the records {path} cannot be opened: {error}") from error
        self._streams: dict[str, tuple[int, int]] = {}  # name -> (number, last seq)
        self._writer = ChunkWriter(self._keep, name="records-local")
        self._trim_at = 0.0

    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        self._forget = forget
        if leftovers:
            self._write(self._redacted(leftovers))
        for stream, last in streams:
            forget(stream, last)
        self._writer.start()

    def protect(self, secrets: Iterable[str]) -> None:
        self._redactor.add(secrets)

    def take(self, chunk: Chunk) -> None:
        self._writer.take(chunk)

    async def flush(self) -> None:
        await self._writer.flush()

    async def close(self) -> None:
        await self._writer.close()
        self._db.close()

    def _keep(self, chunks: list[Chunk]) -> None:
        chunks = self._redacted(chunks)
        self._write(chunks)
        durable = [chunk for chunk in chunks if chunk.durable]
        if durable:
            self._forget(durable[-1].stream, durable[-1].last)
        self.on_kept(chunks)
        if time.monotonic() >= self._trim_at:
            self._trim_at = time.monotonic() + TRIM_EVERY_S
            self.trim()

    def _redacted(self, chunks: list[Chunk]) -> list[Chunk]:
        return [replace(one, lines=self._redactor.lines(one.lines)) for one in chunks]

    def _write(self, chunks: list[Chunk]) -> None:
        batch = _Batch()
        streams = dict(self._streams)
        gaps: list[tuple[int, int, int]] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for chunk in chunks:
                number, last = streams.get(chunk.stream) or self._stream(chunk.stream)
                if chunk.last > last:
                    if chunk.first > last + 1:
                        gaps.append((number, last + 1, chunk.first - 1))
                    batch.add(number, chunk.lines, after=last)
                    streams[chunk.stream] = (number, chunk.last)
            batch.write(self._db)
            self._db.executemany("INSERT OR IGNORE INTO gaps VALUES (?,?,?)", gaps)
            self._db.executemany(
                "UPDATE streams SET last_seq = ?2 WHERE number = ?1", list(streams.values())
            )
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._streams = streams

    def _stream(self, stream: str) -> tuple[int, int]:
        self._db.execute("INSERT OR IGNORE INTO streams (stream) VALUES (?)", (stream,))
        sql = "SELECT number, last_seq FROM streams WHERE stream = ?"
        return self._db.execute(sql, (stream,)).fetchone()

    def trim(self) -> None:
        """Drop what is older than is kept, then the oldest while the file's content is too large."""
        self._drop_before(self._now_us() - self._kept_us)
        for _ in range(30):
            if self._used_bytes() <= self._kept_bytes:
                break
            sql = "SELECT run_id FROM runs ORDER BY run_id LIMIT 1 OFFSET (SELECT count(*) FROM runs) * ?"
            row = self._db.execute(sql, (TRIMMED_SHARE,)).fetchone()
            if row is None:
                break
            self._drop_before(max(_time_us(row[0]), self._oldest_us() + 1))

    def _drop_before(self, before_us: int) -> None:
        first_kept = f"{max(0, before_us) // 1_000:012x}"
        first_kept = f"{first_kept[:8]}-{first_kept[8:]}"
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM runs WHERE run_id < ?", (first_kept,))
        self._db.execute("DELETE FROM attempts WHERE run_id < ?", (first_kept,))
        self._db.execute("DELETE FROM lines WHERE at_us < ?", (before_us,))
        self._db.execute("COMMIT")

    def _oldest_us(self) -> int:
        row = self._db.execute("SELECT min(run_id) FROM runs").fetchone()
        return _time_us(row[0]) if row and row[0] else 0

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


class _Told(msgspec.Struct):
    """What a record's row is found by. All else of it is not even decoded."""

    kind: str
    seq: int
    at_us: int
    run_id: str | None = None
    attempt_id: str = ""
    step: str | None = None
    outcome: str = ""
    status: str = ""
    deployment_id: str = ""
    level: str = ""


class _Batch:
    """Rows of one transaction; of a run only its newest record."""

    def __init__(self) -> None:
        self._runs: dict[str | None, tuple[str | None, str, str, bytes]] = {}
        self._attempts: list[tuple[str | None, str, str | None, str, bytes]] = []
        self._lines: list[tuple[int, int, int, str, str | None, str | None, bytes]] = []

    def add(self, stream: int, lines: bytes, *, after: int) -> None:
        for line in lines.splitlines():
            told = _told.decode(line)
            if told.seq > after:
                self._add(stream, told, line)

    def _add(self, stream: int, told: _Told, line: bytes) -> None:
        if told.kind == "attempt":
            self._attempts.append((told.run_id, told.attempt_id, told.step, told.outcome, line))
        elif told.kind == "run":
            self._runs[told.run_id] = (told.run_id, told.status, told.deployment_id, line)
        elif told.kind == "line":
            about = (told.at_us, told.level, told.step, told.run_id)
            self._lines.append((stream, told.seq, *about, line))
        else:
            assert told.kind == "closed"

    def write(self, db: sqlite3.Connection) -> None:
        runs = list(self._runs.values())
        db.executemany("INSERT OR REPLACE INTO runs VALUES (?,?,?,?)", runs)
        db.executemany("INSERT OR REPLACE INTO attempts VALUES (?,?,?,?,?)", self._attempts)
        db.executemany("INSERT OR REPLACE INTO lines VALUES (?,?,?,?,?,?,?)", self._lines)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # an outbox row goes once its record is here
    if read_only:
        db.execute("PRAGMA query_only = 1")
    return db


def _time_us(uuid7: str) -> int:
    return int(uuid7[:8] + uuid7[9:13], 16) * 1_000


_told = msgspec.json.Decoder(_Told)
