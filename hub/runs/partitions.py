"""A table a day for records: made ahead as the owner, dropped when their days are over.

What no day fits (an id with a strange time, or no task that made the day) is kept in the table's `_rest`; when its
day is made later, its rows move there. Only the parents are granted to anyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hub.common.operations import role

AHEAD_DAYS = 14
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Partitioned:
    """`column` is a UUIDv7, whose first bits are its time, or a timestamptz."""

    table: str
    column: str
    of_ids: bool
    kept_days: int

    def bound(self, day: date) -> str:
        """Where a day begins in the column."""
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return str(UUID(int=int(at.timestamp() * 1000) << 80)) if self.of_ids else at.isoformat()

    def name(self, day: date) -> str:
        return f"{self.table}_{day:%Y%m%d}"


TABLES = (
    Partitioned("runs", "id", of_ids=True, kept_days=30),
    Partitioned("attempts", "run_id", of_ids=True, kept_days=30),
    Partitioned("payloads", "id", of_ids=True, kept_days=7),
    Partitioned("lines", "taken_at", of_ids=False, kept_days=7),
)


def make_rest(cursor: Any, of: Partitioned) -> None:
    cursor.execute(f'CREATE TABLE "{of.table}_rest" PARTITION OF "{of.table}" DEFAULT')
    _close(cursor, f"{of.table}_rest")


def make(cursor: Any, of: Partitioned, day: date) -> bool:
    """The partition of a day, in the caller's transaction; False when there is one."""
    if day in days(cursor, of):
        return False
    name, first, end = of.name(day), of.bound(day), of.bound(day + DAY)
    cursor.execute(f'CREATE TABLE "{name}" (LIKE "{of.table}" INCLUDING DEFAULTS)')
    cursor.execute(
        f'WITH moved AS (DELETE FROM "{of.table}_rest" WHERE "{of.column}" >= %s AND "{of.column}" < %s RETURNING *) '
        f'INSERT INTO "{name}" SELECT * FROM moved',
        [first, end],
    )
    cursor.execute(
        f"ALTER TABLE \"{of.table}\" ATTACH PARTITION \"{name}\" FOR VALUES FROM ('{first}') TO ('{end}')"
    )
    _close(cursor, name)
    return True


def _close(cursor: Any, name: str) -> None:
    """A partition has no policy of its own: whoever reads it directly would read all tenants' rows."""
    cursor.execute(f'REVOKE ALL ON "{name}" FROM {role("default")}')


def days(cursor: Any, of: Partitioned) -> list[date]:
    """The days that have a partition, oldest first."""
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = %s::regclass ORDER BY c.relname",
        [of.table],
    )
    ends = [name.removeprefix(f"{of.table}_") for (name,) in cursor.fetchall()]
    return [datetime.strptime(end, "%Y%m%d").date() for end in ends if end.isdecimal()]


def drop(cursor: Any, of: Partitioned, day: date) -> None:
    cursor.execute(f'DROP TABLE "{of.name(day)}"')


def is_over(of: Partitioned, day: date, today: date) -> bool:
    """Whether all of a day has been kept for as long as it is kept."""
    return day + DAY + of.kept_days * DAY <= today


def empty_rest(cursor: Any, of: Partitioned) -> None:
    """In the rest, what is kept goes by when it was taken in: the times in its ids are not to be believed."""
    cursor.execute(
        f'DELETE FROM "{of.table}_rest" WHERE taken_at < now() - make_interval(days => %s)',
        [of.kept_days],
    )
