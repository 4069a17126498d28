"""Whether this place's tables are those of this checkout, so that a second start need not ask Django.

The stamp lies in the database's own folder: a new database has none. An outside one is always migrated.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.place import Place

READ = (  # what a migration's outcome depends on
    "hub/*/migrations/*.py",
    "hub/**/*.sql",
    "hub/common/doors.py",
    "hub/common/operations.py",
    "hub/common/management/commands/migrate.py",
    "requirements/all.txt",  # Django's and allauth's tables
)


def is_current(place: Place) -> bool:
    """Whether the last migration here was of these files."""
    if place.outside_database:
        return False
    try:
        return _stamp(place).read_text() == digest_of(place.root)
    except FileNotFoundError:
        return False


def remember(place: Place) -> None:
    if not place.outside_database and _stamp(place).parent.is_dir():
        _stamp(place).write_text(digest_of(place.root))


def digest_of(root: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted({path for pattern in READ for path in root.glob(pattern)}):
        whole.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _stamp(place: Place) -> Path:
    return place.data / "postgres" / "migrated.stamp"
