"""`python -m bench.unsynced start …` is `wistro start …` that never waits for the disk: E3's comparison, and nothing else's.

What it acknowledges, a power cut takes. The product has no such switch.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from wistro.cli import main
from wistro.store import sqlite
from wistro.store.sqlite_file import connect as synced


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = synced(path, read_only=read_only)
    db.execute("PRAGMA synchronous = OFF")
    return db


def unsync() -> None:
    sqlite.connect = connect
    os.fsync = _not_at_all  # segments of records, blobs


def _not_at_all(_descriptor: object) -> None: ...


if __name__ == "__main__":
    unsync()
    main()
