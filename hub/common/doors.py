"""Calling the doors of doors.sql, and loading them when the database is migrated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, connections, transaction

from hub.common.operations import role

DOORS = Path(__file__).with_name("doors.sql")


@dataclass(frozen=True)
class Place:
    """An organization, and what the asking user is in it: `owner` or `member`."""

    organization_id: UUID
    role: str


def rows(door: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Go through a door: `rows("memberships_of", user.id)`. Its name is ours, never a caller's."""
    marks = ", ".join(["%s"] * len(arguments))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM doors.{door}({marks})", arguments)
        return cursor.fetchall()


def memberships_of(user_id: UUID) -> list[Place]:
    return [Place(*row) for row in rows("memberships_of", user_id)]


def organization_called(slug: str, user_id: UUID) -> Place | None:
    return next((Place(*row) for row in rows("organization_called", slug, user_id)), None)


def organization_of(kind: str, id: UUID, user_id: UUID) -> Place | None:
    return next((Place(*row) for row in rows("organization_of", kind, id, user_id)), None)


def install(using: str = "owner", *, checked: bool = False) -> None:
    """Replace all doors by those of doors.sql, in one transaction, as the owner.

    `checked` has PostgreSQL check their bodies, which needs every table to be there already.
    """
    app, ingest = role("default"), role("ingest")
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('check_function_bodies', %s, true)", ["on" if checked else "off"]
        )
        cursor.execute("CREATE SCHEMA IF NOT EXISTS doors")
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'doors'::regnamespace ORDER BY oid"
        )
        for (signature,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {signature}")
        cursor.execute(DOORS.read_text())
        cursor.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA doors FROM PUBLIC")
        cursor.execute(f"GRANT USAGE ON SCHEMA doors TO {app}, {ingest}")
        cursor.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA doors TO {app}")
