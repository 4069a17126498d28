"""A laptop's records where they are found: runs, attempts and lines in a SQLite file, filled from the spool.

The engine only appends to the spool. Whoever reads brings the index up to date first, and so does an idle engine; a
busy one does not pay for rows that nobody asks for.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.records.spool import SpoolReader

SPOOL = "spool"
INDEX = "records.db"
KEPT_US = 7 * 24 * 3600 * 1_000_000
KEPT_BYTES = 1024**3
TRIMMED_SHARE = 0.1  # of the runs and lines, oldest first, while the file is too large
PORTION = 2_000  # records a transaction
WAIT_S = 30.0  # for another process that brings it up to date

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


class RecordsIndex:
    """The index and the spool in one folder. Used from any thread, and by several processes at once."""

    def __init__(
        self,
        folder: Path,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        kept_us: int = KEPT_US,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / INDEX
        self._spool = SpoolReader(folder / SPOOL)
        self._now_us = now_us
        self._kept_us = kept_us
        self._kept_bytes = kept_bytes
        self._one_at_a_time = threading.Lock()
        try:
            self._db = connect(self.path)
            self._db.executescript(TABLES)
        except sqlite3.Error as error:
            raise RecordsUnreadable(f"the records {self.path} cannot be opened: {error}") from error

    def catch_up(self) -> None:
        """Returns when all that was in the spool is found here."""
        while self.take_portion():
            pass

    def take_portion(self) -> bool:
        """Bring the next records of each stream in; whether there were so many that more may wait."""
        with self._one_at_a_time:
            return max(map(self._take, self._spool.streams()), default=0) >= PORTION

    def drop_waiting(self) -> None:
        """Let the older half of what waits go: it would be trimmed as soon as it was found here. It shows as a gap."""
        with self._one_at_a_time:
            for stream in self._spool.streams():
                self._spool.drop_half(stream)

    def waiting_bytes(self) -> int:
        return self._spool.size()

    def close(self) -> None:
        with self._one_at_a_time:
            self._db.close()

    def _take(self, stream: str) -> int:
        """How many records came in."""
        with self._transaction():
            number, last = self._stream(stream)
            portion = self._spool.read(stream, after_seq=last, limit=PORTION)
            if portion.lines:
                batch = _Batch()
                gaps = batch.add(number, portion.lines, after=last)
                batch.write(self._db)
                self._db.executemany("INSERT OR IGNORE INTO gaps VALUES (?,?,?)", gaps)
                self._db.execute(
                    "UPDATE streams SET last_seq = ? WHERE number = ?", (portion.last, number)
                )
        if portion.lines:
            self._spool.acknowledge(stream, portion.last)
        return len(portion.lines)

    def _stream(self, stream: str) -> tuple[int, int]:
        self._db.execute("INSERT OR IGNORE INTO streams (stream) VALUES (?)", (stream,))
        sql = "SELECT number, last_seq FROM streams WHERE stream = ?"
        return self._db.execute(sql, (stream,)).fetchone()

    def trim(self) -> None:
        """Drop what is older than is kept, then the oldest while the file's content is too large."""
        with self._one_at_a_time:
            self._trim()

    def _trim(self) -> None:
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
        with self._transaction():
            self._db.execute("DELETE FROM runs WHERE run_id < ?", (first_kept,))
            self._db.execute("DELETE FROM attempts WHERE run_id < ?", (first_kept,))
            self._db.execute("DELETE FROM lines WHERE at_us < ?", (before_us,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _oldest_us(self) -> int:
        row = self._db.execute("SELECT min(run_id) FROM runs").fetchone()
        return _time_us(row[0]) if row and row[0] else 0

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


# What another engine left of a run may come after what this one has told of it since.
KEEP_RUN = """
INSERT INTO runs VALUES (?,?,?,?) ON CONFLICT (run_id) DO UPDATE
SET status = excluded.status, deployment_id = excluded.deployment_id, record = excluded.record
WHERE json_extract(CAST(excluded.record AS TEXT), '$.at_us') >= json_extract(CAST(runs.record AS TEXT), '$.at_us')
"""


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

    def add(self, stream: int, lines: list[bytes], *, after: int) -> list[tuple[int, int, int]]:
        """Records in order of seq; returns the gaps between them."""
        gaps: list[tuple[int, int, int]] = []
        for line in lines:
            told = _told.decode(line)
            if told.seq > after + 1:
                gaps.append((stream, after + 1, told.seq - 1))
            self._add(stream, told, line)
            after = told.seq
        return gaps

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
        db.executemany(KEEP_RUN, runs)
        db.executemany("INSERT OR REPLACE INTO attempts VALUES (?,?,?,?,?)", self._attempts)
        db.executemany("INSERT OR REPLACE INTO lines VALUES (?,?,?,?,?,?,?)", self._lines)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=WAIT_S)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # a segment of the spool goes once its records are here
    if read_only:
        db.execute("PRAGMA query_only = 1")
    return db


def _time_us(uuid7: str) -> int:
    return int(uuid7[:8] + uuid7[9:13], 16) * 1_000


_told = msgspec.json.Decoder(_Told)
