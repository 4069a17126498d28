"""A limit on searches: what filters find rarely is looked for through all that is kept, but not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection

from wistro.errors import UserError

LIMIT_S = 5


class SearchTooWide(UserError):
    """What was asked for is so rare among what is kept that it was not found in time."""

    code = "records.search-too-wide"
    hint = "Add a step, a level or a status, or give a run."
    status = 422


@contextmanager
def limited() -> Iterator[None]:
    """Raises SearchTooWide; the transaction is lost with it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LIMIT_S}s'")
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == "57014":  # query_canceled
            raise SearchTooWide(f"Nothing was found within {LIMIT_S} s") from error
        raise
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")


def pattern(text: str) -> str:
    """LIKE's pattern for text anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
