"""A store's file that cannot be used is named, with what to do, and left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wistro.records.index import RecordsIndex, RecordsUnreadable
from wistro.store.sqlite import SqliteStore
from wistro.store.sqlite_file import StoreNewer, StoreUnreadable


def test_a_file_that_is_no_store_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database " * 500)

    with pytest.raises(StoreUnreadable, match=r"store\.db cannot be opened: file is not"):
        SqliteStore(path, stream="s")

    assert path.read_bytes() == b"no database " * 500


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()

    with pytest.raises(StoreUnreadable, match="unable to open"):
        SqliteStore(tmp_path / "store.db", stream="s")


def test_a_store_of_a_later_release_is_refused_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value)")
        db.execute("INSERT INTO meta VALUES ('schema', 99)")
        db.commit()

    with pytest.raises(StoreNewer, match="99"):
        SqliteStore(path, stream="s")

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall() == [
            ("meta",)
        ]


def test_records_that_are_no_database_are_named(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"no database " * 500)

    with pytest.raises(RecordsUnreadable, match=r"records\.db cannot be opened"):
        RecordsIndex(tmp_path)
