"""How pages of records are looked for: in an index's order, so that they end with the page, and not for ever.

What filters find rarely is looked for through all that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection

from wistro.errors import UserError

LIMIT_S = 5
# A day that has just begun has no statistics, and a planner that takes it for empty would read and sort all of it.
IN_ORDER = {"enable_sort": "off", "enable_bitmapscan": "off", "enable_seqscan": "off"}


class SearchTooWide(UserError):
    """What was asked for is so rare among what is kept that it was not found in time."""

    code = "records.search-too-wide"
    hint = "Add a step, a level or a status, or give a run."
    status = 422


@contextmanager
def limited() -> Iterator[None]:
    """Raises SearchTooWide; the transaction is lost with it."""
    _set(**{"statement_timeout": f"{LIMIT_S}s"} | IN_ORDER)
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == "57014":  # query_canceled
            raise SearchTooWide(f"Nothing was found within {LIMIT_S} s") from error
        raise
    _set(**{"statement_timeout": "0"} | dict.fromkeys(IN_ORDER, "on"))


def _set(**settings: str) -> None:
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [one for pair in settings.items() for one in pair])


def pattern(text: str) -> str:
    """LIKE's pattern for text anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
