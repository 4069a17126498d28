"""A second start leaves Django out of it only while nothing that migrates has changed."""

from dataclasses import replace

import pytest

from infra import migrated
from infra.place import CHECKOUT, Place


@pytest.fixture
def place(tmp_path):
    for name in ("hub/runs/migrations/0001_initial.py", "hub/common/doors.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("-- first\n")
    (tmp_path / ".data" / "postgres").mkdir(parents=True)
    return Place(data=tmp_path / ".data", root=tmp_path)


def test_a_new_database_is_migrated(place):
    assert not migrated.is_current(place)


def test_one_that_was_migrated_from_these_files_is_not_migrated_again(place):
    migrated.remember(place)

    assert migrated.is_current(place)


@pytest.mark.parametrize(
    "name", ["hub/common/doors.sql", "hub/runs/migrations/0002_more.py", "requirements/all.txt"]
)
def test_a_changed_or_new_file_asks_for_it_again(place, name):
    migrated.remember(place)
    (place.root / name).parent.mkdir(exist_ok=True)
    (place.root / name).write_text("-- second\n")

    assert not migrated.is_current(place)


def test_an_outside_database_is_always_migrated(place):
    migrated.remember(place)
    outside = replace(place, overrides={"DATABASE_URL": "postgresql://elsewhere/wistro"})

    assert not migrated.is_current(outside)


def test_the_patterns_find_what_this_checkout_migrates():
    for pattern in migrated.READ:
        assert any(CHECKOUT.glob(pattern)), pattern
