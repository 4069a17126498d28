"""The embedded store's file: how it is opened, and what is told when it cannot be."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from wistro.errors import UserError
from wistro.store import tables


class StoreUnreadable(UserError):
    """The store's file cannot be opened, or is none."""

    code = "store.unreadable"
    hint = (
        "It holds what is still to be done: put a copy of it in its place, or move it away to begin"
        " anew. Another program that holds it must end first."
    )


class StoreNewer(UserError):
    """The store was written by a later release, whose tables this one does not know."""

    code = "store.newer"
    hint = "Run that release, or move the file away to begin anew."


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Opening it: SQLite's own words become StoreUnreadable."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnreadable(f"the store {path} cannot be opened: {error}") from error


def check_schema(db: sqlite3.Connection, path: Path) -> None:
    """Raises StoreNewer before anything is written."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
        return
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if row is not None and row[0] > tables.SCHEMA:
        raise StoreNewer(
            f"the store {path} has tables {row[0]}, this release knows {tables.SCHEMA}"
        )


def add_columns(db: sqlite3.Connection) -> None:
    """To tables that an older release made."""
    for table, column, kind in tables.ADDED:
        known = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        if column not in known:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # NORMAL loses acknowledged rows in a power cut
    db.execute("PRAGMA wal_autocheckpoint = 0")
    if sys.platform == "darwin":
        db.execute("PRAGMA fullfsync = 1")
        db.execute("PRAGMA checkpoint_fullfsync = 1")
    if read_only:
        db.execute("PRAGMA query_only = 1")
    return db


def is_full(error: sqlite3.Error) -> bool:
    """The disk is full, or another program holds the file for long: both pass."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)
